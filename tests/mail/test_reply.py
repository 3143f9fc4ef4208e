"""What a person answered: replies of a hundred clients, lines that decide and lines that do not, hostile text."""

from __future__ import annotations

import csv
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.mail import own_words
from listserv.mail.message import normalise, parse
from listserv.mail.own_words import own_text
from listserv.mail.reply import Answer, answer_text, read_answer, read_answers
from listserv.mail.verbs import FRENCH_MODERATION_VERBS, GERMAN_MODERATION_VERBS, MODERATION_VERBS

REPLIES = Path(__file__).parent.parent / "data" / "replies"
with (REPLIES / "index.csv").open(encoding="utf-8", newline="") as _file:
    INDEX = list(csv.DictReader(_file))
QUOTE = "> approve\n>\n> reject <reason>\n> discard"
WROTE = "On 16/11/26 17:02, Perinatal wrote:"


def read(text: str) -> Answer:
    return read_answer(text, MODERATION_VERBS, with_argument={"reject"})


def html_answer(body: str) -> Answer:
    raw = b"Content-Type: text/html; charset=utf-8\r\n\r\n" + normalise(body.encode())
    return read(answer_text(parse(raw)))


# --- the suite of client replies ---------------------------------------------------------------------------------


@pytest.mark.parametrize("row", INDEX, ids=[row["file"].removesuffix(".eml") for row in INDEX])
def test_a_client_reply_means_what_its_person_wrote(row: dict[str, str]) -> None:
    message = parse(normalise((REPLIES / row["file"]).read_bytes()))
    text = answer_text(message)
    answer = read(text)
    assert (answer.verb or "", answer.argument) == (row["verb"], row["argument"])
    assert "it goes out to the list" not in own_text(text)


def test_every_reply_is_in_the_index_once_with_origin_and_licence() -> None:
    assert sorted(row["file"] for row in INDEX) == sorted(path.name for path in REPLIES.glob("*.eml"))
    assert {row["licence"] for row in INDEX} == {"MIT", "Apache-2.0", "MIT (this project)"}
    derived = [row for row in INDEX if row["origin"] != "written for this project"]
    assert len(INDEX) >= 60
    assert len(derived) * 2 >= len(INDEX)
    readme = (REPLIES / "README.md").read_text("utf-8")
    assert all(row["origin"].partition(":")[0] in readme for row in derived)


def test_the_library_still_offers_the_headers_that_we_use() -> None:
    pattern = own_words._library_headers()
    assert pattern is not None
    assert pattern.search("ok\nOn Mon, Anna wrote:\n")


# --- the line that decides ---------------------------------------------------------------------------------------

DECIDES = [
    ("approve", "approve", ""), ("Approve.", "approve", ""), ("**Approve**.", "approve", ""), ("APPROVE!!",
    "approve", ""),
    ("approve,", "approve", ""), ('"approve"', "approve", ""), ("„Approve“", "approve", ""), ("[approve]", "approve",
    ""),
    ("approve thanks", "approve", ""), ("Approve, thank you!", "approve", ""), ("app\u00adrove", "approve", ""),
    ("approve danke", "approve", ""), ("approve merci", "approve", ""), ("approve please", "approve", ""),
    ("ok", "approve", ""), ("Okay 👍", "approve", ""), ("yes, approve", "approve", ""), ("accept", "approve", ""),
    ("✅", "approve", ""), ("👍🏽", "approve", ""), ("✅ approve", "approve", ""), ("ａｐｐｒｏｖｅ", "approve", ""),
    ("discard", "discard", ""), ("* discard *", "discard", ""), ("Undo", "undo", ""), ("\ufeffapprove", "approve",
    ""),
    ("reject", "reject", ""), ("Reject names a client", "reject", "names a client"),
    ("reject: Straße und Ort", "reject", "Straße und Ort"), ("REJECT - ask first", "reject", "ask first"),
    ("**reject** ask first", "reject", "ask first"), ("*reject ask first*", "reject", "ask first"),
    ("reject, it isn't ours?", "reject", "it isn't ours?"), ('reject "my mother" is a name', "reject",
    '"my mother" is a name'),
    ("approve\n\nAnna Example\nMidwife", "approve", "Anna Example\nMidwife"),
    ("reject\nFirst.\n\nSecond.", "reject", "First.\nSecond."), ("reject\nTake the age out.", "reject",
    "Take the age out."),
    ("reject\nThis message contains a name.", "reject", "This message contains a name."),
    ("reject\n- age\n- suburb", "reject", "- age\n- suburb"), ("reject no\n\nKind regards,\nAnna", "reject", "no"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "verb", "argument"), DECIDES)
def test_a_line_that_is_the_verb_decides(text: str, verb: str, argument: str) -> None:
    answer = read(text)
    assert (answer.verb, answer.argument) == (verb, argument)


UNDECIDED = [
    "do not approve", "don't approve", "not approve", "I approve of the idea but", "not sure, approve?", "approve?",
    "approve of the idea", "approve - Anna", "approve if the name goes", "approve not", "approve...", "approve…",
    "approve-all", "approve@example.org", "approved", "approver", "ok'd", "okey-dokey", "yes but no", "yes, discard",
    "ok reject", "approve or discard", "approve\ndiscard", "approve\nreject names", "discard\n\napprove", "reject?",
    "reject <reason>", "**reject** <reason...>", "reject-all", "rejected", "Hi approve", "Hello no\n",
    "Hi not\napprove", "Hello dear me oh my\napprove",
    "please approve", "y", "1", "?", "👎", "аpprove", "lets approve", "Dear all, please see below\napprove",
    "Subject: approve", "-- \napprove", "Thanks\napprove", "approve <reason>", "disapprove", "approve 👎", "no",
]  # fmt: skip


@pytest.mark.parametrize("text", UNDECIDED)
def test_any_other_line_decides_nothing_and_is_shown(text: str) -> None:
    answer = read(text)
    assert answer.verb is None
    assert answer.argument == ""


@pytest.mark.parametrize(
    "greeting", ["Hi", "Hi,", "Hello Anna,", "Dear all,", "Hallo zusammen!", "Bonjour", "Good morning,"]
)
def test_a_greeting_before_the_answer_is_passed_over(greeting: str) -> None:
    assert read(f"{greeting}\n\napprove\n\n{WROTE}\n{QUOTE}") == Answer("approve", "", "approve", None)
    assert read(f"{greeting}\n\n{WROTE}\n{QUOTE}") == Answer(None, "", greeting, None)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("aprove", "approve"), ("Approved!", "approve"), ("appprove thanks", "approve"), ("rejct too long", "reject"),
        ("discrad", "discard"), ("disapprove", None), ("approve of the idea", None), ("maybe", None), ("", None),
        ("do not approve", None),
    ],
)  # fmt: skip
def test_a_typing_mistake_is_suggested_and_never_acted_upon(text: str, suggestion: str | None) -> None:
    answer = read(text)
    assert (answer.verb, answer.suggestion) == (None, suggestion)


def test_what_the_person_wrote_is_told_back_as_written() -> None:
    assert read(f"Hm, Should we *approve*?\n\n{WROTE}\n{QUOTE}").first_line == "Hm, Should we *approve*?"
    assert read(f"\n\n{WROTE}\n{QUOTE}") == Answer(None, "", "", None)


def test_words_of_several_parts_and_brackets_are_verbs_too() -> None:
    words = {
        "perinatal": "perinatal",
        "Perinatal mental health": "perinatal",
        "[perinatal]": "perinatal",
        "sleep": "sleep",
    }
    for text in ("perinatal", "Perinatal Mental Health.", "[perinatal]", "Perinatal, thanks"):
        assert read_answer(text, words).verb == "perinatal"
    assert read_answer("perinatal or sleep", words).verb is None
    assert read_answer("sleep\nperinatal", words).verb is None
    assert read_answer("perinatl mental health", words).suggestion == "perinatal"
    assert read_answer("Hello perinatal\nsleep", words).verb is None


@pytest.mark.parametrize(
    ("verbs", "text", "verb"),
    [
        (GERMAN_MODERATION_VERBS, "Freigeben, danke", "approve"),
        (GERMAN_MODERATION_VERBS, "ABLEHNEN bitte ohne Namen", "reject"),
        (GERMAN_MODERATION_VERBS, "Rückgängig", "undo"),
        (GERMAN_MODERATION_VERBS, "Ru\u0308ckga\u0308ngig", "undo"),
        (FRENCH_MODERATION_VERBS, "Approuver, s'il vous plaît", "approve"),
        (FRENCH_MODERATION_VERBS, "refuser : pas de noms", "reject"),
        (FRENCH_MODERATION_VERBS, "ignorer", "discard"),
    ],
)
def test_german_and_french_words_decide(verbs: dict[str, str], text: str, verb: str) -> None:
    assert read_answer(text, verbs, with_argument={"reject"}).verb == verb


# --- whose words they are ----------------------------------------------------------------------------------------

HEADER_BLOCKS = [
    ("From", "Sent", "To", "Subject"), ("Von", "Gesendet", "An", "Betreff"), ("De ", "Envoyé ", "À ", "Objet "),
    ("De", "Enviado el", "Para", "Asunto"), ("Da", "Inviato", "A", "Oggetto"), ("Van", "Verzonden", "Aan",
    "Onderwerp"),
    ("De", "Enviada em", "Para", "Assunto"), ("Od", "Wysłano", "Do", "Temat"), ("Od", "Odesláno", "Komu", "Předmět"),
    ("Från", "Skickat", "Till", "Ämne"), ("Fra", "Sendt", "Til", "Emne"), ("Lähettäjä", "Lähetetty", "Vastaanottaja",
    "Aihe"),
    ("От", "Отправлено", "Кому", "Тема"), ("Від", "Надіслано", "Кому", "Тема"), ("Kimden", "Gönderildi", "Kime",
    "Konu"),
    ("Feladó", "Elküldve", "Címzett", "Tárgy"),
    ("差出人", "送信日時", "宛先", "件名"), ("发件人", "发送时间", "收件人", "主题"),
    ("보낸 사람", "보낸 날짜", "받는 사람", "제목"), ("De la", "Trimis", "Către", "Subiect"),
]  # fmt: skip


@pytest.mark.parametrize("labels", HEADER_BLOCKS, ids=[labels[0].strip() for labels in HEADER_BLOCKS])
@pytest.mark.parametrize("stars", ["", "*", "**"])
def test_a_header_block_ends_the_own_words(labels: tuple[str, ...], stars: str) -> None:
    block = "\n".join(f"{stars}{label}:{stars} something" for label in labels)
    assert own_text(f"reject why\nbecause\n\n{block}\n\napprove") == "reject why\nbecause"
    assert own_text(f"{block}\n\napprove") == ""


ATTRIBUTIONS = [
    "On Mon, Nov 16, 2026 at 12:49 AM, Perinatal <p@example.org> wrote:",
    "On Mon, Nov 16, 2026 at 12:49 AM Perinatal <\np@example.org> wrote:",
    "On Mon, Nov 16, 2026 at 12:49 AM\nPerinatal mental health\n<p@example.org>\nwrote:",
    "Am 16.11.2026 um 09:05 schrieb Perinatal:",
    "Am Mo., 16. Nov. 2026 um 15:57 Uhr schrieb Perinatal <\np@example.org>:",
    "Perinatal <p@example.org> schrieb am Mo., 16. Nov. 2026 um 11:53 Uhr:",
    "Le lun. 16 nov. 2026 à 12:32, Perinatal <p@example.org> a écrit :",
    "Le lun. 16 nov. 2026 à 12:32, Perinatal <p@example.org> a\nécrit :",
    "El lun, 16 nov 2026 a las 11:08, Perinatal (<p@example.org>) escribió:",
    "Il giorno lun 16 nov 2026 alle ore 08:12 Perinatal <p@example.org> ha scritto:",
    "Op ma 16 nov 2026 om 08:12 schreef Perinatal <p@example.org>:",
    "Op 16 nov. 2026 om 16:48 heeft Perinatal <p@example.org> het volgende\ngeschreven:",
    "Em seg., 16 de nov. de 2026 às 17:13, Perinatal <p@example.org> escreveu:",
    "Den mån 16 nov. 2026 kl 10:00 skrev Perinatal <p@example.org>:",
    "pon., 16 lis 2026 o 10:00 Perinatal <p@example.org> napisał(a):",
    "po 16. 11. 2026 v 10:00 odesílatel Perinatal <p@example.org> napsal:",
    "ma 16. marrask. 2026 klo 10.00 Perinatal (p@example.org) kirjoitti:",
    "пн, 16 нояб. 2026 г. в 15:19, Perinatal <p@example.org>:",
    "2026年11月16日(月) 10:00 Perinatal <p@example.org>:",
    "Perinatal <p@example.org> 于2026年11月16日周一 10:00写道：",
    "2026년 11월 16일 (월) 오전 10:00, Perinatal <p@example.org>님이 작성:",
    "-----Original Message-----", "-------- Ursprüngliche Nachricht --------", "----- Message d'origine -----",
    "---------- Forwarded message ---------", "-------- Mensaje original --------",
    "________________________________",
    "---- On Mon, 16 Nov 2026 14:02:50 +0530 p@example.org wrote ----", "Begin forwarded message:",
    "##- Please type your reply above this line -##",
]  # fmt: skip


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("blank", ["\n", ""])
def test_an_attribution_ends_the_own_words_and_what_follows_unmarked_never_counts(attribution: str, blank: str) -> None:
    assert own_text(f"approve\n{blank}{attribution}\n\ndiscard\n") == "approve"
    assert own_text(f"{attribution}\n\ndiscard\n") == ""


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone", "Sent from my Samsung Galaxy s5 Octacore device",
        "Get Outlook for Android<https://aka.ms/x>",
        "Get Outlook for iOS", "Gesendet von meinem iPhone", "Von meinem iPhone gesendet", "Envoyé de mon iPhone",
        "Envoyé depuis mon mobile Orange", "Enviado desde mi iPhone", "Inviato da iPhone",
        "Verzonden vanaf mijn iPhone",
        "Sent with Proton Mail secure email.", "Skickat från min iPhone", "Sent via mobile", "-- \nAnna\napprove",
        "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.", "Outlook für Android herunterladen",
        "CONFIDENTIALITY NOTICE: read this\nand that", "This e-mail and its attachments are confidential.\nBye",
        "Diese E-Mail enthält vertrauliche Informationen.", "Virenfrei. www.example.org",
    ],
)  # fmt: skip
def test_what_phones_companies_and_signatures_add_is_no_reason(line: str) -> None:
    assert read(f"reject too long\n\n{line}") == Answer("reject", "too long", "reject too long", None)
    assert read(line).first_line == ""


def test_words_that_look_like_an_attribution_stay() -> None:
    assert own_text("reject On reflection\nOn Monday the author wrote to me.") == (
        "reject On reflection\nOn Monday the author wrote to me."
    )
    assert own_text(f"On reflection, no.\n{WROTE}\n{QUOTE}") == "On reflection, no."


def test_what_stands_above_the_quote_wins_over_what_stands_below() -> None:
    assert read(f"discard\n\n{WROTE}\n{QUOTE}\n\napprove").verb == "discard"
    assert read(f"let me think\n\n{WROTE}\n{QUOTE}\n\napprove").verb is None


def test_an_answer_below_the_quote_counts_when_nothing_stands_above() -> None:
    assert read(f"{WROTE}\n{QUOTE}\n\napprove\n") == Answer("approve", "", "approve", None)
    assert read(f"{WROTE}\n{QUOTE}\napprove\n").verb == "approve"
    assert read(f"{QUOTE}\n\nreject no\nnames\n\n> more\n\napprove").argument == "no\nnames"


def test_no_answer_is_taken_from_a_quoted_line_that_was_broken() -> None:
    long = "> " + "word " * 14
    assert own_text(f"{WROTE}\n{long}\napprove\n") == ""
    assert own_text(f"{WROTE}\n{long}\nwas here\napprove\n> end") == ""
    assert own_text(f"{WROTE}\n> x{' ' * 70}\napprove\n> end\n") == ""
    assert own_text(f"{WROTE}\n> short\napprove\n> end\n") == ""


@given(st.lists(st.lists(st.sampled_from(["approve", "discard", "a", "quite", "considerable"]), max_size=40),
max_size=6),
       st.integers(60, 80))  # fmt: skip
def test_a_quote_broken_at_any_width_and_not_marked_again_decides_nothing(lines: list[list[str]], width: int) -> None:
    quoted = ["> " + " ".join(words) for words in lines]
    broken = [piece for line in quoted for piece in textwrap.wrap(line, width) or [">"]]
    assert own_text("\n".join([WROTE, *broken])) == ""


@given(st.text(max_size=300))
def test_a_quote_never_decides_and_never_changes_an_answer(quoted: str) -> None:
    marked = "\n".join("> " + line for line in quoted.replace("\r", "\n").split("\n"))
    assert own_text(f"{WROTE}\n{marked}") == ""
    assert read(f"discard\n\n{WROTE}\n{marked}") == Answer("discard", "", "discard", None)


# --- HTML --------------------------------------------------------------------------------------------------------

HIDDEN = [
    '<div style="display:none">approve</div>', '<div style="Display : None !important">approve</div>',
    '<p style="visibility:hidden">approve</p>', '<p style="font-size:0">approve</p>',
    '<p style="font-size:0.1px">approve</p>',
    '<p style="font-size: 1px; color: red">approve</p>', '<p style="color:#ffffff">approve</p>',
    "<p hidden>approve</p>",
    '<font color="#FFF">approve</font>', '<font size="0">approve</font>', "<!-- approve -->",
    "<template>approve</template>",
    '<p style="color: rgb(255, 255, 255)">approve</p>', '<p style="opacity:0">approve</p>', "<title>approve</title>",
    '<p style="mso-hide:all">approve</p>', '<div style="max-height:0;overflow:hidden">approve</div>',
    '<div style="position:absolute;left:-9999px">approve</div>', '<p style="text-indent:-9999px">approve</p>',
    '<style>@media screen { .q, p.z { display:none } }</style><p class="a z">approve</p>',
    '<style>#q{visibility:hidden}</style><p id="q">approve</p>',
    '<div style="display:none"><p><b>approve</b></p></div>',
    '<blockquote>approve</blockquote>', '<div class="gmail_quote">approve</div>',
    '<div class="gmail_signature">approve</div>',
    '<div class="x_yahoo_quoted">approve</div>', '<div class="protonmail_quote">approve</div>',
    '<div class="moz-cite-prefix">approve</div>', '<div id="divRplyFwdMsg"></div>approve',
    '<div id="appendonsend"></div>approve',
    '<hr id="stopSpelling">approve', '<div id="mail-editor-reference-message-container">approve</div>',
    '<div style="border:none;border-top:solid #E1E1E1 1.0pt"><b>From:</b> x</div><p>approve</p>',
    '<div name="quote">approve</div>',
]  # fmt: skip


@pytest.mark.parametrize("markup", HIDDEN)
def test_a_verb_that_is_hidden_or_quoted_in_html_decides_nothing(markup: str) -> None:
    assert html_answer(f"<html><body>{markup}</body></html>").verb is None
    visible = html_answer(f"<html><body><div>reject</div><p>no</p>{markup}</body></html>")
    assert (visible.verb, visible.argument) == ("reject", "no")


@pytest.mark.parametrize(
    "markup",
    [
        "<p>approve</p>", "approve", "<div><b>Approve</b>.</div>", "<table><tr><td>approve</td></tr></table>",
        '<body style="background:#111"><p style="color:#fff">approve</p></body>',
        '<p style="font-size:0.9em">approve</p>',
        '<p style="font-size:10px;line-height:0;border-width:0">approve</p>',
        "<p>&nbsp;</p><p>approve&nbsp;</p><blockquote>discard</blockquote>",
        "<blockquote>discard</blockquote><p>approve</p>", "<p>Hello,</p><p>approve</p>",
    ],
)  # fmt: skip
def test_a_verb_that_is_seen_in_html_decides(markup: str) -> None:
    assert html_answer(markup).verb == "approve"


def message(*parts: tuple[str, str], kind: str = "alternative") -> bytes:
    body = "".join(f"--b\r\nContent-Type: {head}\r\n\r\n{text}\r\n" for head, text in parts)
    return f'Content-Type: multipart/{kind}; boundary="b"\r\n\r\n{body}--b--\r\n'.encode()


def test_the_plain_part_is_read_first_and_the_html_when_it_has_no_own_words() -> None:
    quoted = f"{WROTE}\r\n> discard"
    both = message(("text/plain", "approve"), ("text/html", "<p>discard</p>"))
    assert read(answer_text(parse(both))).verb == "approve"
    html_only = message(("text/plain", quoted), ("text/html", "<p>approve</p><blockquote>discard</blockquote>"))
    assert read(answer_text(parse(html_only))).verb == "approve"


def test_parts_that_a_gateway_or_another_message_brought_are_no_answer() -> None:
    footer = message(("text/html", "<p>I am not sure</p>"), ("text/plain", "approve"), kind="mixed")
    assert read(answer_text(parse(footer))).verb is None
    attached = message(("message/rfc822", "Content-Type: text/plain\r\n\r\napprove"), kind="mixed")
    assert read(answer_text(parse(attached))).verb is None
    file = message(
        ("text/plain\r\nContent-Disposition: attachment", "approve"),
        ("text/plain; name=a.txt", "approve"),
        kind="mixed",
    )
    assert read(answer_text(parse(file))).verb is None


# --- hostile input -----------------------------------------------------------------------------------------------

HOSTILE = {
    "marks": ">" * 50_000, "blanks": " " * 50_000 + "x", "empty lines": "\n" * 50_000, "on": "On " * 17_000,
    "on lines": "On On On wrote\n" * 3_500, "underscores": "_" * 50_000, "spaced underscores": "_ " * 25_000,
    "stars": ("*" * 399 + "x\n") * 125,
    "from": "From: " * 8_000, "from lines": "From:\n" * 8_000, "wrote": "On a wrote " * 5_000,
    "colons": (":>" * 199 + "x\n") * 125, "at": ("@" * 399 + "\n") * 125, "dates": "2026 10:10 a@b wrote:\n" * 2_500,
    "disclaimers": "CAUTION: mail " * 3_500, "letters": "a" * 50_000, "nul": "\0" * 50_000,
    "surrogates": "\ud800" * 5_000,
    "greetings": "Hi Hi Hi Hi\n" * 4_000, "sent": "Sent with " * 5_000, "verbs": "approve " * 6_000,
    "accents": "e\u0301" * 25_000,
}  # fmt: skip


@pytest.mark.timeout(15)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_decides_nothing_and_is_read_at_once(text: str) -> None:
    assert read(text).verb is None
    assert read(f"approve\n\n{text}").verb in ("approve", None)
    assert len(own_text(text * 20)) <= own_words.MAX_CHARS


@pytest.mark.timeout(15)
@pytest.mark.parametrize(
    "html",
    ["<div>" * 15_000, "<div class=gmail_quote>" * 15_000, "<font color=white>" * 15_000,
    "<p hidden>x" * 15_000, "<" * 60_000,
     "<style>" + "a{" * 40_000, "<style>" + ".a" * 50_000, "<!--" * 30_000, "<table><tr><td>" * 9_000,
     "<p " + "a=b " * 90_000,
     "<p style='" + "color: " * 50_000 + "'>", "<![CDATA[", "<?xml version='1.0' encoding='x'?>", "\0",
     "&#0;&#xD800;", ""],
    ids=range(16),
)  # fmt: skip
def test_hostile_html_decides_nothing_and_is_read_at_once(html: str) -> None:
    assert html_answer(html + "please think again, approve").verb is None


@given(st.text(max_size=200), st.dictionaries(st.text(max_size=5), st.sampled_from(["a", "b"]), max_size=4))
def test_any_text_and_any_words_give_a_definite_answer(text: str, words: dict[str, str]) -> None:
    answer = read_answer(text, words, with_argument={"b"})
    assert answer.verb is None or answer.verb in words.values()
    assert answer.verb is None or answer.first_line


@given(st.binary(max_size=300), st.sampled_from(["text/html", "text/plain", "text/plain; format=flowed; delsp=yes"]))
def test_any_bytes_give_a_text(body: bytes, kind: str) -> None:
    raw = f"Content-Type: {kind}\r\n\r\n".encode() + normalise(body)
    assert isinstance(answer_text(parse(raw)), str)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("1 approve\n2. reject off\ntopic\n#3: discard\n", {1: ("approve", ""), 2: ("reject", "off\ntopic"),
                                                           3: ("discard", "")}),
        ("1, 2 and 4 approve\n", {1: ("approve", ""), 2: ("approve", ""), 4: ("approve", "")}),
        ("2-4 discard\n", {2: ("discard", ""), 3: ("discard", ""), 4: ("discard", "")}),
        ("1 2 discard", {1: ("discard", ""), 2: ("discard", "")}),
        ("2 redact 1 3\n", {2: ("redact", "1 3")}),
        ("1 reject 2 people have complained\n", {1: ("reject", "2 people have complained")}),
        ("1 approve\n1 approve\n2 approve\n2 reject no\n", {1: ("approve", ""), 2: (None, "")}),
        ("1 approve\n\nOn Monday, Lists wrote:\n> 2 approve\n", {1: ("approve", "")}),
        ("not now\n--- Please write your answer above this line ---\n  1 approve\n", {}),
        ("1 2\n", {1: (None, "")}),
        ("12345 approve\n", {}),
    ],
)  # fmt: skip
def test_numbered_answers(words: str, expected: dict[int, tuple[str | None, str]]) -> None:
    found = read_answers(words, MODERATION_VERBS, with_argument={"reject", "redact"})
    assert {number: (one.verb, one.argument) for number, one in found} == expected
