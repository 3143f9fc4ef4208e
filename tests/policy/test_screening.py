"""What the screen finds and what it leaves alone, one row for each way to write it."""

from __future__ import annotations

import re
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.mail.message import parse
from listserv.mail.passages import Passage, Place, Unread, passages
from listserv.mail.whose import whose
from listserv.policy.screening import (
    BUILT_IN,
    KINDS,
    REMOVED,
    Finding,
    Known,
    Level,
    OwnDetector,
    addresses,
    advice,
    masked,
    names,
    screen,
    scrubbed,
    summary,
    title,
)

ANN = Known("Ann Archer", ("ann@people.test",), frozenset({"Priya Raman", "bob@people.test"}))


def passage(text: str, place: Place = Place.TEXT) -> Passage:
    quoted, signature = whose(text)
    return Passage(place, 0, "", text, quoted, signature)


def found(text: str, place: Place = Place.TEXT, known: Known = ANN) -> list[tuple[str, str, str]]:
    return [(one.kind, one.level.value, text[one.start : one.end]) for one in screen((passage(text, place),), known)]


HIGH = [
    ("medicare-card", "2123 45670 1", "Medicare no. 2123 45670 1"),
    ("medicare-card", "2123 45670 1", "the number is 2123 45670 1 if you need it"),
    ("medicare-card", "2123456701", "her Medicare card says 2123456701"),
    ("medicare-card", "2123 45670 1/2", "Medicare 2123 45670 1/2"),
    ("medicare-card", "２１２３ ４５６７０ １", "card ２１２３ ４５６７０ １"),
    ("medicare-card", "2l23 4567O 1", "Medicare 2l23 4567O 1"),
    ("medicare-card", "2123 456\n> 70 1", "> Medicare 2123 456\n> 70 1\n"),
    ("medicare-card", "2123\u00a045670\u00a01", "Medicare 2123\u00a045670\u00a01"),
    ("medicare-card", "2123–45670–1", "Medicare 2123–45670–1"),
    ("ihi", "8003 6081 6669 0008", "IHI: 8003 6081 6669 0008"),
    ("ihi", "8003608166690008", "8003608166690008 from the system"),
    ("dva-file", "NBUR9080", "a veteran with DVA file NBUR9080"),
    ("tax-file", "123 456 782", "TFN 123 456 782"),
    ("centrelink", "123 456 789A", "Centrelink CRN 123 456 789A"),
    ("record-number", "1234567", "MRN: 1234567"),
    ("record-number", "445566", "her hospital number is 445566"),
    ("record-number", "0012345", "URN0012345"),
    ("record-number", "E 12345678", "police event number E 12345678"),
    ("health-number", "943 476 5919", "NHS number 943 476 5919"),
    ("health-number", "756.9217.0769.85", "AHV 756.9217.0769.85"),
    ("birth-date", "3/4/1988", "DOB 3/4/1988"),
    ("birth-date", "3 March 1988", "she was born in Dubbo on 3 March 1988"),
    ("birth-date", "1988-03-03", "date of birth: 1988-03-03"),
    ("birth-date", "03-Apr-88", "d.o.b. 03-Apr-88"),
    ("birth-date", "3 March", "3 March is her birthday"),
    ("street-address", "12/45 Smith Street", "she lives at 12/45 Smith Street, Yass"),
    ("street-address", "PO Box 123", "his address is PO Box 123, Yass"),
    ("driver-licence", "12345678", "driver's licence 12345678"),
    ("passport", "N1234567", "passport N1234567"),
    ("ndis", "430 123 456", "NDIS number 430 123 456"),
    ("bank", "063-000 acc 1234 5678", "BSB 063-000 acc 1234 5678"),
    ("bank", "4111 1111 1111 1111", "visa 4111 1111 1111 1111"),
]


@pytest.mark.parametrize(("kind", "value", "text"), HIGH)
def test_identifiers_hold_a_post_everywhere(kind: str, value: str, text: str) -> None:
    assert (kind, "high", value) in found(text)


OTHERS = [
    ("phone", "clinical", "0412 345 678", "her mum's mobile is 0412 345 678"),
    ("phone", "clinical", "+44 7700 900123", "his phone: +44 7700 900123"),
    ("phone", "warning", "(02) 5550 1234", "I rang (02) 5550 1234 twice."),
    ("mail-address", "clinical", "jane.doe@example.org", "She wrote from jane.doe@example.org."),
    ("name", "clinical", "Mrs Papadopoulos", "Mrs Papadopoulos was admitted again"),
    ("name", "clinical", "Dr Patel", "her GP Dr Patel prescribed sertraline"),
    ("name", "clinical", "Mei-Lin", "a girl called Mei-Lin came with her aunt"),
    ("name", "clinical", "Kai", "a boy named Kai"),
    ("name", "clinical", "Sarah Nguyen", "my client Sarah Nguyen"),
    ("name", "warning", "Sarah", "I saw Sarah's mother"),
    ("name", "warning", "sarah", "my client sarah said so"),
    ("initials", "warning", "J.S.", "J.S. (34) is a client of mine"),
    ("age", "warning", "93 years old", "He is 93 years old and a client."),
    ("place", "warning", "Coober Pedy", "My client lives in Coober Pedy."),
    ("plate", "warning", "ABC 123", "rego ABC 123"),
    ("page", "warning", "facebook.com/jane.doe.77", "see facebook.com/jane.doe.77"),
    ("practitioner", "warning", "988939BJ", "billed under 988939BJ"),
    ("practitioner", "note", "988939BJ", "my provider number is 988939BJ"),
    ("workplace", "warning", "Wandoo Creek High School", "The client is at Wandoo Creek High School."),
    ("date", "warning", "3 March", "The client was admitted on 3 March."),
    ("third-party", "warning", "our manager", "There is a complaint about our manager for misconduct."),
]


@pytest.mark.parametrize(("kind", "level", "value", "text"), OTHERS)
def test_what_else_is_found(kind: str, level: str, value: str, text: str) -> None:
    assert (kind, level, value) in found(text)


CLEAN = [
    "Start with 25 mg at night, 50 mg after a week, at most 300 mg.",
    "PHQ-9 17, GAD-7 12, K10 31; t(1202) = 2.75, p = .006, 95% CI 1.23-4.56.",
    "Lifeline 13 11 14, Beyond Blue 1300 22 4636, 1800 011 511, text 0477 13 11 14.",
    "Intake line (03) 5550 1234 takes referrals.",
    "Zoom meeting ID: 853 1234 5678, passcode 041234",
    "doi:10.1016/j.brat.2010.0412345678 and https://example.org/a/2123456701",
    "Medicare item 80110, or 2715 with a plan; the rebate is $131.65.",
    "ISBN 978 0 393 70700 7",
    "van der Kolk (2014), Linehan, M. M. (1993), Smith, J. S. (2019)",
    "Beck's inventory, Young's schemas, Dr Russ Harris presents a workshop on ACT.",
    "Hi Sarah,\n\nthanks for this.\n\nAnn",
    "Thanks Priya, as Priya Raman said.",
    "On Tue, 3 Mar 2026 at 10:15, Priya Raman <priya@x.test> wrote:\n> Hi Ann\n",
    "Workshop on 3 March 2026, 120 Collins Street, Melbourne VIC 3000, RSVP to jane@x.test",
    "RSVP by 12/02/2027. Pay to BSB 063-000 Acc 1234 5678 for the workshop registration.",
    "The client called Lifeline last night.",
    "Let's call her Anna (not her real name); my client Anna said no.",
    "Ring me on 0491 570 156.",
    "Regards\nAnn Archer\nPsychologist PSY0001234567, provider 988939BJ\n12 Smith Street, Yass NSW 2582\n0491 570 156",
    "Over 90, aged under 95, a 90 % response.",
    "2 Family Court judges, 3 March Dr Singh presents",
    "I miss Sarah's input on this list.",
    "ABN 51 824 753 556",
    "Two days on shame.\nCost: $520, with lunch\nPay to: Study Group, BSB 733-445, account 2096 1184, your surname.",
    "Selling: a complete kit, $900 ono.\n\n0491 570 110 after six",
    "Contact: Ann Archer, team leader, (07) 5550 6631",
    "Send it to odette@press.test before Friday.",
    "Vale Tom Hale. The service is at St Brigid's, 14 Quarry Road, Sandhurst, on Friday at 2.",
    "Left behind at the meeting: one umbrella. Reception at 61 Albert Street has it.",
    "Holiday house to swap: 3 bedrooms at 22 Seaview Parade, sleeps six, dogs welcome. 0491 570 157.",
    "Dr Helena Marsh takes new patients for assessment: 5 High Street, (03) 5550 9090.",
    "We need a second signatory for the account (BSB 633-000, account 1234 56789).",
    "Gum Valley Therapists Inc., ABN 26 411 978 491, invoice 2025-0417",
    "Freud was born on 6 May 1856 and Melanie Klein on 30 March 1882.",
    "You get this because you are a member. Membership no. 2207.",
    "The box stays: PO Box 88, from Monday in our new rooms.",
    "You two were the loudest in the back row. Call Odette, 0491 570 110.",
]


@pytest.mark.parametrize("text", CLEAN)
def test_what_is_left_alone(text: str) -> None:
    assert [one for one in found(text) if one[1] in ("high", "clinical")] == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [("Sarah_Nguyen_report.pdf", "name"), ("MRN_1234567.pdf", "record-number"), ("dob_03041988.doc", "birth-date"),
     ("medicare-2123456701.jpg", "medicare-card")],
)  # fmt: skip
def test_names_of_files(name: str, kind: str) -> None:
    assert kind in [one[0] for one in found(name, Place.FILE_NAME)]


RISK = [
    "My client just texted me that she is going to kill herself tonight.",
    "Help please. He has a gun and says he'll use it today.",
    "I want to die.",
    "She has stockpiled tablets and has a suicide plan for this weekend",
    "I can't keep myself safe tonight",
    "She told me that her uncle hurts her at night, and he picks her up this afternoon.",
    "He owns a rifle and left before I could say much; I want to act within the hour.",
]
NO_RISK = [
    "If a client says she wants to die, assess plan and means.",
    "The workshop covers immediate risk and safety planning today.",
    "She denied any suicidal plan today.",
    "In 2019 a patient of mine took an overdose; she survived.",
    "A client who says 'I want to die' may need time.",
    "I could kill for a coffee right now",
]


@pytest.mark.parametrize("text", RISK)
def test_danger_now(text: str) -> None:
    assert "risk" in [one[0] for one in found(text)]


@pytest.mark.parametrize("text", NO_RISK)
def test_no_danger_now(text: str) -> None:
    assert "risk" not in [one[0] for one in found(text)]


def test_a_combination_is_told_by_its_parts() -> None:
    text = "He is a 47-year-old client, the only Tongan vet in a small town, raising triplets alone."
    parts = [one for one in screen((passage(text),), ANN) if one.kind == "combination"]
    assert {one.masked for one in parts} >= {"exact age", "community", "occupation"}
    assert found("My client is 47 and a teacher with two children.") == []


def test_the_graver_of_two_stands_and_the_other_keeps_its_rest() -> None:
    text = "She lives at 12 Smith Street, Yass NSW 2582."
    assert [(one.kind, text[one.start : one.end]) for one in screen((passage(text),), ANN)] == [
        ("street-address", "12 Smith Street"),
        ("place", "Yass NSW 2582"),
    ]


def test_a_value_is_one_finding_in_each_passage_and_quotations_are_marked() -> None:
    text = "MRN 1234567, again MRN 1234567\n\nOn Tue, 3 Mar 2026, Bob wrote:\n> MRN 1234567\n"
    one, two = screen((passage(text),), ANN)
    assert (one.quoted, one.line, two.quoted, two.line) == (False, 1, True, 4)
    assert [found.passage for found in screen((passage("x"), passage("MRN 1234567")), ANN)] == [1]


def test_what_could_not_be_read_is_a_finding() -> None:
    unread = [Passage(Place.FILE, 1, "a.pdf", "", unread=kind) for kind in Unread]
    assert [(one.kind, one.level) for one in screen(unread, ANN)] == [
        ("picture", Level.CLINICAL),
        ("unread", Level.CLINICAL),
        ("unread", Level.CLINICAL),
        ("unread", Level.CLINICAL),
    ]


def test_members_are_known_by_name_and_address() -> None:
    text = "her GP Dr Raman prescribed it, and Mr Baker came; bob@people.test"
    assert [one[2] for one in found(text)] == ["Mr Baker"]
    assert names((passage(text),)) == {"Raman", "Baker"}
    assert addresses((passage(text),)) == {"bob@people.test"}
    assert found("my client Priya said") == [("name", "warning", "Priya")]  # a client may have a member's first name


def test_a_site_looks_for_more_and_allows_more() -> None:
    ward = OwnDetector("Ward number", re.compile(r"WN-\d{6}"), Level.HIGH, "leave it out")
    known = Known("Ann", detectors=(ward,), allowed=("0412 345 678", "example.org"))
    assert found("WN-123456", known=known) == [("Ward number", "high", "WN-123456")]
    assert found("her mobile is 0412345678, a@example.org", known=known) == []
    assert title("Ward number") == "Ward number"
    assert advice("Ward number", {"Ward number": "leave it out"}) == "leave it out"


def test_a_clients_own_signature_is_no_excuse() -> None:
    text = (
        "Look.\n\nBegin forwarded message:\nFrom: Jane Doe <jane@x.test>\n\nHelp\n\nRegards\nJane Doe\n0412 345 678\n"
    )
    assert ("phone", "clinical", "0412 345 678") in found(text)


def _html(html: str) -> list[tuple[str, str]]:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "ann@people.test", "x"
    mail.set_content(html, subtype="html")
    return [(one.kind, one.masked) for one in screen(passages(parse(mail.as_bytes(policy=SMTP))), ANN)]


def test_a_signature_excuses_where_its_own_links_lead_and_no_other_link_or_comment() -> None:
    signed = "<p>Hm.</p><p>Regards<br>Ann<br>"
    assert _html(f'{signed}<a href="tel:+61491570110">mobile</a></p>') == []
    assert [kind for kind, _ in _html(f"{signed}</p><!-- pt Miss Evadne Cole, Thursday -->")] == ["name"]
    page = '<p>Read <a href="https://www.instagram.com/tamsin.orrery.bakes/">this, her page</a>.</p>'
    assert [kind for kind, _ in _html(page + signed + "</p>")] == ["page"]


def test_the_authors_name_excuses_their_own_number_and_nobody_elses() -> None:
    assert found("Contact Ann Archer, occupational therapist, 0491 570 156") == []
    other = found("Psychologist: Ann Archer   Sarah Keogh   0491 570 156   12 High Street\nShe is referred for panic.")
    assert ("phone", "clinical", "0491 570 156") in other


def test_every_kind_has_words() -> None:
    assert len(BUILT_IN) == len(KINDS)
    for kind in KINDS:
        assert title(kind.word) == kind.title
        assert advice(kind.word).endswith((".", "you."))


def test_a_line_for_a_notice() -> None:
    text = "a\n\nb\nMedicare 2123 45670 1"
    (one,) = screen((passage(text),), ANN)
    assert summary(one) == "Medicare card number, 2••• ••••• •, in the text, line 4"
    (one,) = screen((passage("> MRN 1234567\n"),), ANN)
    assert summary(one) == "Record or file number, 1••••••, in the text, line 1, in quoted words"


def test_names_and_birth_dates_show_nothing() -> None:
    assert masked("name", "Sarah Nguyen") == "••• •••"
    assert masked("birth-date", "3 March 1988") == "••• ••• •••"
    assert masked("Ward number", "WN-123456") == "•••"
    assert masked("mail-address", "jane@example.org") == "j•••@•••••••.•••"


def test_reasons_are_scrubbed() -> None:
    text = "Please leave out 2123 45670 1 and Mrs Papadopoulos of 0412 345 678; thanks"
    assert scrubbed(text, ANN) == f"Please leave out {REMOVED} and {REMOVED} of {REMOVED}; thanks"
    assert scrubbed("Please say less about the family.", ANN) == "Please say less about the family."


ROWS = [text for _, _, text in HIGH] + [text for *_, text in OTHERS] + CLEAN + RISK


@given(st.lists(st.sampled_from([*ROWS, "\n", "> ", "\u200b", "\u00ad"]) | st.text(max_size=20), max_size=6))
def test_never_raises_and_never_tells(pieces: list[str]) -> None:
    text = "".join(pieces)
    for one in screen((passage(text),), ANN):
        assert 0 <= one.start <= one.end <= len(text)
        value = text[one.start : one.end]
        assert value
        assert one.line == text.count("\n", 0, one.start) + 1
        _tells_little(one, value)


def _tells_little(one: Finding, value: str) -> None:
    if one.kind == "combination":
        assert one.masked in ("exact age", "small place", "occupation", "community", "family", "dated event",
                              "the only one", "rare condition")  # fmt: skip
        return
    shown = [character for character in one.masked if character.isalnum()]
    assert len(shown) <= (0 if one.kind in ("name", "birth-date", "initials") else 2)
    assert value not in summary(one) or len(value) < 3


@given(st.text(max_size=300))
def test_never_raises(text: str) -> None:
    for place in Place:
        screen((passage(text, place),), ANN)
    scrubbed(text, ANN)


@given(st.sampled_from(sorted(BUILT_IN | {"own"})), st.text(max_size=80))
def test_a_mask_shows_two_characters_at_most(kind: str, value: str) -> None:
    shown = masked(kind, value)
    assert sum(character.isalnum() for character in shown) <= 2
    assert len(shown) <= 60
