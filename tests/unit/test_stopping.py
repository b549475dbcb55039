"""What becomes of a claim that is under way when its node is told to stop."""

import asyncio
from datetime import UTC, datetime, timedelta

from terkirim.delivery.dispatcher import Dispatcher, DispatchSettings
from terkirim.domain.email import Address, Content, IfUnclear, Priority
from terkirim.domain.errors import StoreUnavailable
from terkirim.domain.lease import Lease
from terkirim.ports import Claim, Work
from terkirim.providers.scripted import ScriptedProvider

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LEASE = Lease(
    message_id="m", email_id="m", number=1, provider="scripted", until=NOW + timedelta(minutes=2),
    route="default", position=0, step=0, waited_us=0, attempts=0, priority=Priority.NORMAL,
    if_unclear=IfUnclear.RESEND, created_at=NOW, due_at=NOW, ready_at=NOW, expires_at=None,
    sender="toko@example.com",
)  # fmt: skip

WORK = Work(
    lease=LEASE,
    recipient="budi@example.com",
    variables=None,
    sender=Address("toko@example.com"),
    subject="x",
    content=Content(id="m", text="y"),
)


class FixedClock:
    def now(self):
        return NOW

    def monotonic(self):
        return 0.0


class SlowOutbox:
    """Answers a claim when it is told to, and remembers what was released."""

    def __init__(self, work):
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()
        self.released, self.refuses = [], []
        self._work = work

    async def claim(self, _wish):
        self.is_asked.set()
        await self.may_answer.wait()
        return Claim(works=(self._work,), turn=0, next_at=None)

    async def release(self, leases, *, now):
        if self.refuses:
            raise self.refuses.pop()
        self.released += leases


def dispatching(outbox, provider, clock=None):
    return Dispatcher(
        outbox=outbox,
        providers={"scripted": provider},
        routes={"default": ("scripted",)},
        outgoing=lambda *_: None,
        clock=clock or FixedClock(),
        dice=lambda: 0.0,
        settings=DispatchSettings(),
    )


async def test_a_claim_under_way_at_a_stop_is_released_and_nothing_is_sent():
    provider = ScriptedProvider()
    outbox = SlowOutbox(WORK)
    dispatcher = dispatching(outbox, provider)
    filling = asyncio.create_task(dispatcher.fill())
    await outbox.is_asked.wait()
    stopping = asyncio.create_task(dispatcher.stop(within=timedelta(seconds=5)))
    await asyncio.wait({stopping}, timeout=0.05)
    assert not stopping.done()
    outbox.may_answer.set()

    assert await asyncio.wait_for(stopping, 5) == 0
    await filling
    assert outbox.released == [LEASE]
    assert provider.sent == []
    assert await dispatcher.fill() == (0, None)


class SleepyClock(FixedClock):
    """A machine that slept for an hour between a claim and the start of its request."""

    def __init__(self):
        self._looks = iter([0.0])

    def monotonic(self):
        return next(self._looks, 3_600.0)


async def test_a_lease_that_came_too_late_is_released_when_the_database_is_back(monkeypatch):
    monkeypatch.setattr("terkirim.delivery.dispatcher.SETTLE_AGAIN_AFTER", 0.0)
    provider, outbox = ScriptedProvider(), SlowOutbox(WORK)
    outbox.refuses = [StoreUnavailable("away"), StoreUnavailable("away")]
    outbox.may_answer.set()
    dispatcher = dispatching(outbox, provider, SleepyClock())

    assert await dispatcher.fill() == (1, None)
    assert await dispatcher.stop(within=timedelta(seconds=5)) == 0
    assert outbox.released == [LEASE]
    assert provider.sent == []
