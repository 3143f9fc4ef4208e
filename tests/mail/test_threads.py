"""Threads: what a subject and a header say, and how a message finds its place."""

from __future__ import annotations

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.mail.message import parse
from listserv.mail.threads import (
    WINDOW,
    Place,
    Subject,
    by_index,
    by_references,
    by_subject,
    components,
    is_tag,
    links_of,
    outline,
    same_subject,
    subject_of,
    tag_of,
)

SUBJECTS = [
    ("Sleep and mood", "sleep and mood", False),
    ("Re: Sleep and mood", "sleep and mood", True),
    ("RE: re: Sleep  and\tmood", "sleep and mood", True),
    ("AW: Sleep and mood", "sleep and mood", True),
    ("SV: Re[2]: Sleep and mood", "sleep and mood", True),
    ("Re (3): Sleep and mood", "sleep and mood", True),
    ("回复：睡眠问题", "睡眠问题", True),
    ("Fwd: Sleep and mood", "sleep and mood", False),
    ("Re: Fwd: Sleep and mood", "sleep and mood", False),
    ("Fwd: Re: Sleep and mood", "sleep and mood", True),
    ("[perinatal] Re: Sleep and mood", "sleep and mood", True),
    ("Re: [perinatal] Sleep and mood", "sleep and mood", True),
    ("Groups for men (was: Sleep and mood)", "groups for men", False),
    ("[PATCH 1/2] a thing", "[patch 1/2] a thing", False),
    ("Re: question", "", True),
    ("Re:", "", True),
    ("", "", False),
    ("Regarding sleep", "regarding sleep", False),
]


@pytest.mark.parametrize(("text", "key", "reply"), SUBJECTS)
def test_a_subject_says_what_it_is_about(text: str, key: str, reply: bool) -> None:
    assert subject_of(text, "[perinatal]") == Subject(key, reply)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Re: Sleep", "Sleep", True),
        ("AW: Re: [perinatal] hello", "Hello", True),
        ("Re: [other] Sleep", "[other] Sleep", True),
        ("Groups for men (was: Sleep)", "Sleep", False),
        ("Fwd: Sleep?", "sleep", True),
        ("[PATCH 1/2] a thing", "[PATCH 0/2] a thing", False),
    ],
)
def test_subjects_that_say_the_same(one: str, other: str, same: bool) -> None:
    assert same_subject(one, other, "[perinatal]") is same


def test_a_tag_is_the_same_for_both_ways_to_write_an_id_and_names_nobody() -> None:
    assert tag_of("<a@b>") == tag_of(" a@b ") != tag_of("<a@c>")
    assert tag_of("<a@b>", "salt") != tag_of("<a@b>")
    assert is_tag(tag_of("<a@b>")) and not is_tag("../../etc/passwd") and not is_tag("A" * 16)


def header(**fields: str) -> bytes:
    lines = (f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return "".join(lines).encode() + b"\r\ntext\r\n"


def test_the_message_answered_is_the_nearest_and_counts_once() -> None:
    links = links_of(parse(header(References="<one@x> <two@x> <one@x>", In_Reply_To="<two@x>")))
    assert links.refs == (tag_of("one@x"), tag_of("two@x"))


def test_a_long_chain_keeps_its_beginning_and_its_end() -> None:
    links = links_of(parse(header(References=" ".join(f"<{n}@x>" for n in range(500)))))
    assert len(links.refs) == 40 and links.refs[0] == tag_of("0@x") and links.refs[-1] == tag_of("499@x")


def test_words_around_an_id_do_no_harm() -> None:
    field = 'Message from "Ann" of "Mon" <one@x>'
    assert links_of(parse(header(In_Reply_To=field))).refs == (tag_of("one@x"),)
    assert links_of(parse(header(References="<", In_Reply_To="no id"))).refs == ()


@pytest.mark.parametrize("value", ["", "!!", "AAAA", base64.b64encode(b"x" * 23).decode()])
def test_what_is_no_thread_index_is_none(value: str) -> None:
    assert links_of(parse(header(Thread_Index=value))).index == b""


def place(tag: str, date: int = 0, text: str = "", **more: object) -> Place:
    return Place(tag, date, subject_of(text), **more)  # type: ignore[arg-type]


def test_the_nearest_known_reference_is_the_parent() -> None:
    assert by_references(place("m", refs=("a", "b", "c")), {"a", "b"}) == "b"
    assert by_references(place("m", refs=("m",)), {"m"}) is None
    assert by_references(place("m", to="t"), {"t"}) == "t"
    assert by_references(place("m", refs=("a",), to="t"), {"a", "t"}) == "a"


def test_outlook_without_references() -> None:
    first, answer = place("first", 1, index=b"x" * 22), place("answer", 2, index=b"x" * 22 + b"a" * 5)
    second = place("second", 3, index=b"x" * 22 + b"a" * 5 + b"b" * 5)
    everybody = [first, answer, second]
    assert by_index(second, everybody) == "answer"
    assert by_index(answer, everybody) == "first"
    assert by_index(first, everybody) is None
    assert by_index(second, [first, second]) == "first"


def test_a_subject_joins_within_two_weeks() -> None:
    begun = place("begun", 0, "Sleep and mood")
    assert by_subject(place("m", WINDOW, "Re: Sleep and mood"), [begun]) == "begun"
    assert by_subject(place("m", WINDOW + 1, "Re: Sleep and mood"), [begun]) is None
    assert by_subject(place("m", 5, "Sleep and mood"), [begun]) is None


def test_a_subject_does_not_join_what_is_in_doubt() -> None:
    """Two conversations of one subject: nobody can say whose answer this is."""
    begun = [place("one", 0, "Case discussion"), place("two", 5, "Case discussion")]
    assert by_subject(place("m", 9, "Re: Case discussion"), begun) is None
    assert by_subject(place("m", 9, "Re: hello"), [place("one", 0, "hello")]) is None


def test_an_outline_in_order_of_time() -> None:
    orders = {tag: (number, tag) for number, tag in enumerate("abcdef")}
    parents = {"a": None, "b": "a", "c": "b", "d": "a", "e": "b", "f": None}
    assert [(line.tag, line.depth) for line in outline(orders, parents)] == [
        ("a", 0), ("b", 1), ("c", 2), ("e", 2), ("d", 1), ("f", 1)
    ]  # fmt: skip


def test_messages_that_answer_each_other() -> None:
    orders = {"a": (1, "a"), "b": (2, "b"), "c": (3, "c")}
    assert [line.tag for line in outline(orders, {"a": "b", "b": "a", "c": "b"})] == ["a", "b", "c"]


@given(st.integers(2, 30).flatmap(lambda n: st.lists(st.integers(-1, n - 1), min_size=n, max_size=n)))
def test_every_message_stands_once_in_the_outline_whatever_the_links(links: list[int]) -> None:
    tags = [f"m{number}" for number in range(len(links))]
    orders = {tag: (number, tag) for number, tag in enumerate(tags)}
    parents = {tag: tags[up] if up >= 0 else None for tag, up in zip(tags, links, strict=True)}
    lines = outline(orders, parents)
    assert sorted(line.tag for line in lines) == sorted(tags)
    shuffled = list(orders.items())
    random.Random(1).shuffle(shuffled)
    assert outline(dict(shuffled), parents) == lines


def test_what_hangs_together() -> None:
    near = {"a": ["b"], "b": ["a"], "c": []}
    assert sorted(map(sorted, components(near, near.__getitem__))) == [["a", "b"], ["c"]]
