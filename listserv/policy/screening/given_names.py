"""Given names as they are common in Australia, of many languages; those that are also words or places are apart.

Compiled by hand. A name that is missing is still found behind a title, behind "named" and behind "my client".
"""

from __future__ import annotations

from listserv.policy.screening.words import words

GIVEN = words("""
aaron abbey abby abdul abdullah abigail abraham ada adam adele adem adrian agnes ahmad ahmed aidan aiden aimee aisha
ajay akira alan alana alasdair alastair albert alec alejandro alessandro alessia alex alexander alexandra alexis alfie
alfred ali alice alicia alina alisha alison alistair alma alyssa amal amanda amara amelia amelie amina amir amira amit
amna amrita amy ana anand anastasia andrea andreas andrei andrew andy angela angelina angus anh anika anita anjali ann
anna annabel annabelle anne annette annie anthea anthony anton antonia antonio antony anu anya archie ariana arjun
arlo arthur arun arya asha ashlee ashleigh ashley aslan astrid athena atticus aubrey audrey ava ayaan ayesha aylin
azra barbara bart basil beatrice beatrix beau becky belinda bella ben benjamin benny bernadette bernard bernie beth
bethany betty bev beverley bianca bindi birgit blake bobby boris brad bradley brandon brayden brenda brendan brett
brian bridget bridie brigitte brodie bronte bronwyn brooke bruce bruno bryan bryce byron caitlin caleb callum cameron
camila camille candice carl carla carlos carly carmel carmen carol caroline carolyn carter cassandra cassie cath
catherine cathy cecilia cedric celeste celia chantelle charlene charles charlie charlotte cheryl chiara chloe chris
christina christine christopher ciara cindy claire clara clare clarissa claudia claudio clement cleo clive clyde cody
colin colleen connor conor constance cora corey corinne courtney craig cynthia cyrus daisy dakota damian damien dan
dana daniel daniela danielle danny daphne darcy daria darius darlene darren darryl dave david deanna deb debbie
deborah debra declan deepa deepak deirdre denis denise dennis derek desmond devi diana diane dianne diego dimitri dina
dinesh dmitri dominic dominique donald donna donovan doreen doris dorothy doug douglas duc duncan duong dwayne dylan
ebony eddie edgar edith edmund eduardo edward edwina eileen elaine eleanor elena eleni eli elias elijah elisabeth
elise eliza elizabeth ella elle ellen ellie elliot elliott elsa elsie emilia emilio emily emma emmanuel enid enrique
eric erica erik erika erin ernest esme esmeralda esther ethan etta eugene eva evan evangeline evelyn evie ewan ezra
fabian farah fares farhan fatima fatma faye felicity felix fergus fernando fiona fleur flora florence frances
francesca francesco francine francis franco frankie fred freda frederick freya gabriel gabriela gabrielle gail gareth
gary gavin gemma genevieve geoff geoffrey george georgie georgina gerald geraldine gerard gerry gianni gideon gillian
gina giovanni giulia giuseppe gladys glen glenda glenn gloria gordon graeme graham greg gregory greta guido gurpreet
gus gwen habib hadi hakim hamish hamza hana hanh hannah hans harish harjit harley harold haroon harriet harrison harry
hasan hassan hayden hayley heather heidi helen helena helga henrietta henry hien hilary hoa hoang howard hugh hugo
huong hussein hyun ian ibrahim ida ignatius igor ilse imogen imran ines inez inga ingrid irene irina isaac isabel
isabella isabelle isha isla ismail ivan ivana ivar jackie jackson jacob jacqueline jacqui jaden jai jaime jake jakob
jamal james jamie jane janelle janet janette janice janine janis jared jarrah jarrod jasmin jasmine jason jasper jaya
jayden jeanette jed jeff jeffrey jenna jennifer jenny jeremy jerome jess jesse jessica jett jill jillian jim jimmy jin
jing jo joan joanna joanne joaquin jodie jody joe joel johanna johannes john johnny jonah jonas jonathan jonty jorge
jose josef joseph josephine josh joshua josie joyce juan juanita judith judy julia julian juliana julianne julie
juliet julio justin justine kai kaitlyn kamal kamala kara karen karim karin karina karl karla karolina kasey kate
katelyn katerina kath katharina katherine kathleen kathryn kathy katia katie katrina kay kayla kaylee keira keith kel
kellie kelly kelvin ken kenji kenneth kerri kerrie kerry kev kevin khadija khaled khalid khanh kiara kieran kim
kimberley kirra kirsten kirsty klaus kristen kristina kumar kurt kye kyla kyle kylie lachie lachlan laila lana lara
larissa larry lars latisha laura lauren laurence layla leah leanne lee leigh leila leilani lena leo leon leonard
leonie leroy lesego lesley leslie levi lewis liam lian libby lida lila lilian liliana lillian lily lin linda lindsay
lindy ling linh lionel lisa liz liza lloyd lochie lois lola lorenzo loretta lorna lorraine louis louisa louise luca
lucas lucia lucille lucinda lucy luis luka lukas luke lydia lyn lynda lynette lynn lynne mabel mackenzie maddie
maddison madeleine madeline madison mae maeve maggie mahmoud mai maia maisie malakai malcolm malik mandy manish manuel
manuela marc marcel marcia marco marcus margaret margarita margot maria mariah mariam marian marianne marie marilyn
marina mario marion marisa marjorie marko marlene marlon marnie marta martha martin martina marvin mary maryam mateo
mathew matilda matt matteo matthew maureen maurice mavis maxine maya meena meera megan mehmet mei melanie melina
melinda melissa mercedes meredith mia michael michaela michele michelle miguel mikael mikaela mike mikhail mila milan
milena millie milo mimi mina minh mira miranda miriam misha mitch mitchell mohamed mohammad mohammed moira molly mona
monica monique muhammad muriel mustafa myra nabil nada nadia nadine naomi narelle nasser natalia natalie natasha
nathan nathaniel nayeli neha neil nell nellie nerida neville ngoc nia niamh nicholas nick nicola nicolas nicole nigel
nikhil nikita niko nikolai nina nisha noah noel noelle nora norah noreen norma norman nour nur oksana olga oliver
olivia olivier omar oona orla oscar otto owen paddy pamela paolo patrice patricia patrick paul paula pauline pavel
pedro peggy pete peter petra phil philip philippa phillip phoebe phuong pierre piotr pippa prakash preeti priscilla
priya quentin quoc rachael rachel rafael rahul raj rajesh ralph ramesh ramona rana randall raphael rashid raul ravi
rebecca reece reg reggie regina reid remy rene renee reuben rex rhett rhiannon rhonda rhys ricardo richard rick ricky
riley rita rob robbie robert roberta roberto robyn rocco rochelle rod roderick rodney rodrigo roger rohan roland roman
romy ron ronald ronan rory rosa rosalie rosalind rosanna rosemary rosie ross rowan roxanne roy ruben rupert russell
ruth ryan rylan sabine sabrina sadie saeed salim sally salma salman sam samantha samir samira samuel sandeep sandra
sanjay santiago sara sarah sasha saskia savannah scarlett scott sean sebastian selena selina serena serge sergei seth
shanae shane shani shania shannon sharon shaun shauna shayne sheila shelley sheree sherry shirley shona shreya sian
sidney sienna silvia simon simone simran sinead siobhan skye sofia solomon sonia sonja sophia sophie soraya stacey
stan stanley stavros stefan stefano stella stephanie stephen steve steven stewart stuart sunil sunita susan susanna
susanne susie suzanne suzie sven svetlana syed sylvia tadhg tahlia tallulah tamara tamika tammy tania tanya tara tariq
tarni tatiana taylah taylor ted teddy terence teresa terri terry tess tessa thanh thao theo theresa therese thomas
thuy tiana tiffany tilly tim timothy tina toby todd tom tomas tomasz tommy toni tony tracey tracy travis trent trevor
tricia trinh trish tristan troy trudy tuan tui tyler tyrone tyson uma umar ursula usha valentina valerie vanessa vera
vernon veronica vicki vicky viet vijay vikram vince vincent vinh viola vivek vivian vivienne vlad wade wally walter
wanda warwick wayne wei wendy werner wesley wilhelm willem william wilma winifred winnie winona xander xavier xin yael
yan yara yasmin yasmine ying yolanda yosef yousef youssef yuki yusuf yvette yvonne zac zach zachary zack zahra zain
zainab zaki zane zara zeinab zeke zelda zeynep zoe zoltan zoya zuri
""")
"""Casefolded; a capital in the text tells a name from a word."""

ALSO_WORDS = words("""
amber angel april archer aria art ash august aurora austin avery bailey barry bill blossom bob brandy brook casey
charity chase chen christian cliff cooper coral crystal daisy dale dawn dean don drew eden eve faith fern florence
frank gene georgia ginger grace grant guy harper harvey hazel heath holly honor hope hunter ian iris ivy jack jade jan
jasmine jasper jay jean jesus jordan joy june justice kay ken kerry khan kim king kit lance lee levi lily logan luna
mark mason max may mel melody mercy miles morgan murray nat nguyen nick noel norm olive page paige paris parker pat
pearl penny phoenix pierce pip piper poppy quinn ray reed rich river rob robin rocky rory rose roy ruby rusty sandy
saul scout sean sky skye spencer star stone storm sue summer sunny sydney tiger toby tran trinity tyson val victor
victoria violet virginia wade will willow
""")
"""Names that count only where the words before leave no doubt ("my client Grace")."""

ALL = GIVEN | ALSO_WORDS
