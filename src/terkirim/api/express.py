"""The routes that are asked thousands of times a second, on bare ASGI.

They are `POST /v1/emails` and the callbacks of providers. Same checks and answers as every other
route; only the framework's own way to a handler is left out (see docs/performance.md for what that
saves).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from litestar import Response

from terkirim.api.asgi import READ, App, Message, Receive, Send
from terkirim.api.errors import Refused, answer_to

_PATH = "/v1/emails"
_NONE: Mapping[str, str] = {}

Handler = Callable[[Any], Awaitable[Response[bytes]]]


class Asked:
    """As much of a request as a submission reads, under the names of the framework's own one."""

    __slots__ = ("_given", "_limit", "_receive", "scope")

    def __init__(self, scope: Message, receive: Receive, *, limit: int) -> None:
        self.scope = scope
        self._receive = receive
        self._limit = limit
        self._given = dict(scope["headers"])

    @property
    def headers(self) -> "Asked":
        return self

    @property
    def query_params(self) -> Mapping[str, str]:
        query = self.scope["query_string"]
        return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)) if query else _NONE

    def get(self, name: str, default: Any = None) -> Any:
        """Return a header by its name in lower case."""
        value = self._given.get(name.encode())
        return default if value is None else value.decode("latin-1")

    async def body(self) -> bytes:
        """Return the whole body.

        Raises:
            Refused: it is longer than the limit, or the caller went away.
        """
        message = await self._receive()
        if not message.get("more_body") and message["type"] == "http.request":
            return self._whole([message.get("body", b"")])
        chunks = []
        while message["type"] == "http.request":
            chunks.append(message.get("body", b""))
            if not message.get("more_body"):
                return self._whole(chunks)
            self._within_limit(chunks)
            message = await self._receive()
        raise Refused(400, "validation_error", "the body ended before it was whole")

    def _whole(self, chunks: list[bytes]) -> bytes:
        self.scope[READ] = True
        return self._within_limit(chunks)

    def _within_limit(self, chunks: list[bytes]) -> bytes:
        if sum(map(len, chunks)) > self._limit:
            says = "the body is larger than TERKIRIM_MAX_BODY"
            raise Refused(413, "validation_error", says)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


class Express:
    """Answers e-mails itself, and hands all else on: to who has the path alone, or to `app`."""

    def __init__(self, app: Any, *, send: Handler, limit: int, alone: Mapping[str, App]) -> None:
        self._app = app
        self._send = send
        self._limit = limit
        self._alone = alone

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"] != _PATH or scope["method"] != "POST":
            app = self._alone.get(scope["path"], self._app)
            await app(scope, receive, send)
            return
        try:
            answer = await self._send(Asked(scope, receive, limit=self._limit))
        except Exception as error:  # noqa: BLE001 - as the framework does: each has its answer
            answer = answer_to(error)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(answer.content)),
            *((name.encode(), value.encode()) for name, value in answer.headers.items()),
        ]
        start = {"type": "http.response.start", "status": answer.status_code, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": answer.content, "more_body": False})
