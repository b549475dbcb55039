"""The whole gateway against an emulated Mailketing: balances, alerts at a hook, the reserve."""

import asyncio
from datetime import timedelta

import pytest

from terkirim.compose import Gateway
from terkirim.domain.credit import Level, Source
from terkirim.domain.email import Draft
from terkirim.domain.errors import CannotBePaid
from terkirim.emulator.server import Emulator
from terkirim.ports import IdempotencyKey
from tests.integration.hooks import Hook

WITHIN = 15.0


def opened(tmp_path, emulator, *, version=2, **given):
    return Gateway.open(
        **{
            "database": f"sqlite:///{tmp_path}/g.db",
            "mailketing_api_key": "emulated",
            "mailketing_api_url": f"{emulator.url}/v{version}",
            "mailketing_from_email": "toko@example.com",
            "pause_probe": "100ms",
            "language": "en",
        }
        | given
    )


async def until(is_so):
    async with asyncio.timeout(WITHIN):
        while not await is_so():  # noqa: ASYNC110 - it is other tasks that make it so
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("version", [1, 2])
async def test_the_balance_is_read_at_the_start_and_told_to_the_hook_and_so_is_a_top_up(
    tmp_path, version
):
    async with (
        Emulator(credits_left=9_000) as emulator,
        Hook() as hook,
        opened(tmp_path, emulator, version=version, alert_urls=hook.url) as gateway,
    ):
        assert await hook.titles(1) == ["Mailketing: 9,000 credits left"]
        emulator.credits = 300_000
        (standing,) = await gateway.lookout.monitor.check(who="cli")
        assert (standing.balance, standing.level) == (300_000, Level.OK)
        assert await hook.titles(2) == [
            "Mailketing: 9,000 credits left",
            "Mailketing: credits are fine again",
        ]


async def test_balances_come_from_the_answers_to_mails_too(tmp_path):
    async with Emulator(credits_left=70_000) as emulator, opened(tmp_path, emulator) as gateway:
        await gateway.send_email(to="budi@example.com", subject="Halo", html="<p>x</p>")

        async def is_sent():
            return bool(emulator.ledger.summary()["accepted"])

        await until(is_sent)
        lookout = gateway.lookout

        async def heard():
            await lookout.monitor.listen()
            now = gateway.clock.now()
            found = await lookout.statistics.over("mailketing", days=1, now=now)
            return [one.credits for one in found.readings if one.source is Source.SEND]

        await until(heard)
        assert await heard() == [69_999]


async def test_the_last_credits_go_to_high_priority_and_the_rest_follows_a_top_up(tmp_path):
    async with Emulator(credits_left=800) as emulator, opened(tmp_path, emulator) as gateway:
        await gateway.lookout.monitor.check()
        for priority in ("low", "normal", "high"):
            await gateway.send_email(
                to=f"{priority}@example.com", subject="Halo", html="<p>x</p>", priority=priority
            )

        async def high_is_sent():
            return emulator.ledger.summary()["accepted"] >= 1

        await until(high_is_sent)
        assert {recipient for _, recipient in emulator.ledger.accepted} == {"high@example.com"}
        emulator.credits = 100_000
        await gateway.lookout.monitor.check()

        async def all_are_sent():
            return emulator.ledger.summary()["accepted"] == 3

        await until(all_are_sent)


def broadcast(count):
    to = [f"p{number}@example.com" for number in range(count)]
    return Draft(to=to, subject="Promo", html="<p>x</p>", stream="broadcast")


async def test_a_broadcast_that_cannot_be_paid_is_refused_unless_it_is_forced(tmp_path):
    async with (
        Emulator(credits_left=1_020) as emulator,
        opened(tmp_path, emulator, work=False) as gateway,
    ):
        await gateway.lookout.monitor.check()
        with pytest.raises(CannotBePaid):
            await gateway.send([broadcast(40)], owner="t")
        await gateway.send([broadcast(40)], owner="t", is_forced=True)
        await gateway.send_email(to="budi@example.com", subject="Halo", html="<p>x</p>")


async def test_a_broadcast_that_was_taken_before_is_answered_again_when_credits_are_gone(tmp_path):
    key = IdempotencyKey(owner="t", route="r", key="k", fingerprint="f")
    async with (
        Emulator(credits_left=2_000) as emulator,
        opened(tmp_path, emulator, work=False) as gateway,
    ):
        await gateway.lookout.monitor.check()
        first = await gateway.send([broadcast(40)], owner="t", key=key)
        emulator.credits = 0
        await gateway.lookout.monitor.check()
        gateway.lookout.preflights._looks.clear()
        again = await gateway.send([broadcast(40)], owner="t", key=key)
        assert again.is_repeat
        assert again.answer == first.answer


async def test_without_a_prepaid_provider_there_are_no_credits_and_no_alarms(tmp_path, monkeypatch):
    monkeypatch.delenv("MAILKETING_API_KEY", raising=False)
    async with Gateway.open(database=f"sqlite:///{tmp_path}/g.db") as gateway:
        assert await gateway.lookout.monitor.check() == []
        assert await gateway.lookout.monitor.look() == []
        assert (await gateway.lookout.preflights.estimate(5)).is_enough is None
        draft = Draft(sender="a@b.co", to="b@b.co", subject="x", text="y", stream="broadcast")
        await gateway.send([draft], owner="t")


async def test_a_gateway_whose_provider_is_away_says_so_in_the_book(tmp_path):
    async with Emulator() as emulator, opened(tmp_path, emulator, work=False) as gateway:
        emulator.refuse()
        (standing,) = await gateway.lookout.monitor.check()
        assert (standing.balance, standing.level, standing.failures) == (None, Level.UNKNOWN, 1)
        assert standing.fault == "Deferred"


async def test_two_nodes_ask_once_an_hour_between_them(tmp_path):
    async with (
        Emulator() as emulator,
        opened(tmp_path, emulator) as one,
        opened(tmp_path, emulator),
    ):

        async def is_read():
            return (await one.lookout.standings.one("mailketing")).reading is not None

        await until(is_read)
        whats = [row.what for row in await one.lookout.activity.activity(limit=9)]
        assert whats.count("credits checked") == 1
        turn = await one.store.take_turn(
            "credits", every=timedelta(hours=1), now=one.clock.now() + timedelta(minutes=59)
        )
        assert not turn
