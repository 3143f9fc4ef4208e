"""settings.yaml -> frozen objects; every default of the program stands here.

Read once at start (`load`), reloaded on SIGHUP after a successful check. All mistakes of a file are reported at
once, each with its path in the file and, where one can be guessed, the fix. Relative paths in the file are
relative to the file.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from listserv.errors import UserError
from listserv.mail.address import canonical, split

HUB = "community"
SUFFIXES = ("leave", "request", "join", "owner", "confirm", "moderate", "bounces")
ROLE_NAMES = frozenset({"postmaster", "abuse", "hostmaster", "security", "webmaster", "noc", "mailer-daemon", "root"})
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LIST_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\Z")
HOST_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]*):\d{1,5}\Z")
DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")

_UNITS = {"": 1, "s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}
_SIZES = {
    "": 1,
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
}


class SettingsError(UserError):
    """`problems` holds (path in the file, what is wrong and how to mend it)."""

    def __init__(self, source: str, problems: list[tuple[str, str]]) -> None:
        self.source = source
        self.problems = problems
        noun = "mistake" if len(problems) == 1 else "mistakes"
        lines = [f"{source}: {len(problems)} {noun} in the settings, nothing was started"]
        super().__init__("\n".join(lines + [f"  {path}: {what}" if path else f"  {what}" for path, what in problems]))


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if value == 0:
        return timedelta(0)
    match = re.fullmatch(r"(\d+)\s*([a-z]*)", value.strip()) if isinstance(value, str) else None
    if not match or match[2] not in _UNITS:
        raise ValueError("is not a time span; write it like 30s, 2min, 12h or 5d, or 0")
    if not match[2] and match[1] != "0":
        raise ValueError(f"has no unit; did you mean {match[1]}min?")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def _size(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("is not a size; write it like 15MB or 500kB")
    match = re.fullmatch(r"(\d+)\s*([a-z]*)", str(value).strip().lower())
    if not match or match[2] not in _SIZES:
        raise ValueError("is not a size; write it like 15MB or 500kB")
    return int(match[1]) * _SIZES[match[2]]


def _clock(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1440:
        raise ValueError(f'needs quotation marks in YAML: "{value // 60:02}:{value % 60:02}"')
    match = re.fullmatch(r"(\d{1,2}):(\d{2})", value) if isinstance(value, str) else None
    if not match or int(match[1]) > 23 or int(match[2]) > 59:
        raise ValueError('is not a time of day; write it like "07:00"')
    return time(int(match[1]), int(match[2]))


def _email(value: str) -> str:
    if not canonical(value):
        raise ValueError("is not an email address; write it like person@example.org")
    return value


def _host_port(value: str) -> str:
    if not HOST_PORT.match(value) or int(value.rpartition(":")[2]) > 65535:
        raise ValueError("is not host:port; write it like 127.0.0.1:8025")
    return value


def _socket(value: str) -> str:
    return value if value.startswith("unix:") and len(value) > 5 else _host_port(value)


class Rate(BaseModel):
    """So many events in so long a window."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    count: int
    window: timedelta


def _rate(value: object) -> object:
    if value is None or isinstance(value, Rate):
        return value
    match = re.fullmatch(r"(\d+)\s*/\s*(\d*)\s*([a-z]+)", value.strip()) if isinstance(value, str) else None
    if not match or match[3] not in _UNITS or not int(match[1]) or match[2] == "0":
        raise ValueError("is not a rate; write it like 30/10min, or null for no limit")
    return Rate(count=int(match[1]), window=timedelta(seconds=int(match[2] or 1) * _UNITS[match[3]]))


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Size = Annotated[int, BeforeValidator(_size), Field(gt=0)]
Clock = Annotated[time, BeforeValidator(_clock)]
Email = Annotated[str, AfterValidator(_email)]
HostPort = Annotated[str, AfterValidator(_host_port)]
Socket = Annotated[str, AfterValidator(_socket)]
Port = Annotated[int, Field(ge=1, le=65535)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DeliveryMode = Literal["each", "daily", "weekly", "none"]


class Section(BaseModel):
    """One mapping of the file: frozen, of strict types, with no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


class DigestTime(Section):
    day: Weekday = "monday"
    time: Clock = time(7, 0)


class Community(Section):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    domain: str
    url: str = ""
    contact: Email
    timezone: str = "UTC"
    terms: Path | None = None
    credentials: Literal["registration", "none"] = "registration"
    default_delivery: DeliveryMode = "each"
    digest: DigestTime = DigestTime()

    @field_validator("terms", mode="before")
    @classmethod
    def _path(cls, value: object) -> object:
        return Path(value) if isinstance(value, str) else value

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
    key_file: Path = Path("var/secret.key")

    @field_validator("key_file", mode="before")
    @classmethod
    def _path(cls, value: object) -> object:
        return Path(value) if isinstance(value, str) else value


class Imap(Section):
    host: str
    port: Port = 993
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    username: str
    password_env: str
    folder: str = "INBOX"


class Certificate(Section):
    certificate: Path
    key: Path

    @field_validator("certificate", "key", mode="before")
    @classmethod
    def _path(cls, value: object) -> object:
        return Path(value) if isinstance(value, str) else value


class Intake(Section):
    smtp: HostPort | None = "127.0.0.1:8025"
    lmtp: Socket | None = None
    imap: Imap | None = None
    connections: Annotated[int, Field(ge=1)] = 1000
    per_peer: Annotated[int, Field(ge=1)] = 100
    trusted_peers: tuple[str, ...] = ()
    tls: Certificate | None = None
    max_size: Size = 15_000_000
    rate: Annotated[Rate | None, BeforeValidator(_rate)] = Rate(count=30, window=timedelta(minutes=10))

    @field_validator("trusted_peers", mode="before")
    @classmethod
    def _peers(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


class Dns(Section):
    nameservers: tuple[str, ...] = ()
    timeout: Annotated[float, Field(gt=0, le=60)] = 5

    @field_validator("nameservers", mode="before")
    @classmethod
    def _servers(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


class Authentication(Section):
    authserv_ids: tuple[str, ...] = ()
    unverified: Literal["confirm", "hold", "reject", "accept"] = "confirm"

    @field_validator("authserv_ids", mode="before")
    @classmethod
    def _ids(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


class Relay(Section):
    host: str = "127.0.0.1"
    port: Port = 25
    tls: Literal["opportunistic", "required", "implicit", "none"] = "opportunistic"
    username: str | None = None
    password_env: str | None = None
    connections: Annotated[int, Field(ge=1, le=200)] = 10


class Dkim(Section):
    selector: str
    key_file: Path

    @field_validator("key_file", mode="before")
    @classmethod
    def _path(cls, value: object) -> object:
        return Path(value) if isinstance(value, str) else value


class Web(Section):
    listen: HostPort = "127.0.0.1:8080"


class Archive(Section):
    directory: Path = Path("archive")

    @field_validator("directory", mode="before")
    @classmethod
    def _path(cls, value: object) -> object:
        return Path(value) if isinstance(value, str) else value


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

    @property
    def domain(self) -> str:
        return self.community.domain

    @property
    def sqlite_path(self) -> Path | None:
        return Path(self.database.removeprefix("sqlite:///")) if self.database.startswith("sqlite") else None

    def list_order(self, name: str) -> int:
        """Position in the settings; what is no list (any more) comes last."""
        return next((i for i, known in enumerate(self.lists) if known == name), len(self.lists))


def unbuilt(settings: Settings) -> list[str]:
    """One line for each setting that asks for what this version cannot do yet, with what happens instead."""
    lines = []
    if settings.intake.imap:
        lines.append("intake.imap: fetching mail by IMAP is not built yet; nothing is fetched")
    if settings.dkim:
        lines.append("dkim: signing is not built yet; copies go out unsigned (let the relay sign)")
    if settings.authentication.authserv_ids:
        lines.append("authentication.authserv_ids: not built yet; no Authentication-Results header is believed")
    if settings.authentication.unverified != "accept":
        did = {"confirm": "held", "hold": "held", "reject": "refused"}[settings.authentication.unverified]
        lines.append(
            f"authentication.unverified: {settings.authentication.unverified}: proving senders is not built yet, so "
            f"every member's post is {did}; on a closed network write `unverified: accept`"
        )
    return lines


class _UniqueKeys(yaml.SafeLoader):
    """YAML that refuses a key given twice instead of taking the last one silently."""


def _mapping(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[object] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]
        if key in seen:
            raise yaml.MarkedYAMLError(problem=f"the key {key!r} is given twice", problem_mark=key_node.start_mark)
        seen.add(key)
    return {
        loader.construct_object(k, deep=True): loader.construct_object(v, deep=True)  # type: ignore[no-untyped-call]
        for k, v in node.value
    }


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load(path: Path) -> Settings:
    """The checked settings of a file. Raises SettingsError with every mistake, or when it cannot be read."""
    source = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(
            source, [("", "there is no such file; `listserv init DIR` writes one that works")]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(source, [("", f"cannot be read: {error}")]) from None
    try:
        data = yaml.load(text, Loader=_UniqueKeys)  # noqa: S506  (a SafeLoader)
    except (yaml.YAMLError, TypeError) as error:
        raise SettingsError(source, [("", f"is not valid YAML: {' '.join(str(error).split())}")]) from None
    return parse(data, base=path.resolve().parent, source=source)


def parse(data: object, *, base: Path, source: str = "settings") -> Settings:
    """The same for data that was read already; `base` is what relative paths are relative to."""
    if not isinstance(data, dict):
        raise SettingsError(source, [("", "is empty or no mapping; `listserv init DIR` writes one that works")])
    problems: list[tuple[str, str]] = []
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        problems += [_explain(e) for e in error.errors(include_url=False)]
    problems += _names(data)
    if settings and not problems:
        problems += _combinations(settings)
    if problems or settings is None:
        raise SettingsError(source, problems)
    return _absolute(settings, base)


def _names(data: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    lists = data.get("lists")
    for name in lists if isinstance(lists, dict) else ():
        path = f"lists.{name}"
        if not isinstance(name, str) or not LIST_NAME.match(name) or ".." in name:
            yield (
                path,
                "a list name has lower-case letters, digits and - . _ only, because it is part of an address",
            )
        elif len(name) > 24:
            yield path, f"the name has {len(name)} characters; 24 at most, or its addresses would be too long"
        elif name == HUB or name in ROLE_NAMES:
            yield path, f"the name {name} has a meaning of its own in every mail domain; choose another"
        elif any(name.endswith(f"-{suffix}") for suffix in SUFFIXES):
            yield (
                path,
                f"a name must not end in -{name.rpartition('-')[2]}: that is an address of another list",
            )


def _combinations(settings: Settings) -> Iterator[tuple[str, str]]:
    local, domain = split(settings.community.contact)
    own = {*settings.lists, HUB, "postmaster", "abuse"}
    stem = local.lower().partition("+")[0]
    if domain == settings.domain and (stem in own or any(stem.endswith(f"-{s}") for s in SUFFIXES)):
        yield (
            "community.contact",
            f"{settings.community.contact} is an address of listserv itself; name a person's mailbox",
        )
    if settings.relay.username and not settings.relay.password_env:
        yield (
            "relay.password_env",
            "is missing: name the environment variable that holds the password of relay.username",
        )


def _absolute(settings: Settings, base: Path) -> Settings:
    def at(path: Path) -> Path:
        return base / path.expanduser()

    changes: dict[str, Any] = {
        "secrets": Secrets(key_file=at(settings.secrets.key_file)),
        "archive": Archive(directory=at(settings.archive.directory)),
        "community": settings.community.model_copy(
            update={"terms": at(settings.community.terms) if settings.community.terms else None}
        ),
    }
    if settings.sqlite_path:
        changes["database"] = f"sqlite:///{at(settings.sqlite_path)}"
    if settings.dkim:
        changes["dkim"] = settings.dkim.model_copy(update={"key_file": at(settings.dkim.key_file)})
    intake: dict[str, Any] = {}
    if settings.intake.lmtp and settings.intake.lmtp.startswith("unix:"):
        intake["lmtp"] = f"unix:{at(Path(settings.intake.lmtp[5:]))}"
    if settings.intake.tls:
        intake["tls"] = Certificate(certificate=at(settings.intake.tls.certificate), key=at(settings.intake.tls.key))
    changes["intake"] = settings.intake.model_copy(update=intake)
    settings = settings.model_copy(update=changes)
    settings._base = base
    return settings


def _known_keys(path: tuple[int | str, ...]) -> list[str]:
    model: Any = Settings
    for part in path:
        if model is Settings and part == "lists":
            return list(ListSettings.model_fields) if len(path) > 1 else []
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if model is None:
            return []
    return [name for name in model.model_fields if (model, name) != (ListSettings, "name")]


_TYPES = {
    "string_type": "text", "int_type": "a whole number", "bool_type": "true or false", "float_type": "a number",
    "dict_type": "a mapping of keys", "model_type": "a mapping of keys", "tuple_type": "a list like [a, b]",
    "path_type": "a path", "is_instance_of": "a path",
}  # fmt: skip


def _explain(error: Any) -> tuple[str, str]:
    """One of pydantic's errors in words for an operator."""
    where, kind, value, extra = error["loc"], error["type"], error.get("input"), error.get("ctx", {})
    path = ".".join(str(part) for part in where)
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(where[-1]), _known_keys(where[:-1]), 1)
        return path, "is not a setting" + (f"; did you mean {near[0]}?" if near else "")
    if kind == "missing":
        return path, "is missing"
    shown = repr(value) if len(repr(value)) < 80 else repr(value)[:77] + "..."
    if kind == "literal_error":
        options = re.findall(r"'([^']*)'", extra["expected"])
        near = difflib.get_close_matches(str(value).lower(), options, 1)
        return path, f"{shown} is not one of {', '.join(options)}" + (f"; did you mean {near[0]}?" if near else "")
    if kind == "value_error":
        return path, f"{shown} {extra['error']}"
    if kind in _TYPES:
        return path, f"{shown} is not {_TYPES[kind]}"
    if kind == "too_short" and path == "lists":
        return path, "names no list; a community needs at least one, such as `general: {}`"
    return path, f"{shown}: {error['msg'][0].lower()}{error['msg'][1:]}"
