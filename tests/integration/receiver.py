"""A customer's app on this machine: keeps what it was told, and answers as the test says."""

import asyncio
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Got:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def said(self):
        return json.loads(self.body)


class Receiver:
    """An HTTP server; `status` may be a list, then each request takes the next of it.

    `reset`: it reads the request and cuts the line. `hangs`: it never answers.
    """

    def __init__(self, *, status=200, reset=False, hangs=False, body=b"ok", headers=()):
        self.status = status
        self.reset = reset
        self.hangs = hangs
        self.body = body
        self.headers = headers
        self.got = []
        self.in_air = 0
        self.most_in_air = 0
        self._news = asyncio.Event()
        self._lines = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/webhooks"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for writer in self._lines:
            writer.transport.abort()
        await self._server.wait_closed()

    async def wait_for(self, count, within=15.0):
        """Return the first `count` requests, once so many came."""
        async with asyncio.timeout(within):
            while len(self.got) < count:
                await self._news.wait()
                self._news.clear()
        return self.got[:count]

    async def _serve(self, reader, writer):
        self._lines.add(writer)
        try:
            while True:
                await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._lines.discard(writer)
            writer.close()

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {}
        for line in lines:
            name, value = line.split(": ", 1)
            headers[name.lower()] = value
        body = await reader.readexactly(int(headers["content-length"]))
        self.in_air += 1
        self.most_in_air = max(self.most_in_air, self.in_air)
        self.got.append(Got(first.split(" ")[1], headers, body))
        self._news.set()
        if self.hangs:
            await reader.read()
            raise ConnectionError
        if self.reset:
            writer.transport.abort()
            raise ConnectionError
        status = self.status if isinstance(self.status, int) else self.status.pop(0)
        more = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        answer = f"HTTP/1.1 {status} X\r\ncontent-length: {len(self.body)}\r\n{more}\r\n"
        writer.write(answer.encode() + self.body)
        await writer.drain()
        self.in_air -= 1
