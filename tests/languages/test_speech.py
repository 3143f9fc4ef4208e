"""How we speak to one reader: language, days and times in their zone and manner, phrases and stored words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from time import monotonic
from zoneinfo import ZoneInfo

import pytest

from listserv.edge.languages import Speech, between, named, preferred, short_day
from listserv.edge.templates import environment, render
from listserv.words import N_, Phrase

DAY = date(2026, 12, 3)


def speech(language: str, zone: str = "Europe/Berlin") -> Speech:
    return Speech(None, language, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("language", "day", "moment", "month", "weekday"),
    [
        ("en", "3 December 2026", "Thursday 3 December, 17:00", "December 2026", "Thursday"),
        ("de", "3. Dezember 2026", "Donnerstag, 3. Dezember, 17:00", "Dezember 2026", "Donnerstag"),
        ("fr", "3 décembre 2026", "jeudi 3 décembre, 17:00", "décembre 2026", "jeudi"),
    ],
)
def test_days_in_the_manner_of_each_language(language: str, day: str, moment: str, month: str, weekday: str) -> None:
    here = speech(language)
    assert here.day(DAY) == day
    assert here.moment(datetime(2026, 12, 3, 16, 0, tzinfo=UTC)) == moment
    assert here.month(DAY) == month
    assert here.weekday(DAY) == here.weekday("thursday") == weekday
    assert here.clock(time(7, 5)) == "07:05"


@pytest.mark.parametrize(
    ("zone", "at", "shown"),
    [
        ("Europe/Berlin", datetime(2026, 7, 1, 22, 30, tzinfo=UTC), "Donnerstag, 2. Juli, 00:30"),
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "Sonntag, 25. Oktober, 02:30"),  # summer time
        ("Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "Sonntag, 25. Oktober, 02:30"),  # one hour later
        ("Australia/Sydney", datetime(2026, 10, 3, 15, 59, tzinfo=UTC), "Sonntag, 4. Oktober, 01:59"),
        ("Australia/Sydney", datetime(2026, 10, 3, 16, 0, tzinfo=UTC), "Sonntag, 4. Oktober, 03:00"),
        ("America/New_York", datetime(2026, 12, 31, 23, 0, tzinfo=UTC), "Donnerstag, 31. Dezember, 18:00"),
    ],
)
def test_times_are_those_of_the_zone_also_where_clocks_change(zone: str, at: datetime, shown: str) -> None:
    assert speech("de", zone).moment(at) == shown


@pytest.mark.parametrize(
    ("language", "short", "days", "month", "year"),
    [
        ("en", "3 Dec 2026", "3–5 December 2026", "28 November – 3 December 2026", "3 December 2026 – 2 January 2027"),
        ("de", "3. Dez. 2026", "3.–5. Dezember 2026", "28. November – 3. Dezember 2026",
         "3. Dezember 2026 – 2. Januar 2027"),
        ("fr", "3 déc. 2026", "3–5 décembre 2026", "28 novembre – 3 décembre 2026",
         "3 décembre 2026 – 2 janvier 2027"),
    ],
)  # fmt: skip
def test_days_on_the_pages_of_the_archive(language: str, short: str, days: str, month: str, year: str) -> None:
    assert short_day(language, DAY) == short
    assert between(language, DAY, date(2026, 12, 5)) == days
    assert between(language, date(2026, 11, 28), DAY) == month
    assert between(language, DAY, date(2027, 1, 2)) == year


def test_names_in_a_row() -> None:
    names = ["Ann", "Ben", "Cem"]
    assert speech("en").listed(names) == "Ann, Ben and Cem"
    assert speech("de").listed(names) == "Ann, Ben und Cem"
    assert speech("fr").listed(names) == "Ann, Ben et Cem"


@pytest.mark.parametrize(
    ("words", "code"),
    [("de", "de"), ("Deutsch", "de"), ("german", "de"), ("allemand", "de"), ("de-AT", "de"), ("français", "fr"),
     ("Französisch", "fr"), ("EN", "en"), ("Englisch", "en"), ("klingon", None), ("", None)],
)  # fmt: skip
def test_languages_by_any_of_their_names(words: str, code: str | None) -> None:
    assert named(words) == code


@pytest.mark.parametrize(
    ("header", "code"),
    [("de-DE,de;q=0.9,en;q=0.8", "de"), ("en;q=0.5, fr", "fr"), ("it, fr;q=0.4, de;q=0.7", "de"), ("it, es", "en"),
     ("de;q=0", "en"), ("", "en"), ("*", "en"), ("de;q=x", "de"), ("," * 600, "en"), ("\0de", "en")],
)  # fmt: skip
def test_the_language_that_a_browser_would_like(header: str, code: str) -> None:
    assert preferred(header, "en") == code


def test_a_phrase_is_its_english_until_somebody_says_it() -> None:
    phrase = N_("Your mail is paused until you write `resume`. You can post and read as before.")
    assert phrase.startswith("Your mail is paused") and isinstance(phrase, str)
    assert speech("de").phrase(phrase).startswith("Ihre Mail ruht, bis Sie `resume` schreiben.")
    until = N_("You are a member, and your mail is paused until %(day)s.", day=DAY)
    assert until == "You are a member, and your mail is paused until 3 December 2026."
    assert speech("fr").phrase(until) == "Vous êtes membre, et vos messages sont en pause jusqu'au 3 décembre 2026."
    inside = N_("From now on: %(mode)s, for %(lists)s.", mode=N_("a letter each week"), lists="Anxiety")
    assert speech("de").phrase(inside) == "Von jetzt an: ein Brief jede Woche, für Anxiety."
    assert speech("de").phrase("What nobody translated") == "What nobody translated"


def test_numbers_of_things() -> None:
    for count, said in ((0, "0 message"), (1, "1 message"), (2, "2 messages")):
        assert speech("fr").phrases("%(num)s message", "%(num)s messages", count) == said
    assert speech("de").phrases("%(num)s message", "%(num)s messages", 0) == "0 Nachrichten"


def test_stored_english_is_found_again_with_the_values_in_it() -> None:
    here = speech("de")
    assert here.translated("nothing was heard for thirty days") == "dreißig Tage lang kam keine Nachricht"
    assert here.translated("You have 8 addresses; remove one first.").startswith("Sie haben 8 Adressen;")
    assert here.translated("Her own words.") == "Her own words."
    assert here.translated("") == ""
    assert speech("en").translated("nothing was heard for thirty days") == "nothing was heard for thirty days"


def test_member_text_is_never_a_pattern() -> None:
    """What a member wrote may hold %, braces and backslashes; it comes out as it went in."""
    for text in ("100% sure", "%(name)s", "{{ 7 * 7 }}", r"\1 \g<name>"):
        said = speech("de").phrase("There is no list %(name)s; `lists` shows them.", name=text)
        assert said == f"Eine Liste {text} gibt es nicht; `lists` zeigt, welche es gibt."


def test_phrases_inside_of_what_a_template_gets_are_said_too(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "one.txt").write_text("{{ a }}|{{ b.0.words }}|{{ c|day }}|{% trans %}Save{% endtrans %}|{{ language }}")
    here = Speech(tmp_path, "de", ZoneInfo("UTC"))
    shown = render(here, "one.txt", a=N_("digest"), b=[{"words": Phrase("You are a member.")}], c=DAY)
    assert shown == "Digest|Sie sind Mitglied.|3. Dezember 2026|Speichern|de"
    assert environment(tmp_path, "de") is environment(tmp_path, "de")


def test_long_words_of_a_member_cost_no_time() -> None:
    """What a member wrote may look like any phrase of ours, many times over."""
    here = speech("de")
    note = "has moved it on, by takes posts from members only, and is no member's address here. " * 60
    begun = monotonic()
    assert here.translated(note) == note
    said = here.translated(f"The author asks to leave it as it is: {note}")
    assert monotonic() - begun < 2
    assert said == f"Wer ihn schrieb, bittet, ihn so zu lassen: {note}"
