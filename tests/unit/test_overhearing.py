"""What a provider says beside its outcomes is heard once."""

from datetime import timedelta

from terkirim.database import SystemClock
from terkirim.domain.outcome import Accepted, Unauthorised
from terkirim.providers.overhearing import Overhearing, ProviderEars
from terkirim.providers.scripted import ScriptedProvider

WITHIN = timedelta(seconds=1)


def overhearing(*lines):
    return Overhearing(ScriptedProvider(*lines), clock=SystemClock())


async def test_the_newest_balance_is_told_once():
    one = overhearing(Accepted("a", credits=8), Accepted("b", credits=7), Accepted("c"))
    for _ in range(3):
        await one.send(None, within=WITHIN)
    ears = ProviderEars({"scripted": one})
    assert [heard.credits for heard in ears.balances()] == [7]
    assert ears.balances() == []


async def test_a_probe_that_finds_the_account_well_tells_its_balance_too():
    one = overhearing()
    one.provider.probes.extend([Unauthorised("no"), Accepted(credits=5_000)])
    await one.probe(within=WITHIN)
    assert one.take_balance() is None
    await one.probe(within=WITHIN)
    assert one.take_balance().credits == 5_000
