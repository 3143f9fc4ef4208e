"""Puts the week on: a folder, ports and a daemon, every scene in turn, what it came to, and the end."""

from __future__ import annotations

import asyncio
import signal
import socket
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from listserv import signing
from listserv.catcher import Catcher, page
from listserv.context import open_context
from listserv.demo.archive import where_to_read
from listserv.demo.scenes import SCENES
from listserv.demo.stage import Stage, start
from listserv.edge.templates import in_english, render
from listserv.errors import UserError
from listserv.roster import import_csv
from listserv.settings import load


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for one in sockets:
        one.close()
    return ports


def _write(directory: Path, relay: int, smtp: int, web: int) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    settings_file = directory / "settings.yaml"
    if settings_file.exists():
        raise UserError(f"demo --dir: {settings_file} exists already; a demo wants a folder of its own")
    text = render(in_english(None), "demo/settings.yaml", relay=relay, smtp=smtp, web=web)
    settings_file.write_text(text, encoding="utf-8")
    signing.make(directory / "dkim.pem", "rsa-sha256")
    (directory / "terms.md").write_text("# Terms\n\nBe kind; name no client.\n", encoding="utf-8")
    (directory / "roster.csv").write_text(render(in_english(None), "demo/roster.csv"), encoding="utf-8")
    return settings_file


async def _serve_page(catcher: Catcher, port: int) -> asyncio.Task[None]:
    import uvicorn

    config = uvicorn.Config(
        page(catcher, "Mailboxes of the demo community"), host="127.0.0.1", port=port, log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    return asyncio.create_task(server._serve())


async def _play(directory: Path, *, once: bool) -> bool:
    console = Console(highlight=False)
    catcher = Catcher()
    relay_port = await catcher.start()
    smtp_port, web_port, page_port = _free_ports(3)
    settings_file = _write(directory, relay_port, smtp_port, web_port)
    ctx = open_context(load(settings_file))
    report = import_csv(ctx, (directory / "roster.csv").read_text(encoding="utf-8"))
    stage = Stage(console, ctx, catcher, settings_file, smtp_port)
    console.print(Text("A week in a community of practice", style="bold"))
    stage.tell(f"Everything is in {directory}; nothing leaves this machine.")
    stage.check(report.added == 9, f"{report.added} members imported from roster.csv")
    mailboxes = await _serve_page(catcher, page_port)
    try:
        stage.daemon = await start(settings_file)
        stage.tell(f"The daemon listens on 127.0.0.1:{smtp_port}.")
        for scene in SCENES:
            await scene(stage)
        _sum_up(stage, page_port)
        if not once and not stage.missing:
            await _until_interrupted(console)
    finally:
        await _end(stage, mailboxes)
    return not stage.missing


def _sum_up(stage: Stage, page_port: int) -> None:
    stage.console.print()
    copies = stage.catcher.find(lambda one: bool(one.header("list-id")))
    pairs = [(one.recipient, one.header("message-id")) for one in copies]
    stage.check(len(pairs) == len(set(pairs)), f"{len(copies)} copies in the week, none of them twice")
    if stage.missing:
        stage.console.print(Text(f"{len(stage.missing)} things were not where they should be.", style="bold red"))
    else:
        stage.console.print(Text("Everything was found where it should be.", style="bold green"))
    stage.tell(f"All mailboxes:  http://127.0.0.1:{page_port}/")
    stage.tell(f"Settings:       {stage.settings_file}")
    where_to_read(stage)


async def _until_interrupted(console: Console) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    console.print(Text("  It stays up; Ctrl-C ends it."))
    await stop.wait()


async def _end(stage: Stage, mailboxes: asyncio.Task[None]) -> None:
    if stage.daemon is not None and stage.daemon.returncode is None:
        stage.daemon.terminate()
        await stage.daemon.wait()
    mailboxes.cancel()
    await asyncio.gather(mailboxes, return_exceptions=True)
    await stage.catcher.close()
    stage.ctx.db.close()


def run(directory: Path | None, *, once: bool) -> bool:
    """Plays the week; whether everything was found where it should be."""
    if directory is not None:
        return asyncio.run(_play(directory.resolve(), once=once))
    with tempfile.TemporaryDirectory(prefix="listserv-demo-") as folder:
        return asyncio.run(_play(Path(folder), once=once))
