"""The catalogues: complete, with the same values in them as the English, and no words of the templates beside them."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from listserv.edge.languages import SHIPPED, catalogue, file_of

ROOT = Path(__file__).parent.parent.parent

LANGUAGES = ("de", "fr")
KEYWORDS = {"_": None, "gettext": None, "N_": None, "phrase": None, "ngettext": (1, 2), "phrases": (1, 2)}
FOLDERS = ("mail", "digest", "web", "archive")
VALUE = re.compile(r"%\((\w+)\)s")
TAG = re.compile(r"<(/?(?:a|span|code|p))\b")
COLUMNS = 78
NUMBERS = {
    "copies", "count", "days", "hours", "id", "letters", "many", "megabytes", "minutes", "number", "post_number",
    "sent", "shown", "stopped", "told", "under_way",
}  # fmt: skip
"""Values that are short."""


@lru_cache
def words_of_the_program() -> frozenset[str | tuple[str, ...]]:
    """What code and templates say, as `make messages` finds it."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    catalog = Catalog()
    found = extract_from_dir(str(ROOT), methods, options, keywords=KEYWORDS, directory_filter=_ours)
    for _, _, message, *_ in found:
        catalog.add(message)
    return frozenset(one.id for one in catalog if one.id)


def _ours(folder: str) -> bool:
    path = Path(folder).relative_to(ROOT) if Path(folder).is_relative_to(ROOT) else Path(folder)
    return path.parts[:1] in ((), (".",), ("listserv",), ("templates",))


@lru_cache
def messages(language: str) -> tuple[Message, ...]:
    with file_of(SHIPPED, language).open("rb") as file:
        return tuple(one for one in read_po(file, locale=language, abort_invalid=True) if one.id)


def pairs(message: Message) -> list[tuple[str, str]]:
    """English and translation; of a text about numbers the forms in order."""
    if isinstance(message.id, tuple):
        one, many = message.id
        return [(one, message.string[0]), *((many, said) for said in message.string[1:])]
    return [(message.id, message.string)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_is_translated(language: str) -> None:
    """A new or changed text: run `make messages`, and translate what is empty or fuzzy."""
    known = {one.id: one for one in messages(language)}
    missing = [msgid for msgid in words_of_the_program() if msgid not in known]
    assert not missing, missing
    assert len(words_of_the_program()) > 400
    empty = [one.id for one in known.values() if not all(said for _, said in pairs(one))]
    assert not empty, empty
    fuzzy = [one.id for one in known.values() if one.fuzzy]
    assert not fuzzy, fuzzy


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_translated_that_nobody_says(language: str) -> None:
    unused = [one.id for one in messages(language) if one.id not in words_of_the_program()]
    assert not unused, unused


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_values_and_marks_stand_in_both(language: str) -> None:
    for message in messages(language):
        for english, said in pairs(message):
            one_of_many = isinstance(message.id, tuple) and english == message.id[0]
            wanted, got = set(VALUE.findall(english)), set(VALUE.findall(said))
            assert wanted == got or (one_of_many and got <= wanted), (english, said)
            assert "%" not in VALUE.sub("", said).replace("%%", ""), said
            if any("templates/mail" in where for where, _ in message.locations):
                assert said.startswith("Subject: ") == english.startswith("Subject: "), said
            assert said.endswith("\n") == english.endswith("\n"), said
            assert sorted(TAG.findall(said)) == sorted(TAG.findall(english)), said
            assert len(re.findall(r"href=", said)) == len(re.findall(r"href=", english)), said
            assert said.count("`") % 2 == 0, said


def widest(text: str) -> int:
    """Columns of the longest line that is no subject, with values of a usual length."""
    lines = VALUE.sub(lambda found: "x" * (3 if found[1] in NUMBERS else 16), text).splitlines()
    return max((len(line) for line in lines if not line.startswith("Subject: ")), default=0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_line_of_a_mail_becomes_too_long(language: str) -> None:
    in_mails = [one for one in messages(language) if any("templates/mail" in where for where, _ in one.locations)]
    assert len(in_mails) > 200
    long = [
        said for one in in_mails if not any(where.endswith(".html") for where, _ in one.locations)
        for english, said in pairs(one) if widest(said) > max(COLUMNS, widest(english))
    ]  # fmt: skip
    assert not long, long


TRANSLATED = re.compile(r"\{%-?\s*trans\b.*?\{%-?\s*endtrans\s*-?%\}", re.S)
JINJA = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.S)
MARKUP = re.compile(r"<style>.*?</style>|<!--.*?-->|<!doctype[^>]*>|<[^>]*>", re.S | re.I)
ATTRIBUTE = re.compile(r'(?:aria-label|placeholder|alt|title)="([^"]*)"')
TYPED = {"approve", "renew", "until", "verified", "nbsp"}
"""Words that are typed as they are, and no words at all."""


@pytest.mark.parametrize(
    "path", [path for folder in FOLDERS for path in sorted((ROOT / "templates" / folder).glob("*.*"))
             if path.suffix in (".txt", ".html")], ids=lambda path: f"{path.parent.name}/{path.name}",
)  # fmt: skip
def test_no_plain_words_stand_in_a_template(path: Path) -> None:
    source = JINJA.sub("\0", TRANSLATED.sub("\0", path.read_text()))
    shown = source
    if path.suffix == ".html":
        shown = MARKUP.sub("\0", source) + "\0".join(ATTRIBUTE.findall(source))
    words = [word for word in re.findall(r"[^\W\d_]{2,}", shown) if word not in TYPED]
    assert not words, words


def test_a_site_has_words_of_its_own(tmp_path: Path) -> None:
    """Its catalogue comes first, also for English; what it lacks is said as shipped."""
    for language, said in (("de", "Servus %(name)s,\\n"), ("en", "Dear %(name)s,\\n")):
        own = file_of(tmp_path / "locale", language)
        own.parent.mkdir(parents=True)
        head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        own.write_text(f'{head}msgid "Hello %(name)s,\\n"\nmsgstr "{said}"\n')
    assert catalogue(tmp_path, "de").gettext("Hello %(name)s,\n") == "Servus %(name)s,\n"
    assert catalogue(tmp_path, "de").gettext("You are a member.") == "Sie sind Mitglied."
    assert catalogue(tmp_path, "en").gettext("Hello %(name)s,\n") == "Dear %(name)s,\n"
    assert catalogue(tmp_path, "fr").gettext("Hello,\n") == "Bonjour,\n"
