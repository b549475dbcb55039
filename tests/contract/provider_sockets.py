"""Servers on loopback that answer, fail and fall silent as they are told, and count what came."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close sends RST, not FIN


@dataclass
class Served:
    """What a server saw."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    has_request: asyncio.Event = field(default_factory=asyncio.Event)
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"


@dataclass
class Line:
    """One connection, as a scene plays on it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    served: Served

    async def request(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        body = await self.reader.readexactly(_length(head))
        self.served.requests.append(head + body)
        self.served.has_request.set()
        return head + body

    async def say(self, text: bytes) -> None:
        self.writer.write(text)
        await self.writer.drain()

    def reset(self) -> None:
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.writer.transport.abort()

    async def until_hung_up(self) -> None:
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(1024):
                pass
        self.served.has_ended.set()


Scene = Callable[[Line], Awaitable[None]]


def http(
    body: bytes | str, *, status: int = 200, kind: str = "application/json", headers: str = ""
) -> bytes:
    """Return a whole HTTP answer."""
    raw = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(raw)}\r\n{headers}"
    return head.encode() + b"\r\n" + raw


def answering(*answers: bytes) -> Scene:
    """Answer request after request on one connection; the last answer repeats."""
    left = list(answers)

    async def scene(line: Line) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                await line.request()
                await line.say(left.pop(0) if len(left) > 1 else left[0])
        line.served.has_ended.set()

    return scene


async def reset_unread(line: Line) -> None:
    line.reset()


async def reset_at_first_byte(line: Line) -> None:
    await line.reader.readexactly(1)
    line.reset()


async def reset_after_reading(line: Line) -> None:
    await line.request()
    line.reset()


async def hang_up(line: Line) -> None:
    await line.request()


async def stay_silent(line: Line) -> None:
    await line.request()
    await line.until_hung_up()


async def never_read(line: Line) -> None:
    line.reader._transport.pause_reading()
    await asyncio.Event().wait()


async def half_an_answer(line: Line) -> None:
    await line.request()
    await line.say(http('{"status":"success","success":true}')[:-5])


async def half_an_answer_and_silence(line: Line) -> None:
    await half_an_answer(line)
    await line.until_hung_up()


async def half_a_head(line: Line) -> None:
    await line.request()
    await line.say(b"HTTP/1.1 200 OK\r\nContent-Le")


async def garbage(line: Line) -> None:
    await line.request()
    await line.say(b"\x00\xffnothing that is HTTP\r\n\r\n")


async def speak_first(line: Line) -> None:
    """Break a TLS handshake: a plain server answers the first bytes with an HTTP error."""
    await line.reader.read(16)
    await line.say(http("plain HTTP only", status=400, kind="text/plain"))
    await line.until_hung_up()


async def end_handshake(line: Line) -> None:
    await line.reader.read(16)


@contextlib.asynccontextmanager
async def serving(scene: Scene, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Served]:
    """Play the scene on every connection until the block ends; nothing stays open after it."""
    served = Served()
    plays: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def play(line: Line) -> None:
        try:
            await scene(line)
        except (ConnectionError, asyncio.IncompleteReadError):
            served.has_ended.set()
        finally:
            line.writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        writers.append(writer)
        plays.add(asyncio.create_task(play(Line(reader, writer, served))))

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for task in plays:
            task.cancel()
        await asyncio.gather(*plays, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


@contextlib.contextmanager
def refusing() -> Iterator[int]:
    """Hold a port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """Hold a port whose backlog is full, so that the kernel drops every further SYN."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
