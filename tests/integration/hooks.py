"""A local receiver of alerts: keeps what was posted to it, and answers as the test says."""

import asyncio
import json


class Hook:
    """An HTTP server on this machine; `url` is its address as Apprise takes it."""

    def __init__(self, *, status=200, hangs=False):
        self.status = status
        self.hangs = hangs
        self.got = []
        self._news = asyncio.Event()
        self._server = None

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"json://127.0.0.1:{port}/hook-s3cret"
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def titles(self, count, within=15.0):
        """Return the titles of the first `count` messages, once so many came."""
        async with asyncio.timeout(within):
            while len(self.got) < count:
                await self._news.wait()
                self._news.clear()
        return [one["title"] for one in self.got]

    async def _answer(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length: ")[1].split("\r\n")[0])
            body = json.loads(await reader.readexactly(length))
            if self.hangs:
                await reader.read()
                return
            self.got.append(body)
            self._news.set()
            writer.write(f"HTTP/1.1 {self.status} X\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
        finally:
            writer.close()
