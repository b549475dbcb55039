"""Two whole gateways on one PostgreSQL, against an emulated Mailketing over real sockets."""

import asyncio
import sys
from collections import Counter

import pytest

from terkirim.compose import Gateway
from terkirim.domain.errors import ConfigError
from terkirim.domain.message import State
from terkirim.emulator.faults import Faults
from terkirim.emulator.server import Emulator
from tests.integration.test_gateway import QUICK, ended, send_many

LOSES_ANSWERS = ("accept_and_drop", "half_answer", "html_page_200")


@pytest.fixture
async def url(postgres):
    return await postgres.database()


def opened(url, emulator, **given):
    return Gateway.open(
        **QUICK
        | {
            "database": url,
            "mailketing_api_key": "emulated",
            "mailketing_api_url": f"{emulator.url}/v2",
            "mailketing_from_email": "toko@example.com",
        }
        | given
    )


async def test_every_email_of_two_nodes_arrives_through_a_provider_that_fails_in_every_way(url):
    faults = Faults.parse("429=0.03,500=0.05,503=0.03,reset=0.03,drop=0.03,html503=0.03")
    async with Emulator(faults=faults) as emulator:
        async with opened(url, emulator) as one, opened(url, emulator) as other:
            ids = [*await send_many(one, 150), *await send_many(other, 150)]
            await ended(one)
            states = Counter([(await other.store.story(id_)).message.state for id_ in ids])
        assert states == {State.ACCEPTED: 300}
        assert emulator.ledger.summary()["distinct"] == 300
        lost = sum(emulator.ledger.faults[name] for name in LOSES_ANSWERS)
        assert emulator.ledger.summary()["duplicates"] <= lost


async def test_a_gateway_that_takes_mail_only_has_it_sent_by_another(url):
    async with Emulator() as emulator:
        async with opened(url, emulator) as worker, opened(url, emulator, work=False) as door:
            await asyncio.sleep(0)
            await send_many(door, 20)
            await ended(worker)
        assert emulator.ledger.summary()["distinct"] == 20


async def test_links_that_one_node_has_signed_are_read_by_the_other(url):
    async with Emulator() as emulator:
        async with opened(url, emulator) as one, opened(url, emulator) as other:
            first, second = one.signing_key, other.signing_key
            assert first._key == second._key
        async with opened(url, emulator) as later:
            assert later.signing_key._key == first._key


async def test_without_the_driver_it_is_said_how_to_install_it(url, monkeypatch):
    for name in [*sys.modules]:
        if name.partition(".")[0] == "asyncpg" or name.startswith("terkirim.store.postgres"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigError, match=r"pip install 'terkirim\[postgres\]'"):
        async with Gateway.open(database=url):
            pass
