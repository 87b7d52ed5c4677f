"""Who may ask: the page itself and nobody else. Around the whole application, before anything is read.

A page of another site that is open in the same browser could send requests to this machine, so the exact ``Host`` is asked for
(a foreign name that was rebound to 127.0.0.1 has another), and ``Sec-Fetch-Site`` and ``Origin``, which a page cannot forge. Where
others can reach the port there is a token beside, which the printed address carries behind ``#`` and the page sends as a header.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
TOKEN = "x-neocog-token"  # noqa: S105  the header's name
MOST_BODY = 64 << 20  # bytes of one request
HEADERS = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class TooLarge(Exception):
    """More bytes came than a request may have: the application answers with 413 and this text."""


@dataclass(frozen=True)
class Guard:
    """``application`` for those who may ask. ``host`` and ``port`` are what the server listens on; ``token`` "" asks for none."""

    application: Application
    host: str
    port: int
    token: str = ""
    most: int = MOST_BODY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.application(scope, receive, send)
            return  # no web sockets
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self.refusal(scope["path"], headers)
        if refusal:
            await answer(send, *refusal)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *own]}
            await send(message)

        await self.application(scope, self.counted(receive), sent)

    def refusal(self, path: str, headers: MutableMapping[str, str]) -> tuple[int, str] | None:
        """(status, reason) where a request is not the page's own."""
        host = headers.get("host", "")
        if not self.is_own(host):
            return 421, f"the studio is not at '{host[:100]}'"
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return 403, "a page of another site asked"
        if headers.get("origin", f"http://{host}") != f"http://{host}":
            return 403, "a page of another site asked"
        given = headers.get(TOKEN, "").encode("latin-1")
        if path.startswith("/api/") and self.token and not secrets.compare_digest(given, self.token.encode()):
            return 401, "open the address that the studio printed: it carries the token"
        length = headers.get("content-length", "0")
        too_large = not length.isdecimal() or int(length) > self.most
        return (413, self.too_large()) if too_large else None

    def is_own(self, host: str) -> bool:
        """Whether a ``Host`` is this server's: its name and port, or where it listens on all addresses any address, but no name."""
        name, _, port = host.rpartition(":")
        if port != str(self.port):
            return False
        if self.host in ("0.0.0.0", "::"):  # noqa: S104  asked for with --host
            try:
                return bool(ipaddress.ip_address(name.strip("[]")))
            except ValueError:
                return name == "localhost"
        return name in LOOPBACK if self.host in LOOPBACK else name == self.host

    def counted(self, receive: Receive) -> Receive:
        """``receive`` that raises TooLarge where a body, whose length was not told, grows too large."""
        total = 0

        async def received() -> Message:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > self.most:
                raise TooLarge(self.too_large())
            return message

        return received

    def too_large(self) -> str:
        return f"more than {self.most >> 20} MB: give a smaller file"


async def answer(send: Send, status: int, what: str) -> None:
    """A refusal as the page reads it."""
    body = json.dumps({"error": {"what": what, "where": "", "fix": "", "kind": "refused"}}).encode()
    headers = {**HEADERS, "content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
