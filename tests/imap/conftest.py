"""One Dovecot for all tests that need nothing special of it, with an empty mailbox for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from listserv.intake import mailbox as role
from tests.imap.dovecot import PASSWORD, USER, Dovecot, dovecot


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Dovecot]:
    with dovecot(tls=True) as server:
        yield server


@pytest.fixture
def server(shared_server: Dovecot, monkeypatch: pytest.MonkeyPatch) -> Dovecot:
    monkeypatch.setenv("IMAP_PASSWORD", PASSWORD)
    monkeypatch.setattr(role, "HANDS_OFF", 1.0)
    with shared_server.client() as client:
        for _, _, name in client.list_folders():
            if name != "INBOX":
                client.delete_folder(name)
        client.select_folder("INBOX")
        client.delete_messages(client.search(["ALL"]))
        client.expunge()
    shared_server.users = {USER: PASSWORD}
    return shared_server
