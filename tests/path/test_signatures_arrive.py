"""What subscribers get, as Debian's Postfix with OpenDKIM judges it: the author's signature where it can be kept,
else From rewritten and our own signature aligned with it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization

from listserv import signing
from listserv.catcher import Catcher
from tests.conftest import community
from tests.daemon import Daemon, Relay
from tests.dns_server import name_server
from tests.path.mail_server import postfix_with_opendkim
from tests.people import add_person, mail
from tests.senders.world import ed_key, published, rsa_key, signed

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
_KEPT = {"MIME_Version": "1.0"}
PLAIN = {"text": "What would you do?\n.\n.. dots\n"}
UMLAUTS = {**_KEPT, "Content_Type": "text/plain; charset=utf-8", "Content_Transfer_Encoding": "8bit", "text": "Grüße\n"}
HTML = {
    **_KEPT,
    "Content_Type": 'multipart/alternative; boundary="b"',
    "text": "--b\nContent-Type: text/plain\n\nHello\n--b\nContent-Type: text/html\n\n<p>Hello</p>\n--b--\n",
}
ATTACHED = {
    **_KEPT,
    "Content_Type": 'multipart/mixed; boundary="b"',
    "text": "--b\nContent-Type: text/plain\n\nSee below  \n--b\nContent-Type: image/png\n"
    f'Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="a.png"\n\n{PNG}\n--b--\n',
}
PGP = {
    **_KEPT,
    "Content_Type": 'multipart/signed; micalg=pgp-sha256; protocol="application/pgp-signature"; boundary="b"',
    "text": "--b\nContent-Type: text/plain\n\nSigned words\n--b\nContent-Type: application/pgp-signature\n\n"
    "-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n--b--\n",
}


def smime(folder: Path, list_name: str) -> bytes:
    """A message that OpenSSL has signed."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-out", "c.pem", "-subj",
         "/CN=Ann", "-days", "2"], cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    (folder / "text").write_bytes(b"Content-Type: text/plain\r\n\r\nSigned words\r\n")
    done = subprocess.run(
        ["openssl", "smime", "-sign", "-in", "text", "-signer", "c.pem", "-inkey", "k.pem"], cwd=folder, check=True,
        capture_output=True,
    )  # fmt: skip
    head, _, body = done.stdout.replace(b"\r\n", b"\n").partition(b"\n\n")
    kind = re.search(rb"Content-Type: ([^\n]+)", head)
    assert kind is not None
    text = body.decode("latin-1")
    return mail(
        to=f"{list_name}@lists.test", subject="S/MIME", text=text, MIME_Version="1.0", Content_Type=kind[1].decode()
    )


def mail_of(kind: str, folder: Path, list_name: str) -> bytes:
    """A mail of that kind to a list; its Message-ID is its own."""
    if kind == "smime":
        return smime(folder, list_name)
    made: dict[str, dict[str, str]] = {
        "plain": PLAIN,
        "8bit": UMLAUTS,
        "html": HTML,
        "attachment": ATTACHED,
        "pgp": PGP,
    }
    return mail(to=f"{list_name}@lists.test", subject=kind, **made[kind])  # type: ignore[arg-type]


LISTS: dict[str, Any] = {
    "adds-nothing": {"title": "Adds nothing", "replies": "keep"},
    "replies-to-list": {"title": "Replies to list"},
    "with-footer": {"title": "With footer", "footer": True},
    "with-prefix": {"title": "With prefix", "subject_prefix": "[P]"},
}
OVERSIGNED = ["from", "to", "subject", "date", "message-id", "mime-version", "from", "to", "cc", "subject", "reply-to"]


class Receiver:
    def __init__(self, daemon: Daemon, catcher: Catcher) -> None:
        self.daemon, self.catcher = daemon, catcher

    def get(self, raw: bytes, list_name: str) -> tuple[bytes, Any]:
        """The copy that Ben gets of a post to a list: its bytes, and parsed."""
        code, words = self.daemon.send(raw, "x@unknown.test", f"{list_name}@lists.test")
        assert code == 250, words
        wanted = message_from_bytes(raw, policy=policy.default)["message-id"]

        def here() -> list[Any]:
            return self.catcher.find(
                lambda one: (
                    one.recipient == "ben@people.test"
                    and f"<{list_name}.lists.test>" in one.header("list-id")
                    and one.header("message-id") == wanted
                )
            )

        self.daemon.until(lambda: bool(here()), 15, f"the copy of {wanted}")
        data = here()[0].data
        return data, message_from_bytes(data, policy=policy.default)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    folder = tmp_path_factory.mktemp("signed")
    for name, key in (("rsa", rsa_key(2048)), ("ed", ed_key())):
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{name}.pem").write_bytes(pem)
    theirs, ours = published(rsa_key()), signing.record(rsa_key(2048))
    keys = {"s1._domainkey.people.test": theirs[0], "l._domainkey.lists.test": ours}
    keys["e._domainkey.lists.test"] = signing.record(ed_key())
    relay = Relay()
    zone = {name: {"TXT": [text]} for name, text in keys.items()}
    lists = {name: {"moderation": "none", "posting": "members", **more} for name, more in LISTS.items()}
    with postfix_with_opendkim(relay.port, keys) as port, name_server(zone) as server:
        data = community(
            authentication={"unverified": "confirm"},
            dns={"nameservers": [server.address]},
            dkim={"selector": "l", "key_file": "rsa.pem", "second": {"selector": "e", "key_file": "ed.pem"}},
            web={"listen": "127.0.0.1:0"},
            lists=lists,
        )
        daemon = Daemon(folder, data, port)
        with daemon.ctx.db.transaction() as tx:
            add_person(tx, "ann@people.test", name="Ann Archer", lists=list(lists))
            add_person(tx, "ben@people.test", name="Ben Bower", lists=list(lists))
        daemon.start()
        try:
            yield Receiver(daemon, relay.catcher)
        finally:
            daemon.stop()
            daemon.ctx.db.close()
            relay.close()


def verdicts(parsed: Any) -> dict[str, list[str]]:
    """What OpenDKIM found: results by signing domain."""
    found: dict[str, list[str]] = {}
    for value in parsed.get_all("authentication-results", []):
        text = " ".join(str(value).split())
        if not text.startswith("mx.receiver.test"):
            continue
        for result, domain in re.findall(r"dkim=(\w+)[^;]*?header\.d=([\w.-]+)", text):
            found.setdefault(domain, []).append(result)
    return found


@pytest.mark.parametrize("list_name", ["adds-nothing", "replies-to-list"])
@pytest.mark.parametrize("kind", ["plain", "8bit", "html", "attachment", "pgp", "smime"])
def test_the_authors_signature_is_good_on_the_copy(
    receiver: Receiver, tmp_path: Path, kind: str, list_name: str
) -> None:
    raw = signed(mail_of(kind, tmp_path, list_name))
    data, copy = receiver.get(raw, list_name)
    assert verdicts(copy) == {"people.test": ["pass"], "lists.test": ["pass", "pass"]}
    assert copy["from"] == "ann@people.test"
    assert raw.partition(b"\r\n\r\n")[2] in data  # the author's bytes
    assert ("reply-to" in copy) == (list_name == "replies-to-list")
    assert copy["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize("kind", ["plain", "html", "attachment", "pgp", "smime"])
@pytest.mark.parametrize("list_name", ["with-footer", "with-prefix"])
def test_where_it_cannot_be_kept_from_is_ours_and_so_is_the_signature(
    receiver: Receiver, tmp_path: Path, kind: str, list_name: str
) -> None:
    raw = signed(mail_of(kind, tmp_path, list_name))
    _, copy = receiver.get(raw, list_name)
    if kind in ("pgp", "smime") and list_name == "with-footer":  # signed mail is never changed inside
        assert verdicts(copy) == {"people.test": ["pass"], "lists.test": ["pass", "pass"]}
        return
    assert verdicts(copy) == {"lists.test": ["pass", "pass"]}
    title = LISTS[list_name]["title"]
    assert copy["from"] == f"ann via {title} <{list_name}@lists.test>"
    assert "ann@people.test" in copy["cc"] and copy["author"] == "ann@people.test"
    assert list_name + "@lists.test" in copy["reply-to"]


@pytest.mark.parametrize(("list_name", "kept"), [("adds-nothing", True), ("replies-to-list", False)])
def test_a_signature_that_covers_what_we_would_add(receiver: Receiver, list_name: str, kept: bool) -> None:
    """As Gmail signs since 2023: Reply-To, which is not there, may not be added."""
    raw = signed(
        mail(to=f"{list_name}@lists.test", subject=f"oversigned {kept}", MIME_Version="1.0"), headers=OVERSIGNED
    )
    _, copy = receiver.get(raw, list_name)
    assert verdicts(copy).get("people.test") == (["pass"] if kept else None)
    assert verdicts(copy)["lists.test"] == ["pass", "pass"]
    assert ("lists.test" in copy["from"]) == (not kept)


def test_what_was_done_is_shown_by_trace(receiver: Receiver) -> None:
    import json

    raw = signed(mail(to="with-footer@lists.test", subject="to be traced"))
    receiver.get(raw, "with-footer")
    wanted = message_from_bytes(raw, policy=policy.default)["message-id"]
    events = json.loads(receiver.daemon.command("trace", wanted, "--json").stdout)
    words = [event["event"] for event in events]
    assert any("From rewritten: what the list adds would break the author's signature" in one for one in words)
    assert any(one == "DKIM signature of people.test, aligned with From" for one in words)
    assert yaml.safe_load(receiver.daemon.settings_file.read_text())["dkim"]["selector"] == "l"
