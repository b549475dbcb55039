"""Stands in front of pages and REST: who gets a request, and what every page carries with it."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
_HEADERS = {
    b"content-security-policy": CSP.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    b"cache-control": b"no-store",
}
_NOT_FOUND = 404


class Doors:
    """Hands a request to the pages where its first step is one of theirs, else to `others`."""

    def __init__(
        self, pages: Any, *, steps: frozenset[str], others: Any, stop: Callable[[], None]
    ) -> None:
        self._pages = pages
        self._stop = stop
        self._steps = steps
        self._others = others

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._others(scope, receive, send)
        elif scope["path"].split("/", 2)[1] in self._steps:
            await self._show(scope, receive, send)
        elif _is_browser(scope):
            await self._ask_others(scope, receive, send)
        else:
            await self._others(scope, receive, send)

    def stop(self) -> None:
        """End what would not end by itself: the lines over which pages are told of changes."""
        self._stop()

    async def _show(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            scope["method"] = "GET"
            send = _without_body(send)
        await self._pages(scope, receive, _with_headers(send))

    async def _ask_others(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let a person who mistyped an address read a page about it, and no JSON."""
        is_missing = False

        async def sending(message: Message) -> None:
            nonlocal is_missing
            if message["type"] == "http.response.start" and message["status"] == _NOT_FOUND:
                is_missing = True
            if not is_missing:
                await send(message)

        await self._others(scope, receive, sending)
        if is_missing:
            await self._show(scope, receive, send)


def _is_browser(scope: Message) -> bool:
    return scope["method"] == "GET" and any(
        name == b"accept" and b"text/html" in value for name, value in scope["headers"]
    )


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            missing = [(name, value) for name, value in _HEADERS.items() if name not in given]
            message["headers"] = [*message["headers"], *missing]
        await send(message)

    return sending


def _without_body(send: Send) -> Send:
    is_over = False

    async def sending(message: Message) -> None:
        nonlocal is_over
        if message["type"] != "http.response.body":
            await send(message)
        elif not is_over:  # also of an answer that would go on
            is_over = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return sending
