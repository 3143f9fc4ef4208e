"""The shape of settings.yaml, with every default of the program."""

from __future__ import annotations

import difflib
import re
from datetime import date, time, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)

from listserv.policy.lifecycle import Profession
from listserv.settings.connections import Authentication, Dkim, Dns, Intake, Relay, Web
from listserv.settings.screening import Screening
from listserv.settings.values import (
    DOMAIN,
    Clock,
    DeliveryMode,
    Duration,
    Email,
    FilePath,
    Keeping,
    Section,
    Weekday,
    as_tuple,
    keeping,
    long_enough,
)


class DigestTime(Section):
    day: Weekday = "monday"
    time: Clock = time(7, 0)


class CommunityDigest(DigestTime):
    empty: Literal["nothing", "note"] = "nothing"  # what is sent when there is nothing to tell
    new_members: bool = True  # whether letters name who has joined
    preview: bool = True  # whether facilitators see it a day before


class Community(Section):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    domain: str
    url: str = ""
    contact: Email
    crisis: Annotated[str, Field(max_length=500)] = ""  # whom to call now, in words of the community's own
    timezone: str = "UTC"
    language: Literal["en", "de", "fr"] = "en"  # of who has not chosen one
    terms: FilePath | None = None
    credentials: Literal["registration", "none"] = "registration"
    terms_grace: Duration = timedelta(days=14)  # so long a new text of the terms may wait for agreement
    default_delivery: DeliveryMode = "each"
    digest: CommunityDigest = CommunityDigest()

    @field_validator("domain")
    @classmethod
    def _domain(cls, value: str) -> str:
        if not DOMAIN.match(value.lower()):
            raise ValueError("is not a domain name; write it like lists.example.org")
        return value.lower()

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        if not re.match(r"https?://[^/\s?#@]+(/[^\s?#]*)?\Z", value):
            raise ValueError("is not a web address; write it like https://lists.example.org")
        return value.rstrip("/")

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        if value not in available_timezones():
            near = difflib.get_close_matches(value, available_timezones(), 1)
            raise ValueError("is not a known time zone" + (f"; did you mean {near[0]}?" if near else ""))
        return value

    @model_validator(mode="after")
    def _default_url(self) -> Self:
        if not self.url:
            object.__setattr__(self, "url", f"https://{self.domain}")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class Secrets(Section):
    key_file: FilePath = Path("var/secret.key")


class Archive(Section):
    directory: FilePath = Path("archive")
    addresses: Literal["shown", "hidden"] = "shown"  # whether members see each other's mail addresses


class ProfessionSettings(Section):
    """One profession. `renewal` is the day on which its registrations end, as in 30 Nov."""

    title: str
    number: str = ""  # a regular expression that a whole number matches
    look_up: str = ""  # where a verifier looks a number up
    renewal: Annotated[
        str, Field(pattern=r"^([1-9]|[12]\d|3[01]) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)$|^$")
    ] = ""
    late: Duration = timedelta(0)  # so long after its end the register still counts it
    read_only: Duration = timedelta(0)  # so long after that its holder may read, and not post

    @field_validator("number")
    @classmethod
    def _number(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"is not a regular expression: {error}") from error
        return value


def _days(number: int) -> timedelta:
    return timedelta(days=number)


class Retention(Section):
    """How long what is kept (docs/privacy.md); None is for ever. Carried out every night by `housekeeping`."""

    posts: Keeping = None  # distributed posts, in the database and in the archive
    originals: Keeping = _days(30)  # of posts that were redacted or mended, sealed
    undistributed: Keeping = _days(90)  # texts of posts that were refused, withdrawn, expired or taken back
    refusals: Keeping = _days(30)  # envelopes of mail that was not taken
    arrivals: Keeping = _days(30)  # that mail came without proof; its text goes when it is settled
    set_aside: Keeping = _days(90)  # mail on which we failed, once it was tried again with success
    notices: Keeping = _days(90)  # texts of mails that listserv wrote
    letters: Keeping = _days(35)  # texts of digests, by which answers are recognised
    issues: Keeping = _days(400)  # which digest somebody got
    deliveries: Keeping = _days(180)  # what became of each copy
    sessions: Keeping = _days(1)  # on the web, after their end
    bounces: Keeping = _days(365)  # what came back for an address
    fetched: Keeping = _days(90)  # which messages were fetched by IMAP, after they left their folder
    applications: Keeping = _days(400)  # to join, after their end
    changes: Keeping = _days(90)  # an archive that was away for longer is built anew
    backups: timedelta = _days(30)  # only said, by `backup` and `erase`: nobody but you can delete them

    @field_validator("backups", mode="before")
    @classmethod
    def _backups(cls, value: object) -> object:
        kept = keeping(value)
        if kept is None:
            raise ValueError("has to end: a backup holds whoever is erased after it was made; write it like 30d")
        return kept

    @field_validator("deliveries")
    @classmethod
    def _long_enough(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value < _days(10):
            raise ValueError("is too short: copies are tried for five days, so write 10d or more")
        return value


class Rota(Section):
    """Who is told of a held post first: one after the other, each for `every`."""

    start: Annotated[date, Field(strict=False)]
    every: Annotated[Duration, AfterValidator(long_enough)] = timedelta(days=7)
    people: Annotated[tuple[Email, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    everybody_after: Duration = timedelta(hours=12)  # then the other moderators are told as well


class Quiet(Section):
    """A time of the day in which moderators get no notices, but for what is urgent; in each person's own zone."""

    begin: Clock
    end: Clock


class Moderation(Section):
    """How held posts are looked after. The notice that something is held always goes out at once."""

    languages: Annotated[
        tuple[Literal["de", "fr"], ...], BeforeValidator(as_tuple)
    ] = ()  # verbs by reply, besides English
    notices: Literal["each", "hourly", "daily"] = "each"  # a mail for each held post, or lists of them
    rota: Rota | None = None
    quiet: Quiet | None = None
    author_within: Duration = timedelta(hours=24)  # so long an author may mend a post before moderators see it
    remind: Annotated[tuple[Duration, ...], BeforeValidator(as_tuple)] = (timedelta(hours=24), timedelta(hours=72))
    give_up: Annotated[Duration, AfterValidator(long_enough)] = timedelta(days=14)  # then it goes back to its author


class ListSettings(Section):
    """One topic list. `name` comes from its key in `lists`."""

    name: str = ""
    title: str = ""
    description: str = ""
    posting: Literal["subscribers", "members", "moderators"] = "subscribers"
    replies: Literal["list", "author", "keep"] = "list"
    moderation: Literal["all", "newcomers", "none"] = "newcomers"
    screening: Literal["clinical", "general", "off"] = "general"
    author_first: bool = True
    approval_delay: Duration = timedelta(minutes=2)
    digest: DigestTime | None = None
    digest_excerpts: Literal["shown", "hidden"] = "shown"  # hidden: digests name conversations and quote nothing
    subject_prefix: Annotated[str | None, Field(max_length=60)] = None
    footer: bool = False


class Settings(Section):
    """The whole file."""

    community: Community
    secrets: Secrets = Secrets()
    database: str = "sqlite:///var/listserv.sqlite3"
    intake: Intake = Intake()
    dns: Dns = Dns()
    authentication: Authentication = Authentication()
    relay: Relay = Relay()
    dkim: Dkim | None = None
    web: Web | None = Web()
    archive: Archive = Archive()
    professions: dict[str, ProfessionSettings] = Field(default_factory=dict)
    moderation: Moderation = Moderation()
    retention: Retention = Retention()
    screening: Screening = Screening()
    lists: Annotated[dict[str, ListSettings], Field(min_length=1)]
    _base: Path = PrivateAttr(default=Path())

    @property
    def base(self) -> Path:
        """The folder of the settings file; a site's own templates are in its `templates/`."""
        return self._base

    @field_validator("database")
    @classmethod
    def _database(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError(
                "is not a database of ours; write sqlite:///var/listserv.sqlite3 or postgresql+psycopg://user@host/name"
            )
        return value

    @field_validator("lists", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        named: dict[object, object] = {}
        for name, entry in value.items():
            entry = {} if entry is None else entry
            if isinstance(entry, dict):
                entry = {"title": str(name), **entry, "name": str(name)}
            named[name] = entry
        return named

    def profession(self, words: str, number: str = "") -> Profession | None:
        """The profession with this key or title; else the one whose numbers look like this one."""
        folded = words.casefold().strip()
        found = [known for known in self._professions if folded in (known.key.casefold(), known.title.casefold())]
        if not found and number:
            found = [known for known in self._professions if known.number and known.fits(number)]
        return found[0] if len(found) == 1 else None

    @property
    def _professions(self) -> list[Profession]:
        return [
            Profession(key, one.title, one.number, one.look_up, _month_and_day(one.renewal), one.late.days,
                       one.read_only.days)
            for key, one in self.professions.items()
        ]  # fmt: skip

    @property
    def domain(self) -> str:
        return self.community.domain

    @property
    def sqlite_path(self) -> Path | None:
        return Path(self.database.removeprefix("sqlite:///")) if self.database.startswith("sqlite") else None

    def list_order(self, name: str) -> int:
        """Position in the settings; what is no list (any more) comes last."""
        return next((i for i, known in enumerate(self.lists) if known == name), len(self.lists))


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _month_and_day(text: str) -> tuple[int, int] | None:
    day, _, month = text.partition(" ")
    return (_MONTHS.index(month) + 1, int(day)) if month else None
