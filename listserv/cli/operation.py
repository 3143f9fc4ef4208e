"""init, check, serve, demo, roster, migrate, backup: running the thing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from listserv.cli.output import AsJson, say, show
from listserv.context import open_context
from listserv.edge.db import Database, migrate, schema_version
from listserv.errors import UserError
from listserv.settings import load

ROSTER_COLUMNS = ["email", "name", "profession", "status", "lists", "roles", "delivery", "registration_expires"]


def register(app: typer.Typer) -> None:
    app.command()(init)
    app.command()(check)
    app.command()(serve)
    app.command()(demo)
    roster = typer.Typer(help="Members in and out as CSV.", no_args_is_help=True, rich_markup_mode=None)
    roster.command("import")(roster_import)
    roster.command("export")(roster_export)
    app.add_typer(roster, name="roster")
    app.command("migrate")(migrate_command)
    app.command()(backup)


def init(directory: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Writes settings, terms and a roster that work on one machine. Never overwrites."""
    from listserv import setup

    for path in setup.init(directory):
        say(f"wrote {path}")
    say(f"\nNext: look at {directory / 'settings.yaml'}, then\n")
    say(f"  listserv --settings {directory / 'settings.yaml'} roster import {directory / 'roster.csv'}")
    say(f"  listserv --settings {directory / 'settings.yaml'} check")
    say(f"  listserv --settings {directory / 'settings.yaml'} serve")


def check(context: typer.Context) -> None:
    """Looks whether everything would work, and says what to mend. Exit 1 if anything would not."""
    from listserv import setup
    from listserv.intake import imap_check

    settings = load(context.obj)
    findings = setup.check(settings) + imap_check.findings(settings)
    marks = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}
    for finding in findings:
        say(f"{marks[finding.level]}  {finding.subject}: {finding.words}")
    problems = sum(finding.level == "problem" for finding in findings)
    if problems:
        raise UserError(f"{problems} {'thing' if problems == 1 else 'things'} would not work; see PROBLEM above")
    say("\nEverything would work.")


def serve(
    context: typer.Context,
    role: Annotated[
        list[str] | None, typer.Option("--role", help="Only this role; may be given several times.")
    ] = None,
) -> None:
    """Runs everything until SIGTERM or Ctrl-C; prints `ready` once every listener accepts."""
    from listserv import app

    unknown = [name for name in role or () if name not in app.ROLES]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]} is not one of {', '.join(app.ROLES)}", param_hint="--role")
    app.set_up_logging()
    app.run(context.obj, role or ())


def demo(
    directory: Annotated[Path | None, typer.Option("--dir", help="Where to put it; else a temporary folder.")] = None,
    once: Annotated[bool, typer.Option("--once", help="End when the play is over.")] = False,
) -> None:
    """A complete community on this machine, playing its week."""
    from listserv import demo as play

    if not play.run(directory, once=once):
        raise UserError("demo: not everything was found where it should be; see what is marked above")


def roster_import(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    sync: Annotated[bool, typer.Option("--sync", help="Who is not in the file leaves.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Take the good rows, leave the bad ones.")] = False,
) -> None:
    """Adds and updates members from a CSV file. With a bad row nothing is imported."""
    from listserv import roster

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"roster import: {file} cannot be read as UTF-8 text: {error}") from error
    report = roster.import_csv(open_context(load(context.obj)), text, dry_run=dry_run, sync=sync, skip_bad=skip_bad)
    if dry_run:
        for change in report.changes:
            if change.what != "unchanged":
                say(f"line {change.line}: {change.email}: {change.what} {'; '.join(change.details)}".rstrip())
    for problem in report.problems:
        where = f"line {problem.line}" + (f", {problem.column}" if problem.column else "")
        sys.stderr.write(f"{where}: {problem.words}\n")
    verb = "would be " if dry_run else ""
    counts = ", ".join(
        f"{getattr(report, what)} {what if what == 'unchanged' else verb + what}"
        for what in ("added", "updated", "unchanged", "left")
    )
    if report.problems and not skip_bad:
        raise UserError(f"roster import: {len(report.problems)} mistakes, nothing was imported")
    say(counts + (f", {len(report.problems)} skipped" if report.problems else ""))


def roster_export(context: typer.Context, json: AsJson = False) -> None:
    """All members as CSV."""
    from listserv import roster

    ctx = open_context(load(context.obj))
    if json:
        show(roster.export_rows(ctx), ROSTER_COLUMNS, as_json=True, empty="")
    else:
        sys.stdout.write(roster.export_csv(ctx))


def migrate_command(context: typer.Context) -> None:
    """Brings the database to this version."""
    database = Database(load(context.obj).database)
    before = schema_version(database)
    migrate(database)
    after = schema_version(database)
    say(f"The database is at version {after}" + (f", was {before}." if before != after else " already."))


def backup(context: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """A consistent copy of the database, also while it runs."""
    from listserv.backup import write

    settings = load(context.obj)
    write(settings, file)
    say(f"wrote {file}")
    say(f"Keep {settings.secrets.key_file} as well: it is not in the database, and links and addresses need it.")
    days = settings.retention.backups.days
    say(f"Delete it within {days} days (retention.backups): it holds whoever is erased from now on.")
