"""A real name server on loopback, over UDP and TCP, that serves zones which the tests write."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

Zone = Mapping[str, Mapping[str, Any]]
TIMEOUT = "TIMEOUT"
SERVFAIL = "SERVFAIL"


class NameServer:
    """`zone` maps a name to kinds of records to their data; TIMEOUT or SERVFAIL instead of data does that.

    The kind `*` stands for every kind. TXT data is text, octets, or a tuple of strings. `asked` counts questions.
    """

    def __init__(self, zone: Zone | None = None, ttl: int = 300) -> None:
        self.zone: dict[str, dict[str, Any]] = {}
        self.ttl = ttl
        self.asked: list[tuple[str, str]] = []
        self._stopping = False
        self._udp, self._tcp = _both()
        self.port = self._udp.getsockname()[1]
        self.add(zone or {})
        for work in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=work, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def add(self, zone: Zone) -> None:
        for name, kinds in zone.items():
            self.zone.setdefault(name.lower().rstrip("."), {}).update(kinds)

    def close(self) -> None:
        self._stopping = True
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"", ("127.0.0.1", self.port))
        self._tcp.close()
        self._udp.close()

    # -- answers --

    def _answer(self, wire: bytes) -> dns.message.Message | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = ".".join(label.decode("latin-1") for label in question.name.labels).lower().rstrip(".")
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA | dns.flags.AA
        for _ in range(20):  # aliases
            kinds = self.zone.get(name)
            if kinds is None:
                if not any(known.endswith("." + name) for known in self.zone):
                    response.set_rcode(dns.rcode.NXDOMAIN)
                return response
            data = kinds.get(kind, kinds.get("*"))
            if data == TIMEOUT:
                return None
            if data == SERVFAIL:
                response.set_rcode(dns.rcode.SERVFAIL)
                return response
            owner = dns.name.Name([*(label.encode("latin-1") for label in name.split(".")), b""])
            if data is not None:
                records = [_record(kind, one) for one in ([data] if isinstance(data, str | bytes) else data)]
                response.answer.append(dns.rrset.from_rdata_list(owner, self.ttl, records))
                return response
            if "CNAME" not in kinds:
                return response
            target = str(kinds["CNAME"]).rstrip(".")
            alias = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.CNAME, target + ".")
            response.answer.append(dns.rrset.from_rdata_list(owner, self.ttl, [alias]))
            name = target.lower()
        return response

    def _serve_udp(self) -> None:
        while not self._stopping:
            try:
                wire, peer = self._udp.recvfrom(65535)
                if not wire or self._stopping:
                    continue
                response = self._answer(wire)
                if response is not None:
                    answer = response.to_wire()
                    if len(answer) > 1200:
                        short = dns.message.make_response(dns.message.from_wire(wire))
                        short.flags |= dns.flags.TC
                        answer = short.to_wire()
                    self._udp.sendto(answer, peer)
            except (OSError, dns.exception.DNSException):
                if self._stopping:
                    return

    def _serve_tcp(self) -> None:
        while not self._stopping:
            try:
                peer, _ = self._tcp.accept()
            except OSError:
                return
            with peer, contextlib.suppress(OSError, struct.error):
                peer.settimeout(5)
                (length,) = struct.unpack("!H", peer.recv(2))
                wire = b""
                while len(wire) < length:
                    wire += peer.recv(length - len(wire))
                response = self._answer(wire)
                if response is not None:
                    answer = response.to_wire()
                    peer.sendall(struct.pack("!H", len(answer)) + answer)


def _both() -> tuple[socket.socket, socket.socket]:
    """A port that is free for UDP and for TCP."""
    while True:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        try:
            return udp, socket.create_server(udp.getsockname())
        except OSError:
            udp.close()


def _record(kind: str, data: Any) -> dns.rdata.Rdata:
    if kind == "TXT":
        strings: Iterable[Any] = (data,) if isinstance(data, str | bytes) else data
        octets = [one if isinstance(one, bytes) else one.encode() for one in strings]
        pieces = [part[i : i + 255] for part in octets for i in range(0, max(1, len(part)), 255)] or [b""]
        from dns.rdtypes.ANY.TXT import TXT

        return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, pieces)
    if kind == "MX":
        preference, host = data
        return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.MX, f"{preference} {host.rstrip('.')}.")
    text = f"{data.rstrip('.')}." if kind in ("PTR", "CNAME", "NS") else data
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), text)


@contextlib.contextmanager
def name_server(zone: Zone | None = None, ttl: int = 300) -> Iterator[NameServer]:
    server = NameServer(zone, ttl)
    try:
        yield server
    finally:
        server.close()
