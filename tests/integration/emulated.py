"""A client of the emulator that writes raw requests, and waits for nothing without an end."""

import asyncio
import json
from dataclasses import dataclass
from urllib.parse import urlencode

KEY = "emulated"
WITHIN = 10.0  # seconds for any one answer
LETTER = {
    "from_name": "Toko",
    "from_email": "toko@example.com",
    "recipient": "budi@example.com",
    "subject": "Halo é",
    "content": "<p>Halo & selamat</p>",
}


@dataclass(frozen=True)
class Seen:
    """An answer as a client reads it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Line:
    """One connection to the emulator."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, emulator):
        host, port = emulator.url.split("/")[2].split(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def read(self):
        async with asyncio.timeout(WITHIN):
            return await self._read()

    async def _read(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers["content-length"]))
        return Seen(int(head[0].split(" ")[1]), headers, body)

    async def ask(self, request):
        self.writer.write(request)
        return await self.read()

    async def close(self):
        self.writer.close()
        await self.writer.wait_closed()


def request(method, path, body=b"", **headers):
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = [f"{method} {path} HTTP/1.1", "host: x", f"content-length: {len(body)}", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


def v1(call="send", *, token=KEY, **changes):
    return request(
        "POST",
        f"/api/v1/{call}",
        urlencode({"api_token": token} | LETTER | changes).encode(),
        content_type="application/x-www-form-urlencoded",
    )


def v2(call="send", *, method="POST", token=KEY, **changes):
    body = json.dumps(LETTER | changes).encode() if method == "POST" else b""
    return request(method, f"/api/v2/{call}", body, x_api_token=token)


async def once(emulator, sent):
    line = await Line.to(emulator)
    try:
        return await line.ask(sent)
    finally:
        line.writer.close()


async def control(emulator, method, name, **body):
    sent = request(method, f"/control/{name}", json.dumps(body).encode())
    return await once(emulator, sent)


async def until(is_so):
    async with asyncio.timeout(WITHIN):
        while not is_so():  # noqa: ASYNC110 - the emulator tells nobody
            await asyncio.sleep(0)
