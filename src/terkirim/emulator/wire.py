"""One connection of the emulator: HTTP/1.1 read by httptools, and lines that break on demand."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, cast

import httptools

MAX_BODY = 10_000_000  # bytes
MAX_WAITING = 100  # pipelined requests that are held before the line is no longer read
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Ending(Enum):
    """What becomes of the connection after a reply."""

    KEEP = "keep"
    CLOSE = "close"  # in order, by FIN
    RESET = "reset"  # by RST


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it was read; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[bytes, bytes]
    body: bytes

    def header(self, name: bytes) -> str:
        """Return the header's value, "" where there is none."""
        return self.headers.get(name, b"").decode("latin-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back, `after` seconds; `payload` is all bytes of the answer, or some, or none.

    `if_lost` is called when the line was gone before the payload could be written.
    """

    payload: bytes = b""
    after: float = 0.0
    ending: Ending = Ending.KEEP
    if_lost: Callable[[], None] | None = None


class Responder(Protocol):
    """What stands behind the connections."""

    def may_read(self, path: str) -> bool:
        """Return False to reset the line once the headers are there, before the body is read."""
        ...

    def respond(self, request: Request) -> Reply:
        """Return what goes back."""
        ...


class Wire(asyncio.Protocol):
    """Reads requests and answers them in their order, also when they are pipelined."""

    def __init__(self, responder: Responder, opened: "set[Wire]") -> None:
        self._responder = responder
        self._opened = opened
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._late: tuple[Reply, bool, asyncio.TimerHandle] | None = None
        self.is_open = True
        self._is_full = False
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.is_open = False
        self._opened.discard(self)
        self._waiting.clear()
        if self._late is not None:
            reply, _, timer = self._late
            self._late = None
            timer.cancel()
            if reply.if_lost is not None:
                reply.if_lost()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._advance()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise  # a fault of ours, not of the client
        except httptools.HttpParserUpgrade:
            self._waiting.clear()
            self._refuse(_BAD_REQUEST)
        except httptools.HttpParserError:
            self._refuse(_BAD_REQUEST)
        self._advance()

    def on_message_begin(self) -> None:
        self._url, self._headers, self._body, self._size = b"", {}, [], 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        if not self.is_open:
            return
        if not self._responder.may_read(self._url.partition(b"?")[0].decode("latin-1")):
            self.reset()
        elif self._headers.get(b"expect", b"").lower() == b"100-continue":
            self._transport.write(_GO_ON)

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size <= MAX_BODY:
            self._body.append(body)
        elif self.is_open:
            self._refuse(_TOO_LARGE)

    def on_message_complete(self) -> None:
        if not self.is_open:
            return
        path, _, query = self._url.decode("latin-1").partition("?")
        request = Request(
            method=self._parser.get_method().decode("latin-1"),
            path=path,
            query=query,
            headers=self._headers,
            body=b"".join(self._body),
        )
        self._waiting.append((request, self._parser.should_keep_alive()))
        if len(self._waiting) > MAX_WAITING:
            self._transport.pause_reading()

    def close(self) -> None:
        """End the connection in order, after what is written."""
        self.is_open = False
        self._transport.close()

    def reset(self) -> None:
        """Break the connection."""
        self.is_open = False
        if not self._transport.is_closing():
            line = self._transport.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def _advance(self) -> None:
        while self._waiting and self._late is None and self.is_open and not self._is_full:
            request, is_kept = self._waiting.popleft()
            reply = self._responder.respond(request)
            if reply.after > 0:
                timer = asyncio.get_running_loop().call_later(reply.after, self._finish_late)
                self._late = reply, is_kept, timer
            else:
                self._finish(reply, is_kept=is_kept)
        if self.is_open and len(self._waiting) <= MAX_WAITING // 2:
            self._transport.resume_reading()

    def _finish_late(self) -> None:
        if self._late is not None:
            reply, is_kept, _ = self._late
            self._late = None
            self._finish(reply, is_kept=is_kept)
            self._advance()

    def _finish(self, reply: Reply, *, is_kept: bool) -> None:
        if self._transport.is_closing():
            if reply.if_lost is not None:
                reply.if_lost()
            return
        if reply.payload:
            self._transport.write(reply.payload)
        if reply.ending is Ending.RESET:
            self.reset()
        elif reply.ending is Ending.CLOSE or not is_kept:
            self.close()

    def _refuse(self, payload: bytes) -> None:
        self._transport.write(payload)
        self.close()
