"""Pages and accounts on the web that show or name a person."""

from __future__ import annotations

import re
from collections.abc import Iterator

from listserv.policy.screening.finding import Level
from listserv.policy.screening.known import Hit
from listserv.policy.screening.plain import View, matches
from listserv.policy.screening.words import words

_PAGE = re.compile(
    r"(?<![\w.-])(?:https?://)?(?:[\w-]{1,63}\.){0,4}(?:facebook\.com|fb\.com|instagram\.com|linkedin\.com/in|"
    r"tiktok\.com|twitter\.com|"
    r"x\.com|"
    r"snapchat\.com/add|threads\.net|youtube\.com/@|gofundme\.com|austlii\.[a-z.]{2,20}|ancestry\.[a-z.]+|legacy\.com|"
    r"mytributes\.com\.au|caselaw\.nsw\.gov\.au)/[^\s<>\"),;]{1,300}|"
    r"https?://(?:[\w-]+\.)*(?:abc\.net\.au/news|news\.com\.au|smh\.com\.au|theage\.com\.au|9news\.com\.au|"
    r"7news\.com\.au|"
    r"theguardian\.com|dailymail\.co\.uk|couriermail\.com\.au|heraldsun\.com\.au|dailytelegraph\.com\.au|"
    r"adelaidenow\.com\.au|"
    r"thewest\.com\.au|perthnow\.com\.au|watoday\.com\.au|brisbanetimes\.com\.au|canberratimes\.com\.au|"
    r"themercury\.com\.au|"
    r"ntnews\.com\.au|bbc\.co(?:m|\.uk)/news|20min\.ch|blick\.ch|[\w-]*(?:courier|advocate|times|herald|examiner|"
    r"gazette|"
    r"chronicle|advertiser|mercury|observer|telegraph|bulletin|star|news)[\w-]*\.com(?:\.au)?)/[^\s<>\"),;]{1,300}",
    re.I,
)
_HANDLE = re.compile(
    r"\b(?:insta(?:gram)?|snap(?:chat)?|tik[ ]?tok|facebook|fb|twitter|onlyfans|youtube|twitch|discord)\b[\w' "
    r"]{0,25}(?:[:=][ ]?@?|@|"
    r"[ ](?:is|as|name|handle)[ ]\"?@?(?=[\w.]*[\d_.]))(?P<handle>[\w][\w.]{2,29})\b",
    re.I,
)
_STORY = re.compile(
    r"\bhttps?://(?:[\w-]+\.)*news[\w-]*\.[a-z.]{2,20}/[^\s<>\"),;]{3,300}|"
    r"\bhttps?://[^\s<>\"/]{3,80}(?=/)[^\s<>\"]{0,150}?(?:/news/|/story/|/stories/|/article/|/articles/|/obituar|"
    r"/courts?/|/crime/|/judgments?/|"
    r"/cases?/|(?:coroner|inquest|court|trial|cleared|charged|sentenced|arrested|murder|"
    r"missing)[\w-]*)[^\s<>\"),;]{0,300}",
    re.I,
)
_OF_GROUPS = re.compile(
    r"(?:facebook|fb)\.com/(?:groups|events)/|linkedin\.com/(?:company|groups)|"
    r"instagram\.com/(?:p/)?\Z",
    re.I,
)


def pages(view: View) -> Iterator[Hit]:
    """Pages and accounts that show or name a person."""
    links = view.starts(_LINKS)
    found_pages = matches(_PAGE, view.text, view.around(sorted([*links, *view.starts(_SITES)]), 260, 320))
    for found in (*found_pages, *view.matches_at(_STORY, links)):
        if not view.in_signature(found.start()) and not _OF_GROUPS.search(found[0]):
            yield Hit("page", Level.WARNING, found.start(), found.start() + len(found[0].rstrip(".,!?'")))
    for found in view.matches_at(_HANDLE, view.starts(_ACCOUNTS)):
        if not view.in_signature(found.start()):
            yield Hit("page", Level.WARNING, *found.span("handle"))


_LINKS = words("http https")
_SITES = words("""
ancestry austlii caselaw facebook fb gofundme instagram legacy linkedin mytributes snapchat threads tiktok twitter x
youtube
""")
_ACCOUNTS = words("""
discord facebook fb insta instagram onlyfans snap snapchat tik tiktok twitch twitter youtube
""")
