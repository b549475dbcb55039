"""The outermost layer of the REST door: HEAD, OPTIONS, and where a caller's rate stands."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from litestar.exceptions import LitestarException, MethodNotAllowedException

from terkirim.api.asgi import READ, Message, Receive, Send
from terkirim.api.errors import methods_of
from terkirim.api.limits import NOBODY, STANDING, Limiter

_TOO_LARGE = 413
_DRAINED = 200_000_000  # bytes of a body that is too large, and no longer than this many seconds
_DRAINED_FOR = 5.0
_COUNTED = "/v1/"
_NO_METHOD = "NONE"  # no address takes it, so that the router names those that it does take


class Edge:
    """Wraps the application; what was asked for without a known key shows the shared bucket."""

    def __init__(self, app: Any, router: Any, limiter: Limiter) -> None:
        self._app = app
        self._router = router
        self._limiter = limiter

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope["method"] = "GET"
            send = _without_body(send)
        if scope["path"].startswith(_COUNTED):
            send = self._with_standing(scope, receive, send)
        if scope["method"] == "OPTIONS" and (methods := self._methods_at(scope["path"])):
            await _tell_methods(methods, send)
            return
        await self._app(scope, receive, send)

    def _with_standing(self, scope: Message, receive: Receive, send: Send) -> Send:
        """Return a `send` that adds the headers; no coroutine of its own: this is every request."""

        def sending(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                standing = scope.get(STANDING) or self._limiter.look(NOBODY)
                if standing is not None:
                    message["headers"] = [*message["headers"], *standing.headers]
                if message["status"] == _TOO_LARGE and not scope.get(READ):
                    return _sent_after_all(receive, send, message)
            return send(message)

        return sending

    def _methods_at(self, path: str) -> str:
        try:
            self._router.handle_routing(path=path.rstrip("/") or "/", method=_NO_METHOD)
        except MethodNotAllowedException as error:
            return methods_of(error)
        except LitestarException:
            return ""  # there is nothing at this address: the application says so
        return ""


async def _sent_after_all(receive: Receive, send: Send, message: Message) -> None:
    """Read what a caller is still sending: else it sees a broken line and never the answer."""
    left = _DRAINED
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAINED_FOR):
            while left > 0:
                part = await receive()
                left -= len(part.get("body", b""))
                if not part.get("more_body"):
                    break
    await send(message)


def _without_body(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.body":
            message["body"] = b""
        await send(message)

    return sending


async def _tell_methods(methods: str, send: Send) -> None:
    headers = [(b"allow", methods.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
