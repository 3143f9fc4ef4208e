"""Registrations that end: two years over 3,000 people of five professions, each mail once, nobody lapsed early."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from listserv import life
from listserv.context import Context
from listserv.model import Address, Credential, Person, Subscription
from listserv.policy import lifecycle
from listserv.policy.lifecycle import Profession, Standing, stages, standing
from tests.conftest import community
from tests.house import notices, put, rows, work
from tests.letters import Clock
from tests.people import add_person, mail

PROFESSIONS = {
    "psychologist": {"title": "Psychologist", "number": "PSY[0-9]{10}", "renewal": "30 Nov", "late": "31d",
                     "read_only": "30d"},
    "nurse": {"title": "Nurse", "number": "NMW[0-9]{10}", "renewal": "31 May", "late": "30d", "read_only": "30d"},
    "doctor": {"title": "Medical practitioner", "number": "MED[0-9]{10}", "renewal": "30 Sep", "late": "31d"},
    "social worker": {"title": "Social worker"},
    "counsellor": {"title": "Counsellor", "renewal": "30 Jun", "read_only": "14d"},
}  # fmt: skip
PREFIX = {"psychologist": "PSY", "nurse": "NMW", "doctor": "MED", "social worker": "SW", "counsellor": "CN"}
BEGIN = datetime(2026, 1, 5, 22, 0, tzinfo=UTC)


def people(ctx: Context, count: int) -> dict[int, tuple[str, date]]:
    found: dict[int, tuple[str, date]] = {}
    persons, addresses, credentials, subscriptions = [], [], [], []
    kinds = list(PROFESSIONS)
    for number in range(1, count + 1):
        kind = kinds[number % 5]
        profession = ctx.settings.profession(kind)
        end = lifecycle.next_end(profession, date(2026, 1, 6)) or date(2026, 2, 1) + timedelta(days=number % 300)
        found[number] = (kind, end)
        persons.append({"name": f"Person {number}", "profession": kind.title(), "status": "active", "delivery": "each",
                        "trusted": True, "approved_posts": 0, "created_at": BEGIN})  # fmt: skip
        email = f"p{number}@people.test"
        addresses.append(
            {"person_id": number, "email": email, "canonical": email, "preferred": True, "bounce_score": 0.0}
        )
        credentials.append({"person_id": number, "number": f"{PREFIX[kind]}{number:010}", "expires": end})
        subscriptions.append({"person_id": number, "list_name": "perinatal", "delivery": "each", "moderated": False,
                              "since": BEGIN})  # fmt: skip
    with ctx.db.transaction() as tx:
        for table, values in (
            (Person, persons),
            (Address, addresses),
            (Credential, credentials),
            (Subscription, subscriptions),
        ):
            tx.execute(insert(table), values)
    return found


def day(ctx: Context) -> int:
    """One day of the job; how many were written to."""
    told = 0
    while count := ctx.db.submit(lambda tx: life.renewals(ctx, tx)).result():
        told += count
    return told


@pytest.mark.timeout(900)
def test_two_years_of_three_thousand(make_context: Callable[..., Context]) -> None:
    clock = Clock(BEGIN)
    ctx = make_context(community(professions=PROFESSIONS), clock=clock)
    ends = people(ctx, 3000)
    renewing = {number for number in ends if number % 4}  # three in four renew, a week after the first mail
    per_day: Counter[date] = Counter()
    lapsed_on: dict[int, date] = {}
    renewed: set[tuple[int, date]] = set()
    for offset in range(730):
        clock.now = BEGIN + timedelta(days=offset)
        today = clock.now.astimezone(ctx.settings.community.zone).date()
        per_day[today] = day(ctx)
        due = [n for n in renewing if (ends[n][1] - today).days == 5 and (n, ends[n][1]) not in renewed]
        if due:
            with ctx.db.transaction() as tx:
                for number in due:
                    kind, end = ends[number]
                    renewed.add((number, end))
                    new = (
                        end.replace(year=end.year + 1) if (end.month, end.day) != (2, 29) else end + timedelta(days=365)
                    )
                    ends[number] = (kind, new)
                    tx.exec_driver_sql(f"UPDATE credential SET expires = '{new}' WHERE person_id = {number}")
        for row in rows(ctx, "SELECT id FROM person WHERE status = 'lapsed'"):
            lapsed_on.setdefault(row.id, today)
    told = rows(ctx, "SELECT person_id, about, stage, COUNT(*) AS n FROM campaign GROUP BY 1, 2, 3")
    assert all(row.n == 1 for row in told)
    sent = Counter(row.recipient for row in rows(ctx, "SELECT recipient FROM notice WHERE kind = 'renewal'"))
    assert sum(sent.values()) == len(told)
    by_person: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for row in told:
        by_person[row.person_id].append((row.about, row.stage))
    for number, (kind, end) in ends.items():
        profession = ctx.settings.profession(kind)
        if number in renewing:
            assert number not in lapsed_on
            assert {stage for _, stage in by_person[number]} <= {"in-30-days", "in-7-days"}
        else:
            wanted = [stage.name for stage in stages(end, profession)]
            assert sorted(stage for _, stage in by_person[number]) == sorted(wanted), (number, kind)
            last = end + timedelta(days=profession.late + profession.read_only if profession else 0)
            assert lapsed_on[number] == last + timedelta(days=1), (number, kind)
    busiest = max(per_day.values())
    together = max(Counter(end for _, end in ends.values()).values())
    first = Counter(row.about for row in told if row.stage == "in-30-days")
    print(f"{sum(per_day.values())} mails, at most {busiest} a day, up to {max(first.values())} people of one date")
    assert together and busiest <= 600


def test_each_mail_says_what_to_do(make_context: Callable[..., Context]) -> None:
    clock = Clock(datetime(2026, 11, 1, 22, 0, tzinfo=UTC))
    ctx = make_context(community(professions=PROFESSIONS), clock=clock)
    with ctx.db.transaction() as tx:
        add_person(tx, "ann@people.test", name="Ann", lists=("perinatal",), registration="PSY000123456",
                   expires=date(2026, 11, 30))  # fmt: skip
        vera = add_person(tx, "vera@people.test", name="Vera", lists=("perinatal",))
        tx.exec_driver_sql(f"INSERT INTO role(person_id, list_name, role) VALUES ({vera}, 'community', 'verifier')")
    day(ctx)
    first = notices(ctx, "renewal", "ann@people.test")[0]
    assert "ends on 30 November 2026" in first.subject and "renew until 30 November 2027" in first.text
    assert "PSY0001234561" not in first.text and "•" in first.text
    clock.now = datetime(2027, 2, 15, 22, 0, tzinfo=UTC)
    day(ctx)
    assert rows(ctx, "SELECT status FROM person WHERE id = 1")[0].status == "lapsed"
    last = notices(ctx, "renewal", "ann@people.test")[-1]
    assert "membership rests" in last.text
    answer = mail(
        "ann@people.test", last.reply_to, f"Re: {last.subject}", "renew until 30 November 2027\n\n> renew x\n"
    )
    put(ctx, answer, last.reply_to, sender="ann@people.test")
    work(ctx)
    told = notices(ctx, "verify", "vera@people.test")[-1]
    assert "renews a registration" in told.subject and "verified until 30 November 2027" in told.text
    assert "the member says" in told.text and "confirmed by a reply" not in told.text
    raw = mail("vera@people.test", told.reply_to, "Re: x", "verified until 30 Nov 2027\n", message_id="<v@people.test>")
    put(ctx, raw, told.reply_to, sender="vera@people.test")
    assert tuple(map(str, rows(ctx, "SELECT status, (SELECT expires FROM credential WHERE person_id = 1) FROM person"
                                    " WHERE id = 1")[0])) == ("active", "2027-11-30")  # fmt: skip
    assert "renewed" in notices(ctx, to="ann@people.test")[-1].subject
    assert rows(ctx, "SELECT COUNT(*) AS n FROM subscription WHERE person_id = 1")[0].n == 1


PSY = Profession("psychologist", "Psychologist", "PSY[0-9]{10}", "", (11, 30), 31, 30)


@pytest.mark.parametrize(
    ("today", "found"),
    [
        ("2026-11-30", Standing.VALID), ("2026-12-01", Standing.LATE), ("2026-12-31", Standing.LATE),
        ("2027-01-01", Standing.READ_ONLY), ("2027-01-30", Standing.READ_ONLY), ("2027-01-31", Standing.LAPSED),
    ],
)  # fmt: skip
def test_standing(today: str, found: Standing) -> None:
    end = date(2026, 11, 30)
    assert standing("PSY0001234567", end, date.fromisoformat(today), PSY) is found
    assert standing("PSY0001234567", None, date.fromisoformat(today), PSY) is Standing.VALID
    assert standing("", end, date.fromisoformat(today), PSY) is Standing.NONE
    without = standing("X1", end, date.fromisoformat(today), None)
    assert without is (Standing.VALID if today == "2026-11-30" else Standing.LAPSED)


def terms(path: Path, text: str) -> None:
    import os
    import time

    path.write_text(text)
    os.utime(path, ns=(time.time_ns(), time.time_ns() + hash(text) % 1_000_000))


def test_new_terms_ask_everybody_once_and_wait_for_two_weeks(
    make_context: Callable[..., Context], tmp_path: Path
) -> None:
    clock = Clock(datetime(2026, 11, 1, 22, 0, tzinfo=UTC))
    terms(tmp_path / "terms.md", "First text.\n")
    data = community()["community"] | {"terms": "terms.md"}
    ctx = make_context(community(community=data), clock=clock)
    with ctx.db.transaction() as tx:
        for number in range(3):
            add_person(tx, f"p{number}@people.test", lists=("perinatal",))

    def run() -> int:
        return ctx.db.submit(lambda tx: life.campaign(ctx, tx)).result()

    assert run() == 0, "who has not agreed to anything yet is not asked about a change"
    for number in range(3):
        ctx.db.submit(lambda tx, n=number: life.agree(ctx, tx, n + 1, "a mail")).result()

    def posts(who: str) -> Any:
        raw = mail(who, subject=f"{who} {clock.now}", message_id=f"<{who}{clock.now:%j}>")
        return put(ctx, raw, sender=who)[0]

    assert posts("p0@people.test").code == 250
    terms(tmp_path / "terms.md", "Second text.\n")
    clock.now += timedelta(days=1)
    assert run() == 3 and run() == 0
    asked = notices(ctx, "terms", "p1@people.test")[0]
    assert "Second text." in asked.text and "17 November 2026" in asked.text
    assert posts("p0@people.test").code == 250, "the grace is running"
    raw = mail(
        "p1@people.test", asked.reply_to, "Re: terms", "I agree\n\n> I agree\n", message_id="<agree@people.test>"
    )
    put(ctx, raw, asked.reply_to, sender="p1@people.test")
    evidence = rows(ctx, "SELECT evidence, version FROM agreement WHERE person_id = 2 ORDER BY id DESC LIMIT 1")[0]
    assert "Message-ID <agree@people.test>" in evidence.evidence
    assert rows(ctx, f"SELECT text FROM termstext WHERE version = '{evidence.version}'")[0].text == "Second text."
    clock.now += timedelta(days=12)
    assert run() == 2, "once more before the grace ends"
    clock.now += timedelta(days=3)
    refused = posts("p0@people.test")
    assert refused.code == 550 and "terms" in refused.text.lower()
    assert posts("p1@people.test").code == 250
    request = "community-request@lists.test"
    said = put(ctx, mail("p0@people.test", request, "agree", "\n"), request, sender="p0@people.test")
    assert said[0].code == 250 and posts("p0@people.test").code == 250
