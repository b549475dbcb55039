"""TERKIRIM_ON_INVALID_KEY=sandbox: the mail is kept, nothing is sent, and everybody is told."""

import asyncio

import pytest
from structlog.testing import capture_logs

from terkirim.compose import Gateway
from terkirim.domain.message import State
from terkirim.emulator.server import Emulator
from terkirim.ports import ClaimWish, Pause, RequeueFilter
from terkirim.reports.watch import DIVERTED
from tests.integration.door import Door
from tests.integration.test_gateway import QUICK, ended

MAIL = {"from": "toko@example.com", "to": "b@example.com", "subject": "Halo", "text": "x"}


@pytest.fixture
async def emulator():
    async with Emulator() as one:
        yield one


@pytest.fixture
def opening(tmp_path, monkeypatch, emulator):
    key = tmp_path / "key"
    key.write_text("wrong")
    monkeypatch.delenv("MAILKETING_API_KEY", raising=False)
    monkeypatch.setenv("MAILKETING_API_KEY_FILE", str(key))
    given = QUICK | {
        "database": f"sqlite:///{tmp_path}/g.db",
        "mailketing_api_url": f"{emulator.url}/v2",
        "mailketing_from_email": "toko@example.com",
        "on_invalid_key": "sandbox",
    }
    return lambda **more: Gateway.open(**given | more)


async def state_of(door, id_):
    message = (await door.gateway.store.story(id_)).message
    return message.state, message.is_sandbox


async def test_mail_goes_on_in_the_sandbox_and_everybody_is_told(opening, emulator):
    with capture_logs() as told:
        async with opening() as gateway:
            door = await Door.to(gateway)
            first = (await door.call("POST", "/v1/emails", MAIL)).json
            await ended(gateway)
            assert await state_of(door, first["id"]) == (State.ACCEPTED, True)
            assert emulator.ledger.summary()["accepted"] == 0
            await gateway.watch.look()
            loud = (await door.call("POST", "/v1/emails", MAIL)).json
            assert (loud["sandbox"], loud["warnings"]) == (True, [DIVERTED])
            batch = (await door.call("POST", "/v1/emails/batch", [MAIL])).json
            assert batch["data"][0]["warnings"] == [DIVERTED]
            status = (await door.call("GET", "/v1/status")).json
            assert (status["status"], status["sandbox"]) == ("critical", True)
            assert "SANDBOX" in status["troubles"][0]["says"]
    assert any("SANDBOX" in str(one) for one in told)


async def test_once_the_key_is_right_mail_is_real_and_the_kept_goes_when_asked(
    opening, emulator, tmp_path
):
    async with opening() as gateway:
        door = await Door.to(gateway)
        kept = (await door.call("POST", "/v1/emails", MAIL)).json
        await ended(gateway)
        (tmp_path / "key").write_text("emulated")
        async with asyncio.timeout(20):
            while await gateway.store.pauses():  # noqa: ASYNC110 - the worker's probe ends it
                await asyncio.sleep(0.02)
        await gateway.watch.look()
        real = (await door.call("POST", "/v1/emails", MAIL)).json
        assert {"sandbox", "warnings"}.isdisjoint(real)
        await ended(gateway)
        assert await state_of(door, real["id"]) == (State.ACCEPTED, False)
        assert emulator.ledger.summary()["distinct"] == 1
        which = RequeueFilter(is_sandbox=True)
        assert await gateway.store.requeue(which, now=gateway.clock.now()) == 1
        await ended(gateway)
        assert await state_of(door, kept["id"]) == (State.ACCEPTED, False)
        assert emulator.ledger.summary()["distinct"] == 2


async def test_a_route_with_another_provider_waits_for_it_and_is_not_diverted(opening):
    async with opening(work=False, routes="both=mailketing,sandbox") as gateway:
        door = await Door.to(gateway)
        await gateway.store.pause(_pause(gateway, "Unauthorised"))
        await gateway.watch.look()
        assert gateway.watch.warnings_of("default") == (DIVERTED,)
        assert gateway.watch.warnings_of("both") == ()
        plain = (await door.call("POST", "/v1/emails", {**MAIL, "route": "both"})).json
        assert "warnings" not in plain


@pytest.mark.parametrize("fault", ["OutOfCredits", "by hand"])
async def test_no_other_pause_diverts_mail(opening, fault):
    async with opening(work=False) as gateway:
        await gateway.store.pause(_pause(gateway, fault))
        await gateway.watch.look()
        assert not gateway.is_sandbox
        await gateway.send_email(to="b@example.com", subject="x", text="y")
        now = gateway.clock.now()
        wish = ClaimWish(limit=9, now=now, lease_for=gateway.settings.lease)
        assert not (await gateway.store.claim(wish)).works


async def test_by_default_mail_waits_and_no_sandbox_takes_it(opening):
    async with opening(on_invalid_key="hold") as gateway:
        id_ = await gateway.send_email(to="b@example.com", subject="x", text="y")
        async with asyncio.timeout(20):
            while not await gateway.store.pauses():  # noqa: ASYNC110 - it is another task's work
                await asyncio.sleep(0.02)
        await gateway.watch.look()
        assert not gateway.is_sandbox
        assert (await gateway.store.story(id_)).message.state is State.QUEUED


def _pause(gateway, fault):
    return Pause(
        provider="mailketing",
        sender="",
        fault=fault,
        reason="x",
        since=gateway.clock.now(),
        until=None,
    )
