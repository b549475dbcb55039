"""All callbacks come twice, shuffled, some before the answer: the states are the ledger's."""

import asyncio
from collections import Counter
from contextlib import closing, suppress

import apsw
import pytest

from terkirim.emulator.callbacks import CallbackPlan
from terkirim.emulator.faults import Faults
from terkirim.emulator.server import Emulator
from tests.acceptance.conftest import Served

COUNT = 150
SECRET = "rahasia"
WITHIN = 120.0  # seconds for all of it
# What is said, the strongest last, and the state that it means: written out, not asked of the code.
RANKS = {
    "bounced_for_now": (1, "bounced"),
    "delivered": (2, "delivered"),
    "opened": (2, "delivered"),
    "clicked": (2, "delivered"),
    "unsubscribed": (2, "delivered"),
    "bounced": (3, "bounced"),
    "complained": (4, "complained"),
}


def state_of(said):
    words = [
        "bounced_for_now"
        if one.kind == "bounced" and not one.reason.startswith("550")
        else one.kind
        for one in said
    ]
    return max((RANKS[word] for word in words), default=(0, "accepted"))[1]


def rows(folder, sql):
    with closing(apsw.Connection(str(folder / "t.db"))) as db:
        db.set_busy_timeout(5_000)
        return list(db.execute(sql))


async def until(is_so):
    async with asyncio.timeout(WITHIN):
        while not await asyncio.to_thread(is_so):  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(0.05)


def is_quiet(folder):
    """Nothing waits to be sent, to be applied, or for its message."""
    (waiting,) = rows(
        folder,
        "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM unmatched)"
        " + (SELECT count(*) FROM callbacks WHERE state IN ('new', 'again'))",
    )
    return waiting == (0,)


@pytest.mark.parametrize(
    ("version", "shape"), [(2, "documented"), (2, "real"), (1, "real"), (1, "flat")]
)
async def test_the_final_states_are_those_of_the_emulators_ledger(tmp_path, version, shape):
    # Where v1's answer is lost, nobody can know that the mail was taken: its callbacks name no id.
    faults = Faults.parse("503=0.05,drop=0.05" if version == 2 else "503=0.1")
    faults = faults.changed({"latency": 0.2})
    async with Emulator(faults=faults, seed=version) as emulator:
        served = Served(
            tmp_path,
            MAILKETING_API_KEY="emulated",
            MAILKETING_API_URL=f"{emulator.url}/v{version}",
            MAILKETING_WEBHOOK_SECRET=SECRET,
            TERKIRIM_RETRY_WAITS="50ms,100ms,200ms",
            TERKIRIM_UNCLEAR_WAIT="500ms",
        )
        emulator.callbacks.plan = CallbackPlan(
            url=f"{served.url}/api/webhooks/mailketing?secret={SECRET}",
            shape=shape,
            after_seconds=0.2,  # up to twice that, shuffled: half of them before the answer
            bounced=0.3,
            delivered=0.9,
            opened=0.6,
            clicked=0.3,
            complained=0.1,
            unsubscribed=0.1,
            twice=1.0,
            shuffled=True,
        )
        try:
            await asyncio.to_thread(served.start)
            emails = [
                {"to": f"p{number}@example.com", "subject": f"Halo {number}", "text": "x"}
                for number in range(COUNT)
            ]
            for start in range(0, COUNT, 50):
                status, answer = await asyncio.to_thread(
                    served.call,
                    "POST",
                    "/v1/emails/batch",
                    [{"from": "toko@example.com", **one} for one in emails[start : start + 50]],
                )
                assert status == 200, answer
            await until(lambda: rows(tmp_path, "SELECT count(*) FROM outbox") == [(0,)])
            async with asyncio.timeout(WITHIN):
                await emulator.callbacks.idle()
            assert "failed" not in emulator.callbacks.counts
            await until(lambda: is_quiet(tmp_path))
            found = dict(rows(tmp_path, "SELECT recipient, state FROM messages"))
            ((events, kept),) = rows(
                tmp_path, "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM callbacks)"
            )
            ((early,),) = rows(
                tmp_path,
                "SELECT count(*) FROM events e JOIN messages m ON m.id = e.message_id"
                " WHERE e.received_at < m.accepted_at",
            )
        finally:
            with suppress(ProcessLookupError):
                await asyncio.to_thread(served.stop)
        said = {recipient: set() for _, recipient in emulator.ledger.accepted}
        for (_, recipient), callbacks in emulator.callbacks.said.items():
            said[recipient] |= callbacks
    expected = {recipient: state_of(callbacks) for recipient, callbacks in said.items()}
    assert found == expected
    assert len(set(Counter(expected.values()))) >= 3  # the plan did bring all sorts about
    assert events == kept > COUNT / 2
    assert early > 0
