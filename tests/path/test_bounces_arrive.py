"""Real delivery reports: Debian's Postfix between us and servers that refuse, its reports at our return paths."""

from __future__ import annotations

from pathlib import Path

import yaml
from sqlalchemy import text

from listserv.errors import Reply
from tests.conftest import community
from tests.daemon import running
from tests.path.mail_server import postfix_with_opendkim
from tests.people import add_person, mail

REFUSES = {
    "gone@people.test": Reply(550, "5.1.1", "<gone@people.test>: Recipient address rejected: User unknown"),
    "full@people.test": Reply(552, "5.2.2", "The user is over quota"),
    "picky@people.test": Reply(554, "5.7.1", "Message rejected as spam by content filtering"),
}


def test_postfix_reports_are_understood(tmp_path: Path) -> None:
    with running(tmp_path, community(), start=False) as (daemon, catcher):
        catcher.refuse = REFUSES.get
        settings = yaml.safe_load(daemon.settings_file.read_text())
        next_hop = settings["relay"]["port"]
        with postfix_with_opendkim(next_hop, {}, {"lists.test": daemon.smtp}) as port:
            settings["relay"]["port"] = port
            daemon.settings_file.write_text(yaml.safe_dump(settings))
            with daemon.ctx.db.transaction() as tx:
                for name in ("ann", "gone", "full", "picky"):
                    add_person(tx, f"{name}@people.test", name=name.title(), lists=("perinatal",))
            daemon.start()
            raw = mail("ann@people.test", subject="To all of you", message_id="<all@people.test>")
            assert daemon.send(raw, "ann@people.test", "perinatal@lists.test")[0] == 250

            def bounces() -> dict[str, tuple[str, str, bool]]:
                with daemon.ctx.db.reading() as tx:
                    found = tx.execute(text("SELECT canonical, kind, status, counted FROM bounce"))
                    return {row.canonical: (row.kind, row.status, bool(row.counted)) for row in found}

            daemon.until(lambda: len(bounces()) == 3, seconds=60, what="three reports")
            assert bounces() == {
                "gone@people.test": ("hard", "5.1.1", True),
                "full@people.test": ("soft", "5.2.2", False),
                "picky@people.test": ("policy", "5.7.1", False),
            }
            assert [one.recipient for one in catcher.kept] == ["ann@people.test"]
            assert not [line for line in daemon.lines if "Traceback" in line]
