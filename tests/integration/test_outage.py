"""Ten minutes without the provider, on a clock that the test owns: what they cost, and what not."""

import asyncio
from collections import Counter
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from terkirim.content.outgoing import outgoing
from terkirim.delivery.dispatcher import Dispatcher, DispatchSettings
from terkirim.delivery.worker import Worker, WorkerSettings
from terkirim.domain.email import Carries
from terkirim.domain.outcome import (
    Accepted,
    Deferred,
    OutOfCredits,
    SenderRefused,
    Unauthorised,
    Unclear,
)
from terkirim.policy.breaker import BreakerSettings
from terkirim.ports import Submission
from terkirim.store.gate_settings import GateSettings
from terkirim.store.sqlite.store import SqliteStore
from tests.contract.conftest import SECOND, START, an_email

OUTAGE = timedelta(minutes=10)
BREAKER = BreakerSettings(after=20, cool_down=timedelta(seconds=30))
CONCURRENCY = 50
PROBED_EVERY = timedelta(seconds=60)
MESSAGES = 500


class SteppedClock:
    def __init__(self):
        self.at = START

    def now(self):
        return self.at

    def monotonic(self):
        return (self.at - START).total_seconds()


class Away:
    """A provider that fails with `fault` until its outage is over, and keeps when it was asked."""

    name = "only"
    carries = Carries()

    def __init__(self, clock, fault):
        self._clock = clock
        self._fault = fault
        self.asked = []

    async def send(self, message, *, within):
        self.asked.append(self._clock.now() - START)
        return self._fault if self._clock.now() < START + OUTAGE else Accepted(message.id)

    async def probe(self, *, within, sender=None):
        """Say what API version 1 says: the balance is there, and no call lists senders."""
        return Accepted(credits=9_000) if sender is None else Unclear("no call tells")

    def during_outage(self):
        return [at for at in self.asked if at < OUTAGE]


@pytest.mark.parametrize(
    "fault",
    [Deferred("no connection", is_provider_down=True), Unclear("no answer in time")],
    ids=["refused", "unclear"],
)
async def test_an_outage_burns_few_attempts_and_everything_goes_out_after_it(tmp_path, fault):
    provider, states = await _sent_through_it(tmp_path, fault)
    assert states == {"accepted"}
    probes = {at for at in provider.during_outage() if at > BREAKER.cool_down}
    burnt = len(provider.during_outage())
    assert burnt <= BREAKER.after + CONCURRENCY + len(probes)
    assert len(probes) <= 5  # after 30 s, then twice as long each time, at most 5 minutes
    assert max(provider.asked) < OUTAGE + timedelta(minutes=6)


@pytest.mark.parametrize(
    "fault",
    [
        OutOfCredits("Saldo tidak cukup"),
        Unauthorised("Invalid Token"),
        SenderRefused("not approved", sender="toko@example.com"),
    ],
    ids=["credits", "key", "sender"],
)
async def test_where_only_mail_shows_the_fault_each_probe_costs_one_attempt(tmp_path, fault):
    provider, states = await _sent_through_it(tmp_path, fault)
    assert states == {"accepted"}
    first, *later = sorted(Counter(provider.during_outage()).items())
    assert first[1] <= CONCURRENCY
    assert {count for _, count in later} == {1}
    assert len(later) <= OUTAGE / PROBED_EVERY
    assert max(provider.asked) < OUTAGE + timedelta(minutes=2)


async def _sent_through_it(tmp_path, fault):
    """Return the provider, and the states of mail that was submitted as the outage began."""
    clock = SteppedClock()
    provider = Away(clock, fault)
    gates = GateSettings(
        routes={"default": ("only",)},
        breaker=BREAKER,
        zone=ZoneInfo("Asia/Jakarta"),
        concurrency=CONCURRENCY,
    )
    store = SqliteStore(tmp_path / "outage.db", node="a", settings=gates)
    dispatcher = Dispatcher(
        outbox=store,
        providers={"only": provider},
        routes=gates.routes,
        outgoing=lambda work, now: outgoing(work, links=None, now=now),
        clock=clock,
        dice=lambda: 0.0,
        settings=DispatchSettings(concurrency=CONCURRENCY),
    )
    worker = Worker(
        dispatcher=dispatcher,
        outbox=store,
        gates=store,
        providers={"only": provider},
        clock=clock,
        settings=WorkerSettings(),
    )
    try:
        emails = tuple(an_email() for _ in range(MESSAGES))
        await store.accept(Submission(emails=emails, now=clock.now()))
        await _run_until_empty(store, dispatcher, worker, clock)
        states = {(await store.story(email.id)).message.state for email in emails}
    finally:
        await store.close()
    return provider, states


async def _run_until_empty(store, dispatcher, worker, clock):
    probe_at = clock.now() + PROBED_EVERY
    while sum((await store.backlog(now=clock.now())).by_state.values()):
        count, next_at = await dispatcher.fill()
        if dispatcher._tasks:
            await asyncio.wait(dispatcher._tasks)
        await store.sweep(now=clock.now())
        if count == 0:
            assert clock.now() < START + timedelta(hours=2), "it stands still"
            clock.at = min(max(next_at or probe_at, clock.now() + SECOND), probe_at)
        if clock.now() >= probe_at:
            await worker.probe_pauses()
            probe_at += PROBED_EVERY
