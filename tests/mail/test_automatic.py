"""Robots say that they are robots; people who write about robots are people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.mail.automatic import automatic, from_a_list
from listserv.mail.message import Message, parse

SUPPRESS = {"X-Auto-Response-Suppress": "All"}


def mail(**fields: str) -> Message:
    return headed({name.replace("_", "-"): value for name, value in fields.items()})


def headed(fields: dict[str, str]) -> Message:
    return parse("".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\nhello\r\n")


@pytest.mark.parametrize("sender", ["", "<>", " <> "])
def test_the_null_sender_is_automatic(sender: str) -> None:
    assert "null return path" in (automatic(mail(), sender) or "")


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto-Submitted": "auto-replied"},
        {"Auto-Submitted": "auto-generated; owner=x"},
        {"Auto-Submitted": "Auto-Notified (rfc)"},
        {"Content-Type": "multipart/report; report-type=delivery-status; boundary=b"},
        {"Content-Type": "Message/Delivery-Status"},
        {"Content-Type": "message/disposition-notification"},
        {"X-Failed-Recipients": "a@x.test"},
        {"Precedence": "junk"},
        {"Precedence": "AUTO_REPLY"},
        {"X-Autoreply": "yes"},
        {"X-Autorespond": "vacation"},
        {"X-AutoReply-From": "a@x.test"},
        {"X-MS-Exchange-Generated-Message-Source": "Mailbox Rules Agent"},
        {"Subject": "Undelivered Mail Returned to Sender", "From": "MAILER-DAEMON@x.test (Mail Delivery System)"},
    ],
)
def test_what_a_machine_says_of_itself_counts(fields: dict[str, str]) -> None:
    assert automatic(headed(fields), "ann@x.test")


@pytest.mark.parametrize("sender", ["MAILER-DAEMON@x.test", "mailer-daemon", "autoreply@x.test", "auto-reply+1@x.test"])
def test_robots_are_known_by_their_envelope_sender(sender: str) -> None:
    assert automatic(mail(), sender) == "it comes from a mail robot"


AWAY = [
    "Out of Office: your question",
    "Out of office",
    "Automatic reply: Sleep",
    "Automatische Antwort: Schlaf",
    "Abwesenheitsnotiz: Schlaf",
    "Réponse automatique : sommeil",
    "Respuesta automática: sueño",
    "Risposta automatica: sonno",
    "Resposta automática: sono",
    "Automatisch antwoord: slaap",
    "Autosvar: sömn",
    "Automatisk svar: søvn",
    "Automaattinen vastaus: uni",
    "Odpowiedź automatyczna: sen",
    "自動応答: 睡眠",
]


@pytest.mark.parametrize("subject", AWAY)
def test_an_out_of_office_subject_needs_a_second_sign(subject: str) -> None:
    assert automatic(mail(Subject=subject), "ann@x.test") is None
    assert automatic(headed({"Subject": subject, **SUPPRESS}), "ann@x.test") == "it is an out-of-office reply"
    assert automatic(mail(Subject=subject, Precedence="bulk"), "ann@x.test") == "it is an out-of-office reply"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Auto-Submitted": "no"},
        {"Auto-Submitted": "No (a person)"},
        {"Subject": "Out of office culture", **SUPPRESS},
        {"Subject": "Out of office culture"},
        {"Subject": "Re: Out of office: who covers?", **SUPPRESS},
        {"Subject": "Automatic response systems in triage", "Precedence": "bulk"},
        {"Subject": "On leave policies", **SUPPRESS},
        {"Subject": "Undelivered care: a case"},
        {"Subject": "Delivery failure in labour", "From": "Ann <ann@x.test>"},
        {"Precedence": "list"},
        {"Precedence": "bulk"},
        {"List-Id": "<other.lists.test>", "Precedence": "bulk"},
        {"X-Autoreply": "no"},
        {"Content-Type": "multipart/mixed; boundary=b"},
        SUPPRESS,
    ],
)
def test_a_persons_mail_is_never_automatic(fields: dict[str, str]) -> None:
    assert automatic(headed(fields), "ann@x.test") is None


@pytest.mark.parametrize("sender", ["postmaster@x.test", "daemon@x.test", "no-reply-to-this@x.test"])
def test_role_addresses_that_people_use_are_people(sender: str) -> None:
    assert automatic(mail(Subject="Hello"), sender) is None


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"List-Id": "Some <words> <Other.Lists.Test>"}, "other.lists.test"),
        ({"List-Id": "plain.lists.test (comment)"}, "plain.lists.test"),
        ({"List-Post": "<mailto:Other@Lists.test?subject=x>"}, "other@lists.test"),
        ({"Mailing-List": "list other@lists.test; contact x"}, "other@lists.test"),
        ({"List-Post": "NO"}, None),
        ({"List-Id": ""}, None),
        ({}, None),
    ],
)
def test_the_list_that_a_mail_came_through(fields: dict[str, str], found: str | None) -> None:
    assert from_a_list(headed(fields)) == found


@given(st.binary(), st.text())
def test_asking_never_raises(data: bytes, sender: str) -> None:
    message = parse(b"Subject: " + data.replace(b"\r", b"").replace(b"\n", b"") + b"\r\nList-Id: <\r\n\r\n")
    automatic(message, sender), from_a_list(message)
