"""Every kind of page under axe-core (WCAG 2.2 AA and good practice): wide and narrow, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from listserv.mail.threads import tag_of
from tests.browser.conftest import ANN, MIA, NED, Site, npm_package
from tests.house import scalar

PAGES = (
    "login", "login sent", "login link", "login late", "terms", "front", "list", "empty list", "month", "thread", "thread flat",
    "thread open", "html mail", "files", "code", "search", "results", "nothing found", "author", "me", "feed made",
    "split or join", "held", "not yours", "not found", "unsubscribe",
)  # fmt: skip
SIZES = [(width, colours) for width in (1280, 320) for colours in ("light", "dark")]
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice")
AXE = """async (tags) => {
  const found = await axe.run(document, {runOnly: {type: 'tag', values: tags}});
  return {rules: found.passes.map(one => one.id), wrong: found.violations.map(one => [
    one.id, one.help, one.nodes.slice(0, 3).map(node => node.html)])};
}"""


def go(site: Site, page: Any, name: str) -> None:
    """Opens one kind of page."""
    from listserv.tokens import capability

    tag = tag_of("b1@people.test")
    match name:
        case "login link":
            page.goto(site.link(ANN))
        case "login sent":
            page.goto("/login")
            page.get_by_label("Your mail address").fill("nobody@people.test")
            page.get_by_role("button").click()
            page.get_by_role("heading", name="Look into your mail").wait_for()
        case "login late":
            page.goto("/login/aaaaaaaaaaaaaaaaaaaaaaaaaa")
        case "terms":
            page.goto(site.link(NED))
            page.get_by_role("button").click()
            page.get_by_role("button", name="I agree to these terms").wait_for()
        case "thread flat":
            page.goto(site.path(1))
            page.get_by_text("By time").click()
        case "thread open":
            page.goto(site.path(1))
            for one in page.locator("summary").all():
                one.click()
        case "feed made":
            page.goto("/me")
            made = page.get_by_role("button", name="Make a feed of Perinatal")
            if made.count():
                made.click()
        case "unsubscribe":
            page.goto(f"/unsubscribe/{capability(site.daemon.ctx.keys.unsubscribe, 1)}")
        case _:
            paths = {
                "login": "/login", "front": "/archive/", "list": "/archive/perinatal/",
                "empty list": "/archive/news/", "thread": site.path(1),
                "html mail": site.path(5), "files": site.path(6), "code": site.path(7), "search": "/search",
                "results": "/search?q=diaries", "nothing found": "/search?q=zzz&in=perinatal", "author": "/author/p1",
                "me": "/me", "held": f"/held/{held_number(site)}",
                "split or join": f"/threads/perinatal/{tag}", "not yours": f"/threads/perinatal/{tag}",
                "not found": "/archive/perinatal/t/aaaaaaaaaaaaaaaa.html",
            }  # fmt: skip
            if name == "month":
                page.goto("/archive/perinatal/")
                page.locator(".months a").first.click()
            else:
                page.goto(paths[name])


def held_number(site: Site) -> int:
    return int(scalar(site.daemon.ctx, "SELECT id FROM post WHERE state = 'held'"))


def reader(name: str) -> str | None:
    return None if name.startswith(("login", "terms", "unsub")) else ANN if name == "not yours" else MIA


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(site: Site, window: Callable[..., Any], name: str) -> None:
    """Wide and narrow, light and dark; and no page is wider than a narrow window."""
    axe = (npm_package("axe-core") / "axe.min.js").read_text()
    page = window(reader(name), bypass_csp=True)  # axe is put into the page; the policy has a test of its own
    go(site, page, name)
    page.evaluate(axe)
    wrong = []
    for width, colours in SIZES:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=colours)
        found = page.evaluate(AXE, RULES)
        wrong += [(width, colours, *one) for one in found["wrong"]]
        ran = {*found["rules"], *(one[0] for one in found["wrong"])}
        assert {"color-contrast", "html-has-lang"} <= ran and ("target-size" in ran or name != "thread")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"scrolls sideways: {wide} px of {width}"
    assert wrong == []


def test_axe_would_find_something(window: Callable[..., Any]) -> None:
    """The alarm itself: grey on white, a picture without words, and two links on top of each other."""
    page = window()
    page.set_content(
        '<h1 style="color:#ccc">grey words</h1><img src=""><a href="#a" style="font-size:4px">a</a><a href="#b">b</a>'
    )
    page.evaluate((npm_package("axe-core") / "axe.min.js").read_text())
    found = {one[0] for one in page.evaluate(AXE, RULES)["wrong"]}
    assert {"color-contrast", "image-alt", "html-has-lang", "landmark-one-main", "target-size"} <= found


def test_the_keyboard_alone_is_enough(site: Site, window: Callable[..., Any]) -> None:
    """The first stop skips to the text; every stop can be seen; the choice of order is a pair of radio buttons."""
    page = window(ANN)
    page.goto(site.path(1))
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    assert skip.evaluate("one => one === document.activeElement") and skip.bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    stops = []
    for _ in range(40):
        page.keyboard.press("Tab")
        here = page.evaluate(
            "() => { const one = document.activeElement, style = getComputedStyle(one.labels?.[0] ?? one);"
            " return [one.tagName, one.id || one.textContent.trim().slice(0, 20), style.outlineStyle] }"
        )
        if here[0] == "BODY":
            break
        stops.append(here)
        assert here[2] != "none", f"nothing shows where the focus is: {here}"
    assert ["INPUT", "nested"] in [stop[:2] for stop in stops]
    assert any(stop[0] == "SUMMARY" for stop in stops)
    page.locator("#nested").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#flat").is_checked()


def test_on_paper_everything_can_be_read(site: Site, window: Callable[..., Any]) -> None:
    page = window(ANN)
    page.goto(site.path(1))
    page.emulate_media(media="print")
    assert page.get_by_text("line 11 of what").is_visible(), "quotations are unfolded"
    assert not page.locator(".find").is_visible() and not page.locator(".answer").first.is_visible()
