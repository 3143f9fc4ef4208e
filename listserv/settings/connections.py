"""The settings of what listserv talks to: how mail comes in and goes out, mailboxes, name servers, keys, the web."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from listserv.settings.values import (
    Duration,
    FilePath,
    HostPort,
    Port,
    Rate,
    Section,
    Size,
    Socket,
    Words,
    as_tuple,
    header_name,
    one_or_more,
    poll_time,
    read_rate,
)

Text = Annotated[str, Field(min_length=1)]
HeaderName = Annotated[str, AfterValidator(header_name)]


class Oauth2(Section):
    """Where an access token comes from: by a refresh token if there is one, else by the client's own credentials."""

    token_url: str
    client_id: Text
    client_secret_env: Text | None = None
    refresh_token_env: Text | None = None
    scope: Text | None = None

    @field_validator("token_url")
    @classmethod
    def _safe(cls, value: str) -> str:
        if not re.match(r"(https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/])\S+\Z", value):
            raise ValueError("is not a token endpoint; write it like https://oauth2.googleapis.com/token")
        return value


class Imap(Section):
    """One folder of one mailbox. `port` follows `tls` when it is not given."""

    host: Text
    port: Port = 993
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    username: Text
    auth: Literal["password", "xoauth2"] = "password"
    password_env: Text | None = None
    oauth2: Oauth2 | None = None
    token_command: Annotated[Words | None, Field(min_length=1)] = None  # prints an access token
    folder: Text = "INBOX"
    list: Text | None = None  # all mail in it is for this list
    recipients: Annotated[  # in this order; the topmost field of each counts, `to` means To and Cc
        tuple[HeaderName, ...], BeforeValidator(as_tuple), Field(min_length=1)
    ] = ("delivered-to", "x-original-to", "envelope-to", "to")
    poll: Annotated[Duration, AfterValidator(poll_time)] = timedelta(minutes=1)

    @model_validator(mode="after")
    def _port(self) -> Self:
        if "port" not in self.model_fields_set and self.tls != "implicit":
            object.__setattr__(self, "port", 143)
        return self


class Certificate(Section):
    certificate: FilePath
    key: FilePath


class Intake(Section):
    smtp: HostPort | None = "127.0.0.1:8025"
    lmtp: Socket | None = None
    imap: Annotated[tuple[Imap, ...], BeforeValidator(one_or_more)] = ()
    connections: Annotated[int, Field(ge=1)] = 1000
    per_peer: Annotated[int, Field(ge=1)] = 100
    trusted_peers: Words = ()
    tls: Certificate | None = None
    max_size: Size = 15_000_000
    rate: Annotated[Rate | None, BeforeValidator(read_rate)] = Rate(count=30, window=timedelta(minutes=10))
    list_rate: Annotated[Rate | None, BeforeValidator(read_rate)] = Rate(count=200, window=timedelta(minutes=10))


class Dns(Section):
    nameservers: Words = ()
    timeout: Annotated[float, Field(gt=0, le=60)] = 5


class Authentication(Section):
    authserv_ids: Words = ()
    arc_sealers: Words = ()
    unverified: Literal["confirm", "hold", "reject", "accept"] = "confirm"


class Relay(Section):
    host: str = "127.0.0.1"
    port: Port = 25
    tls: Literal["opportunistic", "required", "implicit", "none"] = "opportunistic"
    username: str | None = None
    password_env: str | None = None
    connections: Annotated[int, Field(ge=1, le=200)] = 10


Selector = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")]


class DkimKey(Section):
    selector: Selector
    key_file: FilePath


class Dkim(DkimKey):
    second: DkimKey | None = None  # a second signature, of another kind of key
    arc_seal: bool = False


class Web(Section):
    listen: HostPort = "127.0.0.1:8080"
