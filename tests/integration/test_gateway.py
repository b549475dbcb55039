"""The whole gateway against an emulated Mailketing over real sockets, in this process."""

import asyncio
from collections import Counter

import pytest

from terkirim.compose import Gateway
from terkirim.domain.email import Draft
from terkirim.domain.message import State
from terkirim.emulator.faults import Faults
from terkirim.emulator.server import Emulator

QUICK = {
    "retry_waits": "20ms,60ms,180ms",
    "retry_tail": "200ms",
    "unclear_wait": "100ms",
    "pause_probe": "100ms",
    "breaker_cool_down": "100ms",
    "timeout": "2s",
}


def opened(tmp_path, emulator, *, version=2, **given):
    key_file = tmp_path / "key"
    if not key_file.exists():
        key_file.write_text("emulated")
    return Gateway.open(
        **QUICK
        | {
            "database": f"sqlite:///{tmp_path}/g.db",
            "mailketing_api_key": "emulated",
            "mailketing_api_url": f"{emulator.url}/v{version}",
            "mailketing_from_email": "toko@example.com",
        }
        | given
    )


async def ended(gateway, within=60.0):  # a bound for what hangs, not a speed
    async with asyncio.timeout(within):
        while (await gateway.store.backlog(now=gateway.clock.now())).by_state:  # noqa: ASYNC110 - it is another task's work
            await asyncio.sleep(0.02)


async def send_many(gateway, count, **options):
    return await asyncio.gather(
        *[
            gateway.send_email(
                to=f"p{n}@example.com", subject=f"Halo {n}", html="<p>x</p>", **options
            )
            for n in range(count)
        ]
    )


@pytest.mark.parametrize("version", [1, 2])
async def test_every_email_arrives_through_a_provider_that_fails_in_every_way(tmp_path, version):
    faults = Faults.parse(
        "429=0.03,500=0.05,502=0.03,503=0.03,reset=0.03,drop=0.03,half=0.02,html200=0.02,html503=0.03"
    )
    async with Emulator(faults=faults) as emulator:
        async with opened(tmp_path, emulator, version=version) as gateway:
            ids = await send_many(gateway, 300)
            await ended(gateway)
            states = Counter([(await gateway.store.story(one)).message.state for one in ids])
        assert states == {State.ACCEPTED: 300}
        assert emulator.ledger.summary()["distinct"] == 300
        assert emulator.ledger.summary()["duplicates"] <= sum(
            emulator.ledger.faults[name]
            for name in ("accept_and_drop", "half_answer", "html_page_200")
        )


async def test_an_outage_costs_delay_and_never_mail(tmp_path):
    async with Emulator() as emulator:
        emulator.refuse()
        async with opened(tmp_path, emulator, breaker_after=5, concurrency=10) as gateway:
            await send_many(gateway, 100)
            for _ in range(200):
                (status,) = await gateway.store.providers(now=gateway.clock.now())
                if status.breaker != "closed":
                    break
                await asyncio.sleep(0.02)
            assert status.breaker in {"open", "half_open"}
            await emulator.listen()
            await ended(gateway)
        assert emulator.ledger.summary()["distinct"] == 100
        assert emulator.ledger.summary()["duplicates"] == 0


async def test_a_wrong_key_loses_nothing_and_a_right_one_in_the_file_lets_all_go(
    tmp_path, monkeypatch
):
    key = tmp_path / "key"
    key.write_text("wrong")
    monkeypatch.delenv("MAILKETING_API_KEY", raising=False)
    monkeypatch.setenv("MAILKETING_API_KEY_FILE", str(key))
    async with Emulator() as emulator:
        given = {
            "database": f"sqlite:///{tmp_path}/g.db",
            "mailketing_api_url": f"{emulator.url}/v2",
            "mailketing_from_email": "toko@example.com",
        }
        async with Gateway.open(**QUICK | given) as gateway:
            await send_many(gateway, 20)
            pauses = []
            for _ in range(200):
                pauses = await gateway.store.pauses()
                if pauses:
                    break
                await asyncio.sleep(0.02)
            assert pauses[0].fault == "Unauthorised"
            assert emulator.ledger.summary()["accepted"] == 0
            key.write_text("emulated")
            await ended(gateway)
        assert emulator.ledger.summary()["distinct"] == 20


async def test_a_key_put_right_at_an_empty_account_leaves_the_pause_of_an_empty_account(
    tmp_path, monkeypatch
):
    key = tmp_path / "key"
    key.write_text("wrong")
    monkeypatch.delenv("MAILKETING_API_KEY", raising=False)
    monkeypatch.setenv("MAILKETING_API_KEY_FILE", str(key))
    async with Emulator(credits_left=0) as emulator:
        given = {
            "database": f"sqlite:///{tmp_path}/g.db",
            "mailketing_api_url": f"{emulator.url}/v1",
            "mailketing_from_email": "toko@example.com",
        }
        async with Gateway.open(**QUICK | given) as gateway:
            await send_many(gateway, 12, priority="high")
            await _paused_by(gateway, "Unauthorised")
            key.write_text("emulated")
            await _paused_by(gateway, "OutOfCredits")
            assert emulator.ledger.summary()["accepted"] == 0
            emulator.credits = 100
            await ended(gateway)
        assert emulator.ledger.summary()["distinct"] == 12


async def _paused_by(gateway, fault):
    async with asyncio.timeout(20):
        while [pause.fault for pause in await gateway.store.pauses()] != [fault]:  # noqa: ASYNC110 - the worker's probe changes it
            await asyncio.sleep(0.02)


async def test_empty_credits_hold_the_mail_until_there_are_some(tmp_path):
    async with Emulator(credits_left=5) as emulator:
        async with opened(tmp_path, emulator, concurrency=1) as gateway:
            await send_many(gateway, 12, priority="high")  # all other mail waits for credits sooner
            for _ in range(200):
                if await gateway.store.pauses():
                    break
                await asyncio.sleep(0.02)
            assert emulator.ledger.summary()["distinct"] == 5
            emulator.credits = 100
            await ended(gateway)
        assert emulator.ledger.summary() | {"requests": 0, "faults": {}} == {
            "requests": 0,
            "accepted": 12,
            "distinct": 12,
            "duplicates": 0,
            "answers_lost": 0,
            "faults": {},
        }


async def test_without_a_key_mail_is_kept_as_sandboxed_and_goes_only_when_asked(
    tmp_path, monkeypatch
):
    monkeypatch.delenv("MAILKETING_API_KEY", raising=False)
    async with Gateway.open(database=f"sqlite:///{tmp_path}/g.db") as gateway:
        submitted = await gateway.send(
            [Draft(sender="a@example.com", to="b@example.com", subject="x", text="y")], owner="t"
        )
        await ended(gateway)
        message = (await gateway.store.story(submitted.emails[0].id)).message
        assert (message.state, message.is_sandbox) == (State.ACCEPTED, True)


async def test_each_recipient_gets_its_own_words(tmp_path):
    async with Emulator() as emulator, opened(tmp_path, emulator, version=1) as gateway:
        await gateway.send_email(
            to=["a@example.com", "b@example.com"],
            subject="Halo {{ nama }}",
            html="<p>{{ nama }}</p>",
            variables={"a@example.com": {"nama": "Ani"}, "b@example.com": {"nama": "Budi"}},
        )
        await ended(gateway)
        assert set(emulator.ledger.accepted) == {
            ("Halo Ani", "a@example.com"),
            ("Halo Budi", "b@example.com"),
        }
