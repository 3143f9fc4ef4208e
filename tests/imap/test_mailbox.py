"""Mail in a mailbox becomes posts, answers and refusals as by SMTP, and is moved where it belongs: a real Dovecot."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from listserv import posts, quarantine, trace
from listserv.context import Context
from listserv.housekeeping import purge
from listserv.intake import imap, taking
from listserv.intake import mailbox as role
from tests.conftest import NOW
from tests.house import notices, put, rows, scalar, work
from tests.imap.dovecot import PASSWORD, USER, Dovecot, dovecot
from tests.imap.fetching import fetching, house, mailbox, until
from tests.people import mail, seed

Make = Callable[..., Context]
NO_DNS = {"nameservers": ["127.0.0.1:9"], "timeout": 0.2}


def delivered(raw: bytes, to: str = "perinatal@lists.test", sender: str = "ann@people.test") -> bytes:
    """As a delivering server leaves it: what it knows stands on top."""
    top = (
        f"Return-Path: <{sender}>\r\nDelivered-To: {to}\r\nReceived: by mx.people.test; {NOW:%a, %d %b %Y %T} +0000\r\n"
    )
    return top.encode() + raw


def folders(server: Dovecot) -> dict[str, int]:
    return server.counts("INBOX", "Processed", "Refused", "Quarantine")


def settled(server: Dovecot, **counts: int) -> None:
    wanted = {"INBOX": 0, "Processed": 0, "Refused": 0, "Quarantine": 0} | counts
    until(lambda: folders(server) == wanted, what=lambda: f"{wanted}, there is {folders(server)}")


def test_what_waits_is_taken_and_what_comes_later_wakes_us(server: Dovecot, make_context: Make) -> None:
    ctx = make_context(house(mailbox(server)))
    seed(ctx)
    raw = delivered(mail(subject="First"))
    server.put(raw)
    with fetching(ctx) as (box,):
        settled(server, Processed=1)
        assert box.down is None
        started = time.monotonic()
        server.put(delivered(mail(subject="Second")))
        until(lambda: scalar(ctx, "SELECT count(*) FROM post") == 2)
        woken = time.monotonic() - started  # the next look without IDLE would be in 28 minutes
        settled(server, Processed=2)
    print(f"\nfrom delivery to acceptance: {woken * 1000:.0f} ms")
    (first, second) = rows(ctx, "SELECT * FROM post ORDER BY id")
    assert (first.subject, second.subject) == ("First", "Second")
    assert (first.state, first.envelope_sender, first.peer) == ("accepted", "ann@people.test", "IMAP from 127.0.0.1")
    assert server.folder("Processed")[0] == raw
    done = rows(ctx, "SELECT outcome, moved_at FROM fetched")
    assert [row.outcome for row in done] == ["processed"] * 2 and all(row.moved_at for row in done)
    work(ctx)
    assert len(rows(ctx, "SELECT 1 FROM delivery")) == 8


def test_news_that_comes_along_with_the_answer_to_idle_is_not_slept_over(
    server: Dovecot, make_context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look and IDLE: Dovecot says EXISTS in the same breath as `+ idling`."""
    ctx = make_context(house(mailbox(server)))
    seed(ctx)
    waiting, times = imap.waiting, [0]

    def look(session: imap.Session) -> list[int]:
        found = waiting(session)
        times[0] += 1
        if times[0] == 1:
            server.put(delivered(mail(subject="Between")))
        return found

    monkeypatch.setattr(imap, "waiting", look)
    with fetching(ctx):
        settled(server, Processed=1)


@pytest.mark.parametrize(("tls", "port"), [("starttls", "port"), ("implicit", "tls_port")])
def test_tls_of_either_kind_with_a_certificate_that_is_looked_at(
    server: Dovecot, make_context: Make, monkeypatch: pytest.MonkeyPatch, tls: str, port: str
) -> None:
    box = mailbox(server, host="localhost", port=getattr(server, port), tls=tls)
    ctx = make_context(house(box))
    (account,) = ctx.settings.intake.imap
    with pytest.raises(imap.Trouble, match=r"tls: the certificate of localhost:\d+ cannot be believed"):
        imap.connect(account)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    seed(ctx)
    server.put(delivered(mail()))
    with fetching(ctx):
        settled(server, Processed=1)
    assert f"user=<{USER}>" in server.log() and ", TLS," in server.log()
    wrong = make_context(house({**box, "host": "127.0.0.1"})).settings.intake.imap[0]
    with pytest.raises(imap.Trouble, match="cannot be believed: IP address mismatch"):
        imap.connect(wrong)


def test_a_wrong_password_is_said_once_and_not_tried_in_a_hurry(
    server: Dovecot, make_context: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("IMAP_PASSWORD", "not the pass word")
    monkeypatch.setattr(role, "REFUSED", 0.1)
    ctx = make_context(house(mailbox(server)))
    before = server.log().count("auth failed")
    with caplog.at_level(logging.DEBUG, logger="listserv"), fetching(ctx) as (box,):
        until(lambda: server.log().count("auth failed") >= before + 3, what="three tries")
        assert box.down and box.down.startswith("password_env: 127.0.0.1 does not let lists@people.test in")
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) == 1 and "IMAP_PASSWORD" in said[0] and "[AUTHENTICATIONFAILED]" in said[0]
    assert "not the pass word" not in caplog.text
    assert role.REFUSED_AT_MOST >= 900


def test_without_the_password_in_the_environment_nothing_is_sent(
    server: Dovecot, make_context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMAP_PASSWORD")
    (account,) = make_context(house(mailbox(server))).settings.intake.imap
    with pytest.raises(imap.Trouble, match="password_env: the environment has no IMAP_PASSWORD"):
        imap.connect(account)


def test_a_folder_that_is_not_there_is_named_and_taken_up_when_it_comes(
    server: Dovecot, make_context: Make, caplog: pytest.LogCaptureFixture
) -> None:
    ctx = make_context(house(mailbox(server, folder="Lists")))
    seed(ctx)
    with fetching(ctx) as (box,):
        until(lambda: box.down and box.down.startswith("folder: 'Lists' cannot be opened"))
        with server.client() as client:
            client.create_folder("Lists")
        server.put(delivered(mail()), folder="Lists")
        until(lambda: server.count("Processed") == 1)
        assert box.down is None
    assert "the folders are INBOX" in caplog.text and "can be read again" in caplog.text


def test_a_folder_that_is_renamed_and_renamed_back_loses_nothing(server: Dovecot, make_context: Make) -> None:
    with server.client() as client:
        client.create_folder("Lists")
    ctx = make_context(house(mailbox(server, folder="Lists", poll="1s")))
    seed(ctx)
    server.put(delivered(mail(subject="Before")), folder="Lists")
    with fetching(ctx) as (box,):
        until(lambda: server.count("Processed") == 1)
        with server.client() as client:
            client.rename_folder("Lists", "Elsewhere")
        server.put(delivered(mail(subject="Meanwhile")), folder="Elsewhere")
        until(lambda: box.down or server.count("Processed") == 2)
        with server.client() as client:
            client.rename_folder("Elsewhere", "Lists")
        server.put(delivered(mail(subject="After")), folder="Lists")
        until(lambda: server.counts("Lists", "Processed") == {"Lists": 0, "Processed": 3}, 30)
        assert box.down is None
    assert [row.subject for row in rows(ctx, "SELECT subject FROM post ORDER BY id")] == [
        "Before",
        "Meanwhile",
        "After",
    ]


def test_one_mailbox_for_each_list_and_one_for_the_rest(server: Dovecot, make_context: Make) -> None:
    with server.client() as client:
        for name in ("Perinatal", "Anxiety"):
            client.create_folder(name)
    boxes = [
        mailbox(server, folder="Perinatal", list="perinatal"),
        mailbox(server, folder="Anxiety", list="anxiety"),
        mailbox(server),
    ]
    ctx = make_context(house(*boxes))
    seed(ctx)
    both = mail(subject="Both", to="perinatal@lists.test, anxiety@lists.test")
    server.put(both, delivered(mail(subject="Hidden", to="someone@people.test"), "box@people.test"), folder="Perinatal")
    server.put(both, folder="Anxiety")
    server.put(delivered(mail(subject="Rest", to="news@lists.test", sender="mia@people.test"), "news@lists.test"))
    with fetching(ctx):
        until(lambda: server.count("Processed") == 4)
    found = {(row.subject, row.list_name) for row in rows(ctx, "SELECT subject, list_name FROM post")}
    assert found == {("Both", "perinatal"), ("Both", "anxiety"), ("Hidden", "perinatal"), ("Rest", "news")}
    assert len(rows(ctx, "SELECT DISTINCT origin_id FROM post WHERE subject = 'Both'")) == 1


def test_a_forged_delivered_to_below_the_servers_own_does_not_win(server: Dovecot, make_context: Make) -> None:
    ctx = make_context(house(mailbox(server)))
    seed(ctx)
    forged = b"Delivered-To: news@lists.test\r\nX-Original-To: news@lists.test\r\n" + mail(to="perinatal@lists.test")
    server.put(delivered(forged, "anxiety@lists.test"))
    with fetching(ctx):
        settled(server, Processed=1)
    assert scalar(ctx, "SELECT list_name FROM post") == "anxiety"


def test_a_refused_post_goes_to_refused_and_only_the_proven_author_is_told(server: Dovecot, make_context: Make) -> None:
    ctx = make_context(house(mailbox(server)))
    seed(ctx)
    server.put(
        delivered(mail(sender="sue@people.test", message_id="<1@people.test>"), sender="sue@people.test"),
        delivered(mail(sender="who@strangers.test", message_id="<2@strangers.test>"), sender="who@strangers.test"),
    )
    with fetching(ctx):
        settled(server, Refused=2)
    (told,) = notices(ctx)
    assert (told.kind, told.recipient) == ("refused-lists", "sue@people.test")
    assert "perinatal" in told.text
    assert scalar(ctx, "SELECT count(*) FROM post") == 0 and scalar(ctx, "SELECT count(*) FROM message") == 0
    with ctx.db.reading() as tx:
        (event,) = trace.trace(tx, "<2@strangers.test>")
    assert event["event"].startswith("reject by perinatal: ")


def test_unproven_mail_waits_for_a_confirmation_and_nobody_hears_of_it(server: Dovecot, make_context: Make) -> None:
    ctx = make_context(house(mailbox(server), authentication={"unverified": "confirm"}, dns=NO_DNS))
    seed(ctx)
    unsigned = delivered(mail(sender="who@strangers.test"), sender="who@strangers.test")
    server.put(delivered(mail()), unsigned)
    with fetching(ctx):
        settled(server, Processed=2)
    assert not notices(ctx)
    work(ctx)
    (asked,) = notices(ctx)
    assert (asked.kind, asked.recipient) == ("sender", "ann@people.test")
    (row,) = rows(ctx, "SELECT reasons, peer FROM refusal")
    assert (row.reasons, row.peer) == ("unproven-stranger", "IMAP from 127.0.0.1")


def test_what_the_server_of_the_mailbox_found_counts_if_it_stands_on_top(server: Dovecot, make_context: Make) -> None:
    trusted = {"unverified": "confirm", "authserv_ids": ["mx.people.test"]}
    ctx = make_context(
        house(mailbox(server), authentication=trusted, dns={"nameservers": ["127.0.0.1:9"], "timeout": 0.2})
    )
    seed(ctx)
    passed = b"Authentication-Results: mx.people.test; dmarc=pass header.from=people.test\r\n"
    failed = b"Authentication-Results: mx.people.test; dmarc=fail header.from=people.test\r\n"
    server.put(delivered(passed + mail(subject="Good")), delivered(failed + passed + mail(subject="Forged")))
    with fetching(ctx):
        settled(server, Processed=2)
    (post,) = rows(ctx, "SELECT subject, proof FROM post")
    assert (post.subject, post.proof) == ("Good", "DMARC of people.test, as mx.people.test found")
    assert scalar(ctx, "SELECT count(*) FROM arrival") == 1


def test_what_dns_does_not_answer_waits_and_does_not_hold_up_the_rest(
    server: Dovecot, make_context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = {"unverified": "confirm", "authserv_ids": ["mx.people.test"]}
    ctx = make_context(house(mailbox(server), authentication=trusted, dns=NO_DNS))
    seed(ctx)
    passed = b"Authentication-Results: mx.people.test; dmarc=pass header.from=people.test\r\n"
    signature = b"DKIM-Signature: v=1; a=rsa-sha256; d=people.test; s=s; h=from; bh=aGFsbG8=; b=aGFsbG8=\r\n"
    server.put(delivered(signature + mail(subject="Undecided")), delivered(passed + mail(subject="Decided")))
    with fetching(ctx):
        settled(server, INBOX=1, Processed=1)
    assert scalar(ctx, "SELECT subject FROM post") == "Decided"
    assert scalar(ctx, "SELECT count(*) FROM arrival") == 0
    monkeypatch.setattr(role, "PATIENCE", -1.0)
    monkeypatch.setattr(role.Delay, "later", lambda delay: setattr(delay, "until", time.monotonic() + 0.1))
    with fetching(ctx):
        settled(server, Processed=2)
    assert "could not be checked" in scalar(ctx, "SELECT proof FROM arrival")


def test_what_we_fail_on_goes_to_quarantine_and_is_kept(
    server: Dovecot, make_context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = make_context(house(mailbox(server)))
    seed(ctx)
    raw = delivered(mail())
    server.put(raw)
    with monkeypatch.context() as patch, fetching(ctx):
        patch.setattr(posts, "decide", lambda _: 1 / 0)
        settled(server, Quarantine=1)
    with ctx.db.reading() as tx:
        (row,) = quarantine.waiting(tx)
    assert quarantine.message(row) == raw and row.protocol == "IMAP" and "ZeroDivisionError" in row.error
    with server.client() as client:  # somebody mends it and puts the message back
        client.select_folder("Quarantine")
        client.move(client.search(["ALL"]), "INBOX")
    with fetching(ctx):
        settled(server, Processed=1)
    assert scalar(ctx, "SELECT count(*) FROM post") == 1


def test_what_stops_us_before_acceptance_is_quarantined_too(
    server: Dovecot, make_context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = make_context(house(mailbox(server)))
    seed(ctx)
    server.put(delivered(mail()))
    monkeypatch.setattr(taking.delivered, "recipients", lambda *_: 1 / 0)
    with fetching(ctx):
        settled(server, Quarantine=1)
    assert scalar(ctx, "SELECT stage FROM quarantine") == "imap"


def test_what_is_too_large_is_never_loaded(
    server: Dovecot, make_context: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ctx = make_context(house(mailbox(server), intake={"max_size": "300kB"}))
    seed(ctx)
    loaded: list[int] = []
    fetch = imap.fetch

    def counted(session: imap.Session, uids: list[int], limit: int) -> dict[int, bytes]:
        found = fetch(session, uids, limit)
        loaded.extend(map(len, found.values()))
        return found

    monkeypatch.setattr(imap, "fetch", counted)
    large = delivered(mail(subject="Large", text="line\n" * 100_000, message_id="<large@people.test>"))
    medium = delivered(mail(subject="Medium", text="line\n" * 40_000))
    server.put(large, medium, delivered(mail(subject="Small")))
    with fetching(ctx):
        settled(server, Processed=2, Refused=1)
    assert sorted(loaded) == sorted([len(medium), len(delivered(mail(subject="Small")))])
    assert "too big, about" in caplog.text
    with ctx.db.reading() as tx:
        (event,) = trace.trace(tx, "<large@people.test>")
    assert event["event"] == "reject by community: too-big" and "300000 octets" in event["reply"]


def test_a_server_that_lies_about_sizes_does_not_fill_our_memory(
    server: Dovecot, make_context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = make_context(house(mailbox(server), intake={"max_size": "300kB"}))
    seed(ctx)
    monkeypatch.setattr(imap, "sizes", lambda session, uids: dict.fromkeys(uids, 1000))
    medium = delivered(mail(subject="Medium", text="line\n" * 40_000))
    server.put(delivered(mail(text="line\n" * 100_000)), medium, delivered(mail(subject="Small")))
    with fetching(ctx):
        settled(server, Processed=2, Refused=1)
    assert scalar(ctx, "SELECT max(size) FROM message") == len(medium)


def test_what_names_none_of_us_or_cannot_be_read_is_refused_and_said_why(server: Dovecot, make_context: Make) -> None:
    ctx = make_context(house(mailbox(server)))
    seed(ctx)
    server.put(
        delivered(mail(to="somebody@people.test", message_id="<none@people.test>"), USER),
        delivered(b"".join(b"X-%d: %s\r\n" % (number, b"y" * 900) for number in range(300)) + mail()),
    )
    server.deliver([delivered(mail(text="a MARK b\n", message_id="<bare@people.test>").replace(b"MARK", b"\r"))])
    with fetching(ctx):
        settled(server, Refused=3)
    reasons = {row.reasons for row in rows(ctx, "SELECT reasons FROM refusal")}
    assert reasons == {"no-recipient", "bare-newline", "too-complex"}
    with ctx.db.reading() as tx:
        assert "no-recipient" in trace.trace(tx, "<none@people.test>")[0]["event"]
        assert "stands alone" in trace.trace(tx, "<bare@people.test>")[0]["reply"]
    assert not notices(ctx)


def test_the_same_post_by_smtp_and_from_the_mailbox_is_one(server: Dovecot, make_context: Make) -> None:
    ctx = make_context(house(mailbox(server)))
    seed(ctx)
    raw = mail(message_id="<one@people.test>")
    assert put(ctx, raw)[0].code == 250
    server.put(delivered(raw), delivered(b"X-Way: other\r\n" + raw))
    with fetching(ctx):
        settled(server, Processed=2)
    assert scalar(ctx, "SELECT count(*) FROM post") == 1


def _without_moving(monkeypatch: pytest.MonkeyPatch, ctx: Context, wanted: int) -> None:
    """The daemon dies after the commit and before the move."""

    def dies(*_: object) -> None:
        raise imap.Lost("cut")

    with monkeypatch.context() as patch:
        patch.setattr(imap, "move", dies)
        with fetching(ctx):
            until(lambda: scalar(ctx, "SELECT count(*) FROM fetched") == wanted)


def test_killed_between_commit_and_move_it_is_moved_and_nothing_else(
    server: Dovecot, make_context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = make_context(house(mailbox(server)))
    seed(ctx)
    server.put(delivered(mail()), delivered(mail(sender="sue@people.test"), sender="sue@people.test"))
    _without_moving(monkeypatch, ctx, 2)
    assert folders(server)["INBOX"] == 2 and len(notices(ctx)) == 1
    with fetching(ctx):
        settled(server, Processed=1, Refused=1)
    assert scalar(ctx, "SELECT count(*) FROM post") == 1 and len(notices(ctx)) == 1
    assert scalar(ctx, "SELECT count(*) FROM fetched WHERE moved_at IS NULL") == 0


def test_a_mailbox_with_another_uidvalidity_brings_nothing_twice(
    server: Dovecot, make_context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = make_context(house(mailbox(server)))
    seed(ctx)
    server.put(
        delivered(mail(subject="Post")),
        delivered(mail(sender="sue@people.test"), sender="sue@people.test"),
        delivered(mail(to="community-request@lists.test", subject="help"), "community-request@lists.test"),
    )
    _without_moving(monkeypatch, ctx, 3)
    before = [(note.kind, note.recipient) for note in notices(ctx)]
    old = server.uidvalidity()
    server.forget()
    assert server.uidvalidity() != old and server.count() == 3
    with fetching(ctx):
        settled(server, Processed=2, Refused=1)
    assert [(note.kind, note.recipient) for note in notices(ctx)] == before
    assert scalar(ctx, "SELECT count(*) FROM post") == 1
    assert scalar(ctx, "SELECT count(DISTINCT uidvalidity) FROM fetched") == 2


def test_a_mailbox_put_back_from_a_backup_brings_nothing_twice(server: Dovecot, make_context: Make) -> None:
    ctx = make_context(house(mailbox(server)))
    seed(ctx)
    command = delivered(mail(to="community-request@lists.test", subject="help"), "community-request@lists.test")
    server.put(command)
    with fetching(ctx):
        settled(server, Processed=1)
        told = len(notices(ctx))
        server.put(command)
        settled(server, Processed=2)
    assert told and len(notices(ctx)) == told


def test_rows_are_forgotten_when_nobody_needs_them_any_more(server: Dovecot, make_context: Make) -> None:
    import asyncio

    now = [NOW]
    ctx = make_context(house(mailbox(server)), clock=lambda: now[0])
    seed(ctx)
    server.put(delivered(mail()))
    with fetching(ctx):
        settled(server, Processed=1)
    with ctx.db.transaction() as tx:
        tx.execute(
            text(
                "INSERT INTO fetched (mailbox, uidvalidity, uid, content, outcome, why, at)"
                " SELECT mailbox, 1, 1, 'x', 'processed', '', at FROM fetched"
            )
        )
    for days, left in ((89, 2), (2, 1)):
        now[0] += timedelta(days=days)
        asyncio.run(purge(ctx))
        assert scalar(ctx, "SELECT count(*) FROM fetched") == left
    with fetching(ctx) as (box,):  # a row of a folder that is gone goes when the folder is looked at
        until(lambda: box.down is None)
    assert scalar(ctx, "SELECT count(*) FROM fetched") == 0


def test_a_moderators_reply_in_the_mailbox_approves_exactly_once(server: Dovecot, make_context: Make) -> None:
    ctx = make_context(house(mailbox(server), lists={"perinatal": {"moderation": "all", "approval_delay": 0}}))
    seed(ctx)
    server.put(delivered(mail(message_id="<held@people.test>")))
    with fetching(ctx):
        settled(server, Processed=1)
        work(ctx)
        (held,) = [note for note in notices(ctx, to="mia@people.test") if "held:" in note.subject]
        reply = mail("mia@people.test", held.reply_to, f"Re: {held.subject}", "approve\n\n> quoted\n")
        server.put(*[delivered(reply, held.reply_to, "mia@people.test")] * 3)
        settled(server, Processed=4)
        work(ctx)
    assert scalar(ctx, "SELECT state FROM post") == "released"
    assert [row.verb for row in rows(ctx, "SELECT verb FROM decision")] == ["approve"]
    assert not notices(ctx, "already", "mia@people.test")


def test_two_machines_on_one_mailbox_take_each_message_once(server: Dovecot, make_context: Make) -> None:
    ctx = make_context(house(mailbox(server)))
    other = make_context(house(mailbox(server)))
    seed(ctx)
    server.deliver([delivered(mail("sue@people.test", text=f"{n}\n"), sender="sue@people.test") for n in range(40)])
    with fetching(ctx), fetching(other):
        settled(server, Refused=40)
    assert scalar(ctx, "SELECT count(*) FROM refusal") == 40
    assert scalar(ctx, "SELECT count(*) FROM fetched") == 40


@pytest.mark.postgresql
def test_the_same_on_postgresql(server: Dovecot, make_context: Make, postgresql: str, tmp_path: Path) -> None:
    data = house(mailbox(server), database=postgresql)
    ctx, other = make_context(data), make_context(data)
    seed(ctx)
    server.deliver([delivered(mail(text=f"{n}\n")) for n in range(40)])
    with fetching(ctx), fetching(other):
        settled(server, Processed=40)
    assert scalar(ctx, "SELECT count(*) FROM post") == 40
    assert scalar(ctx, "SELECT count(*) FROM fetched") == 40


def test_a_server_that_is_restarted_is_found_again(
    make_context: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("IMAP_PASSWORD", PASSWORD)
    with dovecot() as server:
        ctx = make_context(house(mailbox(server)))
        seed(ctx)
        with fetching(ctx) as (box,):
            until(lambda: box.down is None)
            server.stop()
            until(lambda: box.down and "cannot be reached" in box.down)
            time.sleep(1.5)
            server.start()
            server.put(delivered(mail()))
            settled(server, Processed=1)
            assert box.down is None
    assert len(re.findall("cannot be reached: Connection refused", caplog.text)) == 1


@pytest.mark.parametrize(
    ("capability", "idle"),
    [
        ("IMAP4rev1 NAMESPACE UIDPLUS", False),  # no MOVE: copied, marked, and only ours expunged
        ("IMAP4rev1 IDLE", True),  # not even UIDPLUS
        ("IMAP4rev1", False),
    ],
)
def test_servers_that_can_do_less(
    make_context: Make, monkeypatch: pytest.MonkeyPatch, capability: str, idle: bool
) -> None:
    monkeypatch.setenv("IMAP_PASSWORD", PASSWORD)
    with dovecot(capability=capability) as server:
        ctx = make_context(house(mailbox(server, poll="28min" if idle else "1s")))
        seed(ctx)
        somebodys = delivered(mail(subject="Deleted by hand, not expunged"))
        server.put(somebodys)
        with server.client() as client:
            client.select_folder("INBOX")
            client.delete_messages([1])
        server.put(delivered(mail(subject="One")))
        with fetching(ctx):
            settled(server, Processed=1)
            server.put(delivered(mail(subject="Two")))
            settled(server, Processed=2)
        with server.client() as client:
            client.select_folder("INBOX")
            assert 1 in client.search(["DELETED"])
        assert [row.subject for row in rows(ctx, "SELECT subject FROM post ORDER BY id")] == ["One", "Two"]
        if "UIDPLUS" in capability:
            with server.client() as client:
                client.select_folder("INBOX")
                assert client.search(["ALL"]) == [1]


def test_folders_go_where_the_server_wants_them(make_context: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAP_PASSWORD", PASSWORD)
    with dovecot(prefix="INBOX.", separator=".") as server:
        ctx = make_context(house(mailbox(server)))
        seed(ctx)
        server.put(delivered(mail()))
        with fetching(ctx):
            until(lambda: server.count("INBOX.Processed") == 1)


def test_a_folder_of_ours_that_somebody_deletes_is_made_again(server: Dovecot, make_context: Make) -> None:
    ctx = make_context(house(mailbox(server)))
    seed(ctx)
    with fetching(ctx) as (box,):
        until(lambda: box.down is None)
        with server.client() as client:
            client.delete_folder("Processed")
        server.put(delivered(mail()))
        settled(server, Processed=1)


def test_ten_thousand_uids_are_looked_through_in_windows(
    server: Dovecot, make_context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "MANY", 10)
    monkeypatch.setattr(imap, "WINDOW", 7)
    ctx = make_context(house(mailbox(server)))
    seed(ctx)
    server.deliver([delivered(mail(text=f"{n}\n")) for n in range(60)])
    with fetching(ctx):
        settled(server, Processed=60)
    assert scalar(ctx, "SELECT count(*) FROM post") == 60
