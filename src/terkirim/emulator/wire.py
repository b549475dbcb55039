"""One connection of the emulator: HTTP/1.1 read by httptools, and lines that break on demand."""

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httptools

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST


class Call:
    """One request as it was read."""

    __slots__ = ("body", "headers", "method", "path")

    def __init__(self) -> None:
        self.method = ""
        self.path = ""
        self.headers: dict[str, str] = {}
        self.body = b""


class Wire(asyncio.Protocol):
    """Reads requests in order and hands each to `answer(call, wire)`."""

    def __init__(self, answer: Callable[[Call, "Wire"], None], opened: "set[Wire]") -> None:
        self._answer = answer
        self._opened = opened
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._call = Call()
        self._url = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP server's transport can write
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._opened.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def on_message_begin(self) -> None:
        self._call, self._url = Call(), b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._call.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._call.body += body

    def on_message_complete(self) -> None:
        self._call.method = self._parser.get_method().decode()
        self._call.path = self._url.decode("latin-1").partition("?")[0]
        self._answer(self._call, self)

    def reply(
        self,
        status: int,
        body: Any,
        kind: str = "application/json",
        *,
        more: str = "",
        half: bool = False,
    ) -> None:
        """Write an answer, or its first half and then nothing."""
        if self._transport is None:
            return
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: {kind}\r\n"
            f"content-length: {len(content)}\r\n{more}\r\n"
        ).encode()
        if half:
            self._transport.write(head + content[: len(content) // 2])
            self._transport.close()
        else:
            self._transport.write(head + content)

    def close(self) -> None:
        """End the connection in order (FIN)."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Break the connection (RST)."""
        if self._transport is not None:
            line = self._transport.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()
