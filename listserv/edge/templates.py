"""Templates: every word that people read. Jinja lives here alone.

A site's own folder (`templates/` beside its settings.yaml) comes first, then those that ship in the wheel, or stand
beside the package in a checkout. Names that end in .html are escaped; a name that is not given is an error. The words
stand in {% trans %} blocks, which are said in the language of the reader (edge.languages).
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateSyntaxError,
    pass_context,
    select_autoescape,
)
from jinja2.runtime import Context as Values

from listserv.edge.languages import Speech, catalogue
from listserv.errors import UserError

DATES = ("day", "weekday_and_day", "moment", "at_length", "brief", "clock", "month", "weekday", "listed", "translated")
"""The manners of Speech that templates have as filters."""


def shipped() -> Path:
    """The folder of our own templates."""
    inside = Path(__file__).parent.parent / "templates"
    return inside if inside.is_dir() else Path(__file__).parent.parent.parent / "templates"


@lru_cache(maxsize=16)
def environment(site: Path | None, language: str = "en") -> Environment:
    """The compiled templates of one site (the folder of its settings.yaml) in one language, kept for the life of the
    process."""
    folders = ([site / "templates"] if site else []) + [shipped()]
    made = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    words = catalogue(site, language)
    made.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.globals["language"] = language
    made.filters["wrapped"] = wrapped
    made.filters |= {name: _spoken(name) for name in DATES}
    return made


def _spoken(name: str) -> Callable[[Values, Any], str]:
    @pass_context
    def filtered(values: Values, value: Any) -> str:
        return str(getattr(values["speech"], name)(value))

    return filtered


def wrapped(text: str, indent: str = "", width: int = 72) -> str:
    """Text in lines of at most `width` columns, all but the first behind `indent`; what has no blanks stays whole."""
    columns = width - len(indent)
    return f"\n{indent}".join(textwrap.wrap(text, columns, break_long_words=False, break_on_hyphens=False))


def in_english(site: Path | None) -> Speech:
    """How pages and files speak that are not for a member."""
    return Speech(site, "en", ZoneInfo("UTC"))


def render(speech: Speech, template: str, /, **values: object) -> str:
    """One template, filled in, in the language and the time zone of its reader."""
    ready = {name: speech.prepared(value) for name, value in values.items()}
    return environment(speech.site, speech.language).get_template(template).render(ready, speech=speech)


def compile_all(site: Path | None) -> int:
    """Compiles every template that would be used; their number. Raises UserError with file and line."""
    made = environment(site)
    names = [name for name in made.list_templates() if name.endswith((".txt", ".html"))]
    for name in names:
        try:
            made.get_template(name)
        except TemplateSyntaxError as error:
            raise UserError(f"templates: {error.filename}, line {error.lineno}: {error.message}") from error
    return len(names)
