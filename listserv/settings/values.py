"""The kinds of values that settings have: time spans, sizes, rates, times of day, addresses, sockets.

Each validator's words continue a sentence that begins with the value ("'abc' is not a size; ...").
"""

from __future__ import annotations

import re
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from listserv.mail.address import canonical

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


def keeping(value: object) -> object:
    """How long something is kept: a time span of days or more, None for ever."""
    if value is None or value == "forever" or isinstance(value, timedelta):
        return None if value == "forever" else value
    match = re.fullmatch(r"(\d+)\s*([a-z]*)", value.strip()) if isinstance(value, str) else None
    days = {"d": 1, "w": 7, "y": 365}.get(match[2]) if match else None
    if match is None or days is None:
        raise ValueError("is not a time to keep something; write it like 30d, 8w or 5y, or forever")
    if not 0 < int(match[1]) * days < 100_000:
        raise ValueError("is no time at all or too long; write it like 30d, 8w or 5y, or forever")
    return timedelta(days=int(match[1]) * days)


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


def long_enough(value: timedelta) -> timedelta:
    """A time in which people have a chance to decide."""
    if value < timedelta(days=1):
        raise ValueError("is too short for people to decide in; write it like 14d")
    return value


class Section(BaseModel):
    """One mapping of the file: frozen, of strict types, with no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


class Rate(BaseModel):
    """So many events in so long a window."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    count: int
    window: timedelta


def read_rate(value: object) -> object:
    if value is None or isinstance(value, Rate):
        return value
    match = re.fullmatch(r"(\d+)\s*/\s*(\d*)\s*([a-z]+)", value.strip()) if isinstance(value, str) else None
    if not match or match[3] not in _UNITS or not int(match[1]) or match[2] == "0":
        raise ValueError("is not a rate; write it like 30/10min, or null for no limit")
    return Rate(count=int(match[1]), window=timedelta(seconds=int(match[2] or 1) * _UNITS[match[3]]))


def header_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,60}", value):
        raise ValueError("is not the name of a header field; write it like delivered-to, or to for To and Cc")
    return value.lower()


def poll_time(value: timedelta) -> timedelta:
    """RFC 2177: servers end an IDLE after half an hour."""
    if not timedelta(seconds=1) <= value <= timedelta(minutes=28):
        raise ValueError("is not between 1s and 28min")
    return value


def as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def one_or_more(value: object) -> object:
    """One mapping, a list of them, or null."""
    if value is None:
        return ()
    return (value,) if isinstance(value, dict) else as_tuple(value)


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Keeping = Annotated[timedelta | None, BeforeValidator(keeping)]
Size = Annotated[int, BeforeValidator(_size), Field(ge=10_000)]
Clock = Annotated[time, BeforeValidator(_clock)]
Email = Annotated[str, AfterValidator(_email)]
HostPort = Annotated[str, AfterValidator(_host_port)]
Socket = Annotated[str, AfterValidator(_socket)]
Port = Annotated[int, Field(ge=1, le=65535)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DeliveryMode = Literal["each", "daily", "weekly", "none"]
FilePath = Annotated[Path, BeforeValidator(lambda value: Path(value) if isinstance(value, str) else value)]
Words = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]
