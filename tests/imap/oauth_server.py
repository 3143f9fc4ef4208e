"""A provider of access tokens for the tests, over HTTP on loopback: issues them, and says whose they are."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class Provider:
    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.refuses = ""
        self.good: dict[str, str] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None: ...

            def answer(self, code: int, **values: Any) -> None:
                body = json.dumps(values).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                provider.asked.append({name: values[0] for name, values in parse_qs(form).items()})
                if provider.refuses:
                    self.answer(400, error=provider.refuses, error_description="secret words")
                else:
                    token = f"token-{len(provider.asked)}"
                    provider.good[token] = "lists@people.test"
                    self.answer(200, access_token=token, expires_in=3600, token_type="Bearer")

            def do_GET(self) -> None:
                """Dovecot asks whose a token is."""
                token = unquote(urlsplit(self.path).path.rpartition("/")[2])
                token = self.headers.get("Authorization", f"Bearer {token}").removeprefix("Bearer ")
                if token in provider.good:
                    self.answer(200, email=provider.good[token], active=True)
                else:
                    self.answer(200, active=False)

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def provider() -> Iterator[Provider]:
    one = Provider()
    thread = threading.Thread(target=one.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield one
    finally:
        one.server.shutdown()
        thread.join(10)
        one.server.server_close()
