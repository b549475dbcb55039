"""What leaves after a pause that a fault began: one message, until one of them is accepted."""

from dataclasses import replace

import pytest

from terkirim.domain.message import State
from terkirim.domain.outcome import (
    Deferred,
    OutOfCredits,
    QuotaReached,
    SenderRefused,
    Unauthorised,
    Unclear,
)
from terkirim.ports import Pause
from tests.contract.conftest import GATES, SECOND, START, an_email

ONE_PROVIDER = replace(GATES, routes={"default": ("first",)}, concurrency=50)
SENDER = "toko@example.com"
EMPTY = OutOfCredits("Saldo tidak cukup")
REFUSED = SenderRefused("not approved", sender=SENDER)
LATER = START + 60 * SECOND


@pytest.fixture
async def node(open_node):
    return await open_node(gates=ONE_PROVIDER)


async def refused(node, fault, *, at=START, waiting=40):
    """Have mail that waits, and a fault of which the first to leave learned."""
    await node.accept(*[an_email() for _ in range(waiting)])
    for work in await node.take(3, now=at):
        await node.settle(work, fault, now=at)


async def probed(node, fault, sender=""):
    return await node.store.resume("first", sender=sender, fault=type(fault).__name__)


@pytest.mark.parametrize(
    "fault", [EMPTY, Unauthorised("bad token"), QuotaReached("daily limit")], ids=repr
)
async def test_after_a_pause_one_message_asks_and_if_it_is_refused_no_other_has_left(node, fault):
    await refused(node, fault)
    for at in (LATER, LATER + 60 * SECOND, LATER + 120 * SECOND):
        assert await probed(node, fault)
        (work,) = await node.take(now=at)
        assert work.lease.is_probe
        assert not await node.take(now=at)
        assert await node.settle(work, fault, now=at) is State.QUEUED
        assert not await node.take(now=at)
        assert len(await node.store.pauses()) == 1


async def test_once_one_is_accepted_more_go_at_each_round(node):
    await refused(node, EMPTY)
    await probed(node, EMPTY)
    counts = []
    for second in range(4):
        at = LATER + second * SECOND
        works = await node.take(now=at)
        counts.append(len(works))
        for work in works:
            await node.settle(work, now=at)
    assert counts == [1, 1, 2, 4]


async def test_it_makes_no_difference_who_ends_the_pause(node):
    await refused(node, EMPTY)
    await node.store.pause(by_hand())  # takes the place of the other
    await node.store.resume("first")
    assert len(await node.take(now=LATER)) == 1


async def test_the_newest_fault_is_why_it_is_paused_and_a_persons_pause_stands(node):
    (pause,) = await faults_of(node, replace(by_hand(), fault="Unauthorised", reason="old key"))
    assert (pause.fault, pause.since) == ("Unauthorised", START)
    newer = replace(pause, fault="OutOfCredits", reason="the balance is 0", since=LATER)
    (pause,) = await faults_of(node, newer)
    assert (pause.fault, pause.reason, pause.since) == ("OutOfCredits", "the balance is 0", START)
    assert not await node.store.pause(replace(newer, reason="again"))
    await faults_of(node, by_hand())
    (pause,) = await faults_of(node, newer)
    assert pause.fault == "by hand"


async def faults_of(node, pause):
    await node.store.pause(pause)
    return await node.store.pauses()


async def test_a_pause_by_hand_opens_for_all_at_once(node):
    await node.accept(*[an_email() for _ in range(9)])
    await node.store.pause(by_hand())
    await node.store.resume("first")
    assert len(await node.take()) == 9


async def test_a_message_that_asks_and_gets_no_clear_word_makes_room_for_the_next(node):
    await refused(node, EMPTY)
    await probed(node, EMPTY)
    words = [Unclear("line broke"), Deferred("slow", is_rate_limit=True), REFUSED]
    for minute, word in enumerate([*words, None]):
        at = LATER + minute * 60 * SECOND
        (work,) = await node.take(now=at)
        assert not await node.take(now=at)
        if word is None:
            await node.store.release([work.lease], now=at)
        else:
            await node.settle(work, word, now=at)
        await node.store.resume("first", sender=SENDER)
    assert len(await node.take(now=at)) == 1


async def test_waiting_for_one_to_ask_is_no_fault_of_the_provider(node):
    await refused(node, EMPTY)
    await probed(node, EMPTY)
    (status,) = await node.store.providers(now=LATER)
    assert (status.breaker, status.faults, status.open_until) == ("closed", 0, None)


async def test_a_refusal_after_an_outage_is_the_end_of_the_outage(node):
    await refused(node, Deferred("refused", is_provider_down=True))
    (probe,) = await node.take(now=LATER)
    await node.settle(probe, EMPTY, now=LATER)
    (status,) = await node.store.providers(now=LATER)
    assert (status.breaker, [pause.fault for pause in status.pauses]) == (
        "closed",
        ["OutOfCredits"],
    )


async def test_of_a_refused_sender_one_message_asks_and_the_pause_stands(node):
    await refused(node, REFUSED)
    for minute in range(3):
        at = LATER + minute * 60 * SECOND
        assert not await node.take(now=at)
        assert await probed(node, REFUSED, SENDER)
        (work,) = await node.take(now=at)
        assert work.lease.is_probe
        assert not await node.take(now=at)
        await node.settle(work, REFUSED, now=at)
        (pause,) = await node.store.pauses()
        assert (pause.sender, pause.waiting) == (SENDER, 40)


async def test_once_one_of_a_refused_sender_is_accepted_all_the_others_go(node):
    await refused(node, REFUSED)
    assert not await node.take(now=LATER)
    await probed(node, REFUSED, SENDER)
    (work,) = await node.take(now=LATER)
    await node.settle(work, now=LATER)
    assert not await node.store.pauses()
    assert len(await node.take(now=LATER)) == 39


async def test_a_refused_sender_does_not_bring_other_mail_to_a_halt(node):
    await refused(node, REFUSED)
    other = [replace(an_email(), sender=replace(an_email().sender, email="ok@x.id")) for _ in "ab"]
    await node.accept(*other)
    await probed(node, REFUSED, SENDER)
    taken = await node.take(now=LATER)
    assert sorted(work.sender.email for work in taken) == ["ok@x.id", "ok@x.id", SENDER]
    (asks,) = [work for work in taken if work.lease.is_probe]
    await node.store.release([asks.lease], now=LATER)
    await node.accept(an_email())
    assert not await node.take(now=LATER)
    await probed(node, REFUSED, SENDER)
    assert len(await node.take(now=LATER)) == 1


async def test_a_refused_senders_message_that_ended_meanwhile_leaves_its_turn_to_the_next(node):
    await refused(node, REFUSED)
    await node.take(now=LATER)
    await probed(node, REFUSED, SENDER)
    (oldest,) = await node.take(now=LATER)
    await node.settle(oldest, Unclear("line broke"), now=LATER)
    assert not await node.take(now=LATER)
    await probed(node, REFUSED, SENDER)
    await probed(node, REFUSED, SENDER)  # of the two that may go now, one does
    assert len(await node.take(now=LATER)) == 1


async def test_a_refused_senders_pause_ends_where_no_message_waits_to_ask(node):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    await node.settle(work, REFUSED)
    await node.store.cancel(email.id, now=START)
    assert await probed(node, REFUSED, SENDER)
    assert not await node.store.pauses()


async def test_a_pause_of_a_sender_by_hand_ends_for_all_of_its_mail(node):
    await refused(node, REFUSED)
    await node.store.pause(replace(by_hand(), sender=SENDER))
    await probed(node, REFUSED, SENDER)  # begun before the person came: it ends nothing
    assert not await node.take(now=LATER)
    await node.store.resume("first", sender=SENDER, fault="by hand")
    assert len(await node.take(now=LATER)) == 40


async def test_of_two_nodes_one_takes_the_message_that_asks(open_node):
    one, two = [await open_node(name, ONE_PROVIDER) for name in "ab"]
    await refused(one, REFUSED)
    await probed(one, REFUSED, SENDER)
    taken = [work for node in (one, two, one) for work in await node.take(1, now=LATER)]
    assert len(taken) == 1
    await two.settle(taken[0], now=LATER)
    assert len(await two.take(now=LATER)) == 39


def by_hand():
    return Pause(provider="first", sender="", fault="by hand", reason="x", since=START, until=None)
