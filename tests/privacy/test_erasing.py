"""After an erasure nothing that is stored names the person: proved by decoding all of it. All else is as it was."""

from __future__ import annotations

import asyncio
import sqlite3
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text, update

from listserv import archiver, claims, distribute, privacy
from listserv.archiver.importing import import_mbox
from listserv.context import Context
from listserv.edge import forgetting
from listserv.edge.relay import Copy, Outcome, Result
from listserv.mail.mbox import written
from listserv.mail.threads import tag_of
from listserv.model import Feed, Person, Role, RoleName, Session
from listserv.privacy import erasing, inventory, scanning
from listserv.privacy.inventory import Is
from tests import archives
from tests.conftest import NOW
from tests.house import put, rows, scalar, work
from tests.people import add_person, mail
from tests.privacy import world
from tests.privacy.world import FIRST, KNOWN_BY, NAME, SECOND

BOTH = pytest.mark.parametrize(
    "house", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)
EVERYWHERE = {
    "1.pdf", "2026-11.html", "index.html", "address.email", "agreement.evidence", "arrival.raw", "attempt.reply",
    "credential.number", "decision.decided_by", "decision.reason", "delivery.last_reply", "edition.note",
    "emergency.reason", "index fragment", "index words_content", "message.raw", "notice.raw", "person.name",
    "post.from_name", "post.reasons", "quarantine.error", "quarantine.raw", "search.sqlite3", "threadedit.edited_by",
}  # fmt: skip


@pytest.fixture
def house(request: pytest.FixtureRequest, make_context: Callable[..., Context]) -> Context:
    if getattr(request, "param", "sqlite") == "sqlite":
        return make_context(world.settings())
    return make_context(world.settings(database=request.getfixturevalue("postgresql")))


def erase(ctx: Context, address: str = FIRST, *, posts: bool = False) -> privacy.Survey:
    found = privacy.survey(ctx, address)
    privacy.erase(ctx, found, posts=posts)
    return found


@BOTH
@pytest.mark.parametrize("posts", [False, True])
def test_nothing_that_is_stored_names_the_person_any_more(house: Context, posts: bool) -> None:
    world.people(house)
    world.live(house)
    assert set(world.places(house, *KNOWN_BY)) >= EVERYWHERE, "the search finds what is there"
    erase(house, SECOND.upper(), posts=posts)
    assert world.places(house, *KNOWN_BY) == []
    assert not privacy.is_unfinished(house)
    archiver.build(house, full=True)
    assert world.places(house, *KNOWN_BY) == []


def test_posts_stay_as_those_of_one_former_member_in_their_conversations(house: Context) -> None:
    world.people(house)
    ids = world.live(house)
    before = archives.threads(house)
    erase(house)
    renamed = {ids[name]: f"<{tag_of(ids[name])}@erased.invalid>" for name in ("plain", "rich", "own")}
    assert archives.threads(house) == sorted([[renamed.get(one, one) for one in thread] for thread in before])
    page = archives.files(house.settings.archive.directory)[f"perinatal/t/{tag_of(ids['rich'])}.html"].decode()
    assert page.count(">former member</a></h2>") == 2 and "What would you do?" in page and "Phone" not in page
    assert "erased.invalid</span>" not in page and "A file was here" in page
    authors = {
        row["author"] for row in archives.table(house, "SELECT author FROM message WHERE name = 'former member'")
    }
    assert len(authors) == 1
    answer = archives.post(
        house, "Re: A case of mine", "Later.\n", sender="mia@people.test", message_id="<late@x.test>",
        in_reply_to=ids["rich"], references=ids["rich"],
    )  # fmt: skip
    archiver.update(house)
    whole = next(thread for thread in archives.threads(house) if answer in thread)
    assert renamed[ids["rich"]] in whole, "answers to copies that others have find their conversation"
    assert archiver.build(house, full=True).written == 0


def test_posts_that_go_leave_their_place_alone(house: Context) -> None:
    world.people(house)
    ids = world.live(house)
    before = [len(thread) for thread in archives.threads(house)]
    erase(house, posts=True)
    assert sorted(len(thread) for thread in archives.threads(house)) == sorted(before)
    pages = b"".join(archives.files(house.settings.archive.directory).values())
    assert b"This message was taken back" in pages and b"What would you do?" not in pages and b"A case" in pages
    assert b"I would wait" in pages and ids
    states = {row.state for row in rows(house, "SELECT state FROM post WHERE from_name = 'former member'")}
    assert states == {"recalled", "rejected", "withdrawn"}
    raws = rows(house, "SELECT m.raw FROM message m JOIN post p ON p.message_id = m.id WHERE p.state = 'recalled'")
    assert all(b"Subject" not in zlib.decompress(row.raw) for row in raws)


def test_what_others_do_goes_on(house: Context) -> None:
    """The decision stands, the letter can be answered, waiting mail of others is sent, hers is not."""
    world.people(house)
    world.live(house)
    waiting = scalar(house, "SELECT COUNT(*) FROM delivery WHERE recipient = 'owen@people.test' AND state = 'pending'")
    assert waiting
    erase(house)
    decision = rows(house, "SELECT * FROM decision WHERE decided_by = 'former moderator'")
    assert [row.verb for row in decision] == ["reject"] and decision[0].person_id is None
    letter = rows(house, "SELECT n.raw FROM notice n JOIN issue i ON i.notice_id = n.id")
    assert len(letter) == 1 and b"former member" in zlib.decompress(letter[0].raw)
    left = rows(house, "SELECT state, post_id, notice_id FROM delivery WHERE recipient = 'mia@people.test'")
    own = {row.id for row in rows(house, "SELECT id FROM post WHERE from_name = 'former member'")}
    assert all(row.state == "suppressed" for row in left if row.post_id in own)
    empty = {row.id for row in rows(house, "SELECT id FROM notice WHERE length(raw) = 0")}
    assert all(row.state == "suppressed" for row in left if row.notice_id in empty)
    assert any(row.state == "pending" for row in left)
    assert scalar(house, "SELECT COUNT(*) FROM token WHERE purpose = 'moderate'"), "questions to others stay"
    put(house, mail("mia@people.test", subject="Another day", message_id="<d@x>"), sender="mia@people.test")
    work(house)
    assert scalar(house, "SELECT state FROM post WHERE message_id_header = '<d@x>'") == "released"


@BOTH
def test_every_column_in_which_somebody_can_be_named_is_cleared(house: Context) -> None:
    """Each of them, in every row that is not hers, is given her name: whoever adds one finds it cleared, or fails."""
    world.people(house)
    world.live(house)
    poisoned = []
    with house.db.transaction() as tx:
        for kind in (Is.WORDS, Is.NAMED):
            for table, column in inventory.columns_that_are(kind):
                value: Any = NAME if str(column.type) != "JSON" else [{"code": "x", "text": f"{NAME} <{SECOND}>"}]
                if tx.execute(update(table).values({column.name: value})).rowcount:
                    poisoned.append(f"{table.name}.{column.name}")
        for table, names in (("post", ("proof", "sent_as", "peer")), ("decision", ("proof",))):
            for name in names:
                tx.execute(text(f"UPDATE {table} SET {name} = :n WHERE person_id = 1"), {"n": FIRST})
        tx.execute(text("UPDATE post SET auth = :a WHERE person_id = 1"), {"a": f'{{"results": [["spf", "{FIRST}"]]}}'})
    assert len(poisoned) >= 11
    erase(house)
    assert world.places(house, *KNOWN_BY) == []


def test_what_others_wrote_stays_and_is_counted(house: Context) -> None:
    world.people(house)
    archives.post(house, "Sleep", sender=FIRST, message_id="<sleep@clinic.test>")
    quoting = f"On Monday, {NAME} <{FIRST}> wrote:\n> What would you do?\n\nThis.\n"
    raw = mail("mia@people.test", f"{NAME} <{FIRST}>", "Re: Sleep", quoting, message_id="<q@people.test>",
               cc="perinatal@lists.test")  # fmt: skip
    archives.post(house, raw=raw, sender="mia@people.test")
    archiver.build(house)
    found = erase(house)
    number = scalar(house, "SELECT id FROM post WHERE message_id_header = '<q@people.test>'")
    assert found.traces.mentions == [number]
    kept = zlib.decompress(scalar(house, "SELECT raw FROM message WHERE id = :n", n=number)).decode()
    head, _, body = kept.partition("\r\n\r\n")
    assert NAME in body and "> What would you do?" in body and FIRST not in head and "mia@people.test" in head


def test_an_address_that_is_nobodys_is_forgotten_as_well(house: Context, tmp_path: Any) -> None:
    box = tmp_path / "old.mbox"
    stranger = "Olga Outsider <olga@old.test>"
    raws = [mail(stranger, subject="Old days", text="Yours\nOlga Outsider\n", message_id="<olga.1@old.test>")]
    raws.append(mail("Pat Past <pat@old.test>", subject="Re: Old days", message_id="<p@old.test>",
                     in_reply_to="<olga.1@old.test>"))  # fmt: skip
    box.write_bytes(b"".join(written(raw.replace(b"2026", b"2025"), NOW) for raw in raws))
    import_mbox(house, "perinatal", box)
    archiver.build(house)
    assert world.places(house, "olga@old.test", "Olga Outsider")
    found = erase(house, "olga@old.test")
    assert found.someone.number is None and found.counts["posts"] == 1
    assert world.places(house, "olga@old.test", "Olga Outsider", "olga.1@") == []
    assert len(archives.threads(house)[0]) == 2 and world.places(house, "Pat Past")
    assert privacy.survey(house, "olga@old.test").empty


def test_a_namesake_keeps_her_name(house: Context) -> None:
    world.people(house)
    archives.post(house, "Sleep", sender=FIRST)
    with house.db.transaction() as tx:
        add_person(tx, "other@people.test", name=NAME, lists=("perinatal",))
    found = erase(house)
    assert any("the same name" in words for words in found.warnings)
    assert scalar(house, "SELECT COUNT(*) FROM person WHERE name = :n", n=NAME) == 1
    assert world.places(house, FIRST, SECOND) == []


# --- interrupted, and meanwhile ----------------------------------------------------------------------------------


class Killed(BaseException):
    """As if the process had been killed here."""


PLACES = [
    (scanning, "_clear_mails"), (scanning, "clear_notices"), (scanning, "_clear_words"), (erasing, "_posts"),
    (erasing, "_decided"), (erasing, "_person_row"), (erasing, "finish"), (archiver, "forget"), (forgetting, "tidy"),
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(PLACES)), ids=[name for _, name in PLACES])
def test_killed_anywhere_and_run_again_it_is_done(house: Context, monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    world.people(house)
    world.live(house)
    module, name = PLACES[place]
    real = getattr(module, name)

    def dying(*words: Any, **more: Any) -> Any:
        if name not in ("finish", "forget", "tidy"):
            real(*words, **more)
        raise Killed

    monkeypatch.setattr(module, name, dying)
    with pytest.raises(Killed):
        erase(house)
    monkeypatch.setattr(module, name, real)
    found = privacy.survey(house, FIRST)
    committed = name in ("finish", "forget", "tidy")
    assert found.empty == committed and privacy.is_unfinished(house) == committed
    if committed:
        privacy.finish(house)
    else:
        privacy.erase(house, found)
    assert world.places(house, *KNOWN_BY) == [] and not privacy.is_unfinished(house)


def test_numbers_in_links_are_not_given_out_again(house: Context) -> None:
    """Whoever logs in after the erasure of the newest session gets another number: her old cookie opens nothing."""
    with house.db.transaction() as tx:
        add_person(tx, "ben@people.test", name="Ben Bower", lists=("perinatal",))
        ann = add_person(tx, FIRST, name=NAME, lists=("perinatal",))
        at = house.clock()
        tx.execute(insert(Session).values(person_id=ann, created_at=at, expires_at=at + timedelta(days=30)))
        tx.execute(insert(Feed).values(person_id=ann, list_name="perinatal", created_at=at))
    archives.post(house, "Sleep", sender=FIRST)
    old = {name: scalar(house, f"SELECT MAX(id) FROM {name}") for name in ("session", "feed", "subscription", "person")}
    last = scalar(house, "SELECT MAX(id) FROM delivery")
    erase(house)
    ended = rows(house, "SELECT * FROM session")
    assert len(ended) == 1 and str(ended[0].expires_at)[:19] <= str(NOW)[:19]
    assert rows(house, "SELECT revoked_at FROM feed")[0].revoked_at and world.places(house, *KNOWN_BY) == []
    with house.db.transaction() as tx:
        mia = add_person(tx, "mia@people.test", lists=("perinatal",))
        tx.execute(insert(Session).values(person_id=mia, created_at=at, expires_at=at + timedelta(days=30)))
        tx.execute(insert(Feed).values(person_id=mia, list_name="perinatal", created_at=at))
    archives.post(house, "Another", sender="mia@people.test")
    for name, number in old.items():
        assert scalar(house, f"SELECT MAX(id) FROM {name}") > number, name
    assert scalar(house, "SELECT MAX(id) FROM delivery") > last
    with house.db.transaction() as tx:
        assert erasing.sweep(tx) == 1
    assert scalar(house, "SELECT COUNT(*) FROM person") == 2 and scalar(house, "SELECT COUNT(*) FROM session") == 1


@BOTH
def test_copies_that_are_being_sent_meanwhile_are_written_down_without_harm(house: Context) -> None:
    world.people(house)
    archives.post(house, "Sleep", sender="mia@people.test")
    with house.db.transaction() as tx:
        claimed = claims.claim(tx, "here:1:1", NOW)
    hers = next(row for row in claimed if row.recipient == FIRST)
    found = erase(house)
    assert any("being sent just now" in words for words in found.warnings)
    copy = Copy(hers.id, "x@lists.test", FIRST, (b"",), 0, eightbit=False, utf8=False)
    for result in (Result.FAILED, Result.DEFERRED, Result.SENT):
        outcome = Outcome(copy, result, 550, "no", "data") if result is not Result.SENT else None
        with house.db.transaction() as tx:
            claims.record(tx, [(outcome or Outcome(copy, result, 250, "ok", "data"), hers)], NOW)
    assert scalar(house, "SELECT COUNT(*) FROM attempt") == 0 and world.places(house, *KNOWN_BY) == []


def test_the_newest_person_leaves_their_number(house: Context) -> None:
    """Also with nothing that stands in links: what is under way knows people by their numbers."""
    with house.db.transaction() as tx:
        add_person(tx, "ben@people.test", name="Ben Bower")
        newest = add_person(tx, FIRST, name=NAME)
    erase(house)
    with house.db.transaction() as tx:
        assert add_person(tx, "mia@people.test") > newest
        assert erasing.sweep(tx) == 1
    assert [row.id for row in rows(house, "SELECT id FROM person ORDER BY id")] == [newest - 1, newest + 1]


def test_mail_that_only_a_mailer_sent_for_her_goes_and_notices_about_her_posts_have_no_text(house: Context) -> None:
    world.people(house)
    world.live(house)
    assert scalar(house, "SELECT COUNT(*) FROM quarantine") == 3
    with house.db.transaction() as tx:
        mine = text("UPDATE notice SET raw = :r WHERE post_id IN (SELECT id FROM post WHERE person_id = 1)")
        tx.execute(mine, {"r": zlib.compress(b"Subject: x\r\n\r\nThe words of a post that waits.\r\n")})
    erase(house)
    assert [row.envelope_sender for row in rows(house, "SELECT * FROM quarantine")] == ["ben@people.test"]
    assert world.places(house, "The words of a post that waits") == []


def test_what_an_earlier_version_deleted_is_overwritten(make_context: Callable[..., Context]) -> None:
    """Free pages of a database that was made without secure_delete, and the log that somebody left full."""
    ctx = make_context(world.settings())
    world.people(ctx)
    path = ctx.settings.sqlite_path
    old = sqlite3.connect(path, isolation_level=None)
    old.execute("PRAGMA secure_delete = OFF")
    old.execute("CREATE TABLE scrap (word TEXT)")
    old.executemany("INSERT INTO scrap VALUES (?)", [("Quokkasyndrome" * 50,)] * 400)
    old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    old.execute("DROP TABLE scrap")
    old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert "listserv.sqlite3" in world.places(ctx, "Quokkasyndrome")
    old.close()
    with ctx.db.transaction() as tx:
        tx.execute(text("UPDATE person SET profession = 'Quokkasyndrome' WHERE id = 2"))
        tx.execute(text("UPDATE person SET profession = 'GP' WHERE id = 2"))
    erase(ctx)
    assert world.places(ctx, "Quokkasyndrome") == []


def test_the_last_of_a_role_is_said(house: Context) -> None:
    ann = world.people(house)
    warned = privacy.survey(house, FIRST).warnings
    assert any("the last owner of perinatal" in words for words in warned)
    assert any("the last moderator of news" in words for words in warned)
    with house.db.transaction() as tx:
        tx.execute(insert(Role).values(person_id=ann + 1, list_name="perinatal", role=RoleName.OWNER))
        tx.execute(insert(Role).values(person_id=ann + 1, list_name="news", role=RoleName.MODERATOR))
    assert privacy.survey(house, FIRST).warnings == []


def test_the_contact_and_the_banned_are_said(make_context: Callable[..., Context]) -> None:
    data = world.settings()
    data["community"]["contact"] = FIRST
    ctx = make_context(data)
    with ctx.db.transaction() as tx:
        add_person(tx, FIRST, name=NAME, lists=("perinatal",))
        tx.execute(update(Person).values(status="banned"))
    warned = " ".join(privacy.survey(ctx, FIRST).warnings)
    assert "community.contact" in warned and "is banned; afterwards nothing remembers that" in warned


def test_a_post_accepted_just_before_is_not_released(house: Context) -> None:
    world.people(house)
    put(house, mail(FIRST, subject="Too late", message_id="<late@clinic.test>"), sender=FIRST)
    with house.db.reading() as tx:
        due = distribute.due(tx, house.clock())
    assert len(due) == 1
    erase(house)
    with house.db.transaction() as tx:
        assert distribute.release(house, tx, due[0]) == 0
    asyncio.run(_nothing(house))
    assert scalar(house, "SELECT state FROM post") == "withdrawn"


async def _nothing(ctx: Context) -> None:
    from listserv import copies, worker

    assert await worker.once(ctx, copies.Cache()) is False
