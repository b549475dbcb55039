"""One kept connection: it carries one request at a time, and knows what became of it."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, cast

import httptools

HEAD_LIMIT = 64 * 1024  # bytes of an answer besides its body; servers send a few hundred
_LAST_LOOK = 0.02  # seconds between the end of the time and the end of the request
_SUCCESSES = range(200, 300)
_FINAL = 200  # a status below is an interim answer, of which another one follows


class Headers(Mapping[str, str]):
    """What an answer's head says; names ignore case.

    Reading one raises ValueError where its bytes are no ASCII.
    """

    def __init__(self, pairs: list[tuple[bytes, bytes]]) -> None:
        self._pairs = pairs

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower().encode()].decode("ascii")

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._values)

    def __len__(self) -> int:
        return len(self._values)

    @cached_property
    def _values(self) -> dict[bytes, bytes]:
        return {name.lower(): value for name, value in self._pairs}


class Answer(NamedTuple):  # one per mail; a frozen dataclass takes six times as long to make
    """What a server said to its end. `body` is cut at the limit; longer is not `is_whole`."""

    status: int
    body: bytes
    is_whole: bool
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Broken:
    """No whole answer came, though the request may have left; `why` is "" where time ran out."""

    why: str
    is_unsent: bool = False  # nothing of it has left


_LATE = Broken("")
_UNASKED = Broken("something was said before anything was asked")
_EARLY = Broken("success was said before the request had left")
_TALKATIVE = Broken("the answer's head and trailers are too long")


class Line(asyncio.Protocol):
    """A connection that was made. Whatever ends it ends the request that it carries."""

    def __init__(self, *, body_limit: int) -> None:
        self._limit = body_limit
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._future: asyncio.Future[Answer | Broken] | None = None
        self._unwritten: bytes | None = None  # a request that is to leave in the next round
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._length = 0
        self._heard = 0  # bytes since the request: the body's, and all that stands around it
        self._is_over = False
        self.idle_since = 0.0
        self.left_at: float | None = None  # when the server closed it, while nobody asked

    @property
    def is_usable(self) -> bool:
        """Tell whether another request can go this way."""
        return not self._is_over and not self._transport.is_closing()

    def ask(self, request: bytes, *, within: float) -> asyncio.Future[Answer | Broken]:
        """Write the request; the future ends with its answer, or with why there is none.

        It leaves in the loop's next round: with all that are asked in this one, as each alone would
        wake the server anew, and not where the server is seen to have gone meanwhile.
        """
        self._headers, self._parts, self._length, self._heard = [], [], 0, 0
        self._future, self._unwritten = self._loop.create_future(), request
        self._timer = self._loop.call_later(within, self._look_once_more)
        self._loop.call_soon(self._write)
        return self._future

    def hang_up(self, why: str) -> None:
        """Close at once; a request in the air ends as broken."""
        self._end(Broken(why))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._is_asked:  # what comes after it cannot be told from an answer
            self._end(_UNASKED)
            return
        self._heard += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end(Broken("the answer changes the protocol"))
        except httptools.HttpParserError as error:
            self._end(Broken(f"the answer is no HTTP ({type(error).__name__})"))
        else:
            self._look_at_sizes()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_asked and not self._is_over:
            self.left_at = self._loop.time()
        self._is_over = True
        if exc is None and self._ends_with_the_line():
            self._answered(is_whole=True)
        self._end(Broken("the connection was closed" if exc is None else said(exc)))

    @property
    def _is_asked(self) -> bool:
        return self._future is not None and self._unwritten is None

    @property
    def _is_all_head(self) -> bool:
        """Tell whether too much stands around the body: heads, also interim ones, and trailers."""
        return self._heard - self._length > HEAD_LIMIT

    def _write(self) -> None:
        if self._unwritten is not None and not self._transport.is_closing():
            request, self._unwritten = self._unwritten, None
            self._transport.write(request)

    # What the parser found.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)
        self._length += len(body)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < _FINAL:
            self._headers.clear()
            return
        if self._future is None or not self._parser.should_keep_alive():
            self._is_over = True  # also where a second answer came, for which nobody asked
        self._answered(is_whole=True)

    def _look_at_sizes(self) -> None:
        if self._is_all_head:
            self._end(_TALKATIVE)
        elif self._length > self._limit and self._future is not None:
            self._is_over = True
            self._answered(is_whole=False)

    def _ends_with_the_line(self) -> bool:
        """Tell whether the head named no length, so that the end of the line is the answer's."""
        if self._future is None or not self._headers:
            return False
        names = {name.lower() for name, _ in self._headers}
        has_head = self._parser.get_status_code() >= _FINAL and self._parts
        return bool(has_head) and not names & {b"content-length", b"transfer-encoding"}

    def _answered(self, *, is_whole: bool) -> None:
        if self._future is not None:
            if self._is_all_head:  # and came to its end in one piece
                self._end(_TALKATIVE)
                return
            status = self._parser.get_status_code()
            if self._transport.get_write_buffer_size():
                self._is_over = True  # answered before it was read: the rest is no new request
                if status in _SUCCESSES:  # of a mail that the server cannot have had whole
                    self._end(_EARLY)
                    return
            body = b"".join(self._parts)[: self._limit]
            is_whole = is_whole and self._length <= self._limit
            headers = Headers(self._headers)
            self._give(Answer(status, body, is_whole, headers))
        if self._is_over:
            self._hang_up()

    def _look_once_more(self) -> None:
        """Let an answer that is there already count: after a sleep timers come before sockets."""
        self._timer = self._loop.call_later(_LAST_LOOK, self._end, _LATE)

    def _end(self, broken: Broken) -> None:
        if self._unwritten is not None:
            self._unwritten, broken = None, Broken(broken.why, is_unsent=True)
        self._give(broken)
        self._hang_up()

    def _give(self, result: Answer | Broken) -> None:
        future, self._future = self._future, None
        if future is None:
            return
        self._timer.cancel()
        if not future.done():
            future.set_result(result)

    def _hang_up(self) -> None:
        self._is_over = True
        if not self._transport.is_closing():
            self._transport.abort()


def said(error: Exception) -> str:
    """Return what happened in words, without the system's number for it."""
    words = error.strerror if isinstance(error, OSError) else None
    return words or str(error) or type(error).__name__
