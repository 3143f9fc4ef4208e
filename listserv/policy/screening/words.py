"""Words with a capital that are nobody's name, and names that are nobody's client. All casefolded."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


EPONYMS = words("""
aaron addison adler ainsworth alzheimer anderson apgar asperger attwood bandura barkley barlow baron barthel bateman
bayley beck becker bell ben bender berne binet bion bond bonferroni bonnet bowen bowlby brach braden broca burns
capgras charles clark clerambault cochrane cohen conners cotard crittenden cronbach csikszentmihalyi cushing danlos de
denver diclemente diogenes down dweck edinburgh ehlers ellis epstein epworth erickson erikson fergus fisher foa fonagy
frankl fregoli freud furman ganser gendlin germer gilbert glasgow gottman graves greenberg greenberger griffiths haley
hallowell hamilton hare harris hashimoto hayes herman hughes huntington jeffrey johnson judith jung kabat karnofsky
katz kernberg kessler klein klinefelter kohut kolk kolmogorov korsakoff lawton lazarus leahy levine lewy likert
linehan mann marfan marlatt maslow mate maté mcgoldrick meichenbaum milgram miller minuchin montgomery morse
munchausen neff norton ogden othello padesky padua parkinson pavlov pearson perls perry piaget pick porges prader
prochaska ratey rett rogers rollnick rorschach rosenberg sackett salkovskis satir schore schwartz segal seligman
sensory shapiro siegel skinner socrates spearman stanford stockholm teasdale tourette turner vineland waterlow
wechsler wells wernicke white whitney wilcoxon willi winnicott yalom young young-rizvi zeanah zimbardo zinn zung
""")
"""Of scales, syndromes and therapies, and of authors whom everybody cites."""

NO_NAMES = words("""
a aboriginal about act adhd after ahpra alcoholics all also although ambulance american an and anonymous any anzac
apple april are as asd at august australia australian bcc because before best beyond blue both bpd british but by
camhs can cbt cc center centre centrelink chapter cheers chinese christmas circle client clinic clinician colleagues
college community could council counsellor court cymhs date dbt dear december department did diwali do doctor does dr
dummy during each easter ed emdr emergency england english european everyone example facebook family february figure
first folks for friday from fw fwd given google government gp greek group had hanukkah has have he headspace health
hello helpline her hey hi his hospital how however i icu if ifs in inc indian instagram intake is islander it italian
january july june just kids kind last lebanese lifeline like list local ltd many march may medicare members mensline
mental might minecraft minister ministry miss monday most mr mrs ms must my na name narcotics national nations ndis
netflix new nil no none not november nurse ocd october on only or ot our over page parent parents patient place please
pokémon police practitioner private prof program programme project psychiatrist psychologist ptsd pty public
queensland ramadan re reception regards roblox safe sample saturday school security sent september service services
she should since snapchat so social some state stepping stones strait subject sunday table tasmania team teams test
than thank thanks that the their then therapist there there's therefore these they this those though thursday tiktok
to torres triple tuesday under university unknown until very victoria vietnamese warm was we wednesday were what
whatsapp when where while who why will windows with word worker would yes you your zealand zero zoom
""")

OF_STORIES = words("""
australia average bean big brown bump burns chips claus dalloway darcy doubtfire ed havisham hyde kipling magoo marple
marvel men poppins potato punch right ripley robinson rogers simpson smithers squiggle tickle tiggywinkle tumnus
universe whippy world wrong
""")
"""Who is called Mr or Mrs in books and films."""

OF_FILES = words("""
assessment brochure case chart copy csv cv doc docx draft drawing final flyer form genogram gif handout heic image
jpeg jpg letter notes odt pdf photo plan png poster program programme referral report scan session slides summary txt
xlsx
""")
"""What else stands in names of files."""

NO_INITIALS = words("""
abn ad am ba bc bsb bsc crn dj dob dva eg eu gp ie ihi kc ma md mo mrn msc nb ns nt nz oa ph phd pm po ps qc rn sa tfn
tv uk un urn us usa wa
""")
"""Letters with full stops that are no initials."""

ACRONYMS = words("""
aa ac ai am an ba bn bp bs cb cc cf ci cl cm cp cs da dp dr dt dv dx ect ed ef ei en ep eq fa fm fv gi gp hi hr hs hx
ic id ip iq it iv lp ls ma mh mi ms na np ns nt od oh oi ok or ot pc pd pe pm pp pr pt qa re rn rr rx sa sd se sh si
sp ss sw td tv tx uk us vr wa
""")
"""Two letters that follow "client" or "patient" and stand for something else."""
