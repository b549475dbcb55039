"""Where webhooks are kept: who is told, what happened, and each delivery with its attempts.

What happened is written by the transaction in which it happened, and only where somebody wants to
be told of it; a provider's later words are read out of the log of events. `publish` turns both into
payloads, each exactly once, whichever node does it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from terkirim.domain.webhook import (
    Endpoint,
    Happening,
    Payload,
    WebhookAnswer,
    WebhookDelivery,
    WebhookEnd,
    WebhookState,
    WebhookTask,
    WebhookType,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChange:
    """What changes of an endpoint; None: it stays. `who` did it, for the activity log."""

    who: str
    now: datetime
    url: str | None = None
    types: tuple[WebhookType, ...] | None = None
    is_enabled: bool | None = None


class WebhookEndpoints(Protocol):
    """The endpoints; every change of them is a row of the activity log."""

    async def add_endpoint(self, endpoint: Endpoint, secret: str, *, who: str) -> None:
        """Store an endpoint; it is told of what happens from now on."""
        ...

    async def endpoints(self) -> list[Endpoint]:
        """Return all endpoints, oldest first."""
        ...

    async def endpoint(self, endpoint_id: str) -> Endpoint:
        """Return one endpoint.

        Raises:
            NotFound: there is none of this id.
        """
        ...

    async def change_endpoint(self, endpoint_id: str, change: EndpointChange) -> Endpoint:
        """Change an endpoint and return it; enabling it forgets its failures.

        Raises:
            NotFound: there is none of this id.
        """
        ...

    async def rotate_secret(
        self, endpoint_id: str, secret: str, *, old_until: datetime, who: str, now: datetime
    ) -> None:
        """Sign by another secret from now on, and by the one before it too until then.

        Raises:
            NotFound: there is none of this id.
        """
        ...

    async def remove_endpoint(self, endpoint_id: str, *, who: str, now: datetime) -> None:
        """Remove an endpoint with all of its deliveries.

        Raises:
            NotFound: there is none of this id.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """What has happened and was not published yet, oldest first.

    `seqs` are the rows that it was read from, `after` and `upto` the part of the log of events.
    `is_wanted` is False where nobody is told of anything.
    """

    happenings: tuple[Happening, ...] = ()
    seqs: tuple[int, ...] = ()
    after: int = 0
    upto: int = 0
    is_wanted: bool = True

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to take note of."""
        return not self.seqs and self.after == self.upto


class WebhookFeed(Protocol):
    """What has happened, and the one transaction that makes deliveries of it."""

    async def fresh(self, *, limit: int) -> Fresh:
        """Return what is not published yet."""
        ...

    async def publish(self, fresh: Fresh, payloads: Sequence[Payload], *, now: datetime) -> bool:
        """Make a delivery of each payload to each endpoint that wants its type.

        False: another node has published some of it meanwhile, and nothing was done.
        """
        ...

    async def publish_test(
        self, endpoint_id: str, payload: Payload, *, now: datetime, lease_for: timedelta
    ) -> WebhookTask:
        """Make a delivery of a test, leased at once to who asks.

        Raises:
            NotFound: there is no such endpoint.
        """
        ...


class WebhookQueue(Protocol):
    """Deliveries as a node's courier uses them."""

    async def due_at_endpoints(self, *, now: datetime) -> Mapping[str, bool]:
        """Return the enabled endpoints to which something is due, and whether each is failing."""
        ...

    async def take(
        self, room: Mapping[str, int], *, now: datetime, lease_for: timedelta
    ) -> list[WebhookTask]:
        """Lease due deliveries, at most so many of each endpoint, oldest due first.

        A lease that is not ended in time is due again: who holds it may have died.
        """
        ...

    async def end(self, ends: Sequence[WebhookEnd], *, now: datetime) -> int:
        """Record attempts and what they lead to; return how many had the newest lease.

        Failures of endpoints are counted in the same commit, and an endpoint is disabled where they
        are too many for too long.
        """
        ...

    async def hold(self, *, limit: int) -> int:
        """Hold some deliveries that wait for disabled endpoints; return how many."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries of an endpoint a list shows, newest first; `after` and `before` are ids."""

    endpoint_id: str
    limit: int = 20
    after: str | None = None
    before: str | None = None
    state: WebhookState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRange:
    """Which deliveries are made again: those published `since` until `until`, in these states."""

    endpoint_id: str
    since: datetime
    until: datetime
    states: tuple[WebhookState, ...]


class WebhookLog(Protocol):
    """Questions about deliveries, and their repetition."""

    async def deliveries(self, which: DeliveryFilter) -> list[WebhookDelivery]:
        """Return deliveries, newest first."""
        ...

    async def delivery(self, endpoint_id: str, payload_id: str) -> WebhookDelivery:
        """Return one delivery.

        Raises:
            NotFound: there is none.
        """
        ...

    async def deliveries_of(self, message_id: str) -> list[WebhookDelivery]:
        """Return what was told of one message, oldest first."""
        ...

    async def attempts(self, endpoint_id: str, payload_id: str) -> list[WebhookAnswer]:
        """Return the attempts of one delivery, oldest first."""
        ...

    async def replay(self, endpoint_id: str, payload_id: str, *, now: datetime) -> bool:
        """Deliver again; False where there is no such delivery."""
        ...

    async def replay_range(self, which: ReplayRange, *, now: datetime, limit: int) -> int:
        """Deliver some of the range again; return how many: fewer than `limit` were all."""
        ...

    async def waiting(self) -> Mapping[WebhookState, int]:
        """Return how many deliveries wait, and how many are held; exact up to 10,000 each."""
        ...

    async def forget(self, *, before: datetime, limit: int) -> int:
        """Delete payloads from before then with their deliveries; what waits stays."""
        ...


class Webhooks(WebhookEndpoints, WebhookFeed, WebhookQueue, WebhookLog, Protocol):
    """One database that keeps all of it."""
