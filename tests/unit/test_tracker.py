"""The loops of the tracking: they apply at once, and outlive a database that is away."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from terkirim.domain.errors import StoreUnavailable
from terkirim.domain.event import NotUnderstood
from terkirim.ports.tracking import Applied, KeptCallback
from terkirim.tracking.applying import Applier
from terkirim.tracking.ingest import BODY_LIMIT, Intake, Unreadable
from terkirim.tracking.signature import Doorkeeper
from terkirim.tracking.worker import Tracker, TrackingSettings

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LONG = timedelta(hours=1)
WITHIN = 10.0  # seconds


class FixedClock:
    def now(self):
        return NOW

    def monotonic(self):
        return 0.0


class Reader:
    provider = "mailketing"

    def fields(self, body):
        return json.loads(body)

    def is_dated(self, fields):
        return True

    def event(self, fields, *, received_at):
        if "bug" in fields:
            raise ZeroDivisionError
        return NotUnderstood("it is a test")


class Log:
    """A callback log in memory that can be away."""

    def __init__(self):
        self.kept, self.closed, self.refused = [], [], []
        self.forgotten = [5_000, 0]
        self.is_away = False
        self.closed_one = asyncio.Event()
        self.was_away = asyncio.Event()

    async def keep(self, callback):
        self.kept.append(callback)
        return True

    async def unapplied(self, *, limit):
        if self.is_away:
            self.is_away = False
            self.was_away.set()
            raise StoreUnavailable("away")
        return [
            KeptCallback(
                seq=seq, key=one.key, provider=one.provider, body=one.body, received_at=NOW
            )
            for seq, one in enumerate(self.kept)
            if seq not in {closed.seq for closed in self.closed}
        ][:limit]

    async def apply(self, callbacks, *, now):
        self.closed += callbacks
        self.closed_one.set()
        return Applied(not_understood=len(callbacks))

    async def rematch(self, *, now, limit):
        return 0, 0

    async def count_refused(self, counts, *, now):
        self.refused.append(dict(counts))

    async def forget(self, *, raw_before, all_before, now):
        assert (now - raw_before, now - all_before) == (timedelta(days=30), timedelta(days=400))
        return self.forgotten.pop(0)


class Turns:
    def __init__(self):
        self.is_mine = True

    async def take_turn(self, name, *, every, now):
        return self.is_mine


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def parts(log):
    wake = asyncio.Event()
    intake = Intake(
        log=log,
        readers=[Reader()],
        doorkeeper=Doorkeeper(lambda: "rahasia"),
        clock=FixedClock(),
        kept=wake.set,
    )
    turns = Turns()
    tracker = Tracker(
        log=log,
        intake=intake,
        applier=Applier(log=log, readers=[Reader()], clock=FixedClock()),
        upkeep=turns,
        clock=FixedClock(),
        settings=TrackingSettings(look_every=LONG, rematch_every=LONG, flush_every=LONG),
        wake=wake,
    )
    return intake, tracker, turns


async def closed(log, count):
    async with asyncio.timeout(WITHIN):
        while len(log.closed) < count:
            log.closed_one.clear()
            await log.closed_one.wait()


async def test_what_was_kept_is_applied_at_once(log, parts):
    intake, tracker, _ = parts
    tracker.start()
    for number in range(3):
        await intake.take("mailketing", json.dumps({"n": number}).encode())
        await closed(log, number + 1)
    await tracker.stop()


async def test_what_another_process_left_behind_is_applied_at_the_start(log, parts):
    intake, tracker, _ = parts
    await intake.take("mailketing", b"{}")
    tracker.start()
    await closed(log, 1)
    await tracker.stop()


async def test_a_database_that_is_away_for_a_moment_ends_nothing(log, parts):
    intake, tracker, _ = parts
    log.is_away = True
    tracker.start()
    await asyncio.wait_for(log.was_away.wait(), WITHIN)
    await intake.take("mailketing", b"{}")
    await closed(log, 1)
    await tracker.stop()


async def test_a_stop_writes_what_was_counted(log, parts):
    intake, tracker, _ = parts
    tracker.start()
    intake.too_large("mailketing")
    await tracker.stop()
    assert log.refused == [{"mailketing:unreadable": 1}]


async def test_only_the_node_whose_turn_it_is_forgets_until_there_is_little_left(log, parts):
    _, tracker, turns = parts
    turns.is_mine = False
    await tracker.forget()
    assert log.forgotten == [5_000, 0]
    turns.is_mine = True
    await tracker.forget()
    assert log.forgotten == []


async def test_a_reader_with_a_bug_costs_its_own_callback_only(log):
    applier = Applier(log=log, readers=[Reader()], clock=FixedClock())
    intake = Intake(
        log=log,
        readers=[Reader()],
        doorkeeper=Doorkeeper(lambda: "x"),
        clock=FixedClock(),
        kept=lambda: None,
    )
    await intake.take("mailketing", b'{"bug": 1}')
    await intake.take("mailketing", b"{}")
    log.kept[1] = type(log.kept[1])(
        key="ab", provider="another", body="{}", received_at=NOW, is_dated=True
    )
    await applier.apply_kept()
    assert [one.said.why for one in log.closed] == [
        "it could not be read: ZeroDivisionError",
        "callbacks of another are not read here",
    ]


async def test_a_store_that_is_away_while_applying_sets_nothing_aside(log, monkeypatch):
    applier = Applier(log=log, readers=[Reader()], clock=FixedClock())
    await log.keep(KeptCallback(seq=0, key="ab", provider="mailketing", body="{}", received_at=NOW))

    async def away(callbacks, *, now):
        raise StoreUnavailable("away")

    monkeypatch.setattr(log, "apply", away)
    with pytest.raises(StoreUnavailable):
        await applier.apply_kept()
    assert log.closed == []


async def test_a_bug_in_one_round_is_logged_and_ends_nothing(log, parts, monkeypatch):
    intake, tracker, _ = parts
    unapplied, rounds = log.unapplied, []

    async def breaking(*, limit):
        rounds.append(limit)
        if len(rounds) == 1:
            log.was_away.set()
            raise ZeroDivisionError
        return await unapplied(limit=limit)

    monkeypatch.setattr(log, "unapplied", breaking)
    tracker.start()
    await asyncio.wait_for(log.was_away.wait(), WITHIN)
    await intake.take("mailketing", b"{}")
    await closed(log, 1)
    await tracker.stop()


async def test_a_body_that_is_too_large_is_not_kept(log, parts):
    intake, _, _ = parts
    with pytest.raises(Unreadable, match="more than 64 KB"):
        await intake.take("mailketing", b" " * (BODY_LIMIT + 1))
    assert log.kept == []
