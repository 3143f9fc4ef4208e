"""The letter: what it tells, in which order, to whom; and that no message can keep it from anybody."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from sqlalchemy import insert

from listserv import archiver
from listserv.context import Context
from listserv.digest import issuing
from listserv.digest.material import excerpt
from listserv.model import Following
from tests.conftest import community
from tests.house import rows
from tests.letters import EARLY, MONDAY, Clock, house, letters, post, reader
from tests.people import mail

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> Clock:
    return Clock(MONDAY + timedelta(minutes=1))


def test_a_letter_tells_the_week(make_context: Callable[..., Context], clock: Clock) -> None:
    ctx = house(make_context, clock)
    reader(ctx, "ann@people.test", "perinatal", "anxiety", delivery="each", name="Ann Archer")
    reader(ctx, "ben@people.test", "perinatal", "anxiety", delivery="each", name="Ben Bower")
    reader(ctx, "rita@people.test", "perinatal", "anxiety", name="Rita Reader")
    first = post(
        ctx, clock, EARLY + HOUR, "Sleep after birth", "Dear all,\n\nHow do you ask about sleep?\n\n-- \nAnn\n"
    )
    answer = {"sender": "ben@people.test", "in_reply_to": first, "references": first}
    post(ctx, clock, EARLY + 2 * HOUR, "Re: Sleep after birth", "I ask on the second visit.\n", **answer)
    post(
        ctx,
        clock,
        EARLY + 3 * HOUR,
        "A scale for panic",
        "Which scale do you use for panic?\n",
        to="anxiety@lists.test",
    )
    post(ctx, clock, MONDAY - 8 * 24 * HOUR, "Too old", "This is of last week.\n")

    report = issuing.run(ctx)

    assert (report.sent, report.empty) == (1, 0)
    (letter,) = letters(ctx)
    assert letter.to == "rita@people.test"
    assert letter.subject == "Community of Practice: the week to 23 November 2026"
    assert "3 messages in 2 conversations, by 2 members" in letter.text
    for form in (letter.text, letter.html):
        assert form.index("A scale for panic") < form.index("Sleep after birth"), "unanswered questions come first"
        assert "How do you ask about sleep?" in form
        assert "Dear all" not in form and "Too old" not in form
        assert "1 answer, by Ben Bower" in form
        assert re.search(r"Ann Archer(</bdi>)?, Psychologist", form)
    tag = rows(ctx, "SELECT tag FROM post WHERE subject = 'Sleep after birth'")[0].tag
    assert f"mailto:perinatal+t.{tag}@lists.test?subject=Re%3A%20Sleep%20after%20birth" in letter.html
    assert (
        f"https://lists.test/archive/perinatal/m/{tag}" in letter.html
        and f"perinatal+t.{tag}@lists.test" in letter.text
    )
    assert issuing.run(ctx).sent == 0


def test_headers_and_unsubscribe(make_context: Callable[..., Context], clock: Clock) -> None:
    ctx = house(make_context, clock)
    reader(ctx, "ann@people.test", delivery="each")
    reader(ctx, "rita@people.test", name="Rita Reader")
    post(ctx, clock, EARLY + HOUR, "One")
    issuing.run(ctx)
    (letter,) = letters(ctx)
    head = letter.message
    assert head["auto-submitted"] == "auto-generated"
    assert head["list-id"] == "Community of Practice <community.lists.test>"
    assert re.fullmatch(r"Community of Practice <community\+d\.[a-z2-7]{24}@lists\.test>", head["reply-to"])
    assert head.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in head.iter_parts()] == ["text/plain", "text/html"]
    delivery = rows(ctx, "SELECT priority, recipient, state FROM delivery WHERE notice_id IS NOT NULL")[0]
    assert tuple(delivery) == (2, "rita@people.test", "pending")
    assert letter.raw.isascii() and len(letter.raw) < 90_000


def test_words_of_ones_own_are_no_answer(make_context: Callable[..., Context], clock: Clock) -> None:
    ctx = house(make_context, clock)
    reader(ctx, "ann@people.test", delivery="each", name="Ann Archer")
    reader(ctx, "rita@people.test", name="Rita Reader")
    first = post(ctx, clock, EARLY + HOUR, "Sleep after birth", "How do you ask about sleep?\n")
    post(ctx, clock, EARLY + 2 * HOUR, "Re: Sleep after birth", "I mean at night.\n", in_reply_to=first)
    issuing.run(ctx)
    (letter,) = letters(ctx)
    for form in (letter.text, letter.html):
        assert "Nobody has answered yet" in form and "1 more message" in form and "1 answer" not in form


def test_own_conversations_and_followed_lists(make_context: Callable[..., Context], clock: Clock) -> None:
    ctx = house(make_context, clock)
    reader(ctx, "ann@people.test", "perinatal", "anxiety", delivery="each", name="Ann Archer")
    reader(ctx, "rita@people.test", "perinatal", name="Rita Reader")
    reader(ctx, "sol@people.test", "perinatal", "anxiety", name="Sol")
    first = post(ctx, clock, EARLY + HOUR, "Mine", "I have tried this.\n", sender="rita@people.test")
    post(ctx, clock, EARLY + 2 * HOUR, "Re: Mine", "So have I.\n", in_reply_to=first, references=first)
    for number in range(3):
        post(ctx, clock, EARLY + (3 + number) * HOUR, f"Others {number}", "Something else.\n")
    post(ctx, clock, EARLY + 9 * HOUR, "Only for the anxious", "Not for Rita.\n", to="anxiety@lists.test")
    issuing.run(ctx)
    (hers,) = letters(ctx, "rita@people.test")
    assert hers.text.index("WHERE YOU TOOK PART") < hers.text.index("* Mine") < hers.text.index("CONVERSATIONS\n")
    assert "Only for the anxious" not in hers.text + hers.html
    assert "Only for the anxious" in letters(ctx, "sol@people.test")[0].text


def test_a_post_to_two_lists_is_told_once(make_context: Callable[..., Context], clock: Clock) -> None:
    ctx = house(make_context, clock)
    reader(ctx, "ann@people.test", "perinatal", "anxiety", delivery="each")
    reader(ctx, "both@people.test", "perinatal", "anxiety")
    reader(ctx, "one@people.test", "anxiety")
    both = "perinatal@lists.test, anxiety@lists.test"
    raw = mail("ann@people.test", both, "For two lists", "The same.\n", message_id="<two@people.test>")
    post(ctx, clock, EARLY + HOUR, "For two lists", raw=raw)
    post(ctx, clock, EARLY + HOUR, "For two lists", raw=raw, to="anxiety@lists.test")
    issuing.run(ctx)
    assert letters(ctx, "both@people.test")[0].text.count("* For two lists") == 1
    assert letters(ctx, "one@people.test")[0].text.count("* For two lists") == 1


def test_what_somebody_has_muted_is_not_told(make_context: Callable[..., Context], clock: Clock) -> None:
    ctx = house(make_context, clock)
    reader(ctx, "ann@people.test", delivery="each")
    rita = reader(ctx, "rita@people.test")
    reader(ctx, "sol@people.test")
    post(ctx, clock, EARLY + HOUR, "Loud", "Words.\n")
    post(ctx, clock, EARLY + 2 * HOUR, "Quiet", "Words.\n")
    tag = rows(ctx, "SELECT tag FROM post WHERE subject = 'Loud'")[0].tag
    values = {"person_id": rita, "list_name": "perinatal", "tag": tag, "muted": True, "at": EARLY}
    with ctx.db.transaction() as tx:
        tx.execute(insert(Following).values(values))
    issuing.run(ctx)
    assert "Loud" not in letters(ctx, "rita@people.test")[0].text and "Loud" in letters(ctx, "sol@people.test")[0].text


def test_hidden_excerpts(make_context: Callable[..., Context], clock: Clock) -> None:
    lists = community()["lists"]
    lists["perinatal"]["digest_excerpts"] = "hidden"
    ctx = house(make_context, clock, lists=lists)
    reader(ctx, "ann@people.test", delivery="each")
    for form in ("letter", "plain", "mime"):
        reader(ctx, f"{form}@people.test", digest_format=form)
    post(ctx, clock, EARLY + HOUR, "A case", "The words of a case.\n")
    issuing.run(ctx)
    assert len(letters(ctx)) == 3
    for letter in letters(ctx):
        whole = "".join(
            str(part.get_content()) for part in letter.message.walk() if part.get_content_maintype() == "text"
        )
        assert "A case" in whole and "/archive/perinatal/m/" in whole
        assert "words of a case" not in whole


def test_new_members_and_nobody_else(make_context: Callable[..., Context], clock: Clock) -> None:
    ctx = house(make_context, clock)
    reader(ctx, "ann@people.test", delivery="each")
    reader(ctx, "rita@people.test")
    new = reader(ctx, "nia@people.test", name="Nia New", delivery="each")
    with ctx.db.transaction() as tx:
        tx.exec_driver_sql(f"UPDATE subscription SET since = '2026-11-18 00:00:00' WHERE person_id = {new}")
    post(ctx, clock, EARLY + HOUR, "One")
    issuing.run(ctx)
    (letter,) = letters(ctx)
    assert "NEW AMONG US" in letter.text and "Nia New (Psychologist)" in letter.text
    assert "Rita" not in letter.text.split("NEW AMONG US")[1].split("-----")[0]


def test_empty_weeks(make_context: Callable[..., Context], clock: Clock) -> None:
    ctx = house(make_context, clock)
    reader(ctx, "rita@people.test")
    assert issuing.run(ctx).empty == 1
    assert not letters(ctx)
    data = community()["community"] | {"digest": {"empty": "note"}}
    other = house(
        make_context, clock, community=data, database="sqlite:///other.sqlite3", archive={"directory": "other"}
    )
    reader(other, "rita@people.test")
    issuing.run(other)
    assert "Nothing new was said." in letters(other)[0].text


def test_a_long_week_stays_small(make_context: Callable[..., Context], clock: Clock) -> None:
    ctx = house(make_context, clock, intake={"smtp": "127.0.0.1:0", "rate": None, "list_rate": None})
    reader(ctx, "ann@people.test", delivery="each", name="Ann Archer")
    reader(ctx, "rita@people.test")
    for number in range(260):
        words = " ".join(f"word{number}x{n}" for n in range(70))
        post(ctx, clock, EARLY + number * timedelta(minutes=10), f"Conversation {number} about something", words + "\n")
    issuing.run(ctx)
    (letter,) = letters(ctx)
    assert len(letter.raw) < 90_000
    found = re.search(r"And (\d+) more conversations", letter.text)
    told = len(re.findall(r"^\* Conversation", letter.text, re.M))
    assert found and told + int(found[1]) == 260 and told >= 50
    assert f"And {found[1]} more conversations" in letter.html
    assert max(map(len, letter.text.splitlines())) <= 72


HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "right to left": "שלום לכולם, מה דעתכם?\r\n\u202eevil\r\n".encode(),
    "emoji": "👩‍⚕️👍🏽 geht das? 🧠\r\n".encode(),
    "only a quote": b"> what somebody else said\r\n",
    "one long word": b"x" * 900 + b"\r\n",
    "markup": b"<script>alert(1)</script> {{ 7*7 }} {% raise %}\r\n",
    "lines": b"\r\n" * 3000 + b"late words\r\n",
}


@pytest.mark.parametrize("form", ["letter", "plain", "mime"])
def test_no_message_keeps_a_digest_back(make_context: Callable[..., Context], clock: Clock, form: str) -> None:
    ctx = house(make_context, clock)
    reader(ctx, "ann@people.test", delivery="each")
    reader(ctx, "rita@people.test", digest_format=form)
    for number, (name, body) in enumerate(HOSTILE.items()):
        head = mail("ann@people.test", subject=name, text="", message_id=f"<h{number}@people.test>",
                    Content_Type="text/plain; charset=utf-8", Content_Transfer_Encoding="8bit")  # fmt: skip
        post(ctx, clock, EARLY + number * HOUR, name, raw=head + body)
    kinds: list[dict[str, Any]] = [
        {"Content_Type": "text/plain; charset=iso-2022-jp", "text": "\x1b$B$3$s$K$A$O\x1b(B\n"},
        {"Content_Type": "text/plain; charset=nonsense", "text": "of no charset\n"},
        {"Content_Type": 'multipart/mixed; boundary="never"', "text": "no part at all\n"},
        {"Content_Type": "application/ms-tnef; name=winmail.dat", "text": "eJ8+IgAA\n"},
        {"Content_Type": "text/html", "text": "<table><tr><td>cell</td></tr></table><img src=http://x.test/a.png>\n"},
    ]
    for number, kind in enumerate(kinds):
        raw = mail("ann@people.test", subject=f"Kind {number}", message_id=f"<k{number}@people.test>", **kind)
        post(ctx, clock, EARLY + (20 + number) * HOUR, f"Kind {number}", raw=raw)
    assert issuing.run(ctx).sent == 1
    (letter,) = letters(ctx)
    whole = "".join(
        str(part.get_payload(decode=True) or b"", "utf-8", "replace") if part.get_content_maintype() == "text" else ""
        for part in letter.message.walk()
    ) + "".join(str(part["subject"]) for part in letter.message.walk())
    for name in (*HOSTILE, "Kind 0", "Kind 4"):
        assert name in whole, name
    assert letter.raw.isascii()
    assert "http://x.test/a.png" not in letter.html and "<script>" not in letter.html and "\u202e" not in letter.text


def test_a_message_that_we_fail_on_is_named(
    make_context: Callable[..., Context], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = house(make_context, clock)
    reader(ctx, "ann@people.test", delivery="each")
    reader(ctx, "rita@people.test")
    post(ctx, clock, EARLY + HOUR, "Good", "Fine.\n")
    post(ctx, clock, EARLY + 2 * HOUR, "Bad", "Breaks.\n")

    def broken(raw: bytes, name: str = "") -> str:
        if b"Breaks" in raw:
            raise RuntimeError("of ours")
        return excerpt(raw, name)

    monkeypatch.setattr("listserv.digest.material.excerpt", broken)
    archiver.build(ctx)
    db = archiver.index.connect(ctx.settings.archive.directory, write=True)
    db.execute("DELETE FROM message WHERE subject = 'Good'")
    db.close()
    assert issuing.run(ctx).sent == 1
    (letter,) = letters(ctx)
    assert "* Bad" in letter.text and "* Good" in letter.text and "could not be shown" in letter.text


# --- HTML that mail programs show ----------------------------------------------------------------------------------


class Checked(HTMLParser):
    """Collects what Gmail (styles in the head may go, no position, no form, no script) and Outlook (tables, no
    float, no flex) do not show as it was meant."""

    FORBIDDEN = (
        "position",
        "float",
        "flex",
        "grid",
        "background-image",
        "url(",
        "var(",
        "calc(",
        "@import",
        "expression",
    )

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.stack: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        style = values.get("style") or ""
        self.problems += [f"{tag}: {word}" for word in self.FORBIDDEN if word in style]
        if tag in ("script", "link", "form", "iframe", "object", "svg", "video", "base", "input", "button", "img"):
            self.problems.append(f"<{tag}>")
        if tag == "table" and values.get("role") != "presentation":
            self.problems.append("a table for layout without its role")
        if tag in ("p", "h1", "h2", "h3", "td", "a", "span") and not style and tag in ("p", "h1", "h2", "h3", "a"):
            self.problems.append(f"<{tag}> without a style of its own")
        if tag == "a" and not re.match(r"https?://|mailto:", values.get("href") or ""):
            self.problems.append(f"a link to {values.get('href')}")
        if any(name.startswith("on") for name in values):
            self.problems.append(f"{tag} with a script")
        if tag not in ("meta", "br"):
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.stack or self.stack.pop() != tag:
            self.problems.append(f"</{tag}> in the wrong place")


def test_html_is_what_mail_programs_show(make_context: Callable[..., Context], clock: Clock) -> None:
    ctx = house(make_context, clock)
    reader(ctx, "ann@people.test", "perinatal", "anxiety", delivery="each")
    reader(ctx, "rita@people.test", "perinatal", "anxiety")
    for number in range(4):
        post(ctx, clock, EARLY + number * HOUR, f"A {number} <b>&amp; more", "Is this & that <i>safe</i>?\n")
    post(ctx, clock, EARLY + 9 * HOUR, "Else", "Words.\n", to="anxiety@lists.test")
    issuing.run(ctx)
    html = letters(ctx)[0].html
    checked = Checked()
    checked.feed(html)
    assert not checked.problems and not checked.stack
    assert html.startswith("<!DOCTYPE html>") and '<html lang="en"' in html and 'name="color-scheme"' in html
    assert "&lt;b&gt;&amp;amp; more" in html and "<i>safe" not in html
    style = html.split("<style>")[1].split("</style>")[0]
    plain = html.replace(style, "")
    assert "color:#1f2a2a" in plain and "@media" not in plain, "without the head's styles it is still readable"
    assert len(html.encode()) < 102_000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Dear all,\n\nWhat helps?\n\nAnn\n", "What helps?"),
        ("What helps?\n\nKind regards\nAnn Archer\nPsychologist\n", "What helps?"),
        ("What helps?\n-- \nAnn\n0400 000 000\n", "What helps?"),
        ("What helps?\n\nOn Monday, Ben wrote:\n> Nothing.\n", "What helps?"),
        (
            "What helps?\n\n-----Original Message-----\nFrom: Ben <b@x.test>\nSent: Monday\nTo: c@x.test\n",
            "What helps?",
        ),
        ("What helps?\n\nVon: Ben <b@x.test>\nGesendet: Montag\nAn: c@x.test\nBetreff: x\n\nGeheim\n", "What helps?"),
        ("Ask Ann\nabout it\n", "Ask Ann about it"),
        ("Have you read https://shop.test/books/a?x=" + "1" * 90 + " yet?\n", "Have you read shop.test/… yet?"),
        ("It is at <https://x.test/short>.\n", "It is at <https://x.test/short>."),
        (" ".join(["word"] * 80), " ".join(["word"] * 60) + " …"),
        ("", ""),
    ],
)
def test_first_words(text: str, found: str) -> None:
    assert excerpt(mail(text=text), "Ann Archer") == found
