"""Commands of the contract whose capability is not built yet: each says so and exits 1."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

_COMMANDS = {
    "stats": "The measures of the community.",
}


def register(app: typer.Typer) -> None:
    for name, what in _COMMANDS.items():
        app.command(
            name,
            help=f"{what} (Not built yet.)",
            context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        )(_not_yet(name, what))


def _not_yet(name: str, what: str) -> Callable[[typer.Context], None]:
    def command(context: typer.Context) -> None:
        del context
        sys.stderr.write(f"listserv: `{name}` is not built yet ({what.rstrip('.')})\n")
        raise typer.Exit(1)

    return command
