"""The labelled posts are fit to measure with: labels point at what the posts say, numbers are what they claim to be."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parent.parent / "data" / "screening"
FILES = (
    "own.yaml",
    "other_hand.yaml",
    "third_hand.yaml",
    "fourth_hand.yaml",
    "fifth_hand.yaml",
    "sixth_hand.yaml",
    "seventh_hand.yaml",
)

LEVELS = {
    "Medicare card": "H",
    "IHI": "H",
    "DVA file no.": "H",
    "TFN": "H",
    "Centrelink CRN": "H",
    "Hospital/record number": "H",
    "Date of birth": "H",
    "Other full dates": "W",
    "Phone": "h",
    "E-mail address": "h",
    "Street address": "H",
    "Suburb/town + postcode": "W",
    "Driver licence": "H",
    "Passport": "H",
    "NDIS participant no.": "H",
    "Bank": "H",
    "Vehicle plate": "W",
    "URLs of people": "W",
    "Names": "hW",
    "Age ≥ 90 or exact age + rare trait": "W",
    "Workplace/school/unit": "W",
    "Unusual combination": "h",
    "Images/scans": "h",
    "Practitioner identifiers": "W",
    "Third parties": "W",
    "Immediate risk": "special",
}
"""Class and the levels that it may have."""


def posts(name: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return read


def plain(value: str) -> str:
    """The value with only its ASCII letters and digits, as the check digits count them."""
    bare = re.sub(r"<[^>]*>|&(nbsp|shy|#8203|#160|ndash|thinsp);", "", value)
    bare = re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), bare)
    return re.sub(r"[^0-9A-Za-z]", "", unicodedata.normalize("NFKC", bare))


def weighed(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def luhn(digits: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 * (number > 9) for number in doubled) % 10 == 0


def medicare(number: str) -> bool:
    number = number.replace("O", "0").replace("l", "1")  # as scanners read them
    shaped = re.fullmatch(r"[2-6]\d{9}\d?", number)
    return bool(shaped) and weighed(number, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(number[8])


def ihi(number: str) -> bool:
    return bool(re.fullmatch(r"800360\d{10}", number)) and luhn(number)


def tfn(number: str) -> bool:
    return bool(re.fullmatch(r"\d{9}", number)) and weighed(number, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def bank(number: str) -> bool:
    """A card has its check digit; a BSB with an account has none."""
    return not re.fullmatch(r"\d{16}", number) or luhn(number)


def practitioner(number: str) -> bool:
    """A provider number has its check character; a number of the register of practitioners has none."""
    if re.fullmatch(r"[A-Z]{3}\d{10}", number):
        return True
    if not re.fullmatch(r"\d{6}[0-9A-HJ-NP-RT-Y][A-Z]", number.upper()):
        return False
    location = "0123456789ABCDEFGHJKLMNPQRTUVWXY".index(number[6].upper())
    return number[7].upper() == "YXWTLKJHFBA"[(weighed(number, (3, 5, 8, 4, 2, 1)) + 6 * location) % 11]


CHECKS = {"Medicare card": medicare, "IHI": ihi, "TFN": tfn, "Bank": bank, "Practitioner identifiers": practitioner}


@pytest.mark.parametrize("name", FILES)
def test_every_value_stands_in_its_post(name: str) -> None:
    astray = []
    for post in posts(name):
        parts = [post["subject"], post.get("text") or "", post.get("html") or "", *(post.get("files") or [])]
        astray += [(post["id"], f["value"]) for f in post["findings"] if not any(f["value"] in part for part in parts)]
    assert astray == []


@pytest.mark.parametrize("name", FILES)
def test_classes_and_levels_are_known(name: str) -> None:
    found = [(post["id"], f["class"], f["level"]) for post in posts(name) for f in post["findings"]]
    wrong = [it for it in found if it[2] not in ({"h", "W"} if it[1] == "Names" else {LEVELS.get(it[1])})]
    assert wrong == []


@pytest.mark.parametrize("name", FILES)
def test_check_digits_are_valid(name: str) -> None:
    labelled = [(post["id"], f["class"], f["value"]) for post in posts(name) for f in post["findings"]]
    wrong = [(key, kind, value) for key, kind, value in labelled if kind in CHECKS and not CHECKS[kind](plain(value))]
    assert wrong == []


def test_ids_and_texts_are_there_once() -> None:
    together = [post for name in FILES for post in posts(name)]
    ids = Counter(post["id"] for post in together)
    bodies = Counter((post.get("text") or "") + (post.get("html") or "") for post in together)
    assert [key for key, times in ids.items() if times > 1] == []
    assert [body for body, times in bodies.items() if times > 1] == []


@pytest.mark.parametrize("name", FILES)
def test_half_of_the_posts_are_clean(name: str) -> None:
    read = posts(name)
    clean = sum(not post["findings"] for post in read)
    assert 0.45 <= clean / len(read) <= 0.55


def test_there_are_posts_enough_to_measure_with() -> None:
    assert sum(len(posts(name)) for name in FILES) >= 400


def test_every_class_has_posts_to_tune_on() -> None:
    told = Counter(kind for post in posts("own.yaml") for kind in {found["class"] for found in post["findings"]})
    assert {kind: told[kind] for kind in LEVELS if told[kind] < 4} == {}


def test_kind_says_where_the_matter_lies() -> None:
    """A post has the parts that its kind speaks of."""
    needs = {"html": ("html",), "multipart": ("text", "html"), "filename": ("files",), "text": ("text",), "subject": ()}
    lacking = [
        (post["id"], part)
        for name in FILES
        for post in posts(name)
        for part in needs[post["kind"]]
        if not post.get(part)
    ]
    assert lacking == []
