"""A member's way through the archive, with scripts and without: from a link in a mail to logging out."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import pytest

from listserv.mail.threads import tag_of
from tests.browser.conftest import ANN, BEN, MIA, Site
from tests.house import notices

both_ways = pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])


@both_ways
def test_from_a_link_to_the_page_and_out_again(site: Site, window: Callable[..., Any], scripts: bool) -> None:
    """Logged out, a link leads to the form; the mail's link shows a button, which leads to the page of the link."""
    page = window(java_script_enabled=scripts)
    page.goto(site.path(1))
    assert page.get_by_role("heading").inner_text() == "Log in" and "Sleep" not in page.content()
    before = len(notices(site.daemon.ctx, "login", BEN))
    page.get_by_label("Your mail address").fill(BEN)
    page.get_by_role("button").click()
    assert "a link is on its way" in page.content()
    link = site.sent_link(BEN, before)
    for _ in range(2):  # a scanner looks at it
        with urllib.request.urlopen(link, timeout=10) as answer:
            assert b"Open the archive" in answer.read() and answer.headers["Set-Cookie"] is None
    page.goto(link)
    assert page.context.cookies() == [], "to look at the link is not to log in"
    page.get_by_role("button", name="Open the archive").click()
    assert page.url == site.url + site.path(1)
    assert page.get_by_role("heading", level=1).inner_text() == "Sleep diaries that people keep"
    page.goto("/me")
    page.get_by_role("button", name="Log out", exact=True).click()
    assert "You are logged out" in page.content()
    page.go_back()
    page.reload()
    assert page.get_by_role("heading").inner_text() == "Log in"
    page.goto(site.path(1))
    assert page.get_by_role("heading").inner_text() == "Log in"


@both_ways
def test_quotations_unfold_and_fold(site: Site, window: Callable[..., Any], scripts: bool) -> None:
    page = window(ANN, java_script_enabled=scripts)
    page.goto(site.path(1))
    folded, inside = page.locator("summary", has_text="Quoted text, 12 lines"), page.get_by_text("line 11 of what")
    assert not inside.is_visible()
    assert (
        page.get_by_text("The same here.").is_visible() and page.get_by_text("One line a day", exact=True).is_visible()
    )
    folded.click()
    assert inside.is_visible()
    folded.click()
    assert not inside.is_visible()


@both_ways
def test_by_answer_and_by_time(site: Site, window: Callable[..., Any], scripts: bool) -> None:
    """The order on the page: 1, 2, 3 (which answers 2), 4 by answer; all at the left edge by time."""
    page = window(ANN, java_script_enabled=scripts)
    page.goto(site.path(1))

    def boxes() -> dict[int, dict[str, float]]:
        return {n: page.locator(f"#m-{tag_of(f'b{n}@people.test')}").bounding_box() for n in (1, 2, 3, 4)}

    by_answer = boxes()
    assert sorted(by_answer, key=lambda n: by_answer[n]["y"]) == [1, 2, 3, 4]
    assert by_answer[1]["x"] < by_answer[2]["x"] < by_answer[3]["x"] and by_answer[4]["x"] == by_answer[2]["x"]
    page.get_by_text("By time").click()
    by_time = boxes()
    assert len({box["x"] for box in by_time.values()}) == 1
    assert sorted(by_time, key=lambda n: by_time[n]["y"]) == [1, 2, 3, 4]
    page.reload()
    assert page.locator("#flat").is_checked() == scripts, "the choice is remembered where scripts run"


SEARCHES = [
    ("diaries", 4, "Sleep diaries that people keep"),
    ("from:ben", 2, "Re: Sleep diaries that people keep"),
    ('"same here"', 1, "Re: Sleep diaries that people keep"),
    ("diaries -from:ann", 2, "Re: Sleep diaries that people keep"),
    ("diaries -thank", 3, "Sleep diaries that people keep"),
    ("from:grace list:anxiety", 2, "Graded exposure by video"),
    ("has:attachment", 1, "A form and a chart"),
    ("after:2020-01-01 reminder", 1, "Code for the reminder"),
    ("before:2020-01-01 reminder", 0, ""),
]


@both_ways
def test_searching(site: Site, window: Callable[..., Any], scripts: bool) -> None:
    """With words and operators, from the top of a page; a hit leads to its message."""
    page = window(MIA, java_script_enabled=scripts)
    for words, count, first in SEARCHES:
        page.goto("/archive/")
        page.get_by_label("Search the archive").fill(words)
        page.get_by_label("Search the archive").press("Enter")
        page.wait_for_url("**/search?q=*")
        hits = page.locator("#results li")
        assert hits.count() == count, words
        if not count:
            assert "Nothing was found" in page.locator("#results").inner_text(), words
            continue
        assert first in page.locator("#results").inner_text(), words
        hits.first.get_by_role("link").click()
        page.locator(".message:target").wait_for()
        assert f"/archive/{'anxiety' if 'anxiety' in words else 'perinatal'}/t/" in page.url, words


@both_ways
def test_results_while_typing(site: Site, window: Callable[..., Any], scripts: bool) -> None:
    """They come by themselves where scripts run, and by the button where none do."""
    page = window(MIA, java_script_enabled=scripts)
    page.goto("/search")
    page.get_by_label("Words to look for").press_sequentially("remind", delay=20)
    if not scripts:
        page.wait_for_timeout(500)
        assert page.locator("#results li").count() == 0 and page.url == f"{site.url}/search"
        page.get_by_role("main").get_by_role("button", name="Search").click()
        assert page.locator("#results li").count() == 1
        return
    page.locator("#results li").first.wait_for()
    assert "Code for the reminder" in page.locator("#results").inner_text()
    assert "q=remind" in page.url
    page.get_by_label("Words to look for").press_sequentially("zzz", delay=20)
    page.get_by_text("Nothing was found").wait_for()


@both_ways
def test_pictures_are_shown_and_files_are_saved(site: Site, window: Callable[..., Any], scripts: bool) -> None:
    page = window(ANN, java_script_enabled=scripts, accept_downloads=True)
    page.goto(site.path(6))
    chart = page.get_by_role("img", name="chart.png")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box and box["width"] == 120 and box["height"] == 80, "it was loaded and is shown as it is"
    pdf = page.get_by_role("link", name="intake form.pdf")
    with page.expect_download() as saved:
        pdf.click()
    assert saved.value.suggested_filename == "intake form.pdf"
    assert saved.value.path().read_bytes() == b"%PDF-1.4 not really"
    headers = page.request.get(urljoin(page.url, pdf.get_attribute("href"))).headers
    assert headers["content-disposition"] == "attachment" and headers["content-type"] == "application/pdf"
    chart.click()
    page.wait_for_url("**/archive/perinatal/a/*/*.png")
    assert page.get_by_role("img").bounding_box()["width"] == 120, "the picture by itself"
    page.goto(site.path(5))
    room = page.get_by_role("img", name="The room")
    assert room.bounding_box()["width"] == 120


@both_ways
def test_a_permalink_leads_to_its_message(site: Site, window: Callable[..., Any], scripts: bool) -> None:
    page = window(ANN, java_script_enabled=scripts)
    tag = tag_of("b3@people.test")
    page.goto(f"/archive/perinatal/m/{tag}")
    assert page.url == f"{site.url}{site.path(1)}#m-{tag}"
    answer = page.locator(f"#m-{tag} .answer").get_attribute("href")
    assert answer.startswith(f"mailto:perinatal+t.{tag}@lists.test?subject=Re%3A%20Sleep")


def test_keys(site: Site, window: Callable[..., Any]) -> None:
    page = window(ANN)
    page.goto(site.path(1))
    for expected in (1, 2, 3, 4, 4):
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.id") == f"m-{tag_of(f'b{expected}@people.test')}"
    page.keyboard.press("k")
    page.keyboard.press("k")
    page.keyboard.press("o")
    assert page.get_by_text("line 11 of what").is_visible()
    page.keyboard.press("/")
    page.keyboard.type("j")
    assert page.evaluate("document.activeElement.value") == "j"
    page.goto(site.path(1))
    page.keyboard.press("u")
    page.wait_for_url("**/perinatal/20*.html")


@both_ways
def test_a_feed_is_made_and_taken_back(site: Site, window: Callable[..., Any], scripts: bool) -> None:
    page = window(MIA, java_script_enabled=scripts)
    page.goto("/me")
    page.get_by_role("button", name="Make a feed of Perinatal").click()
    address = page.locator(".token").inner_text()
    assert b"Sleep diaries" in urllib.request.urlopen(address, timeout=10).read()
    page.get_by_role("button", name="Take the feed back of Perinatal").click()
    assert page.locator(".token").count() == 0
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(address, timeout=10)


def test_a_page_is_shown_at_once(site: Site, window: Callable[..., Any]) -> None:
    """How long Chromium takes from asking to the first paint; printed, not asserted."""
    page = window(ANN)
    for path in (site.path(1), "/archive/perinatal/", "/search?q=diaries"):
        page.goto(path)
        page.goto(path)
        paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
        page.wait_for_function(f"() => {paint} !== undefined")
        print(f"{path}: first paint after {page.evaluate(paint):.0f} ms")
