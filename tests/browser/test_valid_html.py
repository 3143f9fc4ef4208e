"""Every page of a community under an HTML validator (html-validate, its standard rules)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import archives
from tests.browser.conftest import MIA, Site, npm_package
from tests.browser.test_accessible import PAGES, go, reader

RULES = {"root": True, "extends": ["html-validate:standard", "html-validate:a11y"]}  # none of them is switched off


def validated(folder: Path, pages: dict[str, str]) -> list[str]:
    """What the validator says about these pages."""
    program = npm_package("html-validate").parent / ".bin" / "html-validate"
    (folder / ".htmlvalidate.json").write_text(json.dumps(RULES))
    for number, text in enumerate(pages.values()):
        (folder / f"{number}.html").write_text(text)
    done = subprocess.run(
        [str(program), "--formatter", "json", *(f"{n}.html" for n in range(len(pages)))],
        cwd=folder, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    names = list(pages)
    said = json.loads(done.stdout) if done.stdout.strip() else []
    assert said or done.returncode == 0, done.stderr
    return [
        f"{names[int(Path(one['filePath']).stem)]}: line {m['line']}: {m['ruleId']}: {m['message']}"
        for one in said
        for m in one["messages"]
    ]


def test_every_kind_of_page_is_valid(site: Site, window: Callable[..., Any], tmp_path: Path) -> None:
    """As the server sends them, before any script."""
    npm_package("html-validate")
    pages: dict[str, str] = {}
    answers: list[Any] = []
    windows = {who: window(who, java_script_enabled=False) for who in dict.fromkeys(map(reader, PAGES))}
    for page in windows.values():
        page.on("response", lambda one: answers.append(one) if one.request.is_navigation_request() else None)
    for name in PAGES:
        go(site, windows[reader(name)], name)
        final = [one for one in answers if one.status not in (302, 303)]
        pages[name] = final[-1].text()
    assert validated(tmp_path, pages) == []


def test_every_page_of_the_community_is_valid(site: Site, window: Callable[..., Any], tmp_path: Path) -> None:
    """All files of the archive, every author, many searches, and the pages that say that something is wrong."""
    npm_package("html-validate")
    ask = window(MIA).request
    ctx = site.daemon.ctx
    files = [f"/archive/{name}" for name in archives.files(ctx.settings.archive.directory) if name.endswith(".html")]
    authors = [f"/author/{row[0]}" for row in archives.table(ctx, "SELECT DISTINCT author FROM message")]
    tags = archives.table(ctx, "SELECT DISTINCT list, thread FROM message")
    corrections = [f"/threads/{row[0]}/{row[1]}" for row in tags]
    words = ("diaries", "%22one+line%22&in=perinatal", "from:", "after:nonsense", "-only", "a*&sort=date", "%3Cb%3E%26")
    pages: dict[str, str] = {}
    for path in ["/archive/", "/me", "/search", *(f"/search?q={one}" for one in words), *files, *authors, *corrections]:
        answer = ask.get(path)
        assert answer.status == 200, path
        pages[path] = answer.text()
    part = ask.get("/search?q=diaries&part=1").text()
    pages["part"] = f'<!doctype html><html lang="en"><head><title>x</title></head><body><h1>x</h1>{part}</body></html>'
    wrong = {
        404: [ask.get("/archive/nowhere/"), ask.get("/nothing"), ask.get("/author/p999"), ask.get("/feed/none")],
        405: [ask.post("/archive/"), ask.get("/logout")],
        403: [ask.post("/me", form={"seal": "not ours"})],
        400: [ask.post("/me", data="x", headers={"Content-Type": "text/plain"})],
        413: [ask.post("/login", form={"email": "x" * 9000})],
        410: [ask.get("/login/aaaaaaaaaaaaaaaaaaaaaaaaaa"), ask.post("/login/a", form={"next": "/me"})],
    }
    for status, answers in wrong.items():
        assert [one.status for one in answers] == [status] * len(answers)
        pages |= {f"{status} {one.url}": one.text() for one in answers}
    assert len(files) > 9 and len(authors) == 6
    assert validated(tmp_path, pages) == []


def test_the_validator_would_find_something(tmp_path: Path) -> None:
    text = '<!doctype html><html lang="en"><head><title>x</title></head><body><p><div>x</div></p></body></html>'
    found = validated(tmp_path, {"wrong": text})
    assert any("close" in one or "permitted" in one for one in found)


@pytest.mark.timeout(300)
def test_hostile_mails_give_valid_pages(tmp_path: Path) -> None:
    from listserv.mail.body import render
    from listserv.mail.message import parse
    from tests.data.hostile import XSS

    npm_package("html-validate")
    head = '<!doctype html><html lang="en"><head><title>x</title></head><body><h1>x</h1><main>'
    pages = {
        name: f"{head}<div>{render(parse(raw), files_at='../a/x/').html}</div></main></body></html>"
        for name, raw in XSS
    }
    assert validated(tmp_path, pages) == []
