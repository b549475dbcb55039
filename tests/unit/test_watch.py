"""The watch says at once when a pause begins or ends, and knows which routes are diverted."""

import asyncio
from datetime import UTC, datetime

from structlog.testing import capture_logs

from terkirim.domain.errors import StoreUnavailable
from terkirim.ports import Pause
from terkirim.reports.health import HealthRules
from terkirim.reports.watch import DIVERTED, Watch

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ROUTES = {"default": ("first",), "both": ("first", "second"), "trial": ("sandbox",)}


def a_pause(provider="first", fault="Unauthorised", sender=""):
    return Pause(provider=provider, sender=sender, fault=fault, reason="no", since=NOW, until=None)


class Gates:
    def __init__(self, *found):
        self.found = list(found)
        self.asked = asyncio.Event()

    async def pauses(self):
        self.asked.set()
        if self.found == [None]:
            raise StoreUnavailable("away")
        return self.found


def a_watch(gates, *, diverts=False):
    return Watch(gates, routes=ROUTES, rules=HealthRules(diverts=diverts))


async def test_a_pause_is_told_when_it_begins_and_when_it_ends_and_not_between():
    gates = Gates(a_pause())
    watch = a_watch(gates)
    with capture_logs() as told:
        await watch.look()
        await watch.look()
        gates.found = []
        await watch.look()
    assert [(one["event"], one["log_level"]) for one in told] == [
        ("provider paused", "error"),
        ("pause over", "warning"),
    ]
    assert "it refuses the key" in told[0]["says"]


async def test_another_fault_in_its_place_is_told_too():
    gates = Gates(a_pause())
    watch = a_watch(gates)
    with capture_logs() as told:
        await watch.look()
        gates.found = [a_pause(fault="by hand")]
        await watch.look()
    assert [one["event"] for one in told] == ["provider paused", "provider paused", "pause over"]


async def test_a_route_is_diverted_when_all_its_providers_refuse_the_key():
    gates = Gates(a_pause())
    watch = a_watch(gates, diverts=True)
    assert not watch.is_sandboxed("default")
    assert watch.is_sandboxed("trial")
    await watch.look()
    assert watch.warnings_of("default") == (DIVERTED,)
    assert watch.warnings_of("both") == watch.warnings_of("trial") == ()
    gates.found.append(a_pause("second"))
    await watch.look()
    assert watch.is_sandboxed("both")
    gates.found = [a_pause(sender="a@example.com"), a_pause("second", "OutOfCredits")]
    await watch.look()
    assert not watch.is_sandboxed("default")


async def test_without_the_setting_nothing_is_diverted():
    watch = a_watch(Gates(a_pause()))
    await watch.look()
    assert not watch.is_sandboxed("default")


async def test_it_goes_on_looking_while_the_database_is_away():
    gates = Gates(None)
    watch = a_watch(gates)
    with capture_logs() as told:
        watch.start()
        async with asyncio.timeout(10):
            await gates.asked.wait()
            await asyncio.sleep(0)
        await watch.stop()
        await watch.stop()
    assert told[0]["event"] == "the pauses cannot be read"
