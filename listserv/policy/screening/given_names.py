"""Given names as they are common in Australia, of many languages; those that are also words or places are apart.

Compiled by hand. A name that is missing is still found behind a title, behind "named" and behind "my client".
"""

from __future__ import annotations

from listserv.policy.screening.words import words

GIVEN = words("""
aarav aaron abbey abby abdi abdul abdullah abdullahi abeba abena abigail abiy abraham achol ada adaeze adam adele adem
aditya adrian adut agnes agnieszka aguek ahmad ahmed ahmet aidan aiden aimee aisha ajay akash akech akiko akira akol
akosua akua alan alana alasdair alastair albert alec alejandra alejandro aleksandar alessandro alessia alex alexander
alexandra alexis alfie alfred ali alice alicia alina alisha alison alistair alma almaz alyssa amal amanda amara amare
amelia amelie amina amir amira amit amna amou amrita amy anahera anand ananya anastasia andrea andreas andrei andrew
andy angela angelina angus anh anika anil anish anita anja anjali anjana ankit ann anna annabel annabelle anne annette
annie anthea anthony anton antonia antonio antony anu anya aoife apisai archie ariana arjun arlo arnav aroha arthur
arun arya asha ashlee ashleigh ashley ashok aslan astrid athena atong atticus aubrey audrey ava ayaan ayen ayesha
aylin ayse ayumi azra barbara bart basil beata beatrice beatrix beatriz beau becky bekele belinda bella ben benjamin
benny berna bernadette bernard bernie beth bethany betty bev beverley bhavna bianca bindi binh birgit blake bobby
bongani boris brad bradley brandon branka brayden brenda brendan brett brian bridget bridie brigitte brodie bronte
bronwyn brooke bruce bruno bryan bryce bryony burak byron caitlin caleb callum cameron camila camille camilo candice
caoimhe carl carla carlos carly carmel carmen carol caroline carolyn carter carys cassandra cassie catalina catarina
cath catherine cathy cecilia cedric celeste celia cem cerys chandra chantal chantelle charlene charles charlie
charlotte chau cherie cheryl cheyenne chiara chidi chioma chipo chloe chol chontelle chris christina christine
christopher chukwu ciara ciaran cindy claire clara clare clarissa claudia claudio clement cleo clive clyde cody colin
colleen connor conor constance cora corey corinne cormac courtney craig cuong cynthia cyrus dafydd daisuke damian
damien dan dana daniel daniela danielle danika danny daphne darcy daria darius dariusz darlene darren darryl dave
david dawit deanna deanne deb debbie deborah debra declan deepa deepak deepika deirdre dejan deng denis denise deniz
dennis derek desmond desta devi devika diana diane dianne diego diem dimitri dina dinesh dinh divya dmitri dominic
dominique donald donna donovan doreen doris dorothy doug douglas dragan duarte duncan duong dusan duyen dwayne
dwight dylan ebonie ebony ebru eddie edgar edith edmund eduardo edward edwina eileen eilidh ekow elaine eleanor elena
eleni eli elias elif elijah elisabeth elise eliza elizabeth ella elle ellen ellie elliot elliott elsa elsie eluned
emeka emi emilia emilio emily emine emma emmanuel emmett emre enid enrique eoin eric erica erik erika erin ernest esha
esme esmeralda esra esteban esther ethan ethel etta eugene eva evan evangeline evelyn evie ewa ewan eyob ezra fabian
faduma farah farai fares farhan farhiya fatih fatima fatma faye felicity felix fergus fernando ffion fiadh fiona fionn
fleur flora frances francesca francesco francine francis franco frankie fred freda frederick freya gabriel gabriela
gabrielle gail gamze garang gareth garth gary gaurav gavin geeta gemma genevieve geoff geoffrey george georgie
georgina gerald geraldine gerard gerry gianni gideon gillian gina giovanni girma gita giulia giuseppe gladys glen
glenda glenn glenys gloria gonzalo goran gordon graeme graham grainne greg gregory greta grzegorz gráinne guadalupe
guido gurpreet gus gwen gwyneth habib hadi hafsa haile hakan hakim halima hamish hamza hana hanh hannah hans harini
harish harjit harley harlow harold haroon harriet harrison harry haruka haruki hasan hassan hatice hayden hayley
heather heidi helen helena helga hemi henrietta henry hiba hien hilary hiroshi hirut hoa hoang hodan howard hugh hugo
huong hussein huy hyun ibrahim ida idil iestyn ieuan ifeoma ifrah ignatius igor ilana ilse imogen imran ineke ines
inez inga ingrid irene irina isaac isabel isabela isabella isabelle isha ishaan ishita isla ismail ivan ivana ivar
iwona jacek jackie jackson jacob jacqueline jacqui jaden jadwiga jai jaime jake jakob jamal james jamie jamila jane
janelle janet janette janice janine janis janusz jared jarrah jarrod jasmin jason javier jaxon jaya jayde jayden
jaylen jeanette jed jeff jeffrey jelena jenna jennifer jenny jeremy jerome jerzy jess jesse jessica jett jie jill
jillian jim jimena jimmy jin jing jo joan joanna joanne joao joaquin jodie jody joe joel johanna johannes john johnny
jonah jonas jonathan jonty jordyn jorge jorja jose josef joseph josephine josh joshua josie jovan joyce juan juanita
judith judy julia julian juliana julianne julie juliet julio jun justin justine jyoti kabir kai kaitlyn kaleb kamal
kamala kaori kara karen karim karima karin karina karl karla karolina kasey kasia katarina katarzyna kate katelyn
katerina kath katharina katherine kathleen kathryn kathy katia katie katrina kavita kavya kayden kayla kaylee kazuki
kebede keiko keira keisha keith kel kelechi kellie kelly kelvin kemal kenji kenneth kenta kerri kerrie kev kevin
khadija khadra khaled khalid khanh khoa kiah kiana kiara kieran kieu kimberley kiran kiri kirra kirralee kirsten
kirsty klaus kobi kofi korey krishna kristen kristina krystal krzysztof kumar kumiko kuol kurt kwame kyah kyan kye
kyla kyle kylie lachie lachlan lachy laila lakshmi laleh lalita lana lara larissa larry lars latisha latoya laura
lauren laurence layla leah leanne leela leesa leigh leigha leila leilani lemlem lena leo leon leonard leonie leroy
lesego lesley leslie letitia lewis leyla liam lian libby lida lila lilah lilian liliana lillian lin linc linda lindiwe
lindsay lindy ling linh lionel lisa litia liz liza llewellyn lloyd loan lochie lois lola lorenzo loretta lorna
lorraine louis louisa louise luca lucas lucero lucia lucille lucinda lucy luis luka lukas luke lydia lyn lynda lynette
lynley lynn lynne mabel machar mackenzie macy maddie maddison madeleine madeline madhu madison mae maeve mafalda magda
maggie mahad mahalia mahesh mahmoud mai maia mairead maisie majok makoto makur malakai malcolm malgorzata malia malik
manaia mandy manish manuel manuela marama marc marcel marcia marco marcus maree marek margaret margarita margot maria
mariah mariam marian marianne marie marija mariko marilyn marina mario marion marisa marisol marjorie marko marlene
marlon marnie marta martha martin martina marvin mary maryam masako mateo mathew matilda matiu matt matteo matthew
maureen maurice mavis maxine maxwell maya mayen mayumi meena meera megan megumi mehmet mei mekdes melanie mele melek
melina melinda melissa mercedes meredith mereoni meron merryn mhairi mia michael michaela michal michele michelle
michiko mick miguel mikael mikaela mikaere mike mikhail mila milan milena milica millicent millie milo mimi mina ming
minh mira miranda miriam mirjana misha mitch mitchell miyuki moana mohamed mohammad mohammed mohamud moira molly mona
monica monika monique morag muhammad mukesh murat muriel mustafa myfanwy myles myra nabil nada nadia nadine nadira
nandini naoko naomi narelle nasra nasrin nasser natalia natalie natasha nathan nathaniel natsuki navya nayeli nebojsa
neha neil nell nellie nenad nerida neve neville nga ngahuia ngaire nghia ngoc ngozi nhi nhung nia niamh nicholas
nickolas nicola nicolas nicole nigel nikau nikhil nikita niko nikola nikolai nina nisha nitin nneka noah noelene
noelle nomsa nora norah noreen noriko norma norman nour nur nuray nyandeng nyibol obinna odette oisin oksana olga
oliver olivia olivier oluwaseun omar onur oona orla oscar osman otto owen ozan pablo paddy padma padraig paloma pamela
pania paolo parisa parwana patrice patricia patrick paul paula pauline pavel pawel pedro peggy peta petar pete peter
petra phil philip philippa phillip phoebe phong phuc phuong phyllis pierre pilar piotr pippa piripi pooja pradeep
prakash pranav preeti priscilla priya prudence qing quang quentin quoc quyen rachael rachana rachel radha radmila
raelene rafael rahim rahul raj rajesh rajiv rakesh ralph ramesh ramona rana randall rangi raphael raquel rashid rashmi
raul ravi rawiri rebecca reece reg reggie regina reid rekha remy rene renee reshma reuben rewi rex reza rhett rhianna
rhiannon rhodri rhonda rhys ricardo richard rick ricky riley rishi rita ritu robbie robbo robert roberta roberto robyn
rocco rochelle rocio rod roderick rodney rodrigo roger rohan rohit roisin roland roman romany romy ron ronald ronan
ronnie rosa rosalie rosalind rosalyn rosanna rosemary rosie roslyn ross rowan roxanne ruairi ruben rudo rui rupa
rupert russell ruth ryan rylan ryota sabine sabrina sachiko sachin sadia sadie saeed safiya sagar sahar sahil sahra
sakura salim sally salma salman salote sam samantha samina samir samira samuel sana sandeep sandra sangeeta sanja
sanjay santiago saoirse sapna sara sarah sarita sasha saskia satoshi savannah scarlett scott sebastian sefina selam
selena selin selina semisi senait seren serena serge sergei sergio serkan seth sevgi shabnam shanae shane shani shania
shannon shanti sharmila sharon sharyn shaun shauna shayla shayne sheila shelby shelley sheree sherry shigeru shilpa
shirin shirley shivani shona shontelle shreya shu sian sibel sidney sienna silvia simon simone simran sinead siobhan
sione sioned siosaia sipho sita skyla slobodan smita sneha snezana sofia soledad solomon sonali sonia sonja sophia
sophie soraya srinivas stacey stanislaw stanley stavros stefan stefano stella stephanie stephen steve steven stewart
stuart sudha suman sumit sunil sunita suresh susan susanna susanne susie suzanne suzie sven svetlana syed sylvia
tadesse tadhg tahlia tahmina takashi takeshi talia tallulah tamara tamati tamika tammy tamsin tane tania tanvi tanya
tara taraneh tariq tariro tarni tatenda tatiana tayla taylah taylor teagan ted teddy tegan temitope tendai tenille
terence teresa terrence terri terry tesfaye tess tessa tevita thandi thandiwe thanh thao themba theo theresa therese
thiago thomas thuy tiana tiarna tien tiffany tijana tilda tilly tim timothy tina tipene tobias todd tom tomas tomasz
tommy tomoko toni tony tracey tracy travis trent trevor tricia trinh trish tristan troy truc trudi trudy trung tsehay
tuan tui tully tuyet tyler tyra tyrell tyrone uday uma umar ursula urszula usha valentina valeria valerie vandana
vanessa varun vasco vaughn vera verity vernon veronica vesna vicki vicky vidya viet vijay vikram viliami vimal vince
vincent vinh vinod viola vishal vivek vivian vivienne vlad vladimir wally walter wanda warrick warsame warwick wayne
wei wendell wendy werner wesley whetu wilhelm willem william wilma winifred winnie winona wiremu wojciech xander
xavier xia xiao ximena xin xiu xuan yael yalda yan yara yash yasin yasmin yasmine yaw yewande yildiz ying yoko yolanda
yonas yong yosef yoshi yousef youssef yue yui yuki yukiko yun yusuf yvette yvonne zac zach zachary zack zahra zain
zainab zaki zali zander zane zara zaria zayn zaynab zbigniew zehra zeinab zeke zelda zephyr zewdi zeynep zhen zhi zoe
zofia zohra zoltan zora zoran zoya zuri
""")
"""Casefolded; a capital in the text tells a name from a word."""

ALSO_WORDS = words("""
ama amber angel april archer aria art ash august aurora austin avery bailey barry bill blossom bob brandy brook casey
chad charity chase chen christian cliff cooper coral crystal daisy dakota dale dawn dean don drew eden eve faith fern
florence frank gene georgia ginger grace grant guy hari harper harvey hazel heath holly honey honor hope hung hunter
ian iris ivy jack jade jan jasmine jasper jay jean jesus jock jordan joy june justice kay ken kerry khan kim king kit
lan lance lee levi lily lincoln logan long luna mark mason max may mel melody mercy mere miles mohan montana morgan
murray nat nguyen nick noel noor norm olive orlando page paige paris parker pat pearl penny phoenix pierce pip piper
poppy prem quinn rani ray reed rich river rob robin rocky rory rose roy ruby rusty sandy saul scout sean sky skye
spencer stan star stone storm sue summer sunny sydney tasman tiger toby tran trinity tyson val victor victoria violet
virginia wade will willow yen
""")
"""Names that count only where the words before leave no doubt ("my client Grace")."""

ALL = GIVEN | ALSO_WORDS
