"""DNS, asked within a time limit, of the configured servers.

So far only `listserv check` asks (for what the community itself should publish).
"""

from __future__ import annotations

from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.resolver

from listserv.settings import Settings


class Unanswered(Exception):
    """DNS could not be asked: nothing is known, in either direction."""


@dataclass(frozen=True, slots=True)
class Server:
    address: str
    port: int


def _server(text: str) -> Server:
    """`host`, `host:port`, `[v6]:port` or a bare IPv6 address."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return Server(host, int(rest.lstrip(":") or 53))
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return Server(host, int(port))
    return Server(text, 53)


def _resolver(settings: Settings) -> dns.asyncresolver.Resolver:
    given = [_server(text) for text in settings.dns.nameservers]
    resolver = dns.asyncresolver.Resolver(configure=not given)
    if given:
        from dns.nameserver import Do53Nameserver

        resolver.nameservers = [Do53Nameserver(server.address, server.port) for server in given]
    resolver.lifetime = resolver.timeout = settings.dns.timeout
    return resolver


async def records(settings: Settings, name: str, kind: str) -> list[str]:
    """The records of a name as text, [] when there are none. Raises Unanswered."""
    try:
        answer = await _resolver(settings).resolve(name, kind, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise Unanswered(type(error).__name__) from error
    if kind == "TXT":
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
    return [record.to_text() for record in answer]
