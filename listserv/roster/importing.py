"""An import: who of the file is whom in the database, what that asks for, and all of it in one transaction."""

from __future__ import annotations

from collections import Counter

from listserv import audit, membership
from listserv.context import Context
from listserv.mail.address import canonical
from listserv.model import Status
from listserv.roster.known import Known, everybody
from listserv.roster.reading import Row, read
from listserv.roster.report import Change, Problem, Report
from listserv.roster.writing import Work, add, change, let_go


def import_csv(
    ctx: Context,
    text: str,
    *,
    dry_run: bool = False,
    sync: bool = False,
    skip_bad: bool = False,
    sync_limit: float | None = 0.05,
) -> Report:
    """Adds and updates members. With a problem and without `skip_bad`, nothing is written.

    `sync` lets everybody leave who is not in the file, unless that is more than `sync_limit` of the members.
    """
    rows, problems = read(ctx, text)
    with ctx.db.transaction() as tx:
        people = everybody(ctx, tx)
        owners = {key: known for known in people.values() for key in known.addresses}
        numbers = {known.number.casefold(): known.id for known in people.values() if known.number}
        rows, found = _assigned(rows, owners, numbers)
        problems += found
        work = Work(ctx.clock(), membership.terms_version(ctx.settings))
        changes = []
        new: list[Row] = []
        kept: set[int] = set()
        for row in rows:
            known = _owner(row, owners)
            if known is None:
                new.append(row)
                changes.append(Change(row.line, row.email, "added"))
                continue
            kept.add(known.id)
            details = change(work, row, known)
            changes.append(Change(row.line, row.email, "updated" if details else "unchanged", tuple(details)))
        if sync:
            gone, refused = _sync(people, kept, sync_limit)
            problems += refused
            changes += [let_go(work, known) for known in gone]
        if not dry_run and (skip_bad or not problems) and not (skip_bad and any(p.line == 0 for p in problems)):
            work.run(tx)
            add(ctx, tx, new, work)
            counts: dict[str, int] = Counter(str(one.what) for one in changes)
            audit.note(tx, ctx.clock(), "roster-import", audit.OPERATOR, details={**counts})
    problems.sort(key=lambda problem: problem.line)
    return Report(tuple(changes), tuple(problems))


def _owner(row: Row, owners: dict[str, Known]) -> Known | None:
    for key in (canonical(row.email), *(row.aliases or ())):
        if key in owners:
            return owners[key]
    return None


def _assigned(rows: list[Row], owners: dict[str, Known], numbers: dict[str, int]) -> tuple[list[Row], list[Problem]]:
    """The rows without those that claim somebody else's address or registration."""
    good, problems = [], []
    claimed: dict[str, int] = {}
    taken: dict[int, int] = {}
    for row in rows:
        known = _owner(row, owners)
        people = {owners[key].id for key in (canonical(row.email), *(row.aliases or ())) if key in owners}
        number = (row.registration or "").casefold()
        if len(people) > 1:
            problems.append(Problem(row.line, "aliases", "these addresses belong to more than one member"))
        elif known is not None and known.id in taken:
            problems.append(Problem(row.line, "email", f"is the same member as line {taken[known.id]}"))
        elif number and numbers.get(number, known.id if known else None) != (known.id if known else None):
            problems.append(Problem(row.line, "registration", f"{row.registration} is another member's number already"))
        elif number and number in claimed:
            problems.append(
                Problem(row.line, "registration", f"{row.registration} stands in line {claimed[number]} as well")
            )
        else:
            good.append(row)
            if number:
                claimed[number] = row.line
            if known is not None:
                taken[known.id] = row.line
    return good, problems


def _sync(people: dict[int, Known], kept: set[int], limit: float | None) -> tuple[list[Known], list[Problem]]:
    members = [known for known in people.values() if known.status is not Status.LEFT]
    gone = [known for known in members if known.id not in kept and known.status is not Status.BANNED]
    if limit is not None and len(gone) > 5 and len(gone) > limit * len(members):
        words = (
            f"--sync: {len(gone)} of {len(members)} members would leave; that looks like a file that is not complete"
        )
        return [], [Problem(0, "", words)]
    return gone, []
