"""Members in and out as CSV: read everything, check everything, then write in one transaction.

An empty cell leaves a value, `-` clears it. With a bad row nothing is imported (unless the good ones are asked for),
and every bad row is named with its line. The same file twice writes nothing. Nobody is removed without `sync`.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select, update

from listserv import membership, routing
from listserv.context import Context
from listserv.mail.address import canonical
from listserv.mail.names import name_key
from listserv.model import Address, Agreement, Credential, Person, Role, RoleName, Status, Subscription
from listserv.settings import HUB

_person = Person.__table__  # type: ignore[attr-defined]
_address = Address.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]
_role = Role.__table__  # type: ignore[attr-defined]
_credential = Credential.__table__  # type: ignore[attr-defined]
_agreement = Agreement.__table__  # type: ignore[attr-defined]

COLUMNS = (
    "email", "name", "profession", "registration", "registration_expires", "lists", "roles", "delivery", "aliases",
    "terms", "trusted",
)  # fmt: skip
WRITTEN_ONLY = ("status", "bounce_score")
MODES = ("each", "daily", "weekly", "none")
MAX_TEXT = 200
What = Literal["added", "updated", "unchanged", "left"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake in the file: line 0 is about the file as a whole."""

    line: int
    column: str
    words: str


@dataclass(frozen=True, slots=True)
class Change:
    line: int
    email: str
    what: What
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]

    def _count(self, what: What) -> int:
        return sum(change.what == what for change in self.changes)

    @property
    def added(self) -> int:
        return self._count("added")

    @property
    def updated(self) -> int:
        return self._count("updated")

    @property
    def unchanged(self) -> int:
        return self._count("unchanged")

    @property
    def left(self) -> int:
        return self._count("left")


@dataclass(slots=True)
class _Row:
    """One line, read: None leaves a value, "" or an empty set clears it."""

    line: int
    email: str
    name: str | None = None
    profession: str | None = None
    registration: str | None = None
    expires: date | Literal[""] | None = None
    lists: set[str] | None = None
    roles: set[tuple[str, RoleName]] | None = None
    delivery: str | None = None
    aliases: dict[str, str] | None = None  # canonical -> as written
    terms: bool | None = None
    trusted: bool | None = None


@dataclass(slots=True)
class _Known:
    """A person as the database has them."""

    id: int
    name: str
    profession: str
    status: Status
    delivery: str
    trusted: bool
    addresses: dict[str, tuple[int, str, bool]] = field(default_factory=dict)  # canonical -> id, email, preferred
    subscriptions: dict[str, tuple[int, str, datetime | None]] = field(default_factory=dict)  # list -> id, mode, left
    roles: set[tuple[str, RoleName]] = field(default_factory=set)
    number: str = ""
    expires: date | None = None
    agreed: bool = False
    bounce_score: float = 0.0

    @property
    def email(self) -> str:
        return next((email for _, email, preferred in self.addresses.values() if preferred), "")


class _Bad(Exception):
    def __init__(self, column: str, words: str) -> None:
        super().__init__(words)
        self.column, self.words = column, words


# --- reading the file --------------------------------------------------------------------------------------------


def _near(word: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(word.lower(), list(known), 1)
    return f"; did you mean {found[0]}?" if found else ""


def _header(reader: Any) -> tuple[list[str], list[Problem]]:
    try:
        names = [cell.strip().lower().lstrip("\ufeff") for cell in next(reader)]
    except StopIteration:
        return [], [Problem(1, "", "the file is empty; its first line names the columns, and `email` is one of them")]
    except csv.Error as error:
        return [], [Problem(1, "", f"cannot be read as CSV: {error}")]
    if len(names) == 1 and ";" in names[0]:
        return [], [Problem(1, "", "this file uses ; between columns; save it with commas")]
    problems = [
        Problem(1, name, f"is no column of a roster{_near(name, COLUMNS)}")
        for name in names
        if name not in COLUMNS and name not in WRITTEN_ONLY
    ]
    problems += [Problem(1, name, "is there twice") for name in COLUMNS if names.count(name) > 1]
    if "email" not in names:
        problems.append(Problem(1, "email", "is missing: every row needs an email address"))
    return names, problems


def _read(ctx: Context, text: str) -> tuple[list[_Row], list[Problem]]:
    reader = csv.reader(io.StringIO(text.replace("\x00", "\ufffd")), strict=True)
    names, problems = _header(reader)
    rows: list[_Row] = []
    if problems:
        return rows, problems
    seen: dict[str, int] = {}
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return rows, problems
        except csv.Error as error:
            problems.append(Problem(reader.line_num, "", f"cannot be read as CSV: {error}"))
            return rows, problems
        if not any(cell.strip() for cell in cells):
            continue
        line = reader.line_num
        if len(cells) != len(names):
            problems.append(Problem(line, "", f"has {len(cells)} cells where the first line has {len(names)}"))
            continue
        try:
            row = _row(ctx, line, {name: cell.strip() for name, cell in zip(names, cells, strict=True)})
            for key in (canonical(row.email), *(row.aliases or ())):
                if key in seen:
                    raise _Bad("email", f"{key} stands in line {seen[key]} as well")
            for key in (canonical(row.email), *(row.aliases or ())):
                seen[key] = line
        except _Bad as bad:
            problems.append(Problem(line, bad.column, bad.words))
        else:
            rows.append(row)


def _email(ctx: Context, column: str, value: str) -> str:
    if not canonical(value) or len(value) > 254:
        raise _Bad(column, f"{value!r} is no email address")
    if routing.is_own(ctx.settings, value):
        raise _Bad(column, f"{value} is an address of listserv itself; it can be nobody's")
    return value


def _text(column: str, value: str, limit: int = MAX_TEXT) -> str | None:
    if not value:
        return None
    if value == "-":
        return ""
    if not value.isprintable():
        raise _Bad(column, "has control characters in it")
    if len(value) > limit:
        raise _Bad(column, f"has {len(value)} characters; at most {limit} are kept")
    return value


def _parts(value: str) -> list[str] | None:
    if not value:
        return None
    return [] if value == "-" else [part.strip() for part in value.split(";") if part.strip()]


def _choice(column: str, value: str, choices: dict[str, Any]) -> Any | None:
    if not value:
        return None
    if value.lower() not in choices:
        raise _Bad(
            column, f"{value!r} is not one of {', '.join(k for k in choices if k != '-')}{_near(value, choices)}"
        )
    return choices[value.lower()]


def _row(ctx: Context, line: int, cells: dict[str, str]) -> _Row:
    def get(name: str) -> str:
        return cells.get(name, "")

    row = _Row(line, _email(ctx, "email", get("email")))
    row.name, row.profession = _text("name", get("name")), _text("profession", get("profession"))
    row.registration = _text("registration", get("registration"), 40)
    if get("registration_expires") == "-":
        row.expires = ""
    elif get("registration_expires"):
        try:
            row.expires = date.fromisoformat(get("registration_expires"))
        except ValueError:
            shown = get("registration_expires")
            raise _Bad("registration_expires", f"{shown!r} is no date; write it like 2027-11-30") from None
    known = list(ctx.settings.lists)
    if (lists := _parts(get("lists"))) is not None:
        for name in lists:
            if name not in known:
                raise _Bad("lists", f"there is no list {name!r}{_near(name, known)}")
        row.lists = set(lists)
    if (roles := _parts(get("roles"))) is not None:
        row.roles = {_role_of(known, role) for role in roles}
    row.delivery = _choice("delivery", get("delivery"), {mode: mode for mode in MODES} | {"-": "default"})
    if row.delivery == "default":
        row.delivery = ctx.settings.community.default_delivery
    if (aliases := _parts(get("aliases"))) is not None:
        row.aliases = {canonical(_email(ctx, "aliases", alias)): alias for alias in aliases}
        if canonical(row.email) in row.aliases:
            raise _Bad("aliases", f"{row.email} is the row's own email already")
    row.terms = _choice("terms", get("terms"), {"agreed": True, "-": False})
    row.trusted = _choice("trusted", get("trusted"), {"yes": True, "no": False, "-": False})
    return row


def _role_of(lists: list[str], text: str) -> tuple[str, RoleName]:
    name, _, role = text.partition(":")
    if name not in lists and name != HUB:
        raise _Bad("roles", f"{text!r} names no list{_near(name, [*lists, HUB])}; write it like perinatal:moderator")
    try:
        return name, RoleName(role.lower())
    except ValueError:
        words = ", ".join(RoleName)
        raise _Bad("roles", f"{role!r} is not one of {words}{_near(role, list(RoleName))}") from None


# --- what is there -----------------------------------------------------------------------------------------------


def _people(ctx: Context, tx: Connection) -> dict[int, _Known]:
    """Everybody, in one query per table."""
    people = {
        row.id: _Known(row.id, row.name, row.profession, row.status, row.delivery, bool(row.trusted))
        for row in tx.execute(select(_person))
    }
    for row in tx.execute(select(_address)):
        known = people[row.person_id]
        known.addresses[row.canonical] = (row.id, row.email, bool(row.preferred))
        if row.preferred:
            known.bounce_score = row.bounce_score
    for row in tx.execute(select(_subscription)):
        people[row.person_id].subscriptions[row.list_name] = (row.id, row.delivery, row.left_at)
    for row in tx.execute(select(_role)):
        people[row.person_id].roles.add((row.list_name, row.role))
    for row in tx.execute(select(_credential)):
        people[row.person_id].number, people[row.person_id].expires = row.number, row.expires
    version = membership.terms_version(ctx.settings)
    if version is not None:
        for row in tx.execute(select(_agreement.c.person_id).where(_agreement.c.version == version)):
            people[row.person_id].agreed = True
    return people


# --- writing -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Work:
    """The statements that a file asks for, in bulk."""

    now: datetime
    version: str | None
    inserts: dict[Any, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    changes: list[Any] = field(default_factory=list)
    leaving: list[int] = field(default_factory=list)

    def run(self, tx: Connection) -> None:
        for statement in self.changes:
            tx.execute(statement)
        for subscription in self.leaving:
            membership.leave(tx, subscription, self.now)
        for table, rows in self.inserts.items():
            if rows:
                tx.execute(insert(table), rows)


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
    rows, problems = _read(ctx, text)
    with ctx.db.transaction() as tx:
        people = _people(ctx, tx)
        owners = {key: known for known in people.values() for key in known.addresses}
        numbers = {known.number.casefold(): known.id for known in people.values() if known.number}
        rows, found = _assigned(rows, owners, numbers)
        problems += found
        work = _Work(ctx.clock(), membership.terms_version(ctx.settings))
        changes = []
        new: list[_Row] = []
        kept: set[int] = set()
        for row in rows:
            known = _owner(row, owners)
            if known is None:
                new.append(row)
                changes.append(Change(row.line, row.email, "added"))
                continue
            kept.add(known.id)
            details = _update(work, row, known)
            changes.append(Change(row.line, row.email, "updated" if details else "unchanged", tuple(details)))
        if sync:
            gone, refused = _sync(people, kept, sync_limit)
            problems += refused
            changes += [_go(work, known) for known in gone]
        if not dry_run and (skip_bad or not problems) and not (skip_bad and any(p.line == 0 for p in problems)):
            work.run(tx)
            _add(ctx, tx, new, work)
    problems.sort(key=lambda problem: problem.line)
    return Report(tuple(changes), tuple(problems))


def _owner(row: _Row, owners: dict[str, _Known]) -> _Known | None:
    for key in (canonical(row.email), *(row.aliases or ())):
        if key in owners:
            return owners[key]
    return None


def _assigned(rows: list[_Row], owners: dict[str, _Known], numbers: dict[str, int]) -> tuple[list[_Row], list[Problem]]:
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


def _update(work: _Work, row: _Row, known: _Known) -> list[str]:
    """Asks for what differs; in words for `--dry-run`."""
    details: list[str] = []
    values: dict[str, Any] = {}
    for name, given in (
        ("name", row.name),
        ("profession", row.profession),
        ("delivery", row.delivery),
        ("trusted", row.trusted),
    ):
        old = getattr(known, name)
        if given is not None and given != old:
            values[name] = given
            details.append(f"{name}: {old or '(none)'} -> {given or '(none)'}")
    if known.status is Status.LEFT:
        values["status"] = Status.ACTIVE
        details.append("status: left -> active")
    if "name" in values:
        values["name_key"] = name_key(values["name"])
    if values:
        work.changes.append(update(_person).where(_person.c.id == known.id).values(values))
    details += _update_addresses(work, row, known)
    details += _update_credential(work, row, known)
    details += _update_lists(work, row, known)
    if row.roles is not None and row.roles != known.roles:
        details.append(f"roles: {_roles(known.roles)} -> {_roles(row.roles)}")
        work.changes.append(delete(_role).where(_role.c.person_id == known.id))
        work.inserts[_role] += [{"person_id": known.id, "list_name": n, "role": r} for n, r in sorted(row.roles)]
    if row.terms is not None and work.version is not None and row.terms != known.agreed:
        details.append("terms: agreed" if row.terms else "terms: agreement taken away")
        if row.terms:
            work.inserts[_agreement].append(_agreed(known.id, work))
        else:
            same = (_agreement.c.person_id == known.id, _agreement.c.version == work.version)
            work.changes.append(delete(_agreement).where(*same))
    return details


def _agreed(person: int, work: _Work) -> dict[str, Any]:
    return {"person_id": person, "version": work.version, "agreed_at": work.now, "evidence": "roster import"}


def _roles(roles: Iterable[tuple[str, RoleName]]) -> str:
    return ";".join(f"{name}:{role}" for name, role in sorted(roles)) or "(none)"


def _update_addresses(work: _Work, row: _Row, known: _Known) -> list[str]:
    details: list[str] = []
    key = canonical(row.email)
    wanted = {key: row.email, **(row.aliases if row.aliases is not None else {})}
    if row.aliases is None:
        wanted |= {k: email for k, (_, email, _) in known.addresses.items() if k != key}
    for k, (number, email, preferred) in known.addresses.items():
        if k not in wanted:
            details.append(f"address {email} taken away")
            work.changes.append(delete(_address).where(_address.c.id == number))
        elif preferred != (k == key) or email != wanted[k]:
            details.append(f"address {wanted[k]}{' preferred' if k == key else ''}")
            values = {"preferred": k == key, "email": wanted[k]}
            work.changes.append(update(_address).where(_address.c.id == number).values(values))
    for k, email in wanted.items():
        if k not in known.addresses:
            details.append(f"address {email} added")
            work.inserts[_address].append(_address_row(known.id, email, k, preferred=k == key))
    return details


def _address_row(person: int, email: str, key: str, *, preferred: bool) -> dict[str, Any]:
    return {"person_id": person, "email": email, "canonical": key, "preferred": preferred, "bounce_score": 0.0}


def _update_credential(work: _Work, row: _Row, known: _Known) -> list[str]:
    number = known.number if row.registration is None else row.registration
    expires = known.expires if row.expires is None else (row.expires or None)
    if (number, expires if number else None) == (known.number, known.expires if known.number else None):
        return []
    if known.number:
        work.changes.append(delete(_credential).where(_credential.c.person_id == known.id))
    if number:
        work.inserts[_credential].append({"person_id": known.id, "number": number, "expires": expires})
    return [f"registration: {known.number or '(none)'} {known.expires or ''} -> {number or '(none)'} {expires or ''}"]


def _update_lists(work: _Work, row: _Row, known: _Known) -> list[str]:
    details: list[str] = []
    mode = row.delivery or known.delivery
    running = {name for name, (_, _, left) in known.subscriptions.items() if left is None}
    wanted = running if row.lists is None else row.lists
    for name in sorted(running - wanted):
        details.append(f"leaves {name}")
        work.leaving.append(known.subscriptions[name][0])
    for name in sorted(wanted - running):
        details.append(f"joins {name}")
        if name in known.subscriptions:
            number = known.subscriptions[name][0]
            values = {"left_at": None, "delivery": mode}
            work.changes.append(update(_subscription).where(_subscription.c.id == number).values(values))
        else:
            work.inserts[_subscription].append(_subscription_row(known.id, name, mode, work.now))
    for name in sorted(wanted & running):
        number, old, _ = known.subscriptions[name]
        if row.delivery is not None and old != row.delivery:
            details.append(f"{name}: {old} -> {row.delivery}")
            work.changes.append(update(_subscription).where(_subscription.c.id == number).values(delivery=row.delivery))
    return details


def _subscription_row(person: int, name: str, mode: str, now: datetime) -> dict[str, Any]:
    return {"person_id": person, "list_name": name, "delivery": mode, "moderated": False, "since": now}


def _sync(people: dict[int, _Known], kept: set[int], limit: float | None) -> tuple[list[_Known], list[Problem]]:
    members = [known for known in people.values() if known.status is not Status.LEFT]
    gone = [known for known in members if known.id not in kept and known.status is not Status.BANNED]
    if limit is not None and len(gone) > 5 and len(gone) > limit * len(members):
        words = (
            f"--sync: {len(gone)} of {len(members)} members would leave; that looks like a file that is not complete"
        )
        return [], [Problem(0, "", words)]
    return gone, []


def _go(work: _Work, known: _Known) -> Change:
    work.changes.append(update(_person).where(_person.c.id == known.id).values(status=Status.LEFT))
    work.leaving += [number for number, _, left in known.subscriptions.values() if left is None]
    return Change(0, known.email, "left", ("is not in the file",))


def _add(ctx: Context, tx: Connection, rows: list[_Row], work: _Work) -> None:
    """New members, in bulk: the people first, then what hangs on their numbers."""
    if not rows:
        return
    default = ctx.settings.community.default_delivery
    values = [
        {
            "name": row.name or "",
            "profession": row.profession or "",
            "status": Status.ACTIVE,
            "delivery": row.delivery or default,
            "trusted": bool(row.trusted),
            "approved_posts": 0,
            "created_at": work.now,
        }
        for row in rows
    ]
    numbers: list[int] = []
    for start in range(0, len(values), 1000):
        made = tx.execute(
            insert(_person).returning(_person.c.id, sort_by_parameter_order=True), values[start : start + 1000]
        )
        numbers += [row.id for row in made]
    more: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for person, row in zip(numbers, rows, strict=True):
        key = canonical(row.email)
        more[_address].append(_address_row(person, row.email, key, preferred=True))
        more[_address] += [_address_row(person, email, k, preferred=False) for k, email in (row.aliases or {}).items()]
        more[_subscription] += [
            _subscription_row(person, name, row.delivery or default, work.now) for name in sorted(row.lists or ())
        ]
        more[_role] += [{"person_id": person, "list_name": n, "role": r} for n, r in sorted(row.roles or ())]
        if row.registration:
            more[_credential].append({"person_id": person, "number": row.registration, "expires": row.expires or None})
        if row.terms and work.version is not None:
            more[_agreement].append(_agreed(person, work))
    for table, entries in more.items():
        for start in range(0, len(entries), 5000):
            tx.execute(insert(table), entries[start : start + 5000])


# --- out ---------------------------------------------------------------------------------------------------------


def export_rows(ctx: Context) -> list[dict[str, Any]]:
    """Everybody, ordered by address, with the columns of the CSV; `bounce_score` is a number."""
    with ctx.db.reading() as tx:
        people = _people(ctx, tx)
    rows = []
    for known in people.values():
        running = [name for name, (_, _, left) in known.subscriptions.items() if left is None]
        aliases = sorted(email for _, email, preferred in known.addresses.values() if not preferred)
        rows.append(
            {
                "email": known.email,
                "name": known.name,
                "profession": known.profession,
                "registration": known.number,
                "registration_expires": known.expires.isoformat() if known.expires else "",
                "lists": ";".join(sorted(running, key=ctx.settings.list_order)),
                "roles": ";".join(f"{name}:{role}" for name, role in sorted(known.roles)),
                "delivery": known.delivery,
                "aliases": ";".join(aliases),
                "terms": "agreed" if known.agreed else "",
                "trusted": "yes" if known.trusted else "",
                "status": str(known.status),
                "bounce_score": known.bounce_score,
            }
        )
    return sorted(rows, key=lambda row: str(row["email"]).casefold())


def export_csv(ctx: Context) -> str:
    """The same as CSV; importing it again changes nothing."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [*COLUMNS, *WRITTEN_ONLY], lineterminator="\n")
    writer.writeheader()
    writer.writerows(export_rows(ctx))
    return out.getvalue()
