"""What an operator begins with: `init` writes what works, `check` says what would not."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import ssl
import stat
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, func, select

from listserv import membership, signing
from listserv.context import master_key
from listserv.edge import entities, relay, resolver
from listserv.edge.db import SCHEMA, Database, schema_version
from listserv.edge.templates import compile_all, shipped
from listserv.errors import UserError
from listserv.mail.address import canonical
from listserv.model import Person, Role
from listserv.settings import Settings

_role = Role.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]

Level = Literal["ok", "note", "problem"]
RESERVED = ("example", "test", "invalid", "localhost", "example.org", "example.com", "example.net", "local")
WANTED = ("8BITMIME", "PIPELINING", "SIZE")


@dataclass(frozen=True, slots=True)
class Finding:
    """`problem`: something would not work. `note`: good to know. `subject` is a setting or a thing."""

    level: Level
    subject: str
    words: str


# --- init --------------------------------------------------------------------------------------------------------


def init(directory: Path) -> list[Path]:
    """Writes settings, terms, roster and key; what was written. Raises UserError and writes nothing if one exists."""
    source = shipped() / "init"
    wanted = {
        directory / "settings.yaml": source / "settings.yaml",
        directory / "templates" / "terms.md": source / "terms.md",
        directory / "roster.csv": source / "roster.csv",
    }
    key = directory / "var" / "secret.key"
    existing = [path for path in (*wanted, key) if path.exists()]
    if existing:
        raise UserError(f"init: {', '.join(map(str, existing))} exists already, and nothing is ever overwritten")
    try:
        for path, original in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(original.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"init: {directory} cannot be written: {error.strerror}") from error
    master_key(key)
    return [*wanted, key]


# --- check -------------------------------------------------------------------------------------------------------


def check(settings: Settings) -> list[Finding]:
    """Everything that must be right for the whole to work, looked at for real. Sends no mail, changes no row."""
    findings = list(_files(settings))
    database, found = _database(settings)
    findings += found
    if database is not None:
        with database.reading() as tx:
            findings += _people(tx, settings)
        database.close()
    findings += _listeners(settings)
    findings += asyncio.run(_network(settings))
    findings += _trust(settings)
    findings += _names(settings.screening.names)
    if settings.authentication.unverified == "accept":
        words = "accept: whoever writes a member's address into From counts as that member; only for closed networks"
        findings.append(Finding("note", "authentication.unverified", words))
    return findings


def _trust(settings: Settings) -> Iterator[Finding]:
    """What our own mail server and our signatures are relied on for."""
    ids, peers = settings.authentication.authserv_ids, settings.intake.trusted_peers
    if ids and not peers and settings.intake.lmtp is None and not settings.intake.imap:
        words = f"{', '.join(ids)}: only believed from our own mail server, and intake.trusted_peers names none"
        yield Finding("problem", "authentication.authserv_ids", words)
    if settings.dkim is None:
        words = "copies go out unsigned, without one-click unsubscribe; big providers want both: `listserv dkim keygen`"
        yield Finding("note", "dkim", words)
    elif not settings.community.url.startswith("https://"):
        words = f"{settings.community.url} is not https, so copies have no one-click unsubscribe (RFC 8058)"
        yield Finding("note", "community.url", words)


def _names(pipeline: str | None) -> Iterator[Finding]:
    """Whether the model that recognises names is there, if one is wanted."""
    if not pipeline:
        return
    try:
        entities.ready(pipeline)
    except UserError as error:
        yield Finding("problem", *str(error).split(": ", 1))
    else:
        yield Finding("ok", entities.SETTING, f"{pipeline} recognises names of people in posts")


def _signing_keys(settings: Settings) -> Iterator[Finding]:
    given = settings.dkim
    for setting, one in (("dkim", given), ("dkim.second", given.second if given else None)):
        if one is None:
            continue
        try:
            key = signing.load(one.key_file, setting)
        except UserError as error:
            yield Finding("problem", *str(error).split(": ", 1))
            continue
        if not signing.is_private(one.key_file):
            words = f"others can read {one.key_file}; mend it with: chmod 600 {one.key_file}"
            yield Finding("problem", f"{setting}.key_file", words)
        else:
            yield Finding(
                "ok", f"{setting}.key_file", f"{one.key_file} is an {signing.public(key)[0].upper()} key, private"
            )
    if given is not None:
        try:
            signing.signer(settings)
        except UserError as error:
            if "key_file" not in str(error):
                yield Finding("problem", *str(error).split(": ", 1))


def _files(settings: Settings) -> Iterator[Finding]:
    key = settings.secrets.key_file
    if not key.exists():
        yield Finding("note", "secrets.key_file", f"{key} does not exist yet; the first start makes it")
    elif stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield Finding("problem", "secrets.key_file", f"others can read {key}; mend it with: chmod 600 {key}")
    else:
        try:
            master_key(key)
            yield Finding("ok", "secrets.key_file", f"{key} is there and private")
        except UserError as error:
            yield Finding("problem", *str(error).split(": ", 1))
    try:
        version = membership.terms_version(settings)
        words = f"{settings.community.terms}, version {version[:12]}" if version else "none; nobody is asked to agree"
        yield Finding("ok", "community.terms", words)
    except UserError as error:
        yield Finding("problem", *str(error).split(": ", 1))
    if not settings.community.crisis.strip() and any(one.screening != "off" for one in settings.lists.values()):
        yield Finding("note", "community.crisis", "none, so whoever writes of danger is told no number to call")
    try:
        count = compile_all(settings.base)
        yield Finding("ok", "templates", f"all {count} can be used")
    except UserError as error:
        yield Finding("problem", *str(error).split(": ", 1))
    yield from _secrets_and_certificates(settings)
    yield _archive(settings)


def _archive(settings: Settings) -> Finding:
    """Whether the archive's folder can be written, and nobody else can read it."""
    folder = settings.archive.directory
    if "fts5" not in {row[0].lower() for row in sqlite3.connect(":memory:").execute("PRAGMA module_list")}:
        words = "this Python's SQLite has no full-text search (FTS5); install one that has it, as Debian's python3 does"
        return Finding("problem", "archive", words)
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        words = f"{there} cannot be written by this user, and the archive goes there"
        return Finding("problem", "archive.directory", words)
    if there == folder and stat.S_IMODE(folder.stat().st_mode) & 0o007:
        words = f"everybody on this machine can look into {folder}; mend it with: chmod o-rwx {folder}"
        return Finding("note", "archive.directory", words)
    return Finding("ok", "archive.directory", f"{folder} can be written")


def _secrets_and_certificates(settings: Settings) -> Iterator[Finding]:
    name = settings.relay.password_env
    if name and not os.environ.get(name):
        yield Finding(
            "problem", "relay.password_env", f"the environment has no {name}; set it where listserv is started"
        )
    yield from _signing_keys(settings)
    tls = settings.intake.tls
    if tls is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.certificate, tls.key)
        ends = ssl._ssl._test_decode_cert(str(tls.certificate))["notAfter"]  # type: ignore[attr-defined]
        until = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)
    except (OSError, ssl.SSLError, KeyError) as error:
        yield Finding("problem", "intake.tls", f"{tls.certificate} with {tls.key} cannot be used: {error}")
        return
    level: Level = "problem" if until < datetime.now(UTC) else "ok"
    yield Finding(level, "intake.tls", f"{tls.certificate} is valid until {until:%d %b %Y}")


def _database(settings: Settings) -> tuple[Database | None, list[Finding]]:
    path = settings.sqlite_path
    if path is not None and not path.exists():
        parent = next(folder for folder in path.parents if folder.exists())
        if not os.access(parent, os.W_OK):
            return None, [Finding("problem", "database", f"{parent} cannot be written, so {path} cannot be made")]
        return None, [Finding("note", "database", f"{path} will be made at the first start")]
    database = Database(settings.database)
    try:
        version = schema_version(database)
    except UserError as error:
        database.close()
        return None, [Finding("problem", *str(error).split(": ", 1))]
    if version == SCHEMA:
        return database, [Finding("ok", "database", f"{database.engine.url!r} is at version {version}")]
    database.close()
    level: Level = "note" if database.sqlite else "problem"
    words = f"its tables are at version {version or 'none'}, this program wants {SCHEMA}; run `listserv migrate`"
    return None, [Finding(level, "database", words)]


def _people(tx: Connection, settings: Settings) -> Iterator[Finding]:
    count = tx.execute(select(func.count()).select_from(_person)).scalar() or 0
    if not count:
        yield Finding("note", "roster", "nobody is in it yet; `listserv roster import FILE.csv` brings people in")
        return
    yield Finding("ok", "roster", f"{count} people")
    for name, listed in settings.lists.items():
        deciders = len(membership.moderators(tx, name))  # moderators and owners
        if deciders == 0:
            level: Level = "problem" if listed.moderation != "none" else "note"
            words = f"posts can be held, but nobody decides; give somebody the role {name}:moderator in the roster"
            yield Finding(level, f"lists.{name}", words)
        elif deciders == 1:
            words = "has one moderator; while that one is away, held posts wait"
            if listed.screening != "off":
                words += ", and a post that names a client needs a second pair of eyes: the operator's, then"
            yield Finding("note", f"lists.{name}", words)
    yield from _rota(tx, settings)


def _rota(tx: Connection, settings: Settings) -> Iterator[Finding]:
    """Whoever is in the rota should decide on something."""
    for address in settings.moderation.rota.people if settings.moderation.rota else ():
        person = membership.person_of(tx, canonical(address))
        if not any(one.person == person for name in settings.lists for one in membership.deciders(tx, name)):
            words = f"{address} moderates no list, so that in that turn everybody is told; see `roles` in the roster"
            yield Finding("problem", "moderation.rota.people", words)


def _listeners(settings: Settings) -> Iterator[Finding]:
    wanted = {"intake.smtp": settings.intake.smtp, "intake.lmtp": settings.intake.lmtp}
    if settings.web is not None:
        wanted["web.listen"] = settings.web.listen
    for subject, listen in wanted.items():
        if listen is None or listen.startswith("unix:"):
            continue
        host, _, port = listen.rpartition(":")
        host = host.strip("[]")
        try:
            with socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
                yield Finding("ok", subject, f"{listen} is free")
        except PermissionError:
            words = f"{listen} needs more rights; use a port from 1024 on, or give the service CAP_NET_BIND_SERVICE"
            yield Finding("problem", subject, words)
        except OSError as error:
            if _answers(host, int(port), settings.domain):
                yield Finding("ok", subject, f"{listen} is in use, by this listserv")
            else:
                yield Finding("problem", subject, f"{listen} cannot be used: {error.strerror or error}")


def _answers(host: str, port: int, domain: str) -> bool:
    """Whether a listserv of this community answers there (its greeting or its health page)."""
    try:
        with socket.create_connection((host, port), 2) as peer:
            peer.settimeout(2)
            try:
                greeting = peer.recv(200)
            except TimeoutError:
                peer.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                greeting = peer.recv(2000)
    except OSError:
        return False
    return domain.encode() in greeting or b"X-Robots-Tag".lower() in greeting.lower()


async def _network(settings: Settings) -> list[Finding]:
    findings = [await _relay(settings)]
    async for finding in _dns(settings):
        findings.append(finding)
    return findings


async def _relay(settings: Settings) -> Finding:
    given = settings.relay
    where = f"{given.host}:{given.port}"
    try:
        connection = await relay.connect_as_set(settings, timeout=10, connect_timeout=10)
    except (relay.RelayDown, ValueError) as error:
        return Finding("problem", "relay", f"{where} cannot be used: {error}")
    lacking = [name for name in WANTED if name not in connection.capabilities]
    await connection.close()
    if lacking:
        return Finding("note", "relay", f"{where} answers; it does not offer {', '.join(lacking)}, which costs speed")
    return Finding("ok", "relay", f"{where} answers and offers what we use")


async def _dns(settings: Settings) -> AsyncIterator[Finding]:
    domain = settings.domain
    reserved = domain.endswith(tuple(f".{name}" for name in RESERVED)) or domain in RESERVED
    if reserved and not settings.dns.nameservers:
        yield Finding("note", "dns", f"{domain} is a name for examples and tests, so its records were not looked at")
        return
    host = socket.getfqdn()
    mx = f"publish an MX record: {domain}. IN MX 10 {host}."
    spf = f'publish a TXT record: {domain}. IN TXT "v=spf1 mx a:{host} -all"'
    dmarc = f'publish a TXT record: _dmarc.{domain}. IN TXT "v=DMARC1; p=none; rua=mailto:{settings.community.contact}"'
    parent = domain.partition(".")[2]
    asked: list[tuple[str, list[str], resolver.Kind, str, str]] = [
        ("MX", [domain], "MX", "", mx),
        ("SPF", [domain], "TXT", "v=spf1", spf),
    ]
    asked.append(("DMARC", [f"_dmarc.{domain}", f"_dmarc.{parent}"], "TXT", "v=dmarc1", dmarc))
    for subject, names, kind, mark, fix in asked:
        try:
            found = [r for name in names for r in await resolver.records(settings, name, kind) if mark in r.lower()]
        except resolver.Unanswered as error:
            yield Finding(
                "note", f"dns {subject}", f"could not be asked ({error}); `dns.nameservers` names other servers"
            )
            continue
        if found:
            yield Finding("ok", f"dns {subject}", found[0][:200])
        else:
            yield Finding("problem", f"dns {subject}", f"{names[0]} has none; {fix}")
    async for finding in _published_keys(settings):
        yield finding
    yield Finding(
        "note", "dns PTR", "the address you send from needs a name that leads back to it; your relay's matter"
    )


async def _published_keys(settings: Settings) -> AsyncIterator[Finding]:
    """Whether DNS has the keys that we sign with."""
    given = settings.dkim
    for setting, one in (("dkim", given), ("dkim.second", given.second if given else None)):
        if one is None:
            continue
        name = f"{one.selector}._domainkey.{settings.domain}"
        try:
            key = signing.load(one.key_file, setting)
            found = [text for text in await resolver.records(settings, name, "TXT") if "p=" in text]
        except UserError:
            continue  # said already
        except resolver.Unanswered as error:
            words = f"could not be asked ({error}); `dns.nameservers` names other servers"
            yield Finding("note", "dns DKIM", words)
            continue
        fix = f"publish: {signing.zone_line(name, signing.record(key))}"
        if not found:
            yield Finding("problem", "dns DKIM", f"{name} has no key; {fix}")
        elif not any(signing.publishes(text, key) for text in found):
            yield Finding("problem", "dns DKIM", f"{name} has another key than {one.key_file}; {fix}")
        elif len(found) > 1:
            yield Finding("problem", "dns DKIM", f"{name} has {len(found)} keys; receivers take any of them, leave one")
        else:
            yield Finding("ok", "dns DKIM", f"{name} has the key of {one.key_file}")
