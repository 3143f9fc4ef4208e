"""A community in which one member has left her name everywhere, and everything that is stored, to be searched."""

from __future__ import annotations

import base64
import json
import sqlite3
import subprocess
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from typing import Any

from sqlalchemy import insert, inspect, select, text, update

from listserv import archiver, posts
from listserv.context import Context
from listserv.digest import issuing
from listserv.mail.incoming import read
from listserv.model import (
    Agreement,
    ArrivalState,
    Confirmation,
    Credential,
    Edition,
    Feed,
    Person,
    Role,
    RoleName,
    Session,
    Subscription,
    ThreadEdit,
)
from listserv.moderate import By, decide
from listserv.quarantine import set_aside
from tests.archives import post
from tests.conftest import NOW, community
from tests.house import put, scalar, work
from tests.people import add_person, mail

NAME = "Annabel Árcher"
FIRST, SECOND, TAGGED = "annabel@clinic.test", "a.archer@home.test", "annabel+lists@clinic.test"
NUMBER = "PSY0009988776"
KNOWN_BY = (NAME, "Árcher, Annabel", FIRST, SECOND, TAGGED, NUMBER, "annabel.archer.17@clinic.test")
LETTER = datetime(2026, 11, 16, tzinfo=UTC)


def settings(**changes: Any) -> dict[str, Any]:
    data = community(**{"web": {"listen": "127.0.0.1:0"}, **changes})
    data["lists"]["anxiety"]["moderation"] = "all"
    return data


def people(ctx: Context) -> int:
    """Annabel, who has everything a member can have; Ben, who gets letters; Mia and Owen who moderate."""
    with ctx.db.transaction() as tx:
        ann = add_person(tx, FIRST, name=NAME, lists=("perinatal", "anxiety"), moderates=("news",), aliases=(SECOND,),
                         registration=None)  # fmt: skip
        tx.execute(insert(Credential).values(person_id=ann, number=NUMBER, expires=date(2027, 11, 30)))
        add_person(tx, "ben@people.test", name="Ben Bower", lists=("perinatal",), delivery="weekly")
        tx.execute(update(Subscription).where(Subscription.delivery == "weekly").values(delivery_since=LETTER))  # type: ignore[arg-type]
        add_person(tx, "mia@people.test", name="Mia Moss", lists=("perinatal", "anxiety"), moderates=("anxiety",))
        owen = add_person(tx, "owen@people.test", name="Owen Old", lists=("perinatal",), moderates=("perinatal",))
        tx.execute(insert(Role).values(person_id=ann, list_name="perinatal", role=RoleName.OWNER))
        at = ctx.clock()
        tx.execute(insert(Agreement).values(person_id=ann, version="f" * 64, agreed_at=at, evidence=f"mail of {FIRST}"))
        tx.execute(insert(Confirmation).values(person_id=ann, address=TAGGED, kind="spf", domain="x", confirmed_at=at))
        tx.execute(insert(Session).values(person_id=ann, created_at=at, expires_at=at + timedelta(days=30)))
        tx.execute(insert(Feed).values(person_id=ann, list_name="perinatal", created_at=at))
        assert owen
    return ann


def encoded(words: str, kind: str = "base64") -> str:
    if kind == "base64":
        return base64.encodebytes(words.encode()).decode()
    return "".join(f"={octet:02X}" for octet in words.encode())


def rich_mail() -> bytes:
    """A post of hers in which every encoding hides her."""
    words = f"What would you do?\n\nKind regards\nAnnabel\n{NAME} ({NUMBER})\n-- \n{NAME}\nPhone 0491 570 156\n"
    html = f"<p>What would you do?</p><p>{NAME} <a href='mailto:{FIRST}'>write</a> Á<b>rcher</b></p>"
    pdf = f"%PDF-1.4 /Author ({NAME})"
    head = (
        f"From: =?utf-8?b?{base64.b64encode(NAME.encode()).decode()}?= <{FIRST}>\r\nTo: perinatal@lists.test,\r\n"
        f' "Annabel" <{SECOND}>\r\nCc: Mia Moss <mia@people.test>\r\nSubject: A case of mine\r\n'
        f"Date: Mon, 23 Nov 2026 18:00:00 +1100\r\nMessage-ID: <annabel.archer.17@clinic.test>\r\n"
        f"Reply-To: {SECOND}\r\nOrganization: {NAME} Pty Ltd\r\nX-Originating-IP: 203.0.113.9\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    )
    parts = (
        f"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded(words)}"
        "\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        f'{encoded(html, "qp")}\r\n--b\r\nContent-Type: application/pdf; name="CV of Annabel.pdf"\r\n'
        f"Content-Disposition: attachment; filename*=utf-8''Annabel%20%C3%81rcher.pdf\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{encoded(pdf)}\r\n--b--\r\n"
    )
    return (head + parts.replace("\r\n", "\n").replace("\n", "\r\n")).encode()


def live(ctx: Context) -> dict[str, str]:
    """A week in which she takes part; Message-IDs of what matters later."""
    ids = {"plain": post(ctx, "Sleep", f"What helps?\n\n{NAME}\n", sender=FIRST, message_id="<plain@clinic.test>")}
    raw = rich_mail()
    ids["rich"] = post(ctx, raw=raw, sender=FIRST, message_id="<annabel.archer.17@clinic.test>")
    ids["answer"] = post(
        ctx, "Re: A case of mine", "I would wait.\n", sender="mia@people.test", message_id="<answer@people.test>",
        references=ids["rich"], in_reply_to=ids["rich"], cc=f'"{NAME}" <{FIRST}>, ben@people.test',
        x_original_to=FIRST,
    )  # fmt: skip
    ids["own"] = post(
        ctx, "Re: A case of mine", "Thank you.\n", sender=TAGGED, message_id="<own2@clinic.test>",
        references=f"{ids['rich']} {ids['answer']}",
    )  # fmt: skip
    for number, words in enumerate(("One for approval", "One to refuse", "One that waits")):
        sent = mail(f"{NAME} <{FIRST}>", "anxiety@lists.test", words, f"Words of {NAME}.\n",
                    message_id=f"<held{number}@clinic.test>")  # fmt: skip
        put(ctx, sent, "anxiety@lists.test", sender=FIRST)
        work(ctx)
    numbers = [scalar(ctx, "SELECT id FROM post WHERE message_id_header = :m", m=f"<held{n}@clinic.test>")
               for n in range(3)]  # fmt: skip
    with ctx.db.transaction() as tx:
        decide(ctx, tx, numbers[0], "approve", By("Mia Moss", "mail", 3, "DKIM of people.test"))
        decide(ctx, tx, numbers[1], "reject", By("Mia Moss", "mail", 3), f"Not like this, {NAME}")
    work(ctx)
    _as_moderator(ctx)
    _in_corners(ctx)
    archiver.build(ctx)
    issuing.run(ctx, NOW + timedelta(days=7))
    return ids


def _as_moderator(ctx: Context) -> None:
    """She decides on a post of Ben's, corrects a thread and a digest."""
    put(ctx, mail("ben@people.test", "news@lists.test", "For the news"), "news@lists.test", sender="ben@people.test")
    put(ctx, mail("mia@people.test", "anxiety@lists.test", "Mia's own"), "anxiety@lists.test", sender="mia@people.test")
    number = scalar(ctx, "SELECT id FROM post WHERE subject = 'Mia''s own'")
    work(ctx)
    with ctx.db.transaction() as tx:
        ann = tx.execute(select(Person.id).where(Person.name == NAME)).scalar()  # type: ignore[call-overload]
        decide(ctx, tx, number, "reject", By(NAME, "mail", ann, "DKIM of clinic.test"), f"No, says {NAME}")
        at = ctx.clock()
        tx.execute(insert(ThreadEdit).values(list_name="perinatal", tag="a" * 16, parent="", edited_by=NAME, at=at))
        values = {"numbered": [], "dropped": [], "lead": [], "note": f"Welcome. {NAME}", "upcoming": ""}
        tx.execute(
            insert(Edition).values(list_name="anxiety", period="2026-11-01", slot_at=at, edited_by=NAME, **values)
        )


def _in_corners(ctx: Context) -> None:
    """Mail to people, refused mail, unproven mail, mail that we failed on, a reply of the relay, a rate limit."""
    put(ctx, mail(f"{NAME} <{FIRST}>", "perinatal-owner@lists.test", "To the owners", f"It is {NAME}.\n"),
        "perinatal-owner@lists.test", sender=FIRST)  # fmt: skip
    put(ctx, mail(f"{NAME} <{FIRST}>", "news@lists.test", "May not"), "news@lists.test", sender=FIRST)
    raw = mail(f"{NAME} <{TAGGED}>", "perinatal@lists.test", "Failed on", message_id="<failed@clinic.test>")
    envelope = posts.Envelope(SECOND, "192.0.2.1", "mail", "ESMTP", ctx.clock())
    incoming = read(raw, SECOND)
    with ctx.db.transaction() as tx:
        set_aside(tx, raw, envelope, ["perinatal@lists.test"], "x", f"ValueError: {FIRST}")
        set_aside(tx, mail("ben@people.test", subject="Ben's"), envelope, ["p@lists.test"], "x", f"Error: '{FIRST}'")
        tx.execute(text("UPDATE quarantine SET envelope_sender = 'ben@people.test' WHERE error LIKE 'Error:%'"))
        by_a_mailer = posts.Envelope("bounce-7@mailer.test", "192.0.2.9", "mail", "ESMTP", ctx.clock())
        set_aside(tx, raw + b"Again.\r\n", by_a_mailer, ["perinatal@lists.test"], "x", "ValueError")
        row = {
            "key": posts.duplicate_key(incoming), "raw": zlib.compress(raw), "size": 1, "envelope_sender": SECOND,
            "ip": "192.0.2.1", "helo": "x", "protocol": "ESMTP", "recipients": ["perinatal@lists.test"],
            "from_address": TAGGED, "message_id_header": "<a@x>", "proof": "", "auth": {},
            "state": ArrivalState.ASKED, "received_at": ctx.clock(), "state_since": ctx.clock(),
        }  # fmt: skip
        from listserv.model import Arrival, Attempt, Emergency

        tx.execute(insert(Arrival).values(**row))
        tx.execute(insert(Emergency).values(list_name="x", until=ctx.clock(), reason=f"because of {NAME}"))
        tx.execute(text("UPDATE delivery SET last_reply = :r WHERE recipient <> :a"),
                   {"r": f"250 queued, but not for <{FIRST.upper()}>", "a": FIRST})  # fmt: skip
        mias = tx.execute(text("SELECT id FROM delivery WHERE recipient = 'mia@people.test' LIMIT 1")).scalar()
        tx.execute(insert(Attempt).values(delivery_id=mias, at=ctx.clock(), result="failed", reply=f"550 {NAME}"))
        reasons = [{"code": "pretends", "text": "x", "detail": f"{NAME} is another", "advice": ""}]
        tx.execute(text("UPDATE post SET reasons = :r WHERE from_address = 'mia@people.test'"),
                   {"r": json.dumps(reasons)})  # fmt: skip


# --- everything that is stored, decoded --------------------------------------------------------------------------


def _decoded(data: bytes) -> Iterator[str]:
    """Bytes as they are and in every form that may hide a text: deflated, a mail with its parts and headers."""
    yield data.decode("utf-8", "replace")
    yield data.decode("latin-1")
    try:
        inner = zlib.decompress(data)
    except zlib.error:
        inner = b""
    if inner:
        yield from _decoded(inner)
    if b":" in data[:200] and b"\n" in data:
        yield from _mail(message_from_bytes(data, policy=policy.compat32))


def _mail(message: Any) -> Iterator[str]:
    for name, value in message.items():
        try:
            yield f"{name}: {make_header(decode_header(str(value)))}"
        except (LookupError, UnicodeError, ValueError):
            yield str(value)
    for part in message.walk():
        yield from (f"{name}: {value}" for name, value in part.items())
        yield str(part.get_filename() or "")
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            yield payload.decode("utf-8", "replace")
            yield payload.decode("latin-1")
        if part is not message and not part.is_multipart():
            continue
    for inner in message.get_payload() if message.get_content_type() == "message/rfc822" else ():
        yield from _mail(inner)


def rows_of(ctx: Context) -> Iterator[tuple[str, Any]]:
    """Every value of every row of the database."""
    with ctx.db.reading() as tx:
        for table in inspect(tx).get_table_names():
            for row in tx.execute(text(f'SELECT * FROM "{table}"')).mappings():
                for column, value in row.items():
                    yield f"{table}.{column}", value


def everything(ctx: Context) -> Iterator[tuple[str, str]]:
    """(place, text) of all that is on disk: rows decoded, files of database, log, index and archive raw and decoded."""
    for place, value in rows_of(ctx):
        if isinstance(value, bytes | memoryview):
            yield from ((place, one) for one in _decoded(bytes(value)))
        elif value is not None:
            yield place, str(value) if not isinstance(value, dict | list) else json.dumps(value, ensure_ascii=False)
            if isinstance(value, str) and "\\u" in value:
                yield place, json.dumps(json.loads(value), ensure_ascii=False)
    found = [ctx.settings.archive.directory]
    if ctx.settings.sqlite_path is not None:
        found.append(ctx.settings.sqlite_path.parent)
    for folder in found:
        for path in folder.rglob("*"):
            if path.is_file() and path.name != "secret.key":
                # read by another process: closing a file here would drop SQLite's locks of this one
                raw = subprocess.run(["cat", path], capture_output=True, check=False).stdout
                yield from ((path.name, one) for one in _decoded(raw))
    index = ctx.settings.archive.directory / "search.sqlite3"
    if index.is_file():
        db = sqlite3.connect(index)
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in db.execute(f'SELECT * FROM "{name}"'):
                for value in row:
                    if isinstance(value, bytes):
                        yield from ((f"index {name}", one) for one in _decoded(value))
                    elif value is not None:
                        yield f"index {name}", str(value)
        db.close()


def places(ctx: Context, *words: str) -> list[str]:
    """Where any of these words stands, in whatever case."""
    wanted = [word.casefold() for word in words]
    wanted += [word.casefold().replace("@", "%40") for word in words if "@" in word]
    found = {place for place, value in everything(ctx) if any(word in value.casefold() for word in wanted)}
    return sorted(found)


Make = Callable[..., Context]
