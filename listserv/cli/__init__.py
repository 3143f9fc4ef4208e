"""The verbs of the command line. `main` turns every failure into one clear line and the right exit code.

0 done, 1 failed, 2 wrong usage or invalid settings; `inject` uses sysexits.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from listserv import __version__
from listserv.cli import (
    archive,
    audit,
    bounces,
    digest,
    dkim,
    emergency,
    mail,
    moderation,
    operation,
    privacy,
    recall,
    stats,
    terms,
)
from listserv.errors import UserError

app = typer.Typer(
    name="listserv",
    help="Mailing lists, moderation by reply and digests for closed professional communities.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"listserv {__version__}")
        raise typer.Exit


@app.callback()
def _global(
    context: typer.Context,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="The settings file; else $LISTSERV_SETTINGS, ./settings.yaml.")
    ] = None,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    context.obj = settings or Path(os.environ.get("LISTSERV_SETTINGS") or "settings.yaml")


operation.register(app)
mail.register(app)
moderation.register(app)
dkim.register(app)
archive.register(app)
digest.register(app)
bounces.register(app)
privacy.register(app)
terms.register(app)
audit.register(app)
recall.register(app)
emergency.register(app)
stats.register(app)


def main() -> None:
    """The entry point of the `listserv` program."""
    from listserv.settings import SettingsError

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        app()
    except SettingsError as error:
        _fail(str(error), 2)
    except UserError as error:
        _fail(str(error), 1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except KeyboardInterrupt:
        _fail("stopped", 1)
    except Exception as error:
        if os.environ.get("LISTSERV_LOG", "").lower() == "debug":
            raise
        words = " ".join(str(error).split())[:300]
        _fail(f"failed: {type(error).__name__}: {words} (LISTSERV_LOG=debug shows where)", 1)


def _fail(words: str, code: int) -> None:
    sys.stderr.write(f"listserv: {words}\n")
    sys.exit(code)
