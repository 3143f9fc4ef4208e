"""What is held about people, column by column: the one table that export, erasure and docs/privacy.md go by.

A new column belongs here before it is on main (tests/privacy/test_inventory.py says so). A table of rows that belong
to a person by `person_id` needs no more than its entry: its rows are exported under `file` and deleted with the person.
What a person left in rows of others (their name as a decider, text that names them) is found by `Is.NAMED` and
`Is.WORDS`. Whole mails and rows that stay without their person have code of their own in `erasing` and `scanning`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Table, false, func, or_
from sqlmodel import SQLModel


class Is(StrEnum):
    """What a column holds."""

    PLAIN = "plain"  # nothing about anybody: never exported for itself, stays
    THEIRS = "theirs"  # about the person of the row: exported; goes with the row, or is taken out of it
    KEY = "key"  # the number of a person or of a row of theirs: not exported; goes with the row, or is emptied
    HIDDEN = "hidden"  # theirs, and not for reading: hashes and keys
    NAMED = "named"  # the name of whoever did it: "former moderator" instead
    WORDS = "words"  # a text (or JSON) in which anybody can be named: they are taken out of it
    MAIL = "mail"  # a whole mail, compressed: exported, rewritten or emptied


class Goes(StrEnum):
    """What an erasure does with the rows that are a person's."""

    DELETED = "deleted"
    PSEUDONYM = "pseudonym"  # they stay, under a name that is nobody's
    STAYS = "stays"  # nobody's rows; what names the person in them is taken out


@dataclass(frozen=True, slots=True)
class Held:
    """One table. A row is a person's by the number in the column `whose`, or by an address of theirs in one of the
    columns `by`. `file`: where such rows are in an export; `what` describes that file to the person."""

    goes: Goes
    columns: dict[str, Is]
    whose: str = ""
    by: tuple[str, ...] = ()
    file: str = ""
    what: str = ""


def _columns(**groups: str) -> dict[str, Is]:
    """`theirs="name delivery"` and so on."""
    return {name: Is(kind) for kind, names in groups.items() for name in names.split()}


NAMED_IN_LINKS = ("session", "feed", "subscription", "issue", "delivery")
"""Tables whose numbers stand in links, cookies and return paths. SQLite gives the number of the newest row out again
once that row is deleted, and an old link would open what is another's: of the newest row the number is kept."""

TABLES: dict[str, Held] = {
    "person": Held(
        Goes.DELETED,
        _columns(
            plain="id",
            theirs="name profession status delivery trusted approved_posts language timezone digest_day digest_time"
            " digest_format digest_per_list paused_at paused_until created_at",
            hidden="name_key",
        ),
        file="person.json",
        what="who you are to us: name, profession, standing, and how you like to get mail",
    ),
    "address": Held(
        Goes.DELETED,
        _columns(key="id person_id", theirs="email canonical preferred bounce_score", hidden="untagged"),
        whose="person_id",
        file="addresses.json",
        what="your mail addresses",
    ),
    "subscription": Held(
        Goes.DELETED,
        _columns(key="id person_id", theirs="list_name delivery moderated since delivery_since left_at"),
        whose="person_id",
        file="subscriptions.json",
        what="the lists that you are on or have left, and how you get each",
    ),
    "role": Held(
        Goes.DELETED,
        _columns(key="id person_id", theirs="list_name role"),
        whose="person_id",
        file="roles.json",
        what="what you do for lists: moderator, owner, facilitator, verifier",
    ),
    "credential": Held(
        Goes.DELETED,
        _columns(key="id person_id", theirs="number expires"),
        whose="person_id",
        file="credentials.json",
        what="your professional registration",
    ),
    "agreement": Held(
        Goes.DELETED,
        _columns(key="id person_id", theirs="version agreed_at evidence"),
        whose="person_id",
        file="agreements.json",
        what="which terms you agreed to (the SHA-256 of their text), when, and by what",
    ),
    "confirmation": Held(
        Goes.DELETED,
        _columns(key="id person_id", theirs="address kind domain confirmed_at"),
        whose="person_id",
        file="confirmations.json",
        what="mail without a signature that you said was yours: what sent it is believed for a year",
    ),
    "session": Held(
        Goes.DELETED,
        _columns(key="id person_id", theirs="created_at expires_at"),
        whose="person_id",
        file="sessions.json",
        what="when you logged in on the web, and until when that holds",
    ),
    "feed": Held(
        Goes.DELETED,
        _columns(key="id person_id", theirs="list_name created_at revoked_at"),
        whose="person_id",
        file="feeds.json",
        what="the feeds that you asked for",
    ),
    "token": Held(
        Goes.DELETED,
        _columns(
            key="id person_id post_id subscription_id arrival_id issue_id edition_id application_id",
            theirs="purpose about expires_at",
            hidden="hash",
        ),
        whose="person_id",
        file="questions.json",
        what="questions that we asked you and that you can still answer (their secret codes are not kept)",
    ),
    "issue": Held(
        Goes.DELETED,
        _columns(
            key="id person_id notice_id stopped",
            theirs="list_name kind period since until made_at threads stopped_at",
        ),
        whose="person_id",
        file="digests.json",
        what="the digests that were made for you, with the conversations (list and tag) in each",
    ),
    "application": Held(
        Goes.DELETED,
        _columns(
            key="id person_id",
            theirs="state email canonical lists language name profession registration confirmed_at terms_version"
            " told_at verified_at verified_until created_at asked_at reminded_at closed_at",
            named="verified_by",
            words="reason",
        ),
        whose="person_id",
        by=("email",),
        file="applications.json",
        what="your applications to join, and registrations that you asked us to look up",
    ),
    "campaign": Held(
        Goes.DELETED,
        _columns(key="id person_id", theirs="about stage at"),
        whose="person_id",
        file="reminders.json",
        what="which mails about your registration or the terms you have been sent",
    ),
    "following": Held(
        Goes.DELETED,
        _columns(key="id person_id", theirs="list_name tag muted at"),
        whose="person_id",
        file="following.json",
        what="conversations that you follow or have muted",
    ),
    "bounce": Held(
        Goes.DELETED,
        _columns(key="id person_id delivery_id post_id", theirs="at canonical kind status counted", words="words"),
        whose="person_id",
        by=("canonical",),
        file="bounces.json",
        what="what came back when we wrote to you",
    ),
    "termstext": Held(Goes.STAYS, _columns(plain="version text first_seen")),
    "message": Held(Goes.PSEUDONYM, _columns(plain="id size received_at", mail="raw")),
    "post": Held(
        Goes.PSEUDONYM,
        _columns(
            plain="id message_id origin_id original_id list_name tag thread imported rules notified copies"
            " duplicate_key claimed_by remind_at reminded wider_at",
            key="person_id",
            theirs="state envelope_sender from_address from_name subject message_id_header proof auth sent_as peer"
            " received_at state_since release_at released_at changed urgent returns return_by",
            hidden="content_hash screened",
            words="reasons author_note",
        ),
    ),
    "decision": Held(
        Goes.PSEUDONYM,
        _columns(
            plain="id post_id channel",
            key="person_id",
            theirs="verb decided_at undone_at proof",
            named="decided_by",
            words="reason",
        ),
    ),
    "arrival": Held(
        Goes.DELETED,
        _columns(
            plain="id size recipients protocol",
            key="person_id",
            theirs="envelope_sender ip helo from_address message_id_header proof auth state received_at state_since",
            hidden="key screened",
            mail="raw",
        ),
        whose="person_id",
        by=("envelope_sender", "from_address"),
        file="mail-without-proof.json",
        what="mail from your address that came without proof of its sender, and what became of it",
    ),
    "refusal": Held(
        Goes.DELETED,
        _columns(
            plain="id",
            theirs="at list_name envelope_sender from_address peer message_id_header action reasons",
            words="reply",
        ),
        by=("envelope_sender", "from_address"),
        file="refused-mail.json",
        what="mail from your address that was not taken: its envelope, never its text",
    ),
    "quarantine": Held(
        Goes.DELETED,
        _columns(
            plain="id size recipients helo protocol post_id stage state at",
            theirs="envelope_sender peer",
            hidden="key",
            mail="raw",
            words="error",
        ),
        by=("envelope_sender",),
        file="set-aside.json",
        what="mail from you on which this system failed, kept to be tried again",
    ),
    "emergency": Held(Goes.STAYS, _columns(plain="id list_name until begun_at", named="begun_by", words="reason")),
    # never changed: who it was can only be told as long as `salt` has a row for them
    "audit": Held(
        Goes.STAYS,
        _columns(plain="id at event person about channel proof list_name post_id message details previous hash"),
    ),
    "salt": Held(Goes.DELETED, _columns(key="id person_id post_id", hidden="salt"), whose="person_id"),
    "incident": Held(
        Goes.STAYS,
        _columns(
            plain="id origin_id post_id lists kind opened_at channel sent stopped under_way letters told told_at"
            " assess_by reminded state closed_at",
            named="opened_by closed_by",
            words="reason note",
        ),
    ),
    "notice": Held(
        Goes.DELETED,
        _columns(
            plain="id post_id verp",
            key="person_id",
            theirs="kind list_name recipient message_id_header created_at",
            words="subject",
            mail="raw",
        ),
        whose="person_id",
        by=("recipient",),
    ),
    "delivery": Held(
        Goes.DELETED,
        _columns(
            plain="id kind priority origin_id post_id notice_id next_attempt lease_owner lease_until",
            key="person_id subscription_id",
            theirs="recipient state attempts created_at finished_at possible_duplicates",
            words="last_reply",
        ),
        whose="person_id",
        by=("recipient",),
    ),
    "attempt": Held(Goes.DELETED, _columns(plain="id delivery_id", theirs="at result", words="reply")),
    "change": Held(Goes.STAYS, _columns(plain="id post_id list_name at")),
    "threadedit": Held(Goes.STAYS, _columns(plain="id list_name tag parent at", named="edited_by")),
    "edition": Held(
        Goes.STAYS,
        _columns(
            plain="id list_name period slot_at previewed_at numbered dropped lead held_until send_at",
            named="edited_by",
            words="note upcoming",
        ),
    ),
    # fetched from mailboxes by IMAP; `why` says why a message could not be taken
    "fetched": Held(Goes.STAYS, _columns(plain="id mailbox uidvalidity uid content outcome at moved_at", words="why")),
}


def here(name: str) -> Table | None:
    """A table of this version, None when it has none of that name."""
    return SQLModel.metadata.tables.get(name)


def of_person() -> Iterator[tuple[str, Held, Table]]:
    """The tables whose rows belong to a person by a number or an address in them, and go with them."""
    for name, held in TABLES.items():
        table = here(name)
        if (held.whose or held.by) and held.goes is Goes.DELETED and table is not None:
            yield name, held, table


def rows_of(held: Held, table: Table, person: int | None, addresses: Iterable[str]) -> Any:
    """The condition that a row is this person's."""
    found = [table.c[held.whose] == person] if held.whose and person is not None else []
    wanted = sorted({address.lower() for address in addresses})
    found += [func.lower(table.c[column]).in_(wanted) for column in held.by]
    return or_(false(), *found)


def columns_that_are(kind: Is) -> Iterator[tuple[Table, Any]]:
    """Every column of a kind, with its table."""
    for name, held in TABLES.items():
        table = here(name)
        for column, is_ in held.columns.items() if table is not None else ():
            if is_ is kind and table is not None and column in table.c:
                yield table, table.c[column]


def unclassified() -> list[str]:
    """`table.column` of what this version has and nobody has classified."""
    found = []
    for name, table in SQLModel.metadata.tables.items():
        known = TABLES[name].columns if name in TABLES else {}
        found += [f"{name}.{column.name}" for column in table.columns if column.name not in known]
    return sorted(found)
