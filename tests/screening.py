"""How well the screen finds what is labelled: `python -m tests.screening [own|other_hand ...] [--names PIPELINE]`.

Each labelled post becomes a real message, with its HTML in base64 and its files attached, and goes through
`mail.passages` and `policy.screening` like any other. A label counts as found when a finding that does at least as
much on a clinical list covers it or lies within it (so h is enough for H, which is counted apart); a finding is right
when it touches a label. `held` is what holds a post on a clinical list. With `--names` a model recognises names as
well; `names.yaml` measures that.
"""

from __future__ import annotations

import asyncio
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Any

import yaml

from listserv.edge import entities
from listserv.mail.message import iter_parts, parse
from listserv.mail.passages import Passage, passages
from listserv.policy.screening import GRAVITY, Finding, Known, Level, screen

DATA = Path(__file__).parent / "data" / "screening"
CORPORA = ("own", "other_hand", "third_hand", "fourth_hand", "fifth_hand", "sixth_hand", "seventh_hand")
UNTOUCHED = ("other_hand", "seventh_hand")  # nothing was tuned on these
HOLDS = (Level.HIGH, Level.CLINICAL)
LEVELS = {"H": Level.HIGH, "h": Level.CLINICAL, "W": Level.WARNING, "I": Level.NOTE, "special": Level.NOTE}
CLASSES = {
    "medicare-card": "Medicare card", "ihi": "IHI", "dva-file": "DVA file no.", "tax-file": "TFN",
    "centrelink": "Centrelink CRN", "record-number": "Hospital/record number",
    "health-number": "Hospital/record number", "birth-date": "Date of birth", "date": "Other full dates",
    "phone": "Phone", "mail-address": "E-mail address", "street-address": "Street address",
    "place": "Suburb/town + postcode", "driver-licence": "Driver licence", "passport": "Passport",
    "ndis": "NDIS participant no.", "bank": "Bank", "plate": "Vehicle plate", "page": "URLs of people", "name": "Names",
    "initials": "Names", "age": "Age ≥ 90 or exact age + rare trait", "workplace": "Workplace/school/unit",
    "combination": "Unusual combination", "picture": "Images/scans", "unread": "Images/scans",
    "practitioner": "Practitioner identifiers", "third-party": "Third parties", "risk": "Immediate risk",
}  # fmt: skip
PICTURES = {"jpg": "jpeg", "jpeg": "jpeg", "png": "png", "gif": "gif", "heic": "heic", "tif": "tiff", "tiff": "tiff",
            "webp": "webp", "bmp": "bmp"}  # fmt: skip


@dataclass
class Figures:
    """What was counted over one corpus."""

    wanted: Counter[str] = field(default_factory=Counter)  # labels by class
    found: Counter[str] = field(default_factory=Counter)
    as_class: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)  # findings by class
    right: Counter[str] = field(default_factory=Counter)
    by_level: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    clean: int = 0
    wrongly_held: list[tuple[str, str, str]] = field(default_factory=list)
    held: int = 0
    as_grave: int = 0  # labels of level H that are found at that level
    to_hold: int = 0
    missed: list[tuple[str, str, str, str]] = field(default_factory=list)
    wrong: list[tuple[str, str, str, str]] = field(default_factory=list)

    def recall(self, level: str) -> float:
        """Of the labels of a level, H, h, W or special."""
        return self.by_level["found"][level] / max(1, self.by_level["wanted"][level])

    @property
    def held_wrongly(self) -> float:
        """The share of the clean posts that a clinical list would hold."""
        return len({post for post, _, _ in self.wrongly_held}) / max(1, self.clean)


def message_of(entry: dict[str, Any]) -> bytes:
    """The labelled post as a mail program would send it."""
    mail = EmailMessage()
    mail["From"] = "author@practice.test"
    mail["Subject"] = " ".join(str(entry.get("subject") or "").split())
    text, html = entry.get("text") or "", entry.get("html") or ""
    if text or not html:
        mail.set_content(text, cte="base64" if entry["kind"] == "multipart" else "8bit")
    if html and text:
        mail.add_alternative(html, subtype="html", cte="base64")
    elif html:
        mail.set_content(html, subtype="html", cte="base64")
    labelled = {label["value"] for label in entry["findings"]}
    for name in dict.fromkeys(re.findall(r"src=[\"']cid:([^\"'@]+)", html)):
        size = (
            30_000 if any(_touches(plain(name), plain(value)) for value in labelled) else 4_000
        )  # what is no finding is a logo
        mail.add_attachment(b"\xff\xd8\xff" + b"\0" * size, "image", "jpeg", filename=name, disposition="inline")
    for one in entry.get("files") or []:
        _attach(mail, one if isinstance(one, str) else one["name"], "" if isinstance(one, str) else one.get("text", ""))
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _attach(mail: EmailMessage, name: str, text: str) -> None:
    ending = name.rpartition(".")[2].lower()
    if ending in PICTURES:
        mail.add_attachment(b"\xff\xd8\xff" + b"\0" * 30_000, "image", PICTURES[ending], filename=name)
    elif ending in ("txt", "csv", "ics"):
        mail.add_attachment(text or "See the mail.", subtype="plain", filename=name)
    else:
        mail.add_attachment(b"%PDF-1.7\0" * 50, "application", "octet-stream", filename=name)


def read(entry: dict[str, Any]) -> tuple[Passage, ...]:
    """Its passages; documents that no label calls a scan are handed in as read."""
    message = parse(message_of(entry))
    scans = {label["value"] for label in entry["findings"] if label["class"] == "Images/scans"}
    texts = {one["name"]: one.get("text", "") for one in entry.get("files") or [] if isinstance(one, dict)}
    documents = {
        number: texts.get(part.filename) or "A handout."
        for number, part in enumerate(iter_parts(message))
        if part.filename and part.content_type == "application/octet-stream" and part.filename not in scans
    }
    return passages(message, documents)


def known_of(entry: dict[str, Any]) -> Known:
    """Who writes and who may be named, as the stage that asks the database would say."""
    author = entry.get("author") or {}
    emails = [author["email"]] if author.get("email") else []
    return Known(author.get("name", ""), tuple(emails), frozenset(entry.get("members") or ()))


def plain(value: str) -> str:
    """A value as labels and findings are compared: without markup, letters and digits alone."""
    out, inside = [], False
    for character in unicodedata.normalize("NFKC", unescape(unescape(value).replace("<wbr>", ""))):
        inside = character == "<" or (inside and character != ">")
        if not inside and character.isalnum():
            out.append(character)
    return "".join(out).casefold()


def _touches(label: str, value: str) -> bool:
    return bool(label and value) and (label in value or value in label)


def measure(corpus: str, pipeline: str = "") -> Figures:
    """All posts of a corpus; `pipeline` recognises names besides, if there is one."""
    figures = Figures()
    for entry in yaml.safe_load((DATA / f"{corpus}.yaml").read_text("utf-8")):
        _measure(entry, figures, pipeline)
    return figures


def _measure(entry: dict[str, Any], figures: Figures, pipeline: str) -> None:
    read_ = read(entry)
    known = known_of(entry)
    if pipeline:
        known = replace(known, recognised=asyncio.run(entities.people(pipeline, [one.text for one in read_])))
    found = screen(read_, known)
    values = [plain(_value(read_, finding)) for finding in found]
    labels = entry["findings"]
    for label in labels:
        _look_for(entry["id"], label, found, values, figures)
    wanted = [plain(label["value"]) for label in labels]
    counted: set[tuple[str, str]] = set()
    for finding, value in zip(found, values, strict=True):
        kind = CLASSES[finding.kind]
        if (kind, value) in counted:
            continue
        counted.add((kind, value))
        figures.findings[kind] += 1
        at_risk = finding.kind == "risk" and any(label["level"] == "special" for label in labels)
        if at_risk or any(_touches(label, value) for label in wanted):
            figures.right[kind] += 1
        else:
            figures.wrong.append((entry["id"], finding.kind, finding.level.value, _value(read_, finding)))
    holds = [finding for finding in found if finding.level in HOLDS]
    if not labels:
        figures.clean += 1
        figures.wrongly_held += [(entry["id"], one.kind, _value(read_, one)) for one in holds]
    elif any(label["level"] in ("H", "h") for label in labels):
        figures.to_hold += 1
        figures.held += bool(holds)


def _look_for(
    post: str, label: dict[str, Any], found: tuple[Finding, ...], values: list[str], figures: Figures
) -> None:
    kind, level, value = label["class"], label["level"], plain(label["value"])
    kind = f"{kind} ({level})" if kind == "Names" else kind
    touching = [finding for finding, one in zip(found, values, strict=True) if _touches(value, one)]
    if level == "special":
        hit = any(finding.kind == "risk" for finding in found)
    else:
        hit = any(GRAVITY[finding.level] >= GRAVITY[LEVELS[level]] - (level == "H") for finding in touching)
        figures.as_grave += any(finding.level == Level.HIGH for finding in touching) and level == "H"
    figures.wanted[kind] += 1
    figures.by_level["wanted"][level] += 1
    if hit:
        figures.found[kind] += 1
        figures.by_level["found"][level] += 1
        figures.as_class[kind] += (
            any(CLASSES[finding.kind] == label["class"] for finding in touching) or level == "special"
        )
    else:
        figures.missed.append((post, kind, level, label["value"]))


def _value(read_: tuple[Passage, ...], finding: Finding) -> str:
    passage = read_[finding.passage]
    return passage.text[finding.start : finding.end] if finding.start < finding.end else passage.name


def report(corpus: str, figures: Figures) -> str:
    """A table of classes, then the sums."""
    lines = [
        f"{corpus}.yaml",
        f"{'class':38} {'labels':>6} {'recall':>7} {'as class':>8} {'findings':>8} {'precision':>9}",
    ]
    for kind in sorted({*figures.wanted, *figures.findings}):
        labels, found = figures.wanted[kind], figures.findings[kind]
        recall = f"{figures.found[kind] / labels:7.3f}" if labels else f"{'-':>7}"
        same = f"{figures.as_class[kind] / labels:8.3f}" if labels else f"{'-':>8}"
        precision = f"{figures.right[kind] / found:9.3f}" if found else f"{'-':>9}"
        lines.append(f"{kind:38} {labels:6} {recall} {same} {found:8} {precision}")
    for level, words in (
        ("H", "held on a clinical list at least"),
        ("h", "held on clinical lists"),
        ("W", "warned"),
        ("special", "risk"),
    ):
        lines.append(
            f"recall of level {level} ({words}): {figures.recall(level):.3f} of {figures.by_level['wanted'][level]}"
        )
    lines.append(f"labels of level H that are found at that level, held on every list: {figures.as_grave}")
    lines.append(f"posts to hold that are held on a clinical list: {figures.held} of {figures.to_hold}")
    wrong = len({post for post, _, _ in figures.wrongly_held})
    lines.append(
        f"clean posts wrongly held on a clinical list: {wrong} of {figures.clean} ({figures.held_wrongly:.1%})"
    )
    kinds = Counter(kind for _, kind in {(post, kind) for post, kind, _ in figures.wrongly_held})
    lines.append("held by: " + (", ".join(f"{kind} {count}" for kind, count in kinds.most_common()) or "nothing"))
    return "\n".join(lines)


def main(names: list[str]) -> None:
    verbose = "-v" in names  # for tuning, on our own corpus alone
    pipeline = ""
    if "--names" in names:
        at = names.index("--names")
        pipeline = names[at + 1]
        names = names[:at] + names[at + 2 :]
    for corpus in [name for name in names if name != "-v"] or CORPORA:
        figures = measure(corpus, pipeline)
        print(report(corpus, figures), end="\n\n")
        if verbose and corpus == "own":
            for words, found in (("missed", figures.missed), ("wrong", figures.wrong), ("held", figures.wrongly_held)):
                for one in found:
                    print(words, *map(repr, one))


if __name__ == "__main__":
    main(sys.argv[1:])
