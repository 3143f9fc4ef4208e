"""Templates: every word that people read. Jinja lives here alone.

A site's own folder (`templates/` beside its settings.yaml) comes first, then those that ship in the wheel, or stand
beside the package in a checkout. Names that end in .html are escaped; a name that is not given is an error.
"""

from __future__ import annotations

import textwrap
from functools import lru_cache
from pathlib import Path

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateSyntaxError,
    select_autoescape,
)

from listserv.errors import UserError


def shipped() -> Path:
    """The folder of our own templates."""
    inside = Path(__file__).parent.parent / "templates"
    return inside if inside.is_dir() else Path(__file__).parent.parent.parent / "templates"


@lru_cache(maxsize=8)
def environment(site: Path | None) -> Environment:
    """The compiled templates of one site (the folder of its settings.yaml), kept for the life of the process."""
    folders = ([site / "templates"] if site else []) + [shipped()]
    made = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["wrapped"] = wrapped
    return made


def wrapped(text: str, indent: str = "", width: int = 72) -> str:
    """Text in lines of at most `width` columns, all but the first behind `indent`; what has no blanks stays whole."""
    columns = width - len(indent)
    return f"\n{indent}".join(textwrap.wrap(text, columns, break_long_words=False, break_on_hyphens=False))


def render(site: Path | None, template: str, /, **values: object) -> str:
    """One template, filled in."""
    return environment(site).get_template(template).render(**values)


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
