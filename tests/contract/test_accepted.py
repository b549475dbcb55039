"""What every database promises of accepted mail: each counts once, and all who tell of it agree."""

from datetime import timedelta
from importlib import resources

import asyncpg
import pytest

from terkirim.domain.email import IfUnclear
from terkirim.domain.message import State
from terkirim.domain.outcome import Accepted, Deferred, Rejected, Unclear
from terkirim.reports.delivery import delivery
from terkirim.reports.intake import intake_health
from terkirim.reports.overview import KINDS, figures
from terkirim.reports.spans import last_days
from terkirim.store.times import micros
from tests.contract.conftest import LEASE, SECOND, START, UNCLEAR_WAIT, SqliteFile, an_email
from tests.contract.test_statistics import JAKARTA
from tests.contract.tracked import LATER, MINUTE

HOUR = timedelta(hours=1)
NOW = START + 2 * HOUR
BROKE = Unclear("no answer in time")


@pytest.fixture
async def node(open_tracked):
    return await open_tracked()


@pytest.fixture
async def rescuer(open_tracked):
    return await open_tracked("b")


@pytest.fixture
def told(node, database):
    """Return how much was accepted, as each who tells of it says."""
    books = database.books(node.store)

    async def telling():
        span = last_days(7, now=NOW, zone=JAKARTA)
        used = [
            one.sent
            for provider in ("first", "mailketing")
            for one in await books.credits.spent(provider, since=START, until=NOW)
        ]
        health = await intake_health(node.store, node.events, now=NOW, days=7, is_open=True)
        sums = await database.insight(node).sums(KINDS, since=START, until=NOW)
        totals = {
            by: (await delivery(books.statistics, span=span, by=by)).total.accepted
            for by in ("hour", "day", "provider")
        }
        named = [
            line.outcomes.accepted
            for by in ("sender", "tag")
            for line in (await delivery(books.statistics, span=span, by=by)).lines
        ]
        return {
            **totals,
            "sender": named[:1],
            "tag": named[1:],
            "alerts": (await books.alerts.vitals(now=NOW)).accepted,
            "credits": sum(used),
            "health": health["accepted"],
            "overview": figures(sums).sent,
        }

    return telling


def all_of_them(count):
    ones = ("hour", "day", "provider", "alerts", "credits", "health", "overview")
    lines = [count] if count else []
    return {**dict.fromkeys(ones, count), "sender": lines, "tag": lines}


async def _first_answer(node, result):
    email = an_email(tags=(("campaign", "juli"),))
    await node.accept(email)
    (work,) = await node.take()
    await node.settle(work, result)
    return email, work


async def _again(node, result=None):
    at = START + UNCLEAR_WAIT
    await node.store.sweep(now=at)
    (work,) = await node.take(now=at)
    await node.settle(work, result, now=at)


async def answered(node, _rescuer):
    return (await _first_answer(node, Accepted("ref")))[0]


async def answered_and_told(node, _rescuer):
    email = await answered(node, _rescuer)
    await node.say("delivered", email)
    return email


async def proved(node, _rescuer):
    email, _work = await _first_answer(node, BROKE)
    await node.say("delivered", email)
    return email


async def proved_and_answered_late(node, _rescuer):
    email, work = await _first_answer(node, BROKE)
    await node.say("delivered", email)
    await node.settle(work, Accepted("ref"), now=LATER)
    return email


async def answered_late(node, _rescuer):
    email, work = await _first_answer(node, BROKE)
    await node.settle(work, Accepted("ref"), now=LATER)
    await node.say("delivered", email)
    return email


async def sent_again(node, _rescuer):
    email, _work = await _first_answer(node, BROKE)
    await _again(node)
    await node.say("delivered", email)
    return email


async def sent_again_and_answered_late(node, _rescuer):
    email, work = await _first_answer(node, BROKE)
    await _again(node)
    await node.settle(work, Accepted("ref"), now=LATER)
    return email


async def answered_late_and_sent_again(node, _rescuer):
    email, work = await _first_answer(node, BROKE)
    at = START + UNCLEAR_WAIT
    await node.store.sweep(now=at)
    (again,) = await node.take(now=at)
    await node.settle(work, Accepted("ref"), now=at)
    await node.settle(again, Accepted("ref"), now=at)
    return email


async def told_while_it_is_sent_again(node, _rescuer):
    email, _work = await _first_answer(node, BROKE)
    at = START + UNCLEAR_WAIT
    await node.store.sweep(now=at)
    (again,) = await node.take(now=at)
    await node.say("delivered", email, at=at + SECOND)
    await node.settle(again, Rejected("no"), now=at)
    return email


async def given_up_and_told(node, _rescuer):
    email, _work = await _first_answer(node, Rejected("no"))
    await node.say("delivered", email)
    return email


async def told_and_lease_returned(node, _rescuer):
    email = an_email(tags=(("campaign", "juli"),))
    await node.accept(email)
    (work,) = await node.take()
    await node.say("delivered", email)
    await node.store.release([work.lease], now=LATER)
    return email


async def told_and_worker_died(node, rescuer):
    email = an_email(tags=(("campaign", "juli"),))
    await node.accept(email)
    await node.take()
    await node.say("delivered", email)
    at = START + LEASE + SECOND
    await rescuer.store.rescue(now=at, unclear_for=UNCLEAR_WAIT)
    await rescuer.store.sweep(now=at + UNCLEAR_WAIT)
    return email


async def accepted_by_hand(node, _rescuer):
    email = an_email(if_unclear=IfUnclear.HOLD, tags=(("campaign", "juli"),))
    await node.accept(email)
    (work,) = await node.take()
    await node.settle(work, BROKE)
    await node.store.sweep(now=START + UNCLEAR_WAIT)
    await node.store.mark_accepted(email.id, now=LATER)
    await node.say("delivered", email, at=LATER + MINUTE)
    return email


WAYS = [
    answered,
    answered_and_told,
    proved,
    proved_and_answered_late,
    answered_late,
    sent_again,
    sent_again_and_answered_late,
    answered_late_and_sent_again,
    told_while_it_is_sent_again,
    given_up_and_told,
    told_and_lease_returned,
    told_and_worker_died,
    accepted_by_hand,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.replace("_", " "))
async def test_each_mail_that_a_provider_took_counts_once_wherever_it_is_told(
    node, rescuer, told, way
):
    email = await way(node, rescuer)
    assert await node.state(email.id) in {State.ACCEPTED, State.DELIVERED}
    assert await told() == all_of_them(1)


@pytest.mark.parametrize("result", [BROKE, Deferred("busy"), Rejected("no")])
async def test_what_no_provider_took_counts_nowhere(node, told, result):
    await _first_answer(node, result)
    assert await told() == all_of_them(0)


async def test_mail_of_the_sandbox_counts_nowhere(node, told):
    email, _work = await _first_answer(node, Accepted("ref", is_sandbox=True))
    await node.say("delivered", email)
    assert await told() == all_of_them(0)


async def test_what_was_counted_before_is_counted_on(node, database, told):
    """The step that joined the two old counts of accepted mail, run over such counts."""
    old = [
        ("outcome", "first:accepted:1", 5),
        ("outcome", "first:accepted:2", 2),
        ("outcome", "first:deferred:1", 9),
        ("outcome", "sandbox:accepted:1", 40),
        ("event_first", "first:proved", 1),
        ("event_first", "second:proved", 3),
        ("event_first", "first:opened", 4),
    ]
    await database.count(node.store, [(micros(START), *one) for one in old])
    await _run_step(node, database)
    found = {
        (kind, key): n
        for kind, key, n in await node.rows(
            "SELECT kind, key, count FROM rollups WHERE kind LIKE 'event_first%' ORDER BY kind, key"
        )
    }
    by_hour = {
        ("event_first", "first:accepted"): 8,
        ("event_first", "first:opened"): 4,
        ("event_first", "second:accepted"): 3,
    }
    assert found == by_hour | {("event_first_day", key): n for (_, key), n in by_hour.items()}
    assert (await told())["alerts"] == 11


async def _run_step(node, database):
    kind = "sqlite" if isinstance(database, SqliteFile) else "postgres"
    folder = resources.files(f"terkirim.store.{kind}") / "migrations"
    (step,) = [file for file in folder.iterdir() if file.name.endswith("_accepted.sql")]
    if kind == "sqlite":
        await node.write(step.read_text())
        return
    connection = await asyncpg.connect(database.url)
    await connection.execute(step.read_text())
    await connection.close()
