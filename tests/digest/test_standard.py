"""The standard digests, opened by the programs that know them: Python's email, notmuch, and the burster of procmail."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from listserv.context import Context
from listserv.digest import issuing
from tests.conftest import SKIPPED
from tests.letters import EARLY, MONDAY, Clock, house, letters, post, reader
from tests.people import mail

HOUR = timedelta(hours=1)
SUBJECTS = ["First of all", "Zweite Nachricht: Grüße", "With a rule inside", "An answer", "With a picture"]


def needs(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        words = f"{program} is not installed: it opens no digest here"
        SKIPPED.append(words)
        pytest.skip(words)
    return path


@pytest.fixture
def ctx(make_context: Callable[..., Context]) -> Context:
    clock = Clock(MONDAY + timedelta(minutes=1))
    made = house(make_context, clock)
    reader(made, "ann@people.test", delivery="each", name="Ann Archer")
    reader(made, "pia@people.test", digest_format="plain", name="Pia Plain")
    reader(made, "max@people.test", digest_format="mime", name="Max Mime")
    utf8 = {"Content_Type": "text/plain; charset=utf-8", "Content_Transfer_Encoding": "8bit"}
    first = post(made, clock, EARLY + HOUR, SUBJECTS[0], "One.\n\nFrom here on it is told.\n")
    post(made, clock, EARLY + 2 * HOUR, "=?utf-8?q?Zweite_Nachricht=3A_Gr=C3=BC=C3=9Fe?=", "Schöne Grüße\n", **utf8)
    post(made, clock, EARLY + 3 * HOUR, SUBJECTS[2], "Before\n\n" + "-" * 30 + "\n\nAfter\n" + "-" * 70 + "\nEnd\n")
    post(made, clock, EARLY + 4 * HOUR, SUBJECTS[3], "I do.\n", in_reply_to=first, references=first)
    body = (
        "--b\nContent-Type: text/plain\n\nSee the picture.\n--b\nContent-Type: image/png; name=a.png\n"
        "Content-Disposition: attachment; filename=a.png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n"
    )
    post(made, clock, EARLY + 5 * HOUR, SUBJECTS[4], body, Content_Type='multipart/mixed; boundary="b"')
    large = mail("ann@people.test", subject="Large", text="x " * 30 + "\n", message_id="<large@people.test>")
    post(made, clock, EARLY + 6 * HOUR, "Large", raw=large + b"y" * 70 + b"\r\n" + (b"z" * 76 + b"\r\n") * 6000)
    assert issuing.run(made).sent == 2
    return made


def test_mime_in_pythons_email(ctx: Context) -> None:
    (letter,) = letters(ctx, "max@people.test")
    message = message_from_bytes(letter.raw, policy=policy.default)
    assert message.get_content_type() == "multipart/mixed" and not message.defects
    contents, digest = message.iter_parts()
    assert digest.get_content_type() == "multipart/digest"
    inside = list(digest.iter_parts())
    assert {part.get_content_type() for part in inside} == {"message/rfc822"}
    nested = [part.get_payload(0) for part in inside]
    assert [str(one["subject"]) for one in nested] == [*SUBJECTS, "Large"]
    assert nested[0].get_payload() == "One.\r\n\r\nFrom here on it is told.\r\n"
    assert nested[0]["list-id"] == "Perinatal mental health <perinatal.lists.test>" and nested[0]["received"] is None
    assert nested[1].get_content().strip() == "Schöne Grüße"
    assert [part.get_content_type() for part in nested[4].walk()] == ["multipart/mixed", "text/plain", "image/png"]
    assert "too large" in nested[5].get_content() and "/archive/perinatal/m/" in nested[5].get_content()
    for number, subject in enumerate(SUBJECTS, 1):
        assert f"{number}. {subject} (" in contents.get_content() or subject in contents.get_content()
    assert letter.raw.isascii()


def test_mime_in_notmuch(ctx: Context, tmp_path: Path) -> None:
    notmuch = needs("notmuch")
    (letter,) = letters(ctx, "max@people.test")
    for name in ("cur", "new", "tmp"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    (tmp_path / "mail" / "cur" / "1:2,").write_bytes(letter.raw.replace(b"\r\n", b"\n"))
    config = tmp_path / "config"
    config.write_text(f"[database]\npath={tmp_path / 'mail'}\n[user]\nname=Max\nprimary_email=max@people.test\n")

    def run(*words: str) -> str:
        here = {"HOME": str(tmp_path), "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}
        command = [notmuch, f"--config={config}", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30, env=here).stdout

    run("new")
    ((shown, _),) = json.loads(run("show", "--format=json", "*"))[0]
    (mixed,) = shown["body"]
    contents, digest = mixed["content"]
    assert (mixed["content-type"], digest["content-type"]) == ("multipart/mixed", "multipart/digest")
    assert all(subject in contents["content"] for subject in SUBJECTS)
    nested = [part["content"][0] for part in digest["content"]]
    assert [part["content-type"] for part in digest["content"]] == ["message/rfc822"] * 6
    assert [one["headers"]["Subject"] for one in nested] == [*SUBJECTS, "Large"]
    assert nested[1]["body"][0]["content"].strip() == "Schöne Grüße"


def test_plain_is_split_by_a_burster(ctx: Context, tmp_path: Path) -> None:
    formail = needs("formail")
    (letter,) = letters(ctx, "pia@people.test")
    assert letter.message.get_content_type() == "text/plain"
    text = letter.text
    assert "-" * 70 + "\n\n" in text
    end = "End of Community of Practice Digest"
    assert text.rstrip().endswith(f"{end}\n{'*' * len(end)}")
    source = f"From a@b Mon Nov 23 07:00:00 2026\nFrom: a@lists.test\nSubject: digest\n\n{text}"
    split = subprocess.run([formail, "-ds", "sh", "-c", "cat; printf '\\000'"], input=source.encode(),
                           capture_output=True, timeout=20, check=True)  # fmt: skip
    pieces = [piece for piece in split.stdout.split(b"\0") if piece.strip()]
    found = [message_from_bytes(piece, policy=policy.default) for piece in pieces]
    subjects = [str(one["subject"]) for one in found]
    assert [one for one in subjects if one in (*SUBJECTS, "Large")] == [*SUBJECTS, "Large"], subjects
    inside = next(one for one in found if one["subject"] == SUBJECTS[2])
    assert "Before" in inside.get_payload() and "After" in inside.get_payload() and "End" in inside.get_payload()


def test_fields_of_rfc_1153_in_their_order(ctx: Context) -> None:
    (letter,) = letters(ctx, "pia@people.test")
    first = letter.text.split("-" * 70)[1].strip().split("\n\n")[0]
    names = [line.partition(":")[0] for line in first.split("\n")]
    order = ["Date", "From", "To", "Cc", "Subject", "Message-ID", "Keywords", "Summary"]
    assert names == [name for name in order if name in names] and {"Date", "From", "Subject"} <= set(names)
