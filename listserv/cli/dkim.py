"""dkim: the keys with which we sign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from listserv import signing
from listserv.cli.output import say
from listserv.errors import UserError
from listserv.settings import load

keys = typer.Typer(no_args_is_help=True, help="Keys for DKIM signing.", rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    app.add_typer(keys, name="dkim")


@keys.callback()
def _keys() -> None:
    """Keys for DKIM signing."""


@keys.command()
def keygen(
    context: typer.Context,
    selector: Annotated[
        str | None,
        typer.Option("--selector", metavar="S", help="Its name in DNS; else that of the settings."),
    ] = None,
    kind: Annotated[
        Literal["rsa", "ed25519"], typer.Option("--type", help="What most verify, or what is small.")
    ] = "rsa",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where the key goes; else the settings' key_file.")
    ] = None,
) -> None:
    """A new private key in a file of mode 600, and the DNS record that publishes its public half."""
    settings = load(context.obj)
    given = settings.dkim
    if given is not None and given.second is not None and kind == "ed25519" and selector is None:
        name, file = given.second.selector, given.second.key_file
    elif given is not None:
        name, file = given.selector, given.key_file
    else:
        name, file = (
            ("lists-ed" if kind == "ed25519" else "lists"),
            settings.secrets.key_file.parent / f"dkim-{kind}.pem",
        )
    name, file = selector or name, out or file
    if not signing.SELECTOR.fullmatch(name):
        raise UserError(f"dkim keygen: --selector {name!r} is no selector; use letters, digits, dots and hyphens")
    key = signing.make(file, "ed25519-sha256" if kind == "ed25519" else "rsa-sha256")
    say(f"wrote {file}, which nobody but its owner can read")
    say("")
    say("Publish this record:")
    say("")
    say(signing.zone_line(f"{name}._domainkey.{settings.domain}", signing.record(key)))
    say("")
    if given is None:
        say("and name the key in the settings:")
        say("")
        say(f"dkim: {{selector: {name}, key_file: {file}}}")
        say("")
    say("`listserv check` then compares DNS with the key.")
