"""Moves bytes to one gateway and back: a pool of connections over the standard library.

Not pyreqwest, through which the gateway sends. Seen in 0.15: an exception out of a signal handler
(Ctrl-C, a time limit of Celery) during its blocking call aborts the process; its asynchronous calls
under plain asyncio abort 2 exits of 40; after a fork neither works. Python's sockets have no such
faults, and gevent can stand in for them.
"""

import contextlib
import io
import os
import select
import socket
import ssl
import time
from collections import deque
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any

from terkirim.client.core import Server
from terkirim.client.wire import Answer, NoAnswer, Request

CONNECT_AT_MOST = 10.0  # seconds; a lost SYN is repeated after 1, 3 and 7 s
IDLE_FOR = 4.0  # seconds, below the shortest keep-alive in wide use (Apache: 5 s)
ANSWER_LIMIT = 64 * 1024 * 1024  # bytes; one e-mail with its content has 40 MB at most
_BROKEN = (OSError, HTTPException, ValueError)  # ValueError: an answer that is no HTTP


class Transport:
    """Sends one request, once, and says what became of it. May be used by many threads."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._tls = ssl.create_default_context() if server.scheme == "https" else None
        self._idle: deque[_Line] = deque()  # without a lock, which a fork could leave locked
        self._busy: set[_Line] = set()
        self._is_closed = False

    def exchange(self, request: Request) -> Answer | NoAnswer:
        """Return the answer, or why there is none.

        Raises:
            RuntimeError: the transport is closed.
        """
        if self._is_closed:
            raise RuntimeError("the client is closed")
        line = self._idle_line()
        if line is None:
            try:
                line = self._new_line(request.deadline)
            except _BROKEN as error:
                return NoAnswer(reason=f"no connection: {_why(error)}", has_left=False)
        self._busy.add(line)
        try:
            answer = line.answer_to(request)
        except _BROKEN as error:
            line.close()
            return NoAnswer(reason=f"no answer: {_why(error)}", has_left=True)
        except BaseException:  # a signal's: what comes on this line next is not for the next caller
            line.close()
            raise
        finally:
            self._busy.discard(line)
        self._keep(line)
        return answer

    def close(self) -> None:
        """Close every connection; a request in the air ends at once. Safe to call twice."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()
        for line in tuple(self._busy):
            line.cut()

    def _idle_line(self) -> "_Line | None":
        with contextlib.suppress(IndexError):
            while True:
                line = self._idle.pop()
                if line.is_fit():
                    return line
                line.close()
        return None

    def _new_line(self, deadline: float) -> "_Line":
        left = min(CONNECT_AT_MOST, _left(deadline))
        host, port = self._server.host, self._server.port
        http = (
            HTTPConnection(host, port, timeout=left)
            if self._tls is None
            else HTTPSConnection(host, port, timeout=left, context=self._tls)
        )
        try:
            http.connect()
        except BaseException:
            http.close()
            raise
        return _Line(http)

    def _keep(self, line: "_Line") -> None:
        if not line.is_open or self._is_closed:
            line.close()
            return
        line.rests_since = time.monotonic()
        self._idle.append(line)
        with contextlib.suppress(IndexError):  # the longest idle one stands first
            if not self._idle[0].is_fit():
                self._idle.popleft().close()


class _Line:
    """One connection."""

    def __init__(self, http: HTTPConnection) -> None:
        http.auto_open = 0  # a line that is closed stays closed
        self._http = http
        self._socket: socket.socket = http.sock
        self._pid = os.getpid()
        self.rests_since = 0.0

    @property
    def is_open(self) -> bool:
        return self._http.sock is not None

    def is_fit(self) -> bool:
        """Return whether the next request may go out here: it is ours, fresh, and nothing came."""
        if self._pid != os.getpid() or time.monotonic() - self.rests_since > IDLE_FOR:
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def answer_to(self, request: Request) -> Answer:
        self._socket.settimeout(_left(request.deadline))
        # The other side may answer and hang up before it has read all, as of a body too large.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._http.request(request.method, request.target, request.body, dict(request.headers))
        with self._response(request) as response:
            if response.is_cut:  # http.client takes the end of the line for the end of the head
                raise ValueError("it ended too early")
            body = response.read(ANSWER_LIMIT + 1)
            if len(body) > ANSWER_LIMIT:
                raise ValueError(f"it is longer than {ANSWER_LIMIT} bytes")
            if response.length:
                raise ValueError("it ended too early")
        return Answer(status=response.status, body=body, headers=dict(response.headers.items()))

    def _response(self, request: Request) -> "_Response":
        self._http.response_class = partial(_Response, deadline=request.deadline)  # type: ignore[assignment]  # as callable as a class
        response: _Response = self._http.getresponse()  # type: ignore[assignment]  # as just said
        return response

    def close(self) -> None:
        self._http.close()

    def cut(self) -> None:
        """End it under the hands of the thread that waits on it."""
        with contextlib.suppress(OSError):
            # The plain socket's: an SSL socket's own would first take it from the waiting thread.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Response(HTTPResponse):
    """An answer that is read until a deadline, however it drips."""

    def __init__(self, sock: socket.socket, *rest: Any, deadline: float, **named: Any) -> None:
        super().__init__(sock, *rest, **named)
        self._timed = _Timed(sock, self.fp.detach(), deadline)
        self.fp = io.BufferedReader(self._timed)

    @property
    def is_cut(self) -> bool:
        """True where the line has ended already; asked before the body, it ended in the head."""
        return self._timed.has_ended


class _Timed(io.RawIOBase):
    def __init__(self, sock: socket.socket, raw: io.RawIOBase, deadline: float) -> None:
        self._socket = sock
        self._raw = raw
        self._deadline = deadline
        self.has_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(_left(self._deadline))
        count = self._raw.readinto(buffer)
        self.has_ended = count == 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
