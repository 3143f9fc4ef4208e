"""XOAUTH2 with a real Dovecot that asks a provider whose the token is; every way to a token, and every way to fail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from listserv.context import Context
from listserv.edge import oauth
from listserv.errors import UserError
from listserv.intake import imap
from listserv.settings.connections import Imap, Oauth2
from tests.house import scalar
from tests.imap.dovecot import USER, Dovecot, dovecot
from tests.imap.fetching import fetching, house, mailbox, until
from tests.imap.oauth_server import Provider, provider
from tests.people import mail, seed

Make = Callable[..., Context]


@pytest.fixture(scope="module")
def issuer() -> Iterator[Provider]:
    with provider() as one:
        yield one


@pytest.fixture(scope="module")
def token_server(issuer: Provider) -> Iterator[Dovecot]:
    with dovecot(oauth=issuer.url) as server:
        yield server


@pytest.fixture(autouse=True)
def _secrets(issuer: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "hush")
    monkeypatch.setenv("REFRESH_TOKEN", "r-1")
    issuer.refuses = ""
    issuer.asked.clear()


def by_endpoint(issuer: Provider, **more: Any) -> dict[str, Any]:
    return {"token_url": f"{issuer.url}/token", "client_id": "listserv", "client_secret_env": "CLIENT_SECRET", **more}


def box(server: Dovecot, **changes: Any) -> dict[str, Any]:
    return mailbox(server, auth="xoauth2", **{"password_env": None, **changes})


def account(make_context: Make, *boxes: dict[str, Any]) -> Imap:
    return make_context(house(*boxes)).settings.intake.imap[0]


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ({"scope": "imap"}, {"grant_type": "client_credentials", "scope": "imap"}),
        ({"refresh_token_env": "REFRESH_TOKEN"}, {"grant_type": "refresh_token", "refresh_token": "r-1"}),
    ],
)
def test_mail_is_fetched_with_a_token_of_the_provider(
    token_server: Dovecot, issuer: Provider, make_context: Make, more: dict[str, str], asked: dict[str, str]
) -> None:
    ctx = make_context(house(box(token_server, oauth2=by_endpoint(issuer, **more))))
    seed(ctx)
    token_server.put(mail())
    with fetching(ctx):
        until(lambda: token_server.count() == 0)
    assert scalar(ctx, "SELECT count(*) FROM post") == 1
    assert issuer.asked[0] == {"client_id": "listserv", "client_secret": "hush", **asked}
    assert "method=XOAUTH2" in token_server.log()


def test_a_command_may_print_the_token(token_server: Dovecot, issuer: Provider, make_context: Make) -> None:
    issuer.good["from-command"] = USER
    imap.close(imap.connect(account(make_context, box(token_server, token_command=["echo", "from-command"]))))


def test_a_token_that_is_no_good_is_said_with_the_status_and_without_the_token(
    token_server: Dovecot, make_context: Make
) -> None:
    with pytest.raises(imap.Trouble) as caught:
        imap.connect(account(make_context, box(token_server, token_command=["echo", "stolen"])))
    assert caught.value.refused and caught.value.setting == "auth"
    assert "does not let lists@people.test in with this access token (status 401)" in caught.value.words
    assert "stolen" not in str(caught.value)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["false"], "token_command: false ended with 1"),
        (["true"], "token_command: true printed no token"),
        (["echo", "two words"], "token_command: echo printed no token"),
        (["/nonexistent/tool"], "token_command: /nonexistent/tool cannot be run: FileNotFoundError"),
    ],
)
def test_a_command_that_gives_no_token_is_named(command: list[str], words: str) -> None:
    with pytest.raises(UserError) as caught:
        oauth.by_command(command)
    assert words in str(caught.value)


def test_what_the_provider_says_is_explained_and_secrets_stay_secret(
    token_server: Dovecot, issuer: Provider, make_context: Make, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.refuses = "invalid_grant"
    one = box(token_server, oauth2=by_endpoint(issuer, refresh_token_env="REFRESH_TOKEN"))
    with caplog.at_level(logging.DEBUG, logger="listserv"), fetching(make_context(house(one))) as (running,):
        until(lambda: running.down and "invalid_grant" in running.down)
        assert running.down and "the refresh token is not good any more; make a new one" in running.down
    for secret in ("hush", "r-1", "secret words"):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9/token", "cannot be asked: .*Connection refused"),
        ("https://127.0.0.1:9/token", "cannot be asked"),
    ],
)
def test_an_endpoint_that_does_not_answer_is_named(url: str, words: str) -> None:
    with pytest.raises(UserError, match=f"oauth2.token_url: {url} {words}"):
        oauth.by_endpoint(Oauth2(token_url=url, client_id="c", client_secret_env="CLIENT_SECRET"))


def test_a_missing_secret_is_named(monkeypatch: pytest.MonkeyPatch, issuer: Provider) -> None:
    monkeypatch.delenv("CLIENT_SECRET")
    with pytest.raises(UserError, match="client_secret_env: the environment has no CLIENT_SECRET"):
        oauth.by_endpoint(Oauth2(**by_endpoint(issuer)))
    assert not issuer.asked


def test_a_password_is_not_sent_where_a_token_is_wanted(token_server: Dovecot, make_context: Make) -> None:
    """A refusal by XOAUTH2 ends the conversation; nothing else is tried behind the operator's back."""
    before = token_server.log().count("method=PLAIN")
    with pytest.raises(imap.Trouble):
        imap.connect(account(make_context, box(token_server, token_command=["echo", "bad"])))
    assert token_server.log().count("method=PLAIN") == before
