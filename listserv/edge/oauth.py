"""An access token for a mailbox at a provider that takes no passwords (RFC 6749 sections 4.4 and 6).

From the provider's token endpoint, with a refresh token or with the client's own credentials, or from a command of the
operator. Secrets come from the environment and are in no message.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence

from listserv.errors import UserError
from listserv.settings.connections import Oauth2

WITHIN = 30  # seconds
_MOST = 100_000  # octets of an answer


def by_command(command: Sequence[str]) -> str:
    """What a command prints. Raises UserError beginning with the setting."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as error:
        raise UserError(f"token_command: {command[0]} cannot be run: {type(error).__name__}") from None
    token = done.stdout.strip()
    if done.returncode or not token or len(token.split()) > 1:
        words = f"ended with {done.returncode}" if done.returncode else "printed no token"
        raise UserError(f"token_command: {command[0]} {words}; run it by hand: it has to print one access token")
    return token


def by_endpoint(given: Oauth2) -> str:
    """A fresh token. Raises UserError beginning with the setting."""
    form = {"client_id": given.client_id, "grant_type": "client_credentials"}
    if given.client_secret_env:
        form["client_secret"] = secret(given.client_secret_env, "oauth2.client_secret_env")
    if given.refresh_token_env:
        form["grant_type"] = "refresh_token"
        form["refresh_token"] = secret(given.refresh_token_env, "oauth2.refresh_token_env")
    if given.scope:
        form["scope"] = given.scope
    request = urllib.request.Request(given.token_url, urllib.parse.urlencode(form).encode())  # noqa: S310  (settings)
    try:
        with urllib.request.urlopen(request, timeout=WITHIN) as answer:  # noqa: S310
            found = _read(answer.read(_MOST))
    except urllib.error.HTTPError as error:
        with error:
            why = str(_read(error.read(_MOST)).get("error") or f"HTTP {error.code}")[:60]
        hint = {
            "invalid_grant": "the refresh token is not good any more; make a new one",
            "invalid_client": "the client_id or the secret is wrong",
            "unauthorized_client": "the client may not do this; give it the permission for IMAP",
            "invalid_scope": "the scope is wrong; see `scope`",
        }.get(why, "see the provider's words on it")
        raise UserError(f"oauth2: {given.token_url} refuses a token with {why}: {hint}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise UserError(f"oauth2.token_url: {given.token_url} cannot be asked: {reason}") from None
    token = found.get("access_token")
    if not isinstance(token, str) or not token:
        raise UserError(
            f"oauth2.token_url: {given.token_url} answers without an access token; is it the right address?"
        )
    return token


def _read(data: bytes) -> dict[str, object]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def secret(name: str, setting: str) -> str:
    """The value of an environment variable. Raises UserError."""
    value = os.environ.get(name)
    if not value:
        raise UserError(f"{setting}: the environment has no {name}; set it where listserv is started")
    return value
