"""Keys made, read and published; our signatures as others verify them."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization

from listserv import setup, signing
from listserv.context import Context
from listserv.errors import UserError
from listserv.mail.signature import Signable
from listserv.settings import parse
from tests.conftest import community
from tests.dns_server import name_server
from tests.senders.world import ed_key, rsa_key

HEAD = (
    b"From: Ann via Perinatal <perinatal@lists.test>\r\nTo:   perinatal@lists.test\r\nSubject: A \r\n\tquestion\r\n"
    b"Date: Mon, 23 Nov 2026 18:00:00 +1100\r\nMessage-ID: <a@people.test>\r\nList-Id: <perinatal.lists.test>\r\n"
)
OWN = (
    b"List-Unsubscribe: <https://lists.test/unsubscribe/x>,\r\n <mailto:perinatal-leave+x@lists.test>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
)
BODY = b"Good morning  \r\n\r\n.and a dot\r\n\r\n\r\n"


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Any]:
    """Both kinds of key in files, and a resolver for dkimpy that knows their public halves."""
    made = {
        "r": signing.make(tmp_path / "r.pem", "rsa-sha256"),
        "e": signing.make(tmp_path / "e.pem", "ed25519-sha256"),
    }
    return {f"{name}._domainkey.lists.test.": signing.record(key).encode() for name, key in made.items()}


def _signer(tmp_path: Path, **more: Any) -> signing.Signer:
    data = community(
        dkim={"selector": "r", "key_file": "r.pem", "second": {"selector": "e", "key_file": "e.pem"}} | more
    )
    made = signing.signer(parse(data, base=tmp_path))
    assert made is not None
    return made


def _good(raw: bytes, keys: dict[str, Any]) -> list[bool]:
    reader = dkim.DKIM(raw)
    count = sum(name.lower() == b"dkim-signature" for name, _ in reader.headers)
    return [reader.verify(idx=i, dnsfunc=lambda name, timeout=5: keys.get(name.decode())) for i in range(count)]


@pytest.mark.parametrize("body", [BODY, b"", b"\r\n", b"no end", b"a\r\n \r\n\t\r\n", b"\xff\xfe 8 bit\r\n"])
@pytest.mark.parametrize("own", [OWN, b""])
def test_both_signatures_verify_whatever_the_body_is(
    tmp_path: Path, keys: dict[str, Any], body: bytes, own: bytes
) -> None:
    signer = _signer(tmp_path)
    sent = body if body.endswith(b"\r\n") else body + b"\r\n"
    signable = Signable(HEAD, sent, signer.keys, signer.domain, 1_763_800_000, personal=bool(own))
    signature = signable.sign(own)
    assert _good(signature + own + HEAD + b"\r\n" + sent, keys) == [True, True]
    assert all(len(line) <= 78 for line in signature.split(b"\r\n"))
    if own:  # another recipient, from the same preparation
        other = own.replace(b"/x>", b"/y>").replace(b"+x@", b"+y@")
        assert _good(signable.sign(other) + other + HEAD + b"\r\n" + sent, keys) == [True, True]
        assert _good(signature + other + HEAD + b"\r\n" + sent, keys) == [False, False]


@pytest.mark.parametrize(
    "added",
    [b"From: x@y.test", b"Subject: Another", b"Reply-To: x@y.test", b"To: x@y.test", b"Cc: x@y.test",
     b"List-Unsubscribe: <https://evil.test/>", b"List-Unsubscribe-Post: x"],
)  # fmt: skip
def test_nobody_can_add_a_field_that_matters(tmp_path: Path, keys: dict[str, Any], added: bytes) -> None:
    signer = _signer(tmp_path)
    signature = Signable(HEAD, BODY, signer.keys, signer.domain, 1_763_800_000, personal=True).sign(OWN)
    raw = signature + OWN + HEAD + b"\r\n" + BODY
    assert _good(raw, keys) == [True, True]
    assert _good(added + b"\r\n" + raw, keys) == [False, False]


def test_keys_are_private_and_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "key.pem"
    signing.make(file, "rsa-sha256")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and signing.is_private(file)
    before = file.read_bytes()
    with pytest.raises(UserError, match="exists already"):
        signing.make(file, "ed25519-sha256")
    assert file.read_bytes() == before


@pytest.mark.parametrize("form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
def test_pkcs1_and_pkcs8_are_read(tmp_path: Path, form: serialization.PrivateFormat) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(rsa_key().private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    assert signing.record(signing.load(file, "dkim")) == signing.record(rsa_key())


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read"), (b"nonsense", "no private key"), (b"", "no private key")],
)
def test_a_key_that_cannot_be_used_names_setting_and_fix(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "key.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=words) as error:
        signing.load(file, "dkim.second")
    assert str(error.value).startswith("dkim.second.key_file: ")


def test_two_keys_of_one_kind_and_a_seal_without_rsa_are_refused(tmp_path: Path, keys: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="other kind of key"):
        _signer(tmp_path, second={"selector": "r2", "key_file": "r.pem"})
    with pytest.raises(UserError, match="arc_seal"):
        _signer(tmp_path, selector="e", key_file="e.pem", second=None, arc_seal=True)


def test_keygen_prints_the_record_that_check_then_finds(tmp_path: Path) -> None:
    setup.init(tmp_path)
    settings = tmp_path / "settings.yaml"

    def listserv(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "listserv", "--settings", str(settings), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    for kind, name in (("rsa", "big"), ("ed25519", "small")):
        done = listserv("dkim", "keygen", "--type", kind, "--selector", name, "--out", str(tmp_path / f"{name}.pem"))
        assert done.returncode == 0 and f"{name}._domainkey.lists.example.org. IN TXT" in done.stdout
        text = "".join(done.stdout.partition("( ")[2].partition(" )")[0].split('"')[1::2])
        assert text == signing.record(signing.load(tmp_path / f"{name}.pem", "dkim"))
    again = listserv("dkim", "keygen", "--out", str(tmp_path / "big.pem"))
    assert again.returncode == 1 and "no key is ever overwritten" in again.stderr
    assert listserv("dkim", "keygen", "--selector", "no blank").returncode == 1


@pytest.mark.parametrize(
    ("published", "words"),
    [
        ({"TXT": [signing.record(rsa_key())]}, "has the key of"),
        ({"TXT": [signing.record(rsa_key(1024))]}, "has another key"),
        ({"TXT": [signing.record(ed_key())]}, "has another key"),
        ({"TXT": ["v=DKIM1; p="]}, "has another key"),
        ({"TXT": [signing.record(rsa_key()), signing.record(ed_key())]}, "2 keys"),
        ({}, "has no key"),
        ({"TXT": "TIMEOUT"}, "could not be asked"),
    ],
)
def test_check_compares_dns_with_the_key(tmp_path: Path, published: dict[str, Any], words: str) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(
        rsa_key().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with name_server({"s._domainkey.lists.test": published, "lists.test": {"MX": [(10, "mx.lists.test")]}}) as server:
        data = community(
            dkim={"selector": "s", "key_file": "key.pem"}, dns={"nameservers": [server.address], "timeout": 1.5}
        )
        settings = parse(data, base=tmp_path)

        async def findings() -> list[setup.Finding]:
            return [finding async for finding in setup._published_keys(settings)]

        (found,) = asyncio.run(findings())
    assert words in found.words
    assert found.level == {"has the key of": "ok", "could not be asked": "note"}.get(words, "problem")


def test_everything_that_we_send_is_signed(make_context: Callable[..., Context], tmp_path: Path) -> None:
    from listserv import copies
    from listserv.model import DeliveryKind
    from tests.house import notices, put, rows, work
    from tests.people import mail, seed

    signing.make(tmp_path / "k.pem", "rsa-sha256")
    ctx = make_context(community(dkim={"selector": "k", "key_file": "k.pem"}, web={"listen": "127.0.0.1:0"}))
    seed(ctx)
    put(ctx, mail())
    put(ctx, mail("nia@people.test", "anxiety@lists.test"), "anxiety@lists.test")
    work(ctx)
    assert {n.kind for n in notices(ctx)} == {"held", "held-author"}
    keys = {"k._domainkey.lists.test.": signing.record(signing.load(tmp_path / "k.pem", "dkim")).encode()}
    personal, seen = copies.Personal(ctx), 0
    for row in rows(ctx, "SELECT * FROM delivery"):
        kind = DeliveryKind(row.kind)
        with ctx.db.reading() as tx:
            number = row.notice_id if kind is DeliveryKind.NOTICE else row.post_id
            prepared = copies.prepare(ctx, tx, kind, number)
        for eightbit in (True, False):
            raw = b"".join(copies.copy(personal, prepared, row, eightbit=eightbit).chunks).replace(b"\r\n..", b"\r\n.")
            assert _good(raw, keys) == [True]
            one_click = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
            assert one_click == (kind is DeliveryKind.POST)
            seen += 1
    assert seen > 6


@pytest.mark.parametrize("before", ["nothing", "a good chain", "a broken chain"])
def test_arc_seals_are_added_last_where_asked_for(
    make_context: Callable[..., Context], tmp_path: Path, before: str
) -> None:
    from listserv import copies
    from listserv.authenticate.signatures import chain
    from listserv.model import DeliveryKind
    from tests.house import put, rows, work
    from tests.people import mail, seed
    from tests.senders.world import published, sealed, signed, zone

    signing.make(tmp_path / "k.pem", "rsa-sha256")
    with name_server(zone()) as server:
        ctx = make_context(
            community(
                authentication={"unverified": "confirm"},
                dkim={"selector": "k", "key_file": "k.pem", "arc_seal": True},
                dns={"nameservers": [server.address]},
            )
        )
        seed(ctx)
        raw = signed(mail())
        if before != "nothing":
            raw = sealed(raw, "dkim=pass header.d=people.test", "filter.test")
        if before == "a broken chain":
            raw = raw.replace(b"header.d=people.test", b"header.d=peoples.test", 1)
        put(ctx, raw)
        work(ctx)
    (row, *_) = rows(ctx, "SELECT * FROM delivery WHERE kind = 'post'")
    with ctx.db.reading() as tx:
        prepared = copies.prepare(ctx, tx, DeliveryKind.POST, row.post_id)
    sent = b"".join(copies.copy(copies.Personal(ctx), prepared, row, eightbit=True).chunks)
    ours = signing.record(signing.load(tmp_path / "k.pem", "dkim")).encode()
    theirs = {name: text["TXT"][0].encode() for name, text in zone().items() if name.startswith("seal.")}
    keys = {**theirs, "k._domainkey.lists.test": ours}
    found = chain(sent, lambda name, kind: ((keys[name.rstrip(".")],),))
    own = sent.count(b"d=lists.test; s=k;")
    if before == "nothing":
        assert (found.result, found.sealer, found.reason) == ("pass", "lists.test", "1 seal(s), each good")
    elif before == "a good chain":
        assert (found.result, found.sealer, found.reason) == ("pass", "lists.test", "2 seal(s), each good")
    else:
        assert found.result == "fail" and b"ARC-Seal: i=2" not in sent and own <= 1
    assert "DKIM signature" in rows(ctx, "SELECT proof FROM post")[0].proof
    assert _good(
        sent, {"k._domainkey.lists.test.": ours, "s1._domainkey.people.test.": published(rsa_key())[0].encode()}
    )
