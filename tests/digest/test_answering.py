"""Answers to a digest: from a hundred clients into the right conversation, without the digest's text."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from listserv.context import Context
from listserv.digest import issuing
from listserv.mail.message import normalise, parse
from listserv.mail.own_words import is_attribution, is_header_label, own_text
from listserv.mail.reply import answer_text
from listserv.mail.unquoted import is_quoted
from tests.conftest import community
from tests.house import notices, put, rows, work
from tests.letters import EARLY, MONDAY, Clock, Letter, house, letters, post, reader
from tests.people import mail

HOUR = timedelta(hours=1)
REPLIES = Path(__file__).parent.parent / "data" / "replies"
OWN = "I would ask on the second visit, and again after six weeks."
SUBJECTS = ("Sleep after birth", "A scale for panic attacks", "Rooms for groups in winter")


@pytest.fixture
def clock() -> Clock:
    return Clock(MONDAY + timedelta(minutes=1))


@pytest.fixture
def letter(make_context: Callable[..., Context], clock: Clock) -> tuple[Context, Letter]:
    """Rita has a letter about three conversations."""
    settings = community()["lists"]
    settings["anxiety"]["moderation"] = "none"
    intake = {"smtp": "127.0.0.1:0", "rate": None, "list_rate": None}
    ctx = house(make_context, clock, lists=settings, intake=intake)
    lists = ("perinatal", "anxiety")
    reader(ctx, "ann@people.test", *lists, delivery="each", name="Ann Archer")
    reader(ctx, "rita@people.test", *lists, name="Rita Reader")
    for number, subject in enumerate(SUBJECTS):
        words = f"These are the first words of conversation {number}, long enough to be told from all of the others.\n"
        to = "anxiety@lists.test" if number == 1 else "perinatal@lists.test"
        post(ctx, clock, EARLY + number * HOUR, subject, words, to=to)
    issuing.run(ctx)
    clock.now += HOUR
    return ctx, letters(ctx)[0]


def block(letter: Letter, subject: str) -> list[str]:
    """The lines of one conversation in the text of a letter."""
    lines = letter.text.split("\n")
    start = next(n for n, line in enumerate(lines) if line.startswith(f"* {subject}"))
    end = next((n for n in range(start + 1, len(lines)) if not lines[n].strip()), len(lines))
    return lines[start:end]


def reply(letter: Letter, text: str, **more: str) -> bytes:
    to = str(letter.message["reply-to"]).partition("<")[2].rstrip(">")
    values = {"in_reply_to": str(letter.message["message-id"]), "references": str(letter.message["message-id"])}
    return mail("rita@people.test", to, f"Re: {letter.subject}", text, **(values | more))


def send(ctx: Context, letter: Letter, text: str, **more: str) -> None:
    raw = reply(letter, text, **more)
    to = str(letter.message["reply-to"]).partition("<")[2].rstrip(">")
    (answer,) = put(ctx, raw, to, sender="rita@people.test")
    assert answer.code == 250, answer
    work(ctx)


def the_answer(ctx: Context) -> tuple[str, str, str]:
    """List, subject of the conversation and text of the post that an answer became."""
    row = rows(ctx, "SELECT id, list_name, subject, thread, state FROM post ORDER BY id DESC LIMIT 1")[0]
    assert row.state == "released", row.state
    opened = rows(ctx, "SELECT subject FROM post WHERE tag = :tag", tag=row.thread)[0].subject
    import zlib

    raw = zlib.decompress(rows(ctx, "SELECT m.raw FROM message m JOIN post p ON p.message_id = m.id WHERE p.id = :id",
                               id=row.id)[0].raw)  # fmt: skip
    assert row.subject == f"Re: {opened}"
    return row.list_name, opened, answer_text(parse(raw))


# --- a hundred clients -------------------------------------------------------------------------------------------


def as_client(path: Path, quoted: list[str]) -> str | None:
    """What a client of the suite makes of an answer to a digest: its own order of things, its attribution, header block
    and marks, with our words and the quoted lines of the digest. None when it quotes nothing, or has no own words."""
    text = answer_text(parse(normalise(path.read_bytes()))).replace("\r\n", "\n")
    own = {line.strip() for line in own_text(text).split("\n") if line.strip()}
    marks = re.match(r"\s*>\s?", next((line for line in text.split("\n") if is_quoted(line)), ""))
    prefix = marks[0] if marks else ""
    out: list[str] = []
    said = cited = False
    for line in text.split("\n"):
        if not said and line.strip() in own:
            out.append(OWN)
            said = True
        elif line.strip() in own or (said and not cited and not line.strip()):
            if not line.strip():
                out.append("")
        elif not line.strip():
            out.append(line)
        elif is_attribution(line) or is_header_label(line) or re.match(r"\s*[-_=*]{3,}", line):
            out += [line] if not cited else []
        elif is_quoted(line) or cited or said:
            if not cited and (is_quoted(line) or said):
                out += [f"{prefix}{one}" for one in quoted]
                cited = True
        else:
            out.append(line)
    return "\n".join(out) + "\n" if said and cited else None


def suite() -> list[Path]:
    with (REPLIES / "index.csv").open(encoding="utf-8", newline="") as file:
        return [REPLIES / row["file"] for row in csv.DictReader(file)]


def test_every_client_of_the_suite_lands_in_the_right_conversation(letter: tuple[Context, Letter]) -> None:
    ctx, sent = letter
    done, wrong = 0, []
    for number, path in enumerate(suite()):
        subject = SUBJECTS[number % 3]
        text = as_client(path, block(sent, subject))
        if text is None:
            continue
        send(ctx, sent, text, message_id=f"<reply{number}@people.test>")
        _, opened, words = the_answer(ctx)
        good = opened == subject and OWN in words and "first words of conversation" not in words and "+t." not in words
        if not good:
            wrong.append((path.name, opened == subject, words))
        done += 1
    print(f"{done} clients")
    assert not wrong
    assert done >= 60
    refs = rows(ctx, "SELECT COUNT(*) AS n FROM post WHERE thread <> ''")[0].n
    assert refs == done


def test_every_client_that_quotes_all_of_it_is_asked(letter: tuple[Context, Letter]) -> None:
    ctx, sent = letter
    asked = 0
    whole = [line for line in sent.text.split("\n") if line.strip()]
    for number, path in enumerate(suite()[:40]):
        text = as_client(path, whole)
        if text is None:
            continue
        send(ctx, sent, text, message_id=f"<whole{number}@people.test>")
        asked += 1
        state = rows(ctx, "SELECT state, list_name FROM post ORDER BY id DESC LIMIT 1")[0]
        assert tuple(state) == ("confirming", "community"), path.name
    assert asked >= 20
    assert notices(ctx, "topic", "rita@people.test")


HTML_CLIENTS = {
    "gmail": '<div dir="ltr">{own}</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Mon, 23 Nov '
    '2026 at 07:00, Community of Practice &lt;<a href="mailto:community-request@lists.test">community-request@lists.'
    'test</a>&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex">{quote}</blockquote></div>',
    "outlook": '<div class="WordSection1"><p class="MsoNormal">{own}</p><div style="border:none;border-top:solid'
    ' #E1E1E1 1.0pt"><p class="MsoNormal"><b>From:</b> Community of Practice &lt;community-request@lists.test&gt; <br>'
    "<b>Sent:</b> Monday, 23 November 2026 07:00<br><b>To:</b> Rita<br><b>Subject:</b> the week</p></div>{quote}</div>",
    "outlook web": '<div>{own}</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> Community<br>'
    "<b>Sent:</b> Monday<br><b>To:</b> Rita<br><b>Subject:</b> the week</div><div>{quote}</div>",
    "apple": '<html><body>{own}<br><div><blockquote type="cite"><div>On 23 Nov 2026, at 07:00, Community of Practice '
    "&lt;community-request@lists.test&gt; wrote:</div><br>{quote}</blockquote></div></body></html>",
    "thunderbird": '<p>{own}</p><div class="moz-cite-prefix">On 23/11/26 07:00, Community of Practice wrote:</div>'
    '<blockquote type="cite" cite="mid:x@lists.test">{quote}</blockquote>',
    "yahoo": '<div class="ydp1"><div>{own}</div></div><div id="ydp2yahoo_quoted_1" class="ydp2yahoo_quoted"><div>On '
    "Monday, 23 November 2026, Community of Practice wrote:</div><div>{quote}</div></div>",
}


@pytest.mark.parametrize("client", HTML_CLIENTS)
def test_html_replies(letter: tuple[Context, Letter], client: str) -> None:
    ctx, sent = letter
    body = re.search(r"<body.*?>(.*)</body>", sent.html, re.S)
    assert body
    rows_ = re.findall(r"<tr><td class=\"rule\" style=\"padding:16px.*?</td></tr>", sent.html, re.S)
    one = next(row for row in rows_ if SUBJECTS[1] in row)
    html = HTML_CLIENTS[client].format(own=OWN, quote=f"<table>{one}</table>")
    send(ctx, sent, html, Content_Type="text/html; charset=utf-8", message_id="<one@people.test>")
    name, opened, words = the_answer(ctx)
    assert (name, opened) == ("anxiety", SUBJECTS[1])
    assert words.strip() == OWN
    html = HTML_CLIENTS[client].format(own=OWN, quote=body[1])
    send(ctx, sent, html, Content_Type="text/html; charset=utf-8", message_id="<all@people.test>")
    question = notices(ctx, "topic", "rita@people.test")[-1]
    assert OWN in question.text and "first words of conversation" not in question.text


# --- the way of an answer ----------------------------------------------------------------------------------------


def test_a_number_settles_it(letter: tuple[Context, Letter]) -> None:
    ctx, sent = letter
    quote = "".join(f"> {line}\n" for line in sent.text.split("\n"))
    wrote = "On Mon, 23 Nov 2026, Community of Practice wrote:"
    send(ctx, sent, f"{OWN}\n\n{wrote}\n{quote}", message_id="<mine@people.test>")
    question = notices(ctx, "topic", "rita@people.test")[-1]
    assert all(subject in question.text for subject in SUBJECTS)
    assert OWN in question.text and "first words of conversation" not in question.text
    number = re.search(rf"(\d)  {SUBJECTS[1]} \(Anxiety\)", question.text)
    assert number
    assert not rows(ctx, "SELECT 1 FROM delivery WHERE post_id IN (SELECT id FROM post WHERE subject LIKE '%answer%')")
    answer = mail(
        "rita@people.test", question.reply_to, f"Re: {question.subject}", f"{number[1]}\n\n> 1  {SUBJECTS[0]}\n"
    )
    put(ctx, answer, question.reply_to, sender="rita@people.test")
    work(ctx)
    name, opened, words = the_answer(ctx)
    assert (name, opened, words.strip()) == ("anxiety", SUBJECTS[1], OWN)
    assert rows(ctx, "SELECT message_id_header AS m FROM post ORDER BY id DESC LIMIT 1")[0].m == "<mine@people.test>"


def test_a_wrong_number_is_asked_again_and_withdraw_takes_it_back(letter: tuple[Context, Letter]) -> None:
    ctx, sent = letter
    send(ctx, sent, f"{OWN}\n")
    for said, kind in (("77", "topic"), ("withdraw", "unclear")):
        question = notices(ctx, "topic", "rita@people.test")[-1]
        answer = mail(
            "rita@people.test", question.reply_to, "Re: which", f"{said}\n", message_id=f"<{said}@people.test>"
        )
        put(ctx, answer, question.reply_to, sender="rita@people.test")
        assert notices(ctx, kind, "rita@people.test")
    assert "none of the numbers" in notices(ctx, "topic")[-1].text
    assert rows(ctx, "SELECT state FROM post ORDER BY id DESC LIMIT 1")[0].state == "withdrawn"


def test_inline_answers_below_one_conversation(letter: tuple[Context, Letter]) -> None:
    ctx, sent = letter
    lines = sent.text.split("\n")
    end = next(n for n, line in enumerate(lines) if line.startswith(f"* {SUBJECTS[1]}")) + len(block(sent, SUBJECTS[1]))
    quoted = [f"> {line}" for line in lines]
    text = "\n".join((*quoted[:end], "", OWN, "", *quoted[end:])) + "\n"
    send(ctx, sent, text)
    assert the_answer(ctx)[:2] == ("anxiety", SUBJECTS[1])
    assert the_answer(ctx)[2].strip() == OWN


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        ("On Monday, the list wrote:", False),
        ("Am Montag schrieb die Liste:", False),
        ("I like what she wrote:", True),
        ("On this, as on much else, I agree:", True),
    ],
)
def test_the_line_above_the_letter_goes_with_it_and_no_other(
    letter: tuple[Context, Letter], line: str, stays: bool
) -> None:
    ctx, sent = letter
    quote = "".join(f"> {one}\n" for one in block(sent, SUBJECTS[0]))
    send(ctx, sent, f"{OWN}\n\n{line}\n{quote}")
    assert the_answer(ctx)[2].strip() == (f"{OWN}\n\n{line}" if stays else OWN)


def test_an_answer_has_the_references_of_its_conversation(letter: tuple[Context, Letter]) -> None:
    from listserv import copies
    from listserv.model import DeliveryKind

    ctx, sent = letter
    quote = "".join(f"> {line}\n" for line in block(sent, SUBJECTS[0]))
    send(ctx, sent, f"{OWN}\n\n{quote}")
    row = rows(ctx, "SELECT id FROM post ORDER BY id DESC LIMIT 1")[0]
    with ctx.db.reading() as tx:
        form, _ = copies.prepare(ctx, tx, DeliveryKind.POST, row.id).form(eightbit=True)
    opened = rows(ctx, f"SELECT message_id_header AS m FROM post WHERE subject = '{SUBJECTS[0]}'")[0].m
    message = parse(form)
    head = form.partition(b"\r\n\r\n")[0].decode()
    assert f"In-Reply-To: {opened}" in head and f"References: {opened}" in head
    assert "+d." not in form.decode() and sent.message["message-id"] not in form.decode()
    assert answer_text(message).strip() == OWN


def test_attachments_and_signed_answers_stay(letter: tuple[Context, Letter]) -> None:
    import zlib

    ctx, sent = letter
    quote = "".join(f"> {line}\r\n" for line in block(sent, SUBJECTS[0]))
    body = (
        f"--b\r\nContent-Type: text/plain\r\n\r\n{OWN}\r\n\r\n{quote}\r\n--b\r\nContent-Type: application/pdf\r\n"
        'Content-Disposition: attachment; filename="scale.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        "JVBERi0xLjQK\r\n--b--\r\n"
    )
    send(ctx, sent, body.replace("\r\n", "\n"), Content_Type='multipart/mixed; boundary="b"')
    _, opened, words = the_answer(ctx)
    assert opened == SUBJECTS[0] and words.strip() == OWN
    raw = zlib.decompress(rows(ctx, "SELECT raw FROM message ORDER BY id DESC LIMIT 1")[0].raw)
    assert b'filename="scale.pdf"' in raw and b"JVBERi0xLjQK" in raw
    signed = (
        f"--s\nContent-Type: text/plain\n\n{OWN}\n\n{quote}\n--s\nContent-Type: application/pgp-signature\n\n"
        "-----BEGIN PGP SIGNATURE-----\n--s--\n"
    ).replace("\r\n", "\n")
    kind = 'multipart/signed; boundary="s"; protocol="application/pgp-signature"'
    send(ctx, sent, signed, Content_Type=kind, message_id="<signed@people.test>")
    raw = zlib.decompress(rows(ctx, "SELECT raw FROM message ORDER BY id DESC LIMIT 1")[0].raw)
    assert b"first words of conversation" in raw and b"BEGIN PGP SIGNATURE" in raw


def test_rules_hold_for_answers_too(letter: tuple[Context, Letter]) -> None:
    ctx, sent = letter
    to = str(sent.message["reply-to"]).partition("<")[2].rstrip(">")
    quote = "".join(f"> {line}\n" for line in block(sent, SUBJECTS[0]))
    raw = mail("eve@evil.test", to, "Re: the week", f"{OWN}\n\n{quote}")
    (answer,) = put(ctx, raw, to, sender="eve@evil.test")
    assert answer.code == 550
    away = mail(
        "rita@people.test", to, "Away", "I am away.\n", auto_submitted="auto-replied", message_id="<a@people.test>"
    )
    put(ctx, away, to, sender="rita@people.test")
    work(ctx)
    assert rows(ctx, "SELECT COUNT(*) AS n FROM post")[0].n == len(SUBJECTS)


def test_a_token_of_nobody_is_the_list(letter: tuple[Context, Letter]) -> None:
    ctx, _ = letter
    to = "perinatal+d.aaaaaaaaaaaaaaaaaaaaaaaa@lists.test"
    put(ctx, mail("rita@people.test", f"{to}", "Hello there", "A post.\n"), to, sender="rita@people.test")
    row = rows(ctx, "SELECT list_name, thread, subject FROM post ORDER BY id DESC LIMIT 1")[0]
    assert tuple(row) == ("perinatal", "", "Hello there")
