"""Sends one HTTP request, once; connections are kept, and no more are made than are allowed.

On the event loop's own sockets, with llhttp as the parser: a client with a thread of its own asks
for Python's lock at each answer, which costs more than the request (docs/decisions/0004).
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from datetime import timedelta

from pyreqwest.http import Url

from terkirim.domain.outcome import Deferred, Unclear
from terkirim.providers.http.line import Answer, Broken, Line
from terkirim.providers.http.making import NeverConnected, connected
from terkirim.providers.http.places import Origin, Place, first_lines, place_of, proxy_of

BODY_LIMIT = 256 * 1024  # bytes; an answer to a mail has a few hundred
CONNECT_AT_MOST = timedelta(seconds=10)  # a lost SYN is repeated after 1, 3 and 7 s
POOL_WAIT = timedelta(seconds=1)  # a node leases no more than it has free connections
IDLE_FOR = 4.0  # seconds, below the shortest keep-alive in wide use (Apache: 5 s)
LEFT_SOON = 1.0  # seconds after its answer: whoever closes then, unannounced, keeps no connections
ANEW_FOR = 600.0  # seconds in which such a server is asked on a new connection each time
_FORM = "application/x-www-form-urlencoded"
_ANYWHERE = Url("http://localhost/")


class HttpClient:
    """A pool of connections that never follows a redirect and never sends a request twice.

    Proxies of the environment are ignored; `proxy` is the only way to one. `timeout` is the longest
    `within` that callers use: connecting may take a third of it, so that a connection which was
    never made is told from an answer which never came. A cancelled request's connection is closed.
    """

    def __init__(
        self,
        *,
        timeout: timedelta = timedelta(seconds=30),
        connections: int = 200,
        proxy: str | None = None,
    ) -> None:
        """Raises ConfigError: the proxy is no URL of one."""
        self._proxy = None if proxy is None else proxy_of(proxy)
        self._connect_within = min(CONNECT_AT_MOST, timeout / 3).total_seconds()
        self._pool_within = min(POOL_WAIT, timeout / 3).total_seconds()
        self._free = connections
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._idle: dict[Origin, list[Line]] = {}
        self._busy: set[Line] = set()
        self._latest: Line | None = None  # over which the last answer came
        self._anew_until: dict[Origin, float] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def post(
        self,
        url: str,
        *,
        within: timedelta,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Answer | Deferred | Unclear:
        """Return how the request ended.

        Raises:
            ValueError: a header cannot be written; nothing left.
        """
        return await self._asked("POST", url, within=within, headers=headers, body=body)

    async def post_form(
        self, url: str, *, within: timedelta, fields: Mapping[str, str]
    ) -> Answer | Deferred | Unclear:
        """Return how the request ended; the fields are its urlencoded body.

        Raises:
            ValueError: a field is no UTF-8; nothing left.
        """
        # Encoded in Rust: 16 us for 2 KB of HTML, where urllib's loop over bytes takes 100.
        query = _ANYWHERE.with_query(dict(fields)).query_string or ""
        headers = {"content-type": _FORM}
        return await self._asked("POST", url, within=within, headers=headers, body=query.encode())

    async def get(
        self, url: str, *, within: timedelta, headers: Mapping[str, str]
    ) -> Answer | Deferred | Unclear:
        """Return how the request ended.

        Raises:
            ValueError: a header cannot be written; nothing left.
        """
        return await self._asked("GET", url, within=within, headers=headers, body=None)

    def hang_up_last(self) -> None:
        """Close the connection of the answer that was returned last.

        To be called before anything is awaited, as another request takes it then.
        """
        if self._latest is not None:
            self._latest.hang_up("")

    async def close(self) -> None:
        """Close the connections; a request in the air ends as Unclear. Safe to call twice."""
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for line in [*self._busy, *(line for lines in self._idle.values() for line in lines)]:
            line.hang_up("the gateway is being stopped")
        self._idle.clear()

    async def _asked(
        self,
        verb: str,
        url: str,
        *,
        within: timedelta,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> Answer | Deferred | Unclear:
        if self._is_closed:
            raise RuntimeError("the HTTP client is closed")
        place = place_of(url)
        request = _written(first_lines(verb, url, self._proxy), headers, body)
        if self._free:
            self._free -= 1
        elif not await self._has_waited():
            return Deferred("no free connection", code="pool", is_provider_down=True)
        try:
            return await self._carried(place, request, within.total_seconds())
        finally:
            self._pass_on()

    async def _has_waited(self) -> bool:
        """Wait for a connection in turn; False where none became free in time."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._pool_within):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():  # it came at the last moment
                self._pass_on()
            if isinstance(error, TimeoutError):
                return False
            raise
        return True

    def _pass_on(self) -> None:
        """Give a connection that became free to who waits first."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    async def _carried(
        self, place: Place, request: bytes, within: float
    ) -> Answer | Deferred | Unclear:
        while (line := self._kept(place.origin)) is not None:
            result = await self._over(line, request, within)
            if not (isinstance(result, Broken) and result.is_unsent):
                return self._said(place.origin, line, result)
            self._note_leaving(place.origin, line)
        loop = asyncio.get_running_loop()
        ends = loop.time() + within
        try:
            line = await self._new(place.origin, min(within, self._connect_within))
        except NeverConnected as error:
            return _unconnected(str(error))
        return self._said(place.origin, line, await self._over(line, request, ends - loop.time()))

    async def _over(self, line: Line, request: bytes, within: float) -> Answer | Broken:
        self._busy.add(line)
        try:
            return await line.ask(request, within=within)
        except asyncio.CancelledError:
            line.hang_up("cancelled")
            raise
        finally:
            self._busy.discard(line)

    def _said(
        self, origin: Origin, line: Line, result: Answer | Broken
    ) -> Answer | Deferred | Unclear:
        if isinstance(result, Broken):
            return _unconnected(result.why) if result.is_unsent else _unclear(result)
        self._latest = line
        self._keep(origin, line)
        return result

    async def _new(self, origin: Origin, within: float) -> Line:
        line = await connected(
            lambda: Line(body_limit=BODY_LIMIT), origin, proxy=self._proxy, within=within
        )
        if self._is_closed:
            line.hang_up("")
            raise NeverConnected("the gateway is being stopped")
        return line

    def _kept(self, origin: Origin) -> Line | None:
        lines = self._idle.get(origin)
        since = asyncio.get_running_loop().time() - IDLE_FOR
        while lines:
            line = lines.pop()
            if line.is_usable and line.idle_since > since:
                return line
            self._note_leaving(origin, line)
            line.hang_up("")
        return None

    def _note_leaving(self, origin: Origin, line: Line) -> None:
        """Remember a server that closes right after its answers and does not say so in them.

        What is sent to it at that moment ends as unclear, and may be sent twice.
        """
        if line.left_at is not None and line.left_at - line.idle_since < LEFT_SOON:
            self._anew_until[origin] = line.left_at + ANEW_FOR

    def _keep(self, origin: Origin, line: Line) -> None:
        if not line.is_usable:
            return
        loop = asyncio.get_running_loop()
        if self._is_closed or self._anew_until.get(origin, 0.0) > loop.time():
            line.hang_up("")
            return
        line.idle_since = loop.time()
        self._idle.setdefault(origin, []).append(line)
        if self._sweep is None:
            self._sweep = loop.call_later(IDLE_FOR, self._swept)

    def _swept(self) -> None:
        """Close what nobody used for a while, and look again as long as there is any."""
        self._sweep = None
        loop = asyncio.get_running_loop()
        since = loop.time() - IDLE_FOR
        for origin, lines in list(self._idle.items()):
            for line in lines:
                self._note_leaving(origin, line)
                if line.idle_since <= since:
                    line.hang_up("")
            self._idle[origin] = [line for line in lines if line.is_usable]
            if not self._idle[origin]:
                del self._idle[origin]
        if self._idle:
            self._sweep = loop.call_later(IDLE_FOR, self._swept)


def _written(head: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    for name, value in headers.items():
        if not value.isprintable():
            raise ValueError(f"the header {name} has characters that no request can carry")
        head += f"{name}: {value}\r\n"
    if body is None:
        return f"{head}\r\n".encode("latin-1")
    return f"{head}content-length: {len(body)}\r\n\r\n".encode("latin-1") + body


def _unconnected(why: str) -> Deferred:
    return Deferred(f"no connection: {why}", code="connect", is_provider_down=True)


def _unclear(broken: Broken) -> Unclear:
    if not broken.why:
        return Unclear("no answer in time", code="timeout")
    return Unclear(f"no answer: {broken.why}", code="broken")
