"""What the words around a value say: in the subject, in the head of a column, in another line, typed in a hurry."""

from __future__ import annotations

import pytest

from listserv.mail.marked_up import all_text
from listserv.mail.passages import Passage, Place
from listserv.mail.whose import joined, whose
from listserv.policy.screening import Known, names, screen
from listserv.policy.screening.tables import cells

ANN = Known("Ann Archer", ("ann@people.test",), frozenset({"Priya Raman", "bob@people.test"}))


def found(text: str, subject: str = "", html: bool = False) -> list[tuple[str, str, str]]:
    read, by_markup, signed, _ = all_text(text) if html else (text, (), (), ())
    quoted, signature = whose(read)
    body = Passage(Place.HTML if html else Place.TEXT, 0, "", read, joined((*quoted, *by_markup)), signature or signed)
    passages = (Passage(Place.SUBJECT, -1, "", subject), body) if subject else (body,)
    seen = screen(passages, ANN)
    return [(one.kind, one.level.value, passages[one.passage].text[one.start : one.end]) for one in seen]


HIGH = [
    ("ndis", "4 3 0 1 2 3 4 5 6", "ndis num 4 3 0 1 2 3 4 5 6 n hes upset", ""),
    ("ndis", "430 123 456", "| Participant no. | 430 123 456 |", ""),
    ("ndis", "430 123 456", "They want 430 123 456 on every page.", "NDIS appeal"),
    ("centrelink", "1 2 3 4 5 6 7 8 9 A", "centerlink crn 1 2 3 4 5 6 7 8 9 A", ""),
    ("centrelink", "123 456 789A", "centrelnk ref 123 456 789A", ""),
    ("passport", "N1234567", "they want his pasport: N1234567", ""),
    ("driver-licence", "7731 2045", "drivers lisence no 7731 2045 was stolen from her", ""),
    ("dva-file", "NSM 90123", "you put his number: NSM 90123", "Veterans' families"),
    ("birth-date", "4/5/71", "his b'day is 4/5/71", ""),
    ("birth-date", "4/5/1971", "brithday 4/5/1971", ""),
    (
        "birth-date",
        "4 May 1971",
        "| Client | Born | K10 |\n|---|---|---|\n| A | 1/2/80 | 3 |\n| B | 4 May 1971 | 4 |",
        "",
    ),
    ("birth-date", "1971-05-04", "Code\tDOB\nA\t1971-05-04\n", ""),
    ("record-number", "0098812", "Name\tMRN\nX\t0098812\n", ""),
    ("birth-date", "2009-12-30", "sex;dob;kg\nF;2009-12-30;41.2\n;;42\n", ""),
    ("birth-date", "4/5/71", "Code,DOB,K10\nA,4/5/71,33\n", ""),
    ("birth-date", "3 April 2027", "He turns 18 on 3 April 2027.", ""),
    ("record-number", "E 90281547", "Police gave my client an event number, E 90281547.", ""),
    (
        "street-address",
        "Lot 12 Emu Creek Rd",
        "A couple in a caravan. They're at Lot 12 Emu Creek Rd near the library.",
        "",
    ),
    ("driver-licence", "061 934 782", 'It says "Licence 061 934 782, review due".', ""),
    ("bank", "733-118 acc 552907", "I refunded the client a fee, to BSB 733-118 acc 552907.", ""),
]


@pytest.mark.parametrize(("kind", "value", "text", "subject"), HIGH)
def test_a_number_is_known_by_words_further_away(kind: str, value: str, text: str, subject: str) -> None:
    assert (kind, "high", value) in found(text, subject)


OTHERS = [
    ("name", "clinical", "Dr Kira Nolan", "A referral to Dr Kira Nolan, who put him on lithium.", ""),
    ("name", "clinical", "Jacinta Moor", "first page has pt name Jacinta Moor", ""),
    ("name", "warning", "Perdita Moor", "the old name, Perdita Moor, is on every script of hers", ""),
    ("name", "warning", "Perdita Moor", "sent for Perdita Moor, IHI 8003 6081 6669 0008", ""),
    ("name", "warning", "Perdita Moor", "Name | DOB\nPerdita Moor | 4/5/71\n", ""),
    ("name", "warning", "Corin", "The stepfather, Corin, sits in the car.", ""),
    ("age", "warning", "Ninety-four years old", "Ninety-four years old and angry.", ""),
    ("age", "warning", "94", "Rising 94, and wants to drive.", ""),
    ("name", "clinical", "Aldous Wetherill", "The patient, a grazier named Aldous Wetherill, changed his will.", ""),
    ("name", "clinical", "Mrs Leonie Harkup", "Dear Psychologist\nThank you for seeing Mrs Leonie Harkup.", ""),
    ("name", "clinical", "Mr Halvorsen", "For the clinic next week: Mr Halvorsen is due his bloods on Monday.", ""),
    ("name", "clinical", "Jarvis", "Hi group\n\nA little boy named Jarvis whispers to his sister.", ""),
    ("phone", "clinical", "0491 570 156", 'A message: "um my number\'s 0491 570 156 thanks bye". Are we allowed?', ""),
    ("phone", "clinical", "0491-570-313", "Father texts me at all hours from 0491-570-313.", ""),
    ("combination", "clinical", "at Binnaby Creek", "Woman, 29, Hungarian-born harpist at Binnaby Creek.", ""),
    ("age", "warning", "23", "She is 23, asks for a cat.", "Huntington's, the test"),
    ("workplace", "warning", "Moor Tractors & Pumps", "Employer: the office of Moor Tractors & Pumps, she says", ""),
    ("workplace", "warning", "Pell Bay Primary School", "He worked until then at Pell Bay Primary School.", ""),
    ("third-party", "warning", "Moor v Nolan", "My report is for the matter of Moor v Nolan next month.", ""),
    ("third-party", "warning", "Dr Nolan", "Not Dr Nolan, please. There are two notifications about her.", ""),
    ("page", "warning", "https://a.example/news/mum-of-lost-boy", "https://a.example/news/mum-of-lost-boy", ""),
    ("mail-address", "clinical", "jo.moor%40home.test", "https://a.test/in?to=jo.moor%40home.test", ""),
    ("mail-address", "clinical", "jo@home.test", "Hm.\n\nOn 3/4/2026, Priya Raman wrote:\n> No.\n>\n> Priya Raman\n"
     ">> From: Bob\n>> Sent: 2 April\n>> Cc: jo@home.test\n>>\n>> The parents are in copy.\n", ""),
    ("phone", "clinical", "0412 345 678", "Call Maria on 0412 345 678, she is my client's mother", ""),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "level", "value", "text", "subject"), OTHERS)
def test_people_are_known_by_words_further_away(kind: str, level: str, value: str, text: str, subject: str) -> None:
    assert any(one[:2] == (kind, level) and value in one[2] for one in found(text, subject))


LEFT_ALONE = [
    ("Test card of the terminal: 4111 1111 1111 1111, any expiry.", "Card readers"),
    ("Veterans' training: question Q 12 and note N 7 contradict each other.", "The form"),
    ("Two weeks in February, dog stays. Ask me off list.\nAnn, 0412 345 678", "Locum needed"),
    ("If you are lost: 0412 345 678 (me).", "Dinner"),
    ("Let them ring me on 0412 345 678. Again: tel:0412345678", "Re: one more?"),
    ("15 or more: $385. ICC Sydney, 14 Darling Drive, Sydney NSW 2000, 15-17 April.", "Rates for the conference"),
    ("Sunny room, 2/14 Market Lane, Brunswick VIC 3056. Text Paula on 0412 345 678.", "Room for rent"),
    ("Where is the Family Court in Parramatta? Is it 1 George Street? My client must go.", "Question"),
    ("Wattle Psychology, 12 Hill Street, Leura, takes referrals again; she is back.", "Back"),
    ("Vignette (invented): Tom, 34, lives at 3 Wattle Street, Kew, mobile 0412 345 678, born 3/4/1988.", "Class"),
    ("Jane, Medicare 2000 00000 0, lives at 1 Nowhere Street. Do you tell?", "Hypothetical for class"),
    ("Please congratulate Ms Helen Vance, who was elected treasurer.", "News"),
    ("Thanks to Mr Tran and Mrs Oduya from the board, and see you at the workshop.", "AGM"),
    ("The new number: 0412 345 678.\nAnn", "Phone"),
    ("For veterans: schedule T 12345 and item V 2019 have changed.", "Fees"),
    ("Write to our secretary at 14 Bell Street, Preston; she collects the forms.", "Forms"),
    ("My patient asked for it: a weekend with Russ Harris, 12 George Street, Sydney, in May.", "ACT"),
    ("Warm thanks to Mrs Green, who ran our kitchen; he who eats well, works well.", "Thanks"),
    ("Client name: Test Patient. She hates the form.", "Intake form"),
    ("Rogers v Whitaker [1992] is on the reading list; my supervisor wants 3 pages.", "Reading"),
]


@pytest.mark.parametrize(("text", "subject"), LEFT_ALONE)
def test_colleagues_venues_and_what_is_made_up_hold_nothing(text: str, subject: str) -> None:
    assert [one for one in found(text, subject) if one[1] in ("high", "clinical")] == []


def test_a_number_that_passes_its_check_is_no_invention() -> None:
    text = "Vignette (invented): Medicare 2123 45670 1, born 3/4/1988."
    assert [one[:2] for one in found(text)] == [("medicare-card", "high"), ("birth-date", "warning")]
    far = "A made-up case for the class." + " She slept badly." * 60 + " My client was born on 3/4/1988."
    assert ("birth-date", "high", "3/4/1988") in found(far)


RISK = [
    ("shes on the carpark roof n says shes jumping, 000 called 6 min ago", ""),
    ("A boy told me an\nhour ago that he has his uncle's gun.", ""),
    ("he's outside my rooms with a machete, she is in here with me", ""),
    ("The toddler has bruises all over his back again tonight", ""),
    ("my client just texted, taken all her meds, wont pick up", ""),
    ("she says she wants to die", "need help NOW"),
    ("he said today that on Monday he'll shoot up the school", ""),
]
NO_RISK = [
    ("The children are with him tonight, so she has time for her homework.", "Kids"),
    ("The workshop tonight is about firearms: how to ask whether he has a gun.", "Training"),
    ("Her mother said in 2019 that he had bruises on his back.", "History"),
]


@pytest.mark.parametrize(("text", "subject"), RISK)
def test_danger_typed_in_a_hurry(text: str, subject: str) -> None:
    assert "risk" in [one[0] for one in found(text, subject)]


@pytest.mark.parametrize(("text", "subject"), NO_RISK)
def test_what_is_no_danger_now(text: str, subject: str) -> None:
    assert "risk" not in [one[0] for one in found(text, subject)]


COMBINATIONS = [
    "An island school with nine pupils. He is 8, the only boy of them with Tourette's, the farmer's foster son.",
    "hes 31, ex league player, only gay one they ever had, drinks in a town w one pub",
    "She is:\n* 38 and a midwife, the only one from Burundi at the base hospital\n* mother of quadruplets",
    "<p>I present her:</p><ul><li>19, jockey</li><li>from a Plymouth Brethren family of ten</li></ul>",
]


@pytest.mark.parametrize("text", COMBINATIONS)
def test_combinations_told_in_passing(text: str) -> None:
    assert "combination" in [one[0] for one in found(text, html="<" in text)]


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("Marigold 3 Nov.m4a", "warning"),
        ("Flyer Sarah Nguyen workshop.pdf", "warning"),
        ("Sarah_Nguyen.pdf", "clinical"),
    ],
)
def test_whose_file_it_is(name: str, level: str) -> None:
    assert [one.level.value for one in screen((Passage(Place.FILE_NAME, 0, name, name),), ANN)] == [level]


def test_names_are_asked_for_with_the_subject_at_hand() -> None:
    passages = (Passage(Place.SUBJECT, -1, "", "A client's child"), Passage(Place.TEXT, 0, "", 'It says "for Sarah".'))
    assert names(passages) == {"Sarah"}


def test_cells_stand_below_their_heads() -> None:
    text = "Hello\n| Who | Born |\n|---|---|\n| A |  |\n| B | 1980 |\n\n| C | 1981 |\n"
    assert [(text[start:end], head) for start, end, head, _ in cells(text)] == [
        ("A", "Who"),
        ("", "Born"),
        ("B", "Who"),
        ("1980", "Born"),
    ]
    assert cells("no table\nat all") == ()
