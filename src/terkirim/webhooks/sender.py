"""Posts one delivery to the customer's app, once, and says how that ended.

The addresses behind a name are judged before they are asked, and the one that was judged is the one
that is asked: a name that answers differently a moment later changes nothing.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import DetailedPyreqwestError, PyreqwestError
from pyreqwest.http import Url
from pyreqwest.response import Response

from terkirim.domain.version import __version__
from terkirim.domain.webhook import WebhookAnswer, WebhookTask
from terkirim.policy.reach import Reach, may_reach
from terkirim.ports import Clock
from terkirim.webhooks.signing import headers_for

WITHIN = timedelta(seconds=15)
READ_AT_MOST = 16 * 1024  # bytes of an answer
KEPT = 1_024  # characters of it
LOOKED_UP_FOR = 30.0  # seconds until a name is looked up again
_IDLE_FOR = timedelta(seconds=4)  # below the shortest keep-alive in wide use (Apache: 5 s)
_MOST_HOSTS = 256  # whose connections are kept
_REDIRECTS = range(300, 400)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class _OutOfReach(Exception):  # noqa: N818 - how an attempt ends
    """The address may not be asked, or is not known; the text says which."""


@dataclass(slots=True)
class _Host:
    """A way to one host: the address that was judged, and connections to nothing else."""

    address: str
    client: Client
    looked_up_at: float


class Sender:
    """Connections to the apps; nothing is followed, and nothing is sent twice."""

    def __init__(
        self,
        *,
        reach: Reach,
        resolve: Resolve,
        clock: Clock,
        connections: int,
        within: timedelta = WITHIN,
    ) -> None:
        self.within = within
        self._reach = reach
        self._resolve = resolve
        self._clock = clock
        self._connections = connections
        self._hosts: OrderedDict[tuple[str, int], _Host] = OrderedDict()
        self._looking_up: dict[tuple[str, int], asyncio.Lock] = {}

    async def post(self, task: WebhookTask) -> WebhookAnswer:
        """Return how the request ended; raises nothing but cancellation."""
        at, began = self._clock.now(), self._clock.monotonic()
        body = task.body.encode()
        headers = {
            "content-type": "application/json",
            **headers_for(task.payload_id, body, keys=task.secrets, at=int(at.timestamp())),
        }
        code, reason, answer = await self._ended(task.url, body, headers)
        return WebhookAnswer(
            at=at,
            duration_us=round((self._clock.monotonic() - began) * 1_000_000),
            code=code,
            reason=reason,
            answer=answer,
        )

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        hosts, self._hosts = list(self._hosts.values()), OrderedDict()
        for one in hosts:
            await one.client.close()

    async def _ended(
        self, url: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int | None, str, str]:
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                client = await self._client_for(Url(url))
                request = client.post(url).timeout(self.within).headers(headers).body_bytes(body)
                async with request.build_streamed() as response:
                    said = await _beginning(response)
        except TimeoutError:  # pyreqwest's own is one too
            return None, f"no answer within {self.within.total_seconds():.0f} s", ""
        except _OutOfReach as error:
            return None, str(error), ""
        except ValueError:
            return None, "the address cannot be asked", ""
        except PyreqwestError as error:
            return None, f"no answer: {_why(error)}", ""
        reason = "redirects are not followed" if response.status in _REDIRECTS else ""
        return response.status, reason, said

    async def _client_for(self, url: Url) -> Client:
        """Return a client that can reach this one host, by the address that was judged."""
        key = (str(url.host_str), url.port_or_known_default or 0)
        async with self._looking_up.setdefault(key, asyncio.Lock()):
            known, now = self._hosts.get(key), self._clock.monotonic()
            if known is None or now - known.looked_up_at >= LOOKED_UP_FOR:
                known = await self._looked_up(url, key, known, now)
            self._hosts[key] = known
            self._hosts.move_to_end(key)
        await self._forget_oldest()
        return known.client

    async def _looked_up(
        self, url: Url, key: tuple[str, int], known: _Host | None, now: float
    ) -> _Host:
        address = await self._address_of(url, key)
        if known is not None and known.address == address:
            known.looked_up_at = now
            return known
        builder = (
            ClientBuilder()
            .http1_only()
            .no_proxy()
            .follow_redirects(False)
            .referer(False)
            .user_agent(f"terkirim/{__version__}")
            .max_connections(self._connections)
            .pool_timeout(self.within)
            .pool_idle_timeout(_IDLE_FOR)
        )
        if url.domain is not None:
            builder = builder.resolve(key[0], address, key[1])
        return _Host(address=address, client=builder.build(), looked_up_at=now)

    async def _address_of(self, url: Url, key: tuple[str, int]) -> str:
        host, port = key
        if url.domain is None:
            addresses: Sequence[str] = [host.strip("[]")]
        else:
            try:
                addresses = await self._resolve(host, port)
            except (OSError, UnicodeError):
                raise _OutOfReach("the name of the host is not known") from None
        if not may_reach(addresses, self._reach):
            raise _OutOfReach("the host is not on the open Internet; see TERKIRIM_WEBHOOK_REACH")
        known = self._hosts.get(key)
        is_same = known is not None and known.address in addresses
        return known.address if known is not None and is_same else addresses[0]

    async def _forget_oldest(self) -> None:
        """Let go of hosts that were not asked for long; a request in the air keeps its own."""
        while len(self._hosts) > _MOST_HOSTS:
            key, _ = self._hosts.popitem(last=False)
            self._looking_up.pop(key, None)


async def _beginning(response: Response) -> str:
    """Return how the answer begins; that it came is known already, whatever becomes of its rest."""
    try:
        read = await response.body_reader.read(READ_AT_MOST)
    except PyreqwestError:
        return ""
    return (b"" if read is None else bytes(read)).decode(errors="replace")[:KEPT]


def _why(error: PyreqwestError) -> str:
    details = error.details if isinstance(error, DetailedPyreqwestError) else {"causes": None}
    causes = [cause["message"] for cause in details["causes"] or ()]
    return causes[-1] if causes else error.message
