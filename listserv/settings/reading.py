"""From the file to frozen settings, or to every mistake in it at once, in words for an operator."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from listserv.errors import UserError
from listserv.mail.address import split
from listserv.settings.connections import Certificate
from listserv.settings.schema import ListSettings, Secrets, Settings
from listserv.settings.values import HUB, LIST_NAME, ROLE_NAMES, SUFFIXES


class SettingsError(UserError):
    """`problems` holds (path in the file, what is wrong and how to mend it)."""

    def __init__(self, source: str, problems: list[tuple[str, str]]) -> None:
        self.source = source
        self.problems = problems
        noun = "mistake" if len(problems) == 1 else "mistakes"
        lines = [f"{source}: {len(problems)} {noun} in the settings, nothing was started"]
        super().__init__("\n".join(lines + [f"  {path}: {what}" if path else f"  {what}" for path, what in problems]))


class _UniqueKeys(yaml.SafeLoader):
    """YAML that refuses a key given twice instead of taking the last one silently."""


def _mapping(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[object] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.MarkedYAMLError(problem=f"the key {key!r} is given twice", problem_mark=key_node.start_mark)
        seen.add(key)
    return {loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value}


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
    if isinstance(data.get("professions"), str):
        data = {**data, "professions": _professions(base, data["professions"], problems)}
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        problems += [(_as_written(path, data), what) for path, what in map(_explain, error.errors(include_url=False))]
    problems += _names(data)
    if settings and not problems:
        problems += _combinations(settings)
    if problems or settings is None:
        raise SettingsError(source, problems)
    return _absolute(settings, base)


def _professions(base: Path, name: str, problems: list[tuple[str, str]]) -> Any:
    """The professions of a file of their own."""
    path = base / Path(name).expanduser()
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys) or {}  # noqa: S506  (a SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        problems.append(("professions", f"{path} cannot be read: {error}"))
    except (yaml.YAMLError, TypeError) as error:
        problems.append(("professions", f"{path} is not valid YAML: {' '.join(str(error).split())}"))
    return {}


def _as_written(path: str, data: dict[Any, Any]) -> str:
    """intake.imap may be one mapping or several; the only one has no number in the file."""
    intake = data.get("intake")
    one = isinstance(intake, dict) and isinstance(intake.get("imap"), dict)
    return re.sub(r"^intake\.imap\.0\b", "intake.imap", path) if one else path


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
    yield from _mailboxes(settings)


def _mailboxes(settings: Settings) -> Iterator[tuple[str, str]]:
    """What cannot be right in intake.imap as a whole."""
    mailboxes = settings.intake.imap
    seen = set[tuple[str, str, str]]()
    for number, one in enumerate(mailboxes):
        at = f"intake.imap.{number}" if len(mailboxes) > 1 else "intake.imap"
        key = (one.host.lower(), one.username, one.folder)
        if key in seen:
            yield at, f"{one.folder} of {one.username} at {one.host} is there twice; leave one"
        seen.add(key)
        if one.list is not None and one.list not in (*settings.lists, HUB):
            near = difflib.get_close_matches(one.list, settings.lists, 1)
            yield f"{at}.list", f"{one.list!r} is no list of lists" + (f"; did you mean {near[0]}?" if near else "")
        if one.auth == "password" and one.password_env is None:
            words = f"is missing: name the environment variable that holds the password of {one.username}"
            yield f"{at}.password_env", words
        if one.auth == "xoauth2" and (one.oauth2 is None) == (one.token_command is None):
            yield (
                f"{at}.auth",
                "'xoauth2' needs either oauth2 or token_command, which say where an access token is from",
            )
        if one.oauth2 and not one.oauth2.refresh_token_env and not one.oauth2.client_secret_env:
            yield f"{at}.oauth2.client_secret_env", "is missing: without it only a refresh_token_env would do"


def _absolute(settings: Settings, base: Path) -> Settings:
    def at(path: Path) -> Path:
        return base / path.expanduser()

    changes: dict[str, Any] = {
        "secrets": Secrets(key_file=at(settings.secrets.key_file)),
        "archive": settings.archive.model_copy(update={"directory": at(settings.archive.directory)}),
        "community": settings.community.model_copy(
            update={"terms": at(settings.community.terms) if settings.community.terms else None}
        ),
    }
    if settings.sqlite_path:
        changes["database"] = f"sqlite:///{at(settings.sqlite_path)}"
    if settings.dkim:
        second = settings.dkim.second
        update = {
            "key_file": at(settings.dkim.key_file),
            "second": second.model_copy(update={"key_file": at(second.key_file)}) if second else None,
        }
        changes["dkim"] = settings.dkim.model_copy(update=update)
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
        if isinstance(part, int):
            continue
        if model is Settings and part == "lists":
            return list(ListSettings.model_fields) if len(path) > 1 else []
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        candidates += [inner for one in candidates for inner in getattr(one, "__args__", ())]
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
