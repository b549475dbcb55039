"""Send one HTTP request, once, and say what is proved about it: answered, never left, or unclear.

A cancelled request is not recalled: pyreqwest 0.15 lets it run on in its own thread, so it may yet
be sent, and holds its socket until it is answered or its `within` is over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import DetailedPyreqwestError, PoolTimeoutError, PyreqwestError
from pyreqwest.http import Url
from pyreqwest.proxy import ProxyBuilder
from pyreqwest.request import RequestBuilder
from pyreqwest.response import Response

from terkirim.domain.errors import ConfigError
from terkirim.domain.outcome import Deferred, Unclear
from terkirim.domain.version import __version__

BODY_LIMIT = 256 * 1024  # bytes; an answer to a mail has a few hundred
CONNECT_AT_MOST = timedelta(seconds=10)  # a lost SYN is repeated after 1, 3 and 7 s
POOL_WAIT = timedelta(seconds=1)  # a node leases no more than it has free connections
IDLE_FOR = timedelta(seconds=4)  # below the shortest keep-alive in wide use (Apache: 5 s)

# The whole text of one cause. The classes prove nothing: a reset after the request was read is a
# ConnectError, and an answer that is late is a ConnectTimeoutError.
_NEVER_CONNECTED = "client error (Connect)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said to its end. `body` is at most BODY_LIMIT bytes; longer is not `is_whole`.

    `headers` ignore case; reading one raises ValueError where its bytes are no ASCII.
    """

    status: int
    body: bytes
    is_whole: bool
    headers: Mapping[str, str]


class HttpClient:
    """A pool of connections that never follows a redirect and never sends a request twice.

    Proxies of the environment are ignored; `proxy` is the only way to one. `timeout` is the longest
    `within` that callers use: connecting may take a third of it, so that a connection which was
    never made is told from an answer which never came.
    """

    def __init__(
        self,
        *,
        timeout: timedelta = timedelta(seconds=30),
        connections: int = 200,
        proxy: str | None = None,
    ) -> None:
        builder = (
            ClientBuilder()
            .http1_only()
            .user_agent(f"terkirim/{__version__}")
            .follow_redirects(False)
            .referer(False)
            .max_connections(connections)
            .connect_timeout(min(CONNECT_AT_MOST, timeout / 3))
            .pool_timeout(min(POOL_WAIT, timeout / 3))
            .pool_idle_timeout(IDLE_FOR)
        )
        # Built when it is first used: certificates and a thread, of which a gateway that only takes
        # mail has no need.
        self._build = _with_proxy(builder, proxy).build
        self._client: Client | None = None
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
        request = self._opened().post(url).timeout(within).headers(headers).body_bytes(body)
        return await _ended(request)

    async def post_form(
        self, url: str, *, within: timedelta, fields: Mapping[str, str]
    ) -> Answer | Deferred | Unclear:
        """Return how the request ended; the fields are its urlencoded body.

        Raises:
            ValueError: a field is no UTF-8; nothing left.
        """
        # Encoded in Rust: 35 us for 2 KB of HTML, where urllib's loop over bytes takes 130.
        return await _ended(self._opened().post(url).timeout(within).form(fields))

    async def get(
        self, url: str, *, within: timedelta, headers: Mapping[str, str]
    ) -> Answer | Deferred | Unclear:
        """Return how the request ended.

        Raises:
            ValueError: a header cannot be written; nothing left.
        """
        return await _ended(self._opened().get(url).timeout(within).headers(headers))

    async def close(self) -> None:
        """Close the connections; a request in the air ends as Unclear. Safe to call twice."""
        self._is_closed = True
        client, self._client = self._client, None  # only its last reference holds idle sockets
        if client is not None:
            await client.close()

    def _opened(self) -> Client:
        if self._is_closed:
            raise RuntimeError("the HTTP client is closed")
        if self._client is None:
            self._client = self._build()
        return self._client


def is_url(text: str) -> bool:
    """Tell whether requests can be sent below this address."""
    return Url.is_valid(text) and Url(text).scheme in {"http", "https"}


def _with_proxy(builder: ClientBuilder, proxy: str | None) -> ClientBuilder:
    if proxy is None:
        return builder.no_proxy()
    try:
        return builder.proxy(ProxyBuilder.all(proxy))
    except ValueError:
        # Neither the value nor the library's error is shown: a proxy's URL carries its password.
        raise ConfigError("the proxy is not a URL such as http://host:3128") from None


async def _ended(builder: RequestBuilder) -> Answer | Deferred | Unclear:
    request = builder.build_streamed()  # streamed: the only way to stop at BODY_LIMIT
    try:
        async with request as response:
            read = await response.body_reader.read(BODY_LIMIT + 1)
            return _answer(response, b"" if read is None else bytes(read))
    except PyreqwestError as error:
        return _unanswered(error)


def _answer(response: Response, body: bytes) -> Answer:
    return Answer(
        status=response.status,
        body=body[:BODY_LIMIT],
        is_whole=len(body) <= BODY_LIMIT,
        headers=response.headers,
    )


def _unanswered(error: PyreqwestError) -> Deferred | Unclear:
    """Return Deferred only where the request provably never left; the rest is Unclear."""
    if isinstance(error, PoolTimeoutError):
        return Deferred("no free connection", code="pool", is_provider_down=True)
    causes = _causes(error)
    # The last cause: the first ones name the URL, which says nothing new, in every reason.
    why = causes[-1] if causes else error.message
    if _NEVER_CONNECTED in causes:
        return Deferred(f"no connection: {why}", code="connect", is_provider_down=True)
    if isinstance(error, TimeoutError):
        return Unclear("no answer in time", code="timeout")
    return Unclear(f"no answer: {why}", code="broken")


def _causes(error: PyreqwestError) -> list[str]:
    details = error.details if isinstance(error, DetailedPyreqwestError) else {"causes": None}
    return [cause["message"] for cause in details["causes"] or ()]
