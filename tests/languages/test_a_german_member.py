"""One member's way in German, another's in French, in a community that speaks English: by mail and on the web."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from listserv import archiver
from listserv.context import Context
from listserv.digest import issuing
from listserv.web.answers import towards
from tests.conftest import NOW, community
from tests.house import Written, notices, put, rows, scalar, work
from tests.letters import MONDAY, Clock, letters, post
from tests.people import add_person, mail, seed

NEW = "neu@there.test"
JOIN = "community-join@lists.test"
REQUEST = "community-request@lists.test"
ALL = "Name: Nora Neu\nBeruf: Psychologist\nRegistrierung: PSY0001112223\nListen: anxiety\nIch stimme zu\n"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def ctx(make_context: Callable[..., Context], clock: Clock, tmp_path: Path) -> Iterator[Context]:
    (tmp_path / "terms.md").write_text("Be kind; name no client.\n")
    data = community()["community"] | {"terms": "terms.md"}
    psychologist = {"title": "Psychologist", "number": "PSY[0-9]{10}", "renewal": "30 Nov", "late": "31d"}
    changes = {"community": data, "web": {"listen": "127.0.0.1:0"}, "professions": {"psychologist": psychologist}}
    made = make_context(community(**changes), clock=clock)
    seed(made)
    with made.db.transaction() as tx:
        vera = add_person(tx, "vera@people.test", name="Vera Verifier", language="fr", timezone="Europe/Paris")
        tx.exec_driver_sql(f"INSERT INTO role(person_id, list_name, role) VALUES ({vera}, 'community', 'verifier')")
    write(made, REQUEST, "agree\n", sender="ann@people.test", subject="")
    yield made


def write(ctx: Context, to: str, text: str, sender: str = NEW, subject: str = "Re: Antrag", **more: str) -> Written:
    """A mail, and what its writer hears of it."""
    before = len(notices(ctx, to=sender))
    identity = f"<{abs(hash((to, text, sender, before))):x}@there.test>"
    for reply in put(ctx, mail(sender, to, subject, text, message_id=identity, **more), to, sender=sender):
        assert reply.code == 250, reply
    work(ctx)
    return notices(ctx, to=sender)[-1]


def test_a_german_member(ctx: Context, clock: Clock) -> None:
    asked = write(ctx, JOIN, "Ich möchte mitmachen.\n", subject="Hallo", accept_language="de-DE, en;q=0.5")
    assert "Mitglied werden: Community of Practice" in asked.subject
    assert "Beruf:" in asked.text and "Ich stimme zu" in asked.text and "Somebody" not in asked.text
    step = write(ctx, asked.reply_to, ALL)
    assert "gerade sieht ein Mensch danach" in step.text and "Regeln          zugestimmt" in step.text
    told = notices(ctx, to="vera@people.test")[-1]
    assert told.subject == "Nora Neu veut devenir membre"
    assert "verified until 30 novembre 2027" in told.text, "what can be typed back as it is"
    write(ctx, told.reply_to, "verified until 30 novembre 2027\n", sender="vera@people.test")
    welcome = notices(ctx, to=NEW)[-1]
    assert welcome.subject == "Willkommen bei Community of Practice"
    assert scalar(ctx, "SELECT expires FROM credential WHERE number = 'PSY0001112223'") is not None
    assert scalar(ctx, "SELECT language FROM person WHERE name = 'Nora Neu'") == "de"

    write(ctx, REQUEST, "digest zone Europe/Berlin\n", subject="")
    answer = write(ctx, REQUEST, "weekly\nstatus\nunsinnig\n", subject="")
    assert answer.subject == "Ihre 2 Befehle"
    assert "Von jetzt an: ein Brief jede Woche, für Anxiety." in answer.text
    assert "Sie sind Mitglied." in answer.text and "Sie haben den Regeln zugestimmt." in answer.text
    assert "bis 30. November 2027." in answer.text
    assert "jeden Montag um 07:00 (Europe/Berlin)" in answer.text
    assert parsedate_to_datetime(_field(answer, "Date")).utcoffset() == timedelta(hours=1), "in her zone"

    write(ctx, REQUEST, "pause until 15 Dec\n", subject="")
    paused = notices(ctx, to=NEW)[-1]
    assert "Ihre Mail ruht bis 15. Dezember 2026;" in paused.text
    write(ctx, REQUEST, "resume\n", subject="")

    post(ctx, clock, NOW + timedelta(hours=1), "Schlaf", to="anxiety@lists.test")
    clock.now = MONDAY + timedelta(days=8)
    archiver.update(ctx)
    issuing.run(ctx)
    letter = letters(ctx, to=NEW)[-1]
    assert "die Woche bis 30. November 2026" in letter.subject
    assert "1 Nachricht, 1 Gespräch, von 1 Mitglied" in letter.text and "Hier fehlt noch eine Antwort" in letter.text
    assert "Sie bekommen jede Woche einen Brief über Ihre Listen" in " ".join(letter.text.split())
    assert '<html lang="de"' in letter.html and ">Antworten</a>" in letter.html
    assert "The week" not in letter.html and "Answer" not in letter.html


def _field(notice: Written, name: str) -> str:
    lines = notice.raw.decode().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:"))


def test_a_post_is_held_and_approved_in_german(ctx: Context, clock: Clock) -> None:
    """Its author reads German, one moderator French and the other the community's English."""
    with ctx.db.transaction() as tx:
        tx.exec_driver_sql("UPDATE person SET language = 'de', timezone = 'Europe/Berlin' WHERE name = 'Nia New'")
        tx.exec_driver_sql("UPDATE person SET language = 'fr' WHERE name = 'Max Marsh'")
    for one in ("nia", "mia", "max"):
        write(ctx, REQUEST, "agree\n", sender=f"{one}@people.test", subject="")
    put(ctx, mail("nia@people.test", "anxiety@lists.test", "Schlaf", "Was hilft euch?\n"), "anxiety@lists.test",
        sender="nia@people.test")  # fmt: skip
    work(ctx)
    waits = notices(ctx, to="nia@people.test")[-1]
    assert waits.subject == "Ihr Beitrag wartet auf die Moderation: Schlaf"
    assert "Sie sind neu hier, willkommen!" in waits.text and "new here" not in waits.text
    french, english = notices(ctx, to="max@people.test")[-1], notices(ctx, to="mia@people.test")[-1]
    assert french.subject == "[anxiety] retenu : Schlaf" and english.subject == "[anxiety] held: Schlaf"
    assert "* L'auteur est nouveau ici\u00a0: les deux premiers messages sont examinés." in french.text
    assert "membre depuis le 1 janvier 2025" in french.text and "member since 1 January 2025" in english.text
    assert "  reject <raison>    il ne part pas" in french.text
    write(ctx, french.reply_to, "approve\n", sender="max@people.test")
    work(ctx)
    told = notices(ctx, kind="decided-author", to="nia@people.test")[-1]
    assert told.subject == "Ihr Beitrag ist unterwegs: Schlaf"
    write(ctx, english.reply_to, "reject too late\n", sender="mia@people.test")
    late = notices(ctx, to="mia@people.test")[-1]
    assert "Max Marsh has approved it on" in late.text and late.subject == "Already decided: Schlaf"


def test_each_letter_in_the_language_of_its_reader(ctx: Context, clock: Clock) -> None:
    """From one press: no fragment of one language gets into a letter of another."""
    with ctx.db.transaction() as tx:
        for language in ("en", "de", "fr", "", "xx"):
            add_person(tx, f"r{language}@people.test", lists=("perinatal",), delivery="weekly", language=language)
    post(ctx, clock, NOW, "Sleep")
    clock.now = MONDAY + timedelta(days=8)
    issuing.run(ctx)
    answer = {"en": "Answer", "de": "Antworten", "fr": "Répondre", "": "Answer", "xx": "Answer"}
    for language, word in answer.items():
        letter = letters(ctx, to=f"r{language}@people.test")[-1]
        others = set(answer.values()) - {word}
        assert f">{word}</a>" in letter.html and not any(f">{other}</a>" in letter.html for other in others), language


@pytest.mark.parametrize(
    ("typed", "said", "code"),
    [("language de", "Von jetzt an schreiben wir Ihnen auf Deutsch.", "de"),
     ("Sprache Deutsch", "Von jetzt an schreiben wir Ihnen auf Deutsch.", "de"),
     ("langue français", "Désormais, nous vous écrivons en français.", "fr"),
     ("language english", "From now on we write to you in English.", "en"),
     ("language", "Which language? Write `language en` for English", ""),
     ("language klingon", "Which language? Write `language en` for English", "")],
)  # fmt: skip
def test_the_command_language(ctx: Context, typed: str, said: str, code: str) -> None:
    answer = write(ctx, REQUEST, f"{typed}\n", sender="sue@people.test", subject="")
    assert said in answer.text
    assert scalar(ctx, "SELECT language FROM person WHERE name = 'Sue Short'") == code


def test_a_notice_to_another_is_in_the_language_of_that_other(ctx: Context) -> None:
    """Ann writes German and asks to be forgotten; the contact reads the community's English."""
    write(ctx, REQUEST, "language de\n", sender="ann@people.test", subject="")
    answer = write(ctx, REQUEST, "forget me\n", sender="ann@people.test", subject="")
    assert "Ihr Wunsch wurde an facilitators@people.test weitergegeben." in answer.text
    told = notices(ctx, to="facilitators@people.test")[-1]
    assert told.subject == "Somebody wishes to be erased: Ann Archer"


def test_what_a_browser_asks_for_and_what_nobody_asks_for(ctx: Context) -> None:
    from starlette.requests import Request

    def asked(*headers: tuple[bytes, bytes]) -> str:
        return towards(ctx, Request({"type": "http", "headers": list(headers)})).speech.language

    assert asked((b"accept-language", b"fr-CH, fr;q=0.9")) == "fr"
    assert asked() == asked((b"accept-language", b"it")) == "en"


def test_an_unknown_zone_is_the_communitys(ctx: Context) -> None:
    at = datetime(2026, 12, 3, 6, 0, tzinfo=UTC)
    assert ctx.speaking("de", "Mars/Olympus").speech.clock(at) == "17:00"
    assert ctx.speaking("de", "Europe/Berlin").speech.clock(at) == "07:00"
    assert rows(ctx, "SELECT 1 AS one")[0].one == 1
