"""How and when somebody wants their digest: what `digest ...` by mail asks for, and the changes themselves.

Beside the way of a digest; the page `/me` makes the same changes. A choice holds from now on: what was said before is
not sent again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import Connection, select, update

from listserv.context import Context
from listserv.digest.schedule import schedule_of, zone_of
from listserv.mail.dates import read_day, weekday
from listserv.model import DigestFormat, IssueKind, Person, Subscription
from listserv.policy.periods import WEEKDAYS
from listserv.settings import HUB
from listserv.words import N_

_person = Person.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]

MODES = {
    "weekly": "weekly", "daily": "daily", "off": "none", "none": "none", "stop": "none", "each": "each",
    "wöchentlich": "weekly", "täglich": "daily", "aus": "none", "hebdomadaire": "weekly", "quotidien": "daily",
}  # fmt: skip
FORMS = {"letter": DigestFormat.LETTER, "html": DigestFormat.LETTER, "plain": DigestFormat.PLAIN,
         "text": DigestFormat.PLAIN, "mime": DigestFormat.MIME}  # fmt: skip
_CLOCK = re.compile(r"(\d{1,2})(?::(\d\d))?\s*(am|pm|h|uhr)?\Z", re.I)
_SINCE = re.compile(r"(?:since|from|seit|depuis)\s+(.{1,60})\Z", re.I | re.S)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a command asks for; `what` is one of: now, since, mode, when, form, per-list, zone, help, unclear."""

    what: str
    since: date | None = None
    mode: str = ""
    day: str = ""
    at: str = ""
    form: DigestFormat = DigestFormat.LETTER
    per_list: bool = False
    zone: str = ""


def read(words: str, today: date) -> Wish:
    """The wish in what stands behind `digest`. `today` in the person's zone."""
    plain = " ".join(words.casefold().split()).strip(" .!,;:")
    if plain in ("", "help", "?", "hilfe", "aide"):
        return Wish("help")
    if plain in ("now", "jetzt", "maintenant"):
        return Wish("now")
    since = _SINCE.match(plain)
    if since:
        day = read_day(since[1], today, past=True)
        return Wish("since", since=day) if day is not None and day <= today else Wish("unclear")
    if plain in MODES:
        return Wish("mode", mode=MODES[plain])
    if plain in FORMS:
        return Wish("form", form=FORMS[plain])
    if plain in ("per list", "each list", "one per list", "separate"):
        return Wish("per-list", per_list=True)
    if plain in ("one letter", "one", "together", "all in one"):
        return Wish("per-list", per_list=False)
    if plain.startswith(("zone ", "timezone ", "time zone ")):
        given = plain.rpartition(" ")[2]
        found = next((name for name in available_timezones() if name.casefold() == given), "")
        return Wish("zone", zone=found) if found else Wish("unclear")
    return _when(plain)


def _when(plain: str) -> Wish:
    """A day of the week, a time of the day, or both."""
    words = [word for word in re.split(r"[\s,]+", plain) if word not in ("on", "at", "am", "um", "le", "à", "every")]
    days = [found for word in words if (found := weekday(word)) is not None]
    clocks = [clock for word in words if (clock := _clock(word)) is not None]
    if len(days) + len(clocks) != len(words) or len(days) > 1 or len(clocks) > 1 or not words:
        return Wish("unclear")
    return Wish("when", day=WEEKDAYS[days[0]] if days else "", at=clocks[0].strftime("%H:%M") if clocks else "")


def _clock(word: str) -> time | None:
    found = _CLOCK.match(word)
    if found is None:
        return None
    hour = int(found[1])
    half = (found[3] or "").lower()
    if half in ("am", "pm") and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        return time(hour, int(found[2] or 0))
    except ValueError:
        return None


def set_mode(tx: Connection, person: int, mode: str, lists: Sequence[str], now: datetime) -> list[str]:
    """How these lists are delivered from now on; those that were delivered otherwise."""
    wanted = (
        _subscription.c.person_id == person,
        _subscription.c.list_name.in_(lists),
        _subscription.c.left_at.is_(None),
        _subscription.c.delivery != mode,
    )
    changed = [row.list_name for row in tx.execute(select(_subscription.c.list_name).where(*wanted))]
    tx.execute(update(_subscription).where(*wanted).values(delivery=mode, delivery_since=now))
    return changed


def set_person(tx: Connection, person: int, **values: Any) -> None:
    """digest_day, digest_time, digest_format, digest_per_list or timezone of a person; no old issue comes again."""
    tx.execute(update(_person).where(_person.c.id == person).values(**values))


def carry_out(ctx: Context, tx: Connection, person: int, wish: Wish, lists: Sequence[str]) -> None:
    """A wish that changes something."""
    now = ctx.clock()
    match wish.what:
        case "mode":
            set_mode(tx, person, wish.mode, lists, now)
        case "when":
            values = {"digest_day": wish.day, "digest_time": wish.at}
            set_person(tx, person, **{name: value for name, value in values.items() if value})
        case "form":
            set_person(tx, person, digest_format=wish.form)
        case "per-list":
            set_per_list(tx, person, wish.per_list, now)
        case "zone":
            set_person(tx, person, timezone=wish.zone)


def set_per_list(tx: Connection, person: int, wanted: bool, now: datetime) -> None:
    """Letters of another scope begin now: what the former ones told is not told again."""
    changed = tx.execute(
        update(_person).where(_person.c.id == person, _person.c.digest_per_list.is_not(wanted))
        .values(digest_per_list=wanted)
    )  # fmt: skip
    if changed.rowcount:
        tx.execute(
            update(_subscription)
            .where(_subscription.c.person_id == person, _subscription.c.delivery.in_(("weekly", "daily")))
            .values(delivery_since=now)
        )


WORDS = {"each": N_("each message by itself"), "weekly": N_("a letter each week"), "daily": N_("a letter each day"),
         "none": N_("no mail, archive only")}  # fmt: skip


def in_words(ctx: Context, tx: Connection, person: int) -> list[tuple[str, str]]:
    """How somebody gets each of their lists: titles and words, in the order of the settings."""
    rows = tx.execute(
        select(_subscription.c.list_name, _subscription.c.delivery).where(
            _subscription.c.person_id == person, _subscription.c.left_at.is_(None)
        )
    )
    found = {row.list_name: row.delivery for row in rows}
    return [(one.title, WORDS[found[name]]) for name, one in ctx.settings.lists.items() if name in found]


def regular(ctx: Context, tx: Connection, person: int) -> str:
    """When somebody's letters come, in one sentence; empty when there are none."""
    row = tx.execute(select(_person).where(_person.c.id == person)).one()
    kinds = {
        one.delivery
        for one in tx.execute(
            select(_subscription.c.delivery).where(
                _subscription.c.person_id == person, _subscription.c.left_at.is_(None)
            )
        )
    }
    zone = zone_of(ctx.settings, row.timezone).key
    words = []
    for kind in (IssueKind.WEEKLY, IssueKind.DAILY):
        if str(kind) in kinds:
            schedule = schedule_of(ctx.settings, kind, HUB, row.digest_day, row.digest_time, row.timezone)
            clock = f"{schedule.at:%H:%M}"
            if schedule.weekday is None:
                words.append(ctx.phrase("every day at %(clock)s", clock=clock))
            else:
                day = ctx.speech.weekday(WEEKDAYS[schedule.weekday])
                words.append(ctx.phrase("every %(weekday)s at %(clock)s", weekday=day, clock=clock))
    if not words:
        return ""
    form = {
        DigestFormat.LETTER: "",
        DigestFormat.PLAIN: N_(", as plain text"),
        DigestFormat.MIME: N_(", as MIME digests"),
    }
    values = {"times": ctx.speech.listed(words), "zone": zone, "form": form[row.digest_format]}
    if row.digest_per_list:
        return ctx.phrase("Your letters for each list come %(times)s (%(zone)s)%(form)s.", **values)
    return ctx.phrase("Your letters come %(times)s (%(zone)s)%(form)s.", **values)
