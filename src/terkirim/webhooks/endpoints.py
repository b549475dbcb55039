"""Endpoints as people use them: addresses are checked, secrets made, each change has a who."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from terkirim.domain.errors import InvalidEmail, WrongState
from terkirim.domain.webhook import (
    Endpoint,
    WebhookDelivery,
    WebhookEnd,
    WebhookState,
    WebhookType,
)
from terkirim.policy.reach import Reach
from terkirim.policy.webhooks import OLD_SECRET_FOR
from terkirim.ports import Clock
from terkirim.ports.webhooks import EndpointChange, ReplayRange, Webhooks
from terkirim.webhooks.courier import Courier
from terkirim.webhooks.payloads import trial_payload
from terkirim.webhooks.signing import checked_secret, new_secret
from terkirim.webhooks.urls import checked_url

REPLAYED_AT_ONCE = 1_000
UNFINISHED = (WebhookState.FAILED, WebhookState.HELD)  # what a replay means, if not told otherwise
ALL_STATES = (*UNFINISHED, WebhookState.DELIVERED)


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint with its secret, which is shown this once."""

    endpoint: Endpoint
    secret: str

    def __repr__(self) -> str:
        return f"NewEndpoint({self.endpoint!r}, ***)"


class EndpointDesk:
    """Adds, changes, tries and removes endpoints, and has deliveries made again."""

    def __init__(
        self,
        *,
        book: Webhooks,
        courier: Courier,
        clock: Clock,
        new_id: Callable[[], str],
        reach: Reach,
    ) -> None:
        self._book = book
        self._courier = courier
        self._clock = clock
        self._new_id = new_id
        self._reach = reach

    async def add(
        self, url: str, types: Iterable[str], *, who: str, secret: str | None = None
    ) -> NewEndpoint:
        """Add an endpoint and return it with its secret; no types: it is told of everything.

        Raises:
            InvalidEmail: a field cannot be used; it is named.
        """
        endpoint = Endpoint(
            id=self._new_id(),
            url=checked_url(url, "endpoint", reach=self._reach),
            types=checked_types(types),
            created_at=self._clock.now(),
        )
        made = new_secret() if secret is None else checked_secret(secret, "signing_secret")
        await self._book.add_endpoint(endpoint, made, who=who)
        return NewEndpoint(endpoint, made)

    async def change(
        self,
        endpoint_id: str,
        *,
        who: str,
        url: str | None = None,
        types: Iterable[str] | None = None,
        is_enabled: bool | None = None,
    ) -> Endpoint:
        """Change an endpoint and return it.

        Raises:
            InvalidEmail: a field cannot be used; it is named.
            NotFound: there is none of this id.
        """
        change = EndpointChange(
            who=who,
            now=self._clock.now(),
            url=None if url is None else checked_url(url, "endpoint", reach=self._reach),
            types=None if types is None else checked_types(types),
            is_enabled=is_enabled,
        )
        changed = await self._book.change_endpoint(endpoint_id, change)
        self._courier.wake()
        return changed

    async def rotate(self, endpoint_id: str, *, who: str) -> str:
        """Return a new secret; the one before it signs beside it for a day.

        Raises:
            NotFound: there is none of this id.
        """
        secret, now = new_secret(), self._clock.now()
        await self._book.rotate_secret(
            endpoint_id, secret, old_until=now + OLD_SECRET_FOR, who=who, now=now
        )
        return secret

    async def remove(self, endpoint_id: str, *, who: str) -> None:
        """Remove an endpoint with its deliveries.

        Raises:
            NotFound: there is none of this id.
        """
        await self._book.remove_endpoint(endpoint_id, who=who, now=self._clock.now())

    async def test(self, endpoint_id: str) -> tuple[str, WebhookEnd]:
        """Send a test event now, also to a disabled endpoint; return its id and how it ended.

        Raises:
            NotFound: there is none of this id.
        """
        now = self._clock.now()
        payload = trial_payload(endpoint_id, id_=self._new_id(), now=now)
        task = await self._book.publish_test(
            endpoint_id, payload, now=now, lease_for=self._courier.lease_for
        )
        return payload.id, await self._courier.deliver_one(task)

    async def replay(self, endpoint_id: str, payload_id: str) -> WebhookDelivery:
        """Deliver again, as soon as may be, and return the delivery.

        Raises:
            NotFound: there is no such endpoint, or no such delivery to it.
            WrongState: the endpoint is disabled.
        """
        await self._refuse_disabled(endpoint_id)
        await self._book.replay(endpoint_id, payload_id, now=self._clock.now())
        self._courier.wake()
        return await self._book.delivery(endpoint_id, payload_id)

    async def replay_range(
        self,
        endpoint_id: str,
        *,
        since: datetime,
        until: datetime | None = None,
        states: tuple[WebhookState, ...] = UNFINISHED,
    ) -> int:
        """Deliver a range again; return how much.

        Raises:
            NotFound: there is none of this id.
            WrongState: the endpoint is disabled.
        """
        await self._refuse_disabled(endpoint_id)
        now = self._clock.now()
        which = ReplayRange(endpoint_id=endpoint_id, since=since, until=until or now, states=states)
        total = count = await self._book.replay_range(which, now=now, limit=REPLAYED_AT_ONCE)
        while count == REPLAYED_AT_ONCE:
            count = await self._book.replay_range(which, now=now, limit=REPLAYED_AT_ONCE)
            total += count
        self._courier.wake()
        return total

    async def _refuse_disabled(self, endpoint_id: str) -> None:
        endpoint = await self._book.endpoint(endpoint_id)
        if not endpoint.is_enabled:
            raise WrongState("enable the webhook first: nothing is sent to it", state="disabled")


def checked_types(types: Iterable[str]) -> tuple[WebhookType, ...]:
    """Return the types, each once.

    Raises:
        InvalidEmail: one is not known here.
    """
    known = set(WebhookType)
    found = dict.fromkeys(types)
    for one in found:
        if one not in known:
            problem = f"{one[:60]!r} is not known; give {', '.join(WebhookType)}"
            raise InvalidEmail("events", problem)
    return tuple(WebhookType(one) for one in found)
