"""Who may call the service, and how much they may send: in front of every request and websocket."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from jstasr.serve.errors import Refusal
from jstasr.serve.settings import ServeSettings

FORM_BYTES = 100_000  # of an upload that are not its recording
OPEN_PATHS = ("/", "/health")  # without a token; so are the files of the page
PAGE = "/page/"
HEADERS = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guards:
    """An ASGI application in front of another.

    A service on the loopback address can be reached by every page that a browser of this machine shows: so a request
    of another origin is refused, and one that calls the service by a foreign name (DNS rebinding).
    """

    def __init__(self, application: Application, settings: ServeSettings):
        self.application, self.settings = application, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.application(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self.refusal(scope, headers)
        if scope["type"] == "websocket":
            if refusal is None:
                await self.application(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 1008, "reason": refusal.message[:100]})
            return
        send = with_headers(send)
        if refusal is None:
            await self.application(scope, Body(receive, self.settings), send)
        else:
            await refusal.response()(scope, receive, send)

    def refusal(self, scope: Scope, headers: dict[str, str]) -> Refusal | None:
        """Why this client is not let in."""
        host = headers.get("host", "")
        if self.settings.hosts is not None and host_name(host) not in self.settings.hosts:
            return Refusal(403, f"this service does not answer to the name {host_name(host)!r}")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return Refusal(403, f"pages of {origin} may not call this service")
        path = scope["path"]
        # a browser cannot set headers of a websocket: its token comes in the first message
        if path in OPEN_PATHS or path.startswith(PAGE) or scope["type"] == "websocket":
            return None
        if not has_token(headers.get("authorization", ""), self.settings.token):
            return Refusal(401, "wrong or missing token: send it as `Authorization: Bearer TOKEN` (api_key of clients)")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit(self.settings):
            return too_large(self.settings)
        return None


class Body:
    """The body of a request, up to the limits on size and time."""

    def __init__(self, receive: Receive, settings: ServeSettings):
        self.receive, self.settings = receive, settings
        self.count, self.complete = 0, False
        self.deadline = asyncio.get_running_loop().time() + settings.timeout

    async def __call__(self) -> Message:
        if self.complete:  # what remains to come is the end of the connection
            return await self.receive()
        try:
            remaining = self.deadline - asyncio.get_running_loop().time()
            message = await asyncio.wait_for(self.receive(), max(0.0, remaining))
        except asyncio.TimeoutError:
            raise Refusal(408, f"the upload took longer than {self.settings.timeout:g} s") from None
        self.count += len(message.get("body", b""))
        self.complete = not message.get("more_body", False)
        if self.count > limit(self.settings):
            raise too_large(self.settings)
        return message


def limit(settings: ServeSettings) -> int:
    """The most bytes of a request."""
    return round(settings.max_mb * 1e6) + FORM_BYTES


def too_large(settings: ServeSettings) -> Refusal:
    """The recording has too many bytes."""
    return Refusal(413, f"the recording is larger than {settings.max_mb:g} MB", "file")


def has_token(authorization: str, token: str) -> bool:
    """Does a header hold the token? Takes the same time whatever is wrong with it."""
    scheme, _, given = authorization.partition(" ")
    return not token or (scheme.lower() == "bearer" and same_token(given.strip(), token))


def same_token(given: str, token: str) -> bool:
    """Is this the token?"""
    return not token or secrets.compare_digest(given.encode(), token.encode())


def host_name(host: str) -> str:
    """The name in a `Host` header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def with_headers(send: Send) -> Send:
    """Adds HEADERS to every response."""

    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await send(message)

    return sender
