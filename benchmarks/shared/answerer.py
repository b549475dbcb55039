"""A server that reads requests and answers each with the same words, after the same time.

Run as `answerer.py PORT DELAY_MS ANSWER`. `GET /seen` says how many mails it took, looks included
and questions for the balance not, and how many it held at once at most.
"""

import asyncio
import sys
from collections import deque

import uvloop

TICK = 0.001  # seconds between looks at what is due; one timer for all, not one for each request


class Answers:
    """What all connections share."""

    def __init__(self, words: str, *, delay: float) -> None:
        body = words.encode()
        self.whole = _answer(body)
        self.delay = delay
        self.seen = self.held = self.peak = 0
        self.due: deque[tuple[float, asyncio.Transport]] = deque()

    def take(self, transport: asyncio.Transport, now: float, *, is_mail: bool) -> None:
        self.seen += is_mail
        if not self.delay or not is_mail:
            transport.write(self.whole)
            return
        self.held += 1
        self.peak = max(self.peak, self.held)
        self.due.append((now + self.delay, transport))

    async def give(self) -> None:
        """Answer what is due, for ever."""
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(TICK)
            present = now()
            while self.due and self.due[0][0] <= present:
                _, transport = self.due.popleft()
                self.held -= 1
                if not transport.is_closing():
                    transport.write(self.whole)


class Connection(asyncio.Protocol):
    """Finds the end of each request by its Content-Length."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._read = bytearray()
        self._transport: asyncio.Transport
        self._now = asyncio.get_running_loop().time

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._read[:end]).lower()
            length = _length(head)
            if len(self._read) < end + 4 + length:
                return
            del self._read[: end + 4 + length]
            if head.startswith(b"get /seen"):
                self._tell()
            else:
                is_mail = b"/send" in head.partition(b"\r\n")[0]
                self._answers.take(self._transport, self._now(), is_mail=is_mail)

    def _tell(self) -> None:
        one = self._answers
        one.seen += 1
        self._transport.write(_answer(b"%d %d %d %d" % (0, 0, one.seen, one.peak)))


def _length(head: bytes) -> int:
    at = head.find(b"content-length:")
    return 0 if at < 0 else int(head[at + 15 :].split(b"\r\n", 1)[0])


def _answer(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


async def main(port: int, delay_ms: int, words: str) -> None:
    answers = Answers(words, delay=delay_ms / 1_000)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answers), "127.0.0.1", port, backlog=4_096)
    async with server:
        await answers.give()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
