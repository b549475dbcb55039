"""What every store promises: nothing acknowledged is lost, nothing leaves twice for nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from terkirim.domain.email import IfUnclear, Priority
from terkirim.domain.errors import (
    ConfigError,
    IdempotencyConflict,
    NotFound,
    StoreUnavailable,
    WrongState,
)
from terkirim.domain.message import Evidence, State
from terkirim.domain.outcome import (
    Deferred,
    OutOfCredits,
    QuotaReached,
    Rejected,
    SenderRefused,
    Unclear,
)
from terkirim.policy.retry import RetrySchedule
from terkirim.ports import IdempotencyKey, MessageFilter, Pause, RequeueFilter
from terkirim.store.sqlite.connection import opened
from tests.contract.conftest import GATES, LEASE, SECOND, START, UNCLEAR_WAIT, an_email

DAY = timedelta(days=1)


async def test_an_accepted_email_is_there_after_a_new_start(open_node):
    first = await open_node("a")
    email = an_email()
    await first.accept(email)
    await first.store.close()

    assert await (await open_node("b")).state(email.id) is State.QUEUED


async def test_a_message_is_leased_to_one_of_two_processes_only(open_node):
    one, other = await open_node("a"), await open_node("b")
    await one.accept(*[an_email() for _ in range(50)])
    taken = await asyncio.gather(one.take(30), other.take(30))

    ids = [work.lease.message_id for works in taken for work in works]
    assert len(ids) == len(set(ids)) == 50


async def test_two_hundred_submissions_share_commits_and_only_the_guilty_one_fails(database, node):
    emails = [an_email() for _ in range(200)]
    guilty = replace(emails[7], subject=None)  # breaks NOT NULL inside the group's transaction
    emails[7] = guilty
    tasks = [asyncio.create_task(node.accept(email)) for email in emails]
    await asyncio.sleep(0)
    tasks[9].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(results[7], database.bad_value)
    assert isinstance(results[9], asyncio.CancelledError)
    failed = [result for result in results if isinstance(result, BaseException)]
    assert len(failed) == 2
    assert await node.state(emails[8].id) is State.QUEUED


async def test_a_repeated_insert_of_the_same_ids_changes_nothing(node):
    email = an_email()
    await node.accept(email)
    await node.accept(email)
    assert len(await node.take()) == 1


async def test_the_second_use_of_a_key_gets_the_first_answer_and_stores_nothing(node):
    key = IdempotencyKey(owner="o", route="r", key="k", fingerprint="f")
    first = await node.accept(an_email(), idempotency=key, answer='{"id":1}')
    again = await node.accept(an_email(), idempotency=key, answer='{"id":2}')

    assert (first.is_repeat, again.is_repeat) == (False, True)
    assert again.answer == '{"id":1}'
    assert len(await node.take()) == 1


async def test_a_key_with_another_payload_is_a_conflict(node):
    key = IdempotencyKey(owner="o", route="r", key="k", fingerprint="f")
    await node.accept(an_email(), idempotency=key, answer="{}")
    with pytest.raises(IdempotencyConflict):
        await node.accept(an_email(), idempotency=replace(key, fingerprint="g"), answer="{}")


async def test_a_row_of_a_campaign_is_stored_once_for_ever(node):
    first, again = (an_email(campaign="c", row="1") for _ in range(2))
    await node.accept(first)
    receipt = await node.accept(again)
    assert receipt.skipped == {again.id}
    with pytest.raises(NotFound):
        await node.store.email(again.id)


async def test_a_deferral_waits_two_six_eighteen_seconds(node):
    email = an_email()
    await node.accept(email)
    now = START
    for wait in (2, 6, 18):
        (work,) = await node.take(now=now)
        await node.settle(work, Deferred("busy"), now=now)
        assert not await node.take(now=now + timedelta(seconds=wait) - timedelta(milliseconds=1))
        now += timedelta(seconds=wait)
    (work,) = await node.take(now=now)
    assert (work.lease.number, work.lease.step, work.lease.attempts) == (4, 3, 3)


async def test_past_its_quick_part_a_message_goes_to_the_next_provider_with_step_zero(node):
    await node.accept(an_email())
    now = START
    for _ in range(4):
        (work,) = await node.take(now=now)
        assert work.lease.provider == "first"
        await node.settle(work, Deferred("busy"), now=now)
        now += timedelta(seconds=30)
    (work,) = await node.take(now=now)
    assert (work.lease.provider, work.lease.step) == ("second", 0)


@pytest.mark.parametrize(
    "word", ["\0", "\ud800", "busy \0 \U0001f4a4"], ids=["NUL", "surrogate", "both"]
)
async def test_a_providers_words_that_are_no_text_are_kept_as_far_as_they_are(node, word):
    deferred = an_email()
    await node.accept(deferred, an_email(), an_email())
    first, second, third = await node.take()
    assert await node.settle(third, OutOfCredits(word)) is State.QUEUED
    assert await node.settle(first, Deferred(word, code=word, answer=word)) is State.QUEUED
    assert await node.settle(second, Rejected(word, answer=word)) is State.DEAD
    (attempt,) = (await node.store.story(deferred.id)).attempts
    assert attempt.answer == word.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


async def test_a_worker_that_lost_its_lease_changes_no_state(open_node):
    node, rescuer = await open_node("a"), await open_node("b")
    email = an_email()
    await node.accept(email)
    (late,) = await node.take()
    after_lease = START + LEASE + SECOND
    assert await rescuer.store.rescue(now=after_lease, unclear_for=UNCLEAR_WAIT) == 1
    assert await node.state(email.id) is State.UNCLEAR
    assert not await node.take(now=after_lease)  # an event may still settle it
    over = after_lease + UNCLEAR_WAIT + SECOND
    await node.store.sweep(now=over)
    (current,) = await node.take(now=over)

    assert await node.settle(late, now=over) is None
    assert await node.settle(current, now=over) is State.ACCEPTED
    notes = [attempt.note for attempt in (await node.store.story(email.id)).attempts]
    assert notes == ["accepted late: sent twice", ""]


async def test_a_late_word_of_the_newest_lease_still_counts(open_node):
    node, rescuer = await open_node("a"), await open_node("b")
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    await rescuer.store.rescue(now=START + LEASE + SECOND, unclear_for=UNCLEAR_WAIT)
    assert await node.settle(work) is State.ACCEPTED
    assert [a.outcome for a in (await node.store.story(email.id)).attempts] == ["accepted"]


async def test_a_process_never_rescues_its_own_leases(node):
    await node.accept(an_email())
    await node.take()
    later = START + timedelta(days=1)
    assert await node.store.rescue(now=later, unclear_for=UNCLEAR_WAIT) == 0


async def test_leases_of_a_process_that_is_gone_become_unclear_at_once(open_node):
    dead, alive = await open_node("a"), await open_node("b")
    email = an_email()
    await dead.accept(email)
    await dead.take()
    await dead.store.close()
    assert await alive.store.rescue(now=START, unclear_for=UNCLEAR_WAIT) == 1
    assert await alive.state(email.id) is State.UNCLEAR


async def test_mail_at_which_every_worker_dies_uses_up_its_schedule_and_ends(open_node):
    rescuer, email = await open_node("b"), an_email()
    await rescuer.accept(email)
    schedule = RetrySchedule(quick=(2 * SECOND, 6 * SECOND), tail=(), retry_for=DAY)
    now, waits = START, []
    for number in range(3):
        dying = await open_node(f"dying {number}")
        (work,) = await dying.take(now=now)
        await dying.store.close()
        rescuing = {"now": now, "unclear_for": UNCLEAR_WAIT, "schedule": schedule}
        assert await rescuer.store.rescue(**rescuing) == 1
        waits.append(work.lease.waited_us // 1_000_000)
        now += UNCLEAR_WAIT + SECOND
        await rescuer.store.sweep(now=now)
    assert waits == [0, 2, 8]
    message = (await rescuer.store.story(email.id)).message
    assert (message.state, message.attempts) == (State.DEAD, 3)
    assert "may have been sent" in message.reason
    assert not await rescuer.take(now=now + DAY)


async def test_past_its_quick_part_rescued_mail_waits_as_long_as_any_other(open_node):
    node, rescuer = await open_node("a"), await open_node("b")
    await node.accept(an_email())
    await node.take()
    await node.store.close()
    schedule = RetrySchedule(quick=(), tail=(timedelta(hours=1),), retry_for=DAY)
    await rescuer.store.rescue(now=START, unclear_for=UNCLEAR_WAIT, schedule=schedule)
    await rescuer.store.sweep(now=START + timedelta(minutes=59))
    assert not await rescuer.take(now=START + timedelta(minutes=59))
    over = START + timedelta(hours=1)
    await rescuer.store.sweep(now=over)
    assert len(await rescuer.take(now=over)) == 1


async def test_rescued_mail_that_is_to_be_held_is_held_however_often(open_node):
    node, rescuer = await open_node("a"), await open_node("b")
    email = an_email(if_unclear=IfUnclear.HOLD)
    await node.accept(email)
    await node.take()
    await node.store.close()
    nothing_left = RetrySchedule(quick=(), tail=())
    await rescuer.store.rescue(now=START, unclear_for=UNCLEAR_WAIT, schedule=nothing_left)
    await rescuer.store.sweep(now=START + UNCLEAR_WAIT)
    assert await rescuer.state(email.id) is State.HELD


async def test_unclear_mail_is_held_where_its_sender_asked_for_that(node):
    email = an_email(if_unclear=IfUnclear.HOLD)
    await node.accept(email)
    (work,) = await node.take()
    await node.settle(work, Unclear("line broke"))
    over = START + UNCLEAR_WAIT + SECOND
    await node.store.sweep(now=over)
    assert await node.state(email.id) is State.HELD
    assert not await node.take(now=over + timedelta(days=1))

    assert await node.store.requeue(RequeueFilter(states=(State.HELD,)), now=over) == 1
    (again,) = await node.take(now=over)
    assert again.lease.number == 2


async def test_held_mail_can_be_marked_as_accepted_by_hand(node):
    email = an_email(if_unclear=IfUnclear.HOLD)
    await node.accept(email)
    (work,) = await node.take()
    await node.settle(work, Unclear("line broke"))
    with pytest.raises(WrongState):
        await node.store.mark_accepted(email.id, now=START)
    await node.store.sweep(now=START + UNCLEAR_WAIT + SECOND)
    await node.store.mark_accepted(email.id, now=START)
    assert await node.state(email.id) is State.ACCEPTED


async def test_expired_mail_ends_in_the_sweep_also_while_its_provider_is_paused(node):
    email = an_email(expires_at=START + SECOND)
    await node.accept(email)
    for provider in ("first", "second"):
        await node.store.pause(
            Pause(
                provider=provider, sender="", fault="by hand", reason="x", since=START, until=None
            )
        )
    await node.store.sweep(now=START + SECOND)
    story = await node.store.story(email.id)
    assert (story.message.state, story.message.reason) == (
        State.DEAD,
        "expired before it could be sent",
    )


async def test_mail_that_expires_while_unclear_is_never_sent_again(node):
    email = an_email(expires_at=START + 2 * SECOND)
    await node.accept(email)
    (work,) = await node.take()
    await node.settle(work, Unclear("line broke"))
    await node.store.sweep(now=START + 3 * SECOND)
    message = (await node.store.story(email.id)).message
    assert (message.state, message.reason) == (State.DEAD, "expired, may have been sent")


async def test_evidence_that_comes_before_the_settle_is_read_by_it(node):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    await node.store.record_evidence(email.id, Evidence.DELIVERED, at=START)
    assert await node.state(email.id) is State.LEASED
    assert await node.settle(work, Deferred("busy")) is State.DELIVERED
    assert not await node.take(now=START + timedelta(days=1))


async def test_evidence_takes_a_dead_message_up_and_a_weaker_word_changes_nothing(node):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    await node.settle(work, Rejected("no such user", field="recipient"))
    assert await node.state(email.id) is State.DEAD
    await node.store.record_evidence(email.id, Evidence.BOUNCED, at=START)
    await node.store.record_evidence(email.id, Evidence.DELIVERED, at=START)
    assert await node.state(email.id) is State.BOUNCED


async def test_a_queued_message_is_cancelled_at_once_and_a_leased_one_at_its_deferral(node):
    queued, leased = an_email(), an_email()
    await node.accept(leased)
    (work,) = await node.take()
    await node.accept(queued)
    (first,) = await node.store.cancel(queued.id, now=START)
    (second,) = await node.store.cancel(leased.id, now=START)
    assert (first.is_cancelled, second.is_cancelled, second.state) == (True, False, State.LEASED)
    assert await node.settle(work, Deferred("busy")) is State.CANCELLED
    with pytest.raises(NotFound):
        await node.store.cancel("unknown", now=START)


async def test_a_requeued_dead_letter_keeps_its_fence_and_starts_the_schedule_again(node):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    await node.settle(work, Rejected("no"))
    which = RequeueFilter(reason="no")
    assert await node.store.count_requeueable(which) == 1
    assert await node.store.requeue(which, now=START) == 1
    (again,) = await node.take()
    assert (again.lease.number, again.lease.step, again.lease.attempts) == (2, 0, 1)


async def test_a_released_lease_counts_no_attempt(node):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    await node.store.release([work.lease], now=START)
    (again,) = await node.take()
    assert (again.lease.number, again.lease.attempts) == (2, 0)


async def test_faults_in_a_row_shut_the_provider_and_the_next_one_takes_over(node):
    await node.accept(*[an_email() for _ in range(3)])
    for work in await node.take(3):
        await node.settle(work, Unclear("line broke"))
    await node.accept(an_email())
    (work,) = await node.take()
    assert work.lease.provider == "second"
    first = (await node.store.providers(now=START))[0]
    assert (first.breaker, first.faults) == ("open", 3)


async def test_an_open_breaker_lets_one_probe_through_after_its_cool_down(node):
    await node.store.pause(
        Pause(provider="second", sender="", fault="by hand", reason="x", since=START, until=None)
    )
    await node.accept(*[an_email() for _ in range(10)])
    for work in await node.take(3):
        await node.settle(work, Deferred("refused", is_provider_down=True))
    assert not await node.take(now=START + 20 * SECOND)
    later = START + 31 * SECOND
    (probe,) = await node.take(now=later)
    assert probe.lease.is_probe
    assert not await node.take(now=later)
    await node.settle(probe, now=later)
    assert len(await node.take(now=later)) == 1


async def shut_first(node):
    """Pause the second provider, and open the breaker of the first."""
    pause = Pause(
        provider="second", sender="", fault="by hand", reason="x", since=START, until=None
    )
    await node.store.pause(pause)
    await node.accept(*[an_email() for _ in range(3)])
    for work in await node.take(3):
        await node.settle(work, Deferred("refused", is_provider_down=True))


async def test_a_probe_that_turns_out_suppressed_leaves_room_for_another(database, node):
    await shut_first(node)
    later = START + 31 * SECOND
    into = "suppressions (address, stream, reason, source, created_at, id)"
    sql = f"INSERT INTO {into} VALUES ('budi@example.com', '', 'bounced', 'x', 0, '1')"
    await database.write(node, sql)
    assert not await node.take(1, now=later)
    await node.accept(an_email(to=("ani@example.com",)))
    taken = [work for _ in range(4) for work in await node.take(1, now=later)]
    assert [(work.recipient, work.lease.is_probe) for work in taken] == [("ani@example.com", True)]


async def test_a_probe_that_is_given_back_unsent_leaves_room_for_another(node):
    await shut_first(node)
    later = START + 31 * SECOND
    (probe,) = await node.take(now=later)
    assert not await node.take(now=later)
    await node.store.release([probe.lease], now=later)
    (again,) = await node.take(now=later)
    assert again.lease.is_probe


@pytest.mark.parametrize("fault", [OutOfCredits("saldo habis"), QuotaReached("daily limit")])
async def test_a_fault_of_the_account_pauses_the_provider_and_leaves_the_step_alone(node, fault):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    assert await node.settle(work, fault) is State.QUEUED
    (pause,) = await node.store.pauses()
    assert (pause.provider, pause.fault) == ("first", type(fault).__name__)
    (work,) = await node.take()
    assert (work.lease.provider, work.lease.step) == ("second", 0)


async def test_a_refused_sender_holds_its_own_mail_only(node):
    email, other = an_email(), an_email()
    await node.accept(email)
    (work,) = await node.take()
    await node.settle(work, SenderRefused("not approved", sender="toko@example.com"))
    await node.accept(other)
    assert not await node.take()
    assert (await node.store.pauses())[0].sender == "toko@example.com"
    await node.store.resume("first", sender="toko@example.com")
    assert len(await node.take()) == 2


async def test_a_429_shuts_the_gate_until_retry_after_and_leaves_the_step_alone(node):
    await node.accept(an_email())
    await node.store.pause(
        Pause(provider="second", sender="", fault="by hand", reason="x", since=START, until=None)
    )
    (work,) = await node.take()
    await node.settle(work, Deferred("slow down", retry_after=9 * SECOND, is_rate_limit=True))
    assert not await node.take(now=START + 8 * SECOND)
    (work,) = await node.take(now=START + 10 * SECOND)
    assert work.lease.step == 0


async def test_high_priority_goes_first_and_low_still_moves(node):
    low = [an_email(priority=Priority.LOW) for _ in range(50)]
    high = [an_email(priority=Priority.HIGH) for _ in range(50)]
    await node.accept(*low, *high)
    taken = [work.lease.priority for work in await node.take(24)]
    assert taken.count(Priority.HIGH) > taken.count(Priority.LOW) > 0


async def test_a_scheduled_email_can_be_moved_until_it_was_attempted(node):
    email = an_email(scheduled_at=START + timedelta(hours=1))
    await node.accept(email)
    assert not await node.take()
    await node.store.reschedule(email.id, scheduled_at=START, now=START)
    (work,) = await node.take()
    await node.settle(work, Deferred("busy"))
    with pytest.raises(WrongState):
        await node.store.reschedule(email.id, scheduled_at=START, now=START)


async def test_an_email_is_moved_without_the_recipients_that_it_does_not_go_to(node):
    to = ("a@example.com", "b@example.com")
    email = an_email(to=to, scheduled_at=START + timedelta(hours=1))
    await node.accept(email)
    stopped, going = email.messages
    await node.store.cancel(stopped.id, now=START)
    await node.store.reschedule(email.id, scheduled_at=START, now=START)
    assert [work.lease.message_id for work in await node.take()] == [going.id]
    assert await node.state(stopped.id) is State.CANCELLED


async def test_an_email_that_goes_to_nobody_any_more_cannot_be_moved(node):
    email = an_email(scheduled_at=START + timedelta(hours=1))
    await node.accept(email)
    await node.store.cancel(email.id, now=START)
    with pytest.raises(WrongState):
        await node.store.reschedule(email.id, scheduled_at=START, now=START)


async def test_lists_go_newest_first_and_page_by_id(node):
    emails = [an_email() for _ in range(5)]
    for email in emails:
        await node.accept(email)
    ids = [email.id for email in reversed(emails)]
    assert [row.id for row in await node.store.emails(limit=2)] == ids[:2]
    assert [row.id for row in await node.store.emails(limit=2, after=ids[1])] == ids[2:4]
    assert [row.id for row in await node.store.emails(limit=2, before=ids[3])] == ids[1:3]
    rows = await node.store.messages(MessageFilter(states=(State.QUEUED,), limit=3))
    assert [row.id for row in rows] == ids[:3]


async def test_each_recipient_is_a_message_of_its_own(node):
    email = an_email(to=("a@example.com", "b@example.com"))
    await node.accept(email)
    assert {work.recipient for work in await node.take()} == {"a@example.com", "b@example.com"}
    assert len((await node.store.email(email.id)).messages) == 2


async def test_mail_of_a_route_that_is_no_more_goes_over_the_default_one(open_node):
    wide = replace(GATES, routes={"default": ("first", "second"), "otp": ("first",)})
    before = await open_node("a", wide)
    lost, shortened, dead = an_email(route="otp"), an_email(), an_email(route="otp")
    await before.accept(dead)
    (work,) = await before.take()
    await before.settle(work, Rejected("no"))
    await before.accept(shortened)
    now = START
    for _ in range(4):  # past its quick part, to the second provider
        (work,) = await before.take(now=now)
        await before.settle(work, Deferred("busy"), now=now)
        now += timedelta(seconds=30)
    await before.accept(lost)
    await before.store.close()

    after = await open_node("b", replace(GATES, routes={"default": ("first",)}))
    assert not await after.take(now=now)
    assert [await after.store.reroute(limit=1) for _ in range(3)] == [1, 1, 0]
    assert await after.store.requeue(RequeueFilter(), now=now) == 1
    taken = {work.lease.message_id: work.lease for work in await after.take(now=now)}
    assert set(taken) == {lost.id, shortened.id, dead.id}
    assert {(lease.route, lease.provider) for lease in taken.values()} == {("default", "first")}


async def test_only_one_node_does_a_piece_of_periodic_work(open_node):
    one, other = await open_node("a"), await open_node("b")
    turns = [await n.store.take_turn("x", every=SECOND, now=START) for n in (one, other)]
    assert turns == [True, False]
    assert await other.store.take_turn("x", every=SECOND, now=START + SECOND)


async def test_another_process_is_noticed(open_node):
    one, other = await open_node("a"), await open_node("b")
    await one.store.changed(within=timedelta(seconds=0.15))
    waiting = asyncio.create_task(one.store.changed(within=timedelta(seconds=5)))
    await asyncio.sleep(0)
    await other.accept(an_email())
    assert await waiting


def test_a_database_of_a_newer_version_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "x.db"
    opened(path).execute("PRAGMA user_version = 999").close()
    with pytest.raises(ConfigError, match="newer Terkirim"):
        opened(path)


def test_a_file_that_is_no_database_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "x.db"
    path.write_bytes(b"this is a letter, not a database" * 100)
    with pytest.raises(StoreUnavailable, match="not a SQLite database"):
        opened(path)


async def test_an_answer_that_is_not_known_is_counted_by_provider_and_text(node):
    await node.accept(*[an_email() for _ in range(3)])
    for work in await node.take():
        text = "HTTP 200: unknown answer: apa ini budi@example.com"
        await node.settle(work, Deferred(text, is_unknown_answer=True))
    (row,) = await node.store.rollups(("unknown_answer",), since=START - DAY, until=START + DAY)
    assert row.key == "first:HTTP 200: unknown answer: apa ini <address>"
    assert row.count == 3
