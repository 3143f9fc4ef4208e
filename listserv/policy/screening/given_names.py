"""Given names as they are common in Australia, of many languages. Compiled by hand; what is also a word or a place is apart.

A name that is missing is still found behind a title or behind "named".
"""

from __future__ import annotations

GIVEN = frozenset("""
aaron abbey abby abdul abdullah abigail abraham ada adam adele adem adrian agnes ahmad ahmed aidan aiden aimee aisha ajay akira
alan alana alasdair alastair albert alec alejandro alessandro alessia alex alexander alexandra alexis alfie alfred ali alice
alicia alina alisha alison alistair alma alyssa amal amanda amara amelia amelie amina amir amira amit amna amrita amy ana anand
anastasia andrea andreas andrei andrew andy angela angelina angus anh anita anika anjali ann anna annabel annabelle anne annette
annie anthea anthony anton antonia antonio antony anu anya archer archie aria ariana arjun arlo arthur arun arya asha ashley
ashleigh ashlee aslan astrid athena atticus aubrey audrey august aurora ava avery ayaan ayesha aylin azra bailey barbara barry
bart basil beatrice beatrix beau becky belinda bella ben benjamin benny bernadette bernard bernie beth bethany betty bev beverley
bianca bindi birgit blake bob bobby boris brad bradley brandon brayden brenda brendan brett brian bridget bridie brigitte brodie
bronte bronwyn brooke bruce bruno bryan bryce byron caitlin caleb callum cameron camila camille candice carl carla carlos carly
carmel carmen carol caroline carolyn carter casey cassandra cassie cath catherine cathy cecilia cedric celeste celia chantelle
charlene charles charlie charlotte chen cheryl chiara chloe chris christina christine christopher ciara cindy claire clara
clare clarissa claudia claudio clement cleo clive clyde cody colin colleen connor conor constance cooper cora coral corey corinne
courtney craig cynthia cyrus daisy dakota dale damian damien dan dana daniel daniela danielle danny daphne darcy daria darius
darlene darren darryl dave david dean deanna deb debbie deborah debra declan deepa deepak deirdre denis denise dennis derek
desmond devi diana diane dianne diego dimitri dina dinesh dmitri dominic dominique donald donna donovan doreen doris dorothy doug
douglas duc duncan dung duong dwayne dylan ebony eddie edgar edith edmund eduardo edward edwina eileen elaine eleanor elena
eleni eli elias elijah elise elisabeth elizabeth eliza ella elle ellen ellie elliot elliott elsa elsie emilia emilio emily emma
emmanuel enid enrique eric erica erik erika erin ernest esme esmeralda esther ethan etta eugene eva evan evangeline eve evelyn
evie ewan ezra fabian farah fares farhan fatima fatma faye felicity felix fergus fernando fiona fleur flora florence frances
francesca francesco francis francine franco frankie fred freda frederick freya gabriel gabriela gabrielle gail gareth gary
gavin gemma genevieve geoff geoffrey george georgie georgina gerald geraldine gerard gerry gianni gideon gillian gina giovanni
giulia giuseppe gladys glen glenda glenn gloria gordon graeme graham greg gregory greta guido gurpreet gus guy gwen habib hadi
hai hakim hamish hamza hana hanh hannah hans harish harjit harley haroon harold harper harriet harrison harry harvey hasan
hassan hayden hayley hazel heath heather heidi helen helena helga henrietta henry hien hilary hoa hoang holly howard hugh hugo
huong hussein hyun ian ibrahim ida ignatius igor ilse imogen imran indiana ines inez inga ingrid irene irina isaac isabel
isabella isabelle isha isla ismail israel ivan ivana ivar jackie jackson jacob jacqueline jacqui jaden jai jaime jake jakob
jamal james jamie jan jane janelle janet janette janice janine janis jared jarrah jarrod jasmin jasmine jason jasper jay jaya
jayden jeanette jed jeff jeffrey jenna jennifer jenny jeremy jerome jess jesse jessica jett jill jillian jim jimmy jin jing jo
joan joanna joanne joaquin jodie jody joe joel johanna johannes john johnny jonah jonas jonathan jonty jorge jose josef joseph
josephine josh joshua josie joyce juan juanita judith judy julia julian juliana julianne julie juliet julio jun justin justine
kai kaitlyn kamal kamala kara karen karim karin karina karl karla karolina kasey kate katelyn katerina kath katharina katherine
kathleen kathryn kathy katia katie katrina kay kayla kaylee keira keith kel kelly kellie kelvin ken kenji kenneth kerri kerrie
kerry kev kevin khadija khaled khalid khanh kiara kieran kim kimberley kirra kirsten kirsty kirra kit klaus kristen kristina kumar
kurt kye kyla kylie kyle lachie lachlan laila lana lara larissa larry lars latisha laura lauren laurence layla leah leanne lee
leigh leila leilani lena leo leon leonard leonie leroy lesley leslie lesego levi lewis lex liam lian libby lida lila lilian liliana
lillian lily lin linda lindsay lindy ling linh lionel lisa liz liza lloyd lochie logan lois lola loretta lorenzo lorna lorraine
louis louisa louise luca lucas lucia lucille lucinda lucy luis luka lukas luke luna lydia lyn lynda lynette lynn lynne mabel
mackenzie maddie maddison madeleine madeline madison mae maeve maggie mahmoud mai maia maisie malakai malcolm malik mandy manish
manuel manuela marc marcel marcia marco marcus margaret margarita margot maria mariah mariam marian marianne marie marilyn marina
mario marion marisa marjorie marko marlene marlon marnie marta martha martin martina marvin mary maryam mason mathew matilda
mateo matteo matt matthew maureen maurice mavis maxine maya meena meera megan mehmet mei mel melanie melina melinda melissa
mercedes meredith mia michael michaela michele michelle miguel mikaela mike mikhail mikael mila milan milena millie milo mimi min
mina minh mira miranda miriam misha mitch mitchell mohamed mohammad mohammed moira molly mona monica monique morgan muhammad
muriel murray mustafa myra nabil nada nadia nadine naomi narelle nasser nat natalia natalie natasha nathan nathaniel nayeli neha
neil nell nellie nerida neville ngoc nguyen nia niamh nicholas nick nicola nicolas nicole nigel nikhil nikita niko nikolai nina
nisha noah noel noelle nora norah noreen norm norma norman nour nur oksana olga olive oliver olivia olivier omar oona orla
oscar otto owen paddy pamela paolo patrice patricia patrick paul paula pauline pavel pearl pedro peggy pete peter petra phil
philip philippa phillip phoebe phoenix phuong pierre piotr pip pippa piper poppy prakash preeti priscilla priya quentin quinn
quoc rachael rachel rafael rahul raj rajesh ralph ramesh ramona rana randall raphael rashid raul ravi rebecca reece reg reggie
regina reid remy rene renee reuben rex rhett rhiannon rhonda rhys ricardo richard rick ricky riley rita rob robbie robert
roberta roberto robyn rocco rochelle rod roderick rodney rodrigo roger rohan roland roman romy ron ronald ronan rory rosa
rosalie rosalind rosanna rosemary rosie ross rowan roxanne roy ruben rupert russell rusty ruth ryan rylan sabine sabrina sadie
saeed said salim sally salma salman sam samantha samir samira samuel sandeep sandra sanjay santiago sara sarah sasha saskia
saul savannah scarlett scott sean sebastian selena selina serena serge sergei seth shanae shane shani shania shannon sharon
shaun shauna shaw shayne sheila shelley sheree sherry shirley shona shreya sian sidney sienna silvia simon simone simran sinead
siobhan skye sofia solomon son sonia sonja sophia sophie soraya spencer stacey stan stanley stavros stefan stefano stella
stephanie stephen steve steven stewart stuart sue sunil sunita susan susanna susanne susie suzanne suzie svetlana sven syed
sylvia tadhg tahlia tallulah tamara tamika tammy tania tanya tara tariq tarni tatiana taylah taylor ted teddy teresa terence
terri terry tess tessa thanh thao theo theresa therese thi thomas thuy tiana tiffany tilly tim timothy tina toby todd tom tomas
tomasz tommy toni tony tracey tracy tran travis trent trevor tricia trinh trish tristan troy trudy tuan tui tyler tyrone tyson
umar uma una ursula usha val valentina valerie vanessa vera vernon veronica vicki vicky victor viet vijay vikram vince vincent
vinh viola violet vivek vivian vivienne vlad wade wally walter wanda warwick wayne wei wendy werner wesley wilhelm willem william
willow wilma winifred winnie winona xander xavier xin yael yan yara yasmin yasmine ying yolanda yosef yousef youssef yuki yusuf
yvette yvonne zac zach zachary zack zahra zain zainab zaki zane zara zeinab zeke zelda zeynep zhang zoe zoltan zoya zuri
""".split()) - frozenset("""
archer aria august aurora bailey bob brook cooper coral dale dean dung harper harvey heath holly hazel israel indiana jay lance
lex luna mason min pearl phoenix pip piper poppy quinn reed rusty said saul shaw son spencer sue thi tran una val violet willow
olive morgan murray parker nat norm mel kit hai khan chen nguyen zhang page barry guy eve jan jun avery logan casey victor
""".split())  # fmt: skip
"""Casefolded; a capital in the text tells a name from a word."""

ALSO_WORDS = frozenset("""
archer aria art august aurora bailey bob brook cooper coral dale dean dawn drew eve faith frank gene grace grant harper harvey
heath holly hazel hope iris ivy jack jade jan jay jean jordan joy june lance logan luna mark mason max may mel melody miles morgan
murray nat norm olive page pat pearl penny phoenix pip piper poppy quinn ray rich robin rose ruby rusty sandy saul sky skye
spencer sue summer sydney tiger tran val victor victoria violet virginia wade will willow casey avery april amber angel austin bill
blossom brandy chase christian charity cliff crystal daisy eden faith fern florence georgia ginger guy honor hunter ian jasmine
jasper jesus justice kay ken kerry kim king lee levi lily mercy nick noel paris paige parker pierce reed river rob robin rocky
rory roy scout sean stone storm toby trinity tyson sunny star khan chen nguyen barry kit don ash
""".split())  # fmt: skip
"""Names that count only where the words before leave no doubt ("my client Grace")."""

ALL = GIVEN | ALSO_WORDS
