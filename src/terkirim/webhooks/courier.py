"""The loops that run for ever: publish what has happened, deliver what is due, record the end."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from terkirim.domain.errors import TerkirimError
from terkirim.domain.webhook import WebhookEnd, WebhookTask
from terkirim.logs import Logger
from terkirim.policy.webhooks import ended
from terkirim.ports import Clock
from terkirim.ports.webhooks import WebhookFeed, WebhookQueue
from terkirim.webhooks.payloads import payload_of
from terkirim.webhooks.sender import Sender

_log = Logger("terkirim.webhooks")


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierSettings:
    """How much is done at once, and how often it is looked.

    `at_once` is for one endpoint and one node, `failing_at_once` for one that failed last, and
    `in_all` for the node: a slow app holds up nobody else. `look_often` goes while somebody is to
    be told of something.
    """

    at_once: int = 32
    failing_at_once: int = 4
    in_all: int = 400
    published_at_once: int = 500
    held_at_once: int = 1_000
    look_often: timedelta = timedelta(milliseconds=250)
    look_every: timedelta = timedelta(seconds=2)
    lease_margin: timedelta = timedelta(seconds=15)


class Courier:
    """One node's share of the deliveries; `counts` are attempts of this process, by their end."""

    def __init__(
        self,
        *,
        feed: WebhookFeed,
        queue: WebhookQueue,
        sender: Sender,
        clock: Clock,
        new_id: Callable[[], str],
        settings: CourierSettings,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._feed = feed
        self._queue = queue
        self._sender = sender
        self._clock = clock
        self._new_id = new_id
        self._settings = settings
        self._wake = asyncio.Event()
        self._is_wanted = True
        self._in_air: Counter[str] = Counter()
        self._ends: list[WebhookEnd] = []
        self._has_ends = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._sending: set[asyncio.Task[None]] = set()

    @property
    def lease_for(self) -> timedelta:
        """How long a delivery may take before another node may make it."""
        return self._sender.within + self._settings.lease_margin

    def start(self) -> None:
        """Begin, in the running loop."""
        loops = {
            "webhooks-publish": self._publish_for_ever,
            "webhooks-deliver": self._deliver_for_ever,
            "webhooks-record": self._record_for_ever,
            "webhooks-hold": self._hold_for_ever,
        }
        self._tasks = [asyncio.create_task(run(), name=name) for name, run in loops.items()]

    async def stop(self, *, within: timedelta) -> None:
        """Take nothing more, wait for what is in the air, write how it ended; safe to call twice.

        What is cut off is delivered again, under the same id, when its lease is over.
        """
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._sending:
            await asyncio.wait(self._sending, timeout=within.total_seconds())
        for sending in list(self._sending):
            sending.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        with suppress(TerkirimError):
            await self.record()

    def wake(self) -> None:
        """Say that something may be due."""
        self._wake.set()

    async def publish(self) -> None:
        """Make deliveries of all that has happened."""
        while True:
            fresh = await self._feed.fresh(limit=self._settings.published_at_once)
            self._is_wanted = fresh.is_wanted
            if fresh.is_empty:
                return
            ids = sorted(self._new_id() for _ in fresh.happenings)  # told in this order
            pairs = zip(fresh.happenings, ids, strict=True)
            payloads = [payload_of(one, id_=id_) for one, id_ in pairs]
            if await self._feed.publish(fresh, payloads, now=self._clock.now()) and payloads:
                self._wake.set()

    async def deliver(self) -> int:
        """Begin to deliver what is due, as far as there is room; return how much."""
        room = self._room(await self._queue.due_at_endpoints(now=self._clock.now()))
        if not room:
            return 0
        taken = await self._queue.take(room, now=self._clock.now(), lease_for=self.lease_for)
        for task in taken:
            self._begin(task)
        return len(taken)

    async def deliver_one(self, task: WebhookTask) -> WebhookEnd:
        """Deliver what is leased already, write how it ended, and return it."""
        end = await self._delivered(task)
        await self._queue.end([end], now=self._clock.now())
        return end

    async def record(self) -> None:
        """Write how attempts ended; they are kept in mind until that is done."""
        while some := self._ends[:]:
            await self._queue.end(some, now=self._clock.now())
            del self._ends[: len(some)]
            for end in some:
                self._in_air[end.task.endpoint_id] -= 1
            self._in_air += Counter()  # forgets whom nothing is on the way to
            self._wake.set()

    def _room(self, due: Mapping[str, bool]) -> dict[str, int]:
        """Return how many deliveries may be begun to each endpoint, by whether it is failing.

        Half of its room at once: to take each single place would cost a commit for each.
        """
        settings, room = self._settings, dict[str, int]()
        left = settings.in_all - self._in_air.total()
        for id_ in sorted(due, key=self._in_air.__getitem__):
            most = settings.failing_at_once if due[id_] else settings.at_once
            free = min(most - self._in_air[id_], left)
            if free > 0 and (most - self._in_air[id_]) * 2 >= most:
                room[id_] = free
                left -= free
        return room

    def _begin(self, task: WebhookTask) -> None:
        self._in_air[task.endpoint_id] += 1
        sending = asyncio.create_task(self._send(task), name=f"webhook {task.payload_id}")
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def _send(self, task: WebhookTask) -> None:
        try:
            self._ends.append(await self._delivered(task))
        except Exception:  # noqa: BLE001 - it is due again when its lease is over
            self._in_air[task.endpoint_id] -= 1
            _log.exception("a webhook broke")
        self._has_ends.set()

    async def _delivered(self, task: WebhookTask) -> WebhookEnd:
        answer = await self._sender.post(task)
        end = ended(task, answer, now=self._clock.now())
        self.counts["delivered" if answer.is_success else "failed"] += 1
        return end

    async def _publish_for_ever(self) -> None:
        while True:
            await self._outlived(self.publish)
            often = self._settings.look_often if self._is_wanted else self._settings.look_every
            await asyncio.sleep(often.total_seconds())

    async def _deliver_for_ever(self) -> None:
        while True:
            self._wake.clear()
            await self._outlived(self.deliver)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.look_every.total_seconds()):
                    await self._wake.wait()

    async def _record_for_ever(self) -> None:
        while True:
            await self._has_ends.wait()
            self._has_ends.clear()
            if not await self._outlived(self.record):
                await asyncio.sleep(self._settings.look_often.total_seconds())
                self._has_ends.set()

    async def _hold_for_ever(self) -> None:
        """Nothing waits for it: what is not held yet is not taken either."""
        while True:
            await self._outlived(self._hold)
            await asyncio.sleep(self._settings.look_every.total_seconds())

    async def _hold(self) -> None:
        while await self._queue.hold(limit=self._settings.held_at_once):
            pass

    @staticmethod
    async def _outlived(work: Callable[[], Awaitable[object]]) -> bool:
        try:
            await work()
        except TerkirimError as error:
            _log.warning("webhooks wait for the database", reason=str(error))
        except Exception:  # noqa: BLE001 - the loop outlives a bug in one round, and logs it
            _log.exception("webhooks broke")
        else:
            return True
        return False
