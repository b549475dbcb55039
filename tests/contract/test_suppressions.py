"""What every store promises of suppressions: who bounced or complained is not sent to again."""

import asyncio
from datetime import timedelta

import pytest

from terkirim.domain.email import Stream
from terkirim.domain.errors import InvalidEmail, NotFound
from terkirim.domain.message import State
from terkirim.domain.suppression import Why
from terkirim.ports import IdempotencyKey
from terkirim.ports.suppressions import SuppressionFilter
from terkirim.ports.tracking import ReplayFilter
from terkirim.tracking.suppression_csv import Entry
from terkirim.tracking.suppressions import CHUNK
from tests.contract.conftest import SECOND, START, an_email
from tests.contract.tracked import LATER

DAY = timedelta(days=1)
BUDI = "budi@example.com"
REPLAY_ALL = ReplayFilter(is_all=True)


@pytest.fixture
async def node(open_tracked):
    return await open_tracked()


@pytest.fixture
def listed(node):
    return node.tracking.suppressions


async def state_of_new(node, **options):
    email = an_email(now=node.clock.at, **options)
    node.now = node.clock.at
    receipt = await node.accept(email)
    state = await node.state(email.id)
    assert (email.id in receipt.suppressed) == (state is State.SUPPRESSED)
    return state


async def test_a_permanent_bounce_suppresses_at_once_and_the_next_mail_costs_nothing(node):
    email = an_email()
    await node.sent(email)
    await node.say("bounce", email, reason="550 5.1.1 user unknown")
    assert await state_of_new(node) is State.SUPPRESSED
    assert not await node.take(now=START + DAY)
    (entry,) = await node.tracking.suppressions.listed(SuppressionFilter())
    assert (entry.address, entry.stream, entry.why, entry.until) == (
        BUDI,
        None,
        Why.PERMANENT_BOUNCE,
        None,
    )
    assert (entry.source, entry.source_id) == ("mailketing", email.id)
    assert entry.note == "550 5.1.1 user unknown"


async def test_each_use_of_a_key_gets_the_answer_that_names_who_is_suppressed(node):
    email = an_email()
    await node.sent(email)
    await node.say("bounce", email, reason="550 5.1.1 user unknown")
    key = IdempotencyKey(owner="o", route="r", key="k", fingerprint="f")
    uses = {"idempotency": key, "answer": "all", "answer_with": lambda ids: f"not {len(ids)}"}
    to = (BUDI, "ani@example.com", f"{BUDI[0].upper()}{BUDI[1:]}")
    together = [node.accept(an_email(to=to), **uses) for _ in range(3)]
    receipts = await asyncio.gather(*together, node.accept(an_email(), answer="another"))
    receipts.append(await node.accept(an_email(to=to), **uses))
    receipts.append(await node.store.repeat_of(key, now=START))
    assert [one.answer for one in receipts] == [*["not 2"] * 3, "another", *["not 2"] * 2]
    assert sorted(one.is_repeat for one in receipts) == [False] * 2 + [True] * 4


async def test_mail_that_waits_for_an_address_that_was_suppressed_meanwhile_ends_suppressed(node):
    sent, waiting = an_email(), an_email(scheduled_at=START + DAY)
    await node.sent(sent)
    await node.accept(waiting)
    await node.say("spam", sent)
    assert not await node.take(now=START + DAY)
    message = await node.message(waiting.id)
    assert (message.state, message.reason) == (State.SUPPRESSED, "complaint")


async def test_an_address_is_the_same_in_upper_and_lower_case(node):
    await node.post({"type": "spam", "email": "BUDI@example.com"})
    assert await state_of_new(node, to=("Budi@example.com",)) is State.SUPPRESSED


async def test_an_unsubscribe_stops_broadcast_and_not_transactional(node):
    email = an_email()
    await node.sent(email)
    await node.say("unsubscribe", email)
    assert await state_of_new(node, stream=Stream.BROADCAST) is State.SUPPRESSED
    assert await state_of_new(node, stream=Stream.TRANSACTIONAL) is State.QUEUED


async def test_a_block_is_about_us_and_never_suppresses(node):
    email = an_email()
    await node.sent(email)
    for _ in range(5):
        await node.say("bounce", email, reason="554 blocked using zen.spamhaus.org")
    assert await node.suppressed() == []


async def test_the_third_transient_bounce_within_fourteen_days_suppresses_for_fourteen_days(node):
    email = an_email()
    await node.sent(email)
    for day in (0, 5, 13):
        assert await node.suppressed() == []
        node.clock.at = LATER + day * DAY
        await node.say("bounce", email, at=node.clock.at, reason="452 mailbox full")
    (entry,) = await node.tracking.suppressions.listed(SuppressionFilter())
    assert (entry.why, entry.until) == (Why.TRANSIENT_BOUNCES, LATER + 27 * DAY)
    node.clock.at = LATER + 27 * DAY - SECOND
    assert await state_of_new(node) is State.SUPPRESSED
    node.clock.at = LATER + 27 * DAY
    assert await state_of_new(node) is State.QUEUED
    assert await node.tracking.suppressions.listed(SuppressionFilter()) == []


async def test_transient_bounces_that_are_far_apart_suppress_nobody(node):
    email = an_email()
    await node.sent(email)
    for day in (0, 8, 16, 24):
        node.clock.at = LATER + day * DAY
        await node.say("bounce", email, at=node.clock.at, reason="452 mailbox full")
    assert await node.suppressed() == []


async def test_three_transient_bounces_in_one_batch_count_as_three(node):
    email = an_email()
    await node.sent(email)
    for n in range(3):
        await node.say(
            "bounce", email, at=LATER - n * SECOND, reason="452 mailbox full", apply=False
        )
    await node.applier.apply_kept()
    assert await node.suppressed() == [(BUDI, "", "transient bounces")]


async def test_who_is_let_in_again_starts_anew_and_a_replay_suppresses_nobody(node, listed):
    email = an_email()
    await node.sent(email)
    for _ in range(3):
        await node.say("bounce", email, reason="452 mailbox full")
    await listed.remove([BUDI], who="ani", why="spoke to Budi")
    await node.say("bounce", email, reason="452 mailbox full")
    await node.applier.replay(REPLAY_ALL)
    assert await node.suppressed() == []
    assert await state_of_new(node) is State.QUEUED


async def test_an_address_that_only_the_message_knows_is_suppressed_when_that_is_found(node):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    await node.post({"type": "spam", "message_id": email.id})  # no address in it
    await node.settle(work)
    assert await node.suppressed() == [(BUDI, "", "complaint")]


async def test_a_bounce_of_a_forged_address_is_kept_and_suppresses_nobody(node):
    for forged in ("<script>alert(1)</script>", "a@b@c", "x" * 300 + "@example.com", "", "*@*"):
        await node.post({"type": "bounce", "email": forged, "reason": "550 no such user"})
    assert await node.suppressed() == []
    assert await node.count_of("callbacks") == 5


async def test_a_person_adds_and_removes_and_the_activity_log_says_who_and_why(node, listed):
    (entry,) = await listed.add(
        [Entry(address="Budi@Example.com", note="asked by phone")], who="ani"
    )
    assert (entry.address, entry.why, entry.source) == (BUDI, Why.BY_HAND, "ani")
    assert await state_of_new(node) is State.SUPPRESSED
    (removed,) = await listed.remove([entry.id], who="budi", why="his own wish")
    assert removed.id == entry.id
    assert await state_of_new(node) is State.QUEUED
    rows = await node.activity()
    assert [(*row[:3], row[3]["note"]) for row in rows] == [
        ("ani", "suppressed", BUDI, "asked by phone"),
        ("budi", "unsuppressed", BUDI, "his own wish"),
    ]


async def test_a_note_is_kept_as_one_printable_line(listed):
    (entry,) = await listed.add([Entry(address=BUDI, note=" a\x1b[31m\nb ")], who="ani")
    assert entry.note == "a [31m b"


async def test_what_events_suppress_is_in_the_activity_log_once(node):
    email = an_email()
    await node.sent(email)
    await node.say("spam", email)
    await node.say("spam", email)
    ((who, what, subject, facts),) = await node.activity()
    assert (who, what, subject, facts["why"]) == ("mailketing", "suppressed", BUDI, "complaint")


async def test_what_two_nodes_suppress_at_once_is_in_the_activity_log_once(open_tracked):
    nodes = [await open_tracked(name) for name in "abc"]
    emails = [an_email() for _ in range(12)]
    await nodes[0].accept(*emails)
    await asyncio.gather(
        *[nodes[n % 3].say("spam", email) for n, email in enumerate(emails)],
        nodes[0].tracking.suppressions.add([Entry(address=BUDI, why=Why.COMPLAINT)], who="ani"),
    )
    assert len(await nodes[0].activity()) == 1


async def test_adding_what_is_suppressed_already_returns_the_entry_that_stands(node, listed):
    (first,) = await listed.add([Entry(address=BUDI)], who="ani")
    (again,) = await listed.add([Entry(address=BUDI, until=LATER + DAY)], who="budi")
    assert again == first
    assert await node.count_of("activity") == 1


async def test_an_entry_until_a_day_gives_way_to_one_for_ever(node, listed):
    (until,) = await listed.add([Entry(address=BUDI, until=LATER + DAY)], who="ani")
    node.clock.at += SECOND
    (stays,) = await listed.add([Entry(address=BUDI)], who="budi")
    assert (stays.until, stays.source) == (None, "budi")
    assert stays.id != until.id
    with pytest.raises(NotFound):
        await listed.one(until.id)


async def test_one_address_may_stand_once_for_all_and_once_for_a_stream(node, listed):
    await listed.add([Entry(address=BUDI, stream=Stream.BROADCAST), Entry(address=BUDI)], who="ani")
    assert (await listed.one(BUDI)).stream is None
    assert len(await listed.remove([BUDI], who="ani", why="")) == 2
    with pytest.raises(NotFound, match="is not suppressed"):
        await listed.one(BUDI)


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (Entry(address="budi"), "email"),
        (Entry(address=""), "email"),
        (Entry(address="a@b.example\nx"), "email"),
        (Entry(address=BUDI, until=LATER), "until"),
        (Entry(address=BUDI, note="x" * 1_001), "note"),
    ],
)
async def test_a_bad_entry_is_refused_by_field_and_none_is_entered(node, listed, entry, field):
    with pytest.raises(InvalidEmail) as caught:
        await listed.add([Entry(address="good@example.com"), entry], who="ani")
    assert caught.value.field == field
    assert await node.suppressed() == []


async def test_lists_go_newest_first_and_page_by_id(node, listed):
    ids = []
    for n in range(5):
        node.clock.at = LATER + n * SECOND
        (entry,) = await listed.add([Entry(address=f"p{n}@example.com")], who="ani")
        ids.insert(0, entry.id)
    first = await listed.listed(SuppressionFilter(limit=2))
    assert [one.id for one in first] == ids[:2]
    after = await listed.listed(SuppressionFilter(limit=2, after=ids[1]))
    assert [one.id for one in after] == ids[2:4]
    before = await listed.listed(SuppressionFilter(limit=2, before=ids[3]))
    assert [one.id for one in before] == ids[1:3]
    assert await listed.listed(SuppressionFilter(whys=(Why.COMPLAINT,))) == []
    assert await listed.listed(SuppressionFilter(stream=Stream.BROADCAST)) == []


async def test_entries_are_found_by_the_beginning_of_the_address_and_by_its_domain(node, listed):
    addresses = ("budi@a.example", "budiman@b.example", "bunga@a.example", "ani@a.example")
    for n, address in enumerate(addresses):
        node.clock.at = LATER + n * SECOND
        await listed.add([Entry(address=address)], who="ani")
    await listed.add([Entry(address=addresses[0], stream=Stream.BROADCAST)], who="ani")

    async def found(**which):
        rows = await listed.listed(SuppressionFilter(**which))
        return [(one.address, one.stream or "") for one in rows]

    begun = [(addresses[0], ""), (addresses[0], "broadcast"), (addresses[1], "")]
    assert await found(starts="budi") == begun
    assert await found(starts="budi", limit=1) == begun[:1]
    assert await found(starts="budi", past=begun[0]) == begun[1:]
    assert await found(starts="budi", past=begun[-1]) == []
    by_domain = await found(domain="a.example")
    assert [address for address, _ in by_domain[1:]] == [
        "ani@a.example",
        "bunga@a.example",
        "budi@a.example",
    ]
    page = await listed.listed(SuppressionFilter(domain="a.example", limit=3))
    rest = await listed.listed(SuppressionFilter(domain="a.example", after=page[-1].id))
    assert [one.address for one in rest] == ["budi@a.example"]
    assert await found(domain="example") == await found(starts="%") == []


async def test_a_file_is_imported_row_by_row_and_its_bad_rows_are_named(node, listed):
    content = (
        "\ufeffemail;stream;reason;until;note\n"
        "good@example.com;;;;\n"
        "bad;;;;\n"
        "old@example.com;;;2020-01-01;\n"
        "news@example.com;broadcast;unsubscribed;;\n"
        "x@example.com;nowhere;;;\n"
        "x@example.com;;because;;\n"
        "x@example.com;;;someday;\n"
        "x@example.com;;;\n"
        ";;;;\n"
        '"";all;;;\n'
        "hard@example.com;all;hard bounce;2030-01-01;'=1+1\n"
    ).encode()
    done = await listed.import_csv(content, who="ani")
    assert (done.entered, done.unchanged, done.repeated) == (3, 0, 0)
    assert [row.line for row in done.bad] == [3, 4, 6, 7, 8, 9, 11]
    found = {one.address: one for one in await listed.listed(SuppressionFilter())}
    assert found["good@example.com"].why is Why.BY_HAND
    assert found["news@example.com"].stream is Stream.BROADCAST
    assert found["hard@example.com"].note == "=1+1"
    assert found["hard@example.com"].why is Why.PERMANENT_BOUNCE
    node.clock.at += SECOND
    again = await listed.import_csv(content, who="ani")
    assert (again.entered, again.unchanged, again.repeated) == (0, 3, 0)
    assert await node.count_of("activity") == 3


async def test_each_row_of_a_file_is_counted_once_by_what_it_changed(node, listed):
    await listed.add([Entry(address="old@example.com")], who="budi")
    await listed.add([Entry(address="short@example.com", until=LATER + DAY)], who="budi")
    node.clock.at += SECOND
    names = [f"p{n}@example.com" for n in range(CHUNK)]
    rows = ["a@example.com,", "A@Example.com,", *[f"{name}," for name in names], "bad,"]
    rows += ["a@example.com,2030-01-01", "old@example.com,", "old@example.com,2030-01-01"]
    rows += ["short@example.com,2020-01-01", "short@example.com,"]
    content = "\n".join(["email,until", *rows]).encode()
    done = await listed.import_csv(content, who="ani")
    # a, short and the p's stand because of the file; a comes again twice, old once
    assert (done.entered, done.unchanged, done.repeated) == (CHUNK + 2, 1, 3)
    assert len(done.bad) == 2
    assert len(await node.suppressed()) == CHUNK + 3
    node.clock.at += SECOND
    again = await listed.import_csv(content, who="ani")
    assert (again.entered, again.unchanged, again.repeated) == (0, CHUNK + 3, 3)


async def test_an_address_that_a_file_names_for_two_kinds_of_mail_is_two_entries(node, listed):
    content = b"email,stream\na@example.com,all\na@example.com,broadcast\nA@example.com,all\n"
    done = await listed.import_csv(content, who="ani")
    assert (done.entered, done.unchanged, done.repeated) == (2, 0, 1)
    assert len(await node.suppressed()) == 2


async def test_of_a_file_with_a_quote_that_is_never_closed_nothing_is_entered(node, listed):
    many = "".join(f"p{n}@example.com,x\n" for n in range(CHUNK + 1))
    content = f'email,note\n{many}u1@example.com,"abc\nu2@example.com,x\n'
    with pytest.raises(InvalidEmail, match=f"line {CHUNK + 3} is never closed"):
        await listed.import_csv(content.encode(), who="ani")
    assert await node.suppressed() == []


async def test_what_is_exported_can_be_imported_again(node, listed, tmp_path):
    entries = [
        Entry(address="=cmd@example.com", note='=HYPERLINK("x")'),
        Entry(address="b@example.com", stream=Stream.BROADCAST, until=LATER + DAY, note='a,"b"'),
        Entry(address="c@example.com", why=Why.COMPLAINT),
    ]
    await listed.add(entries, who="@ani")
    text = "".join([part async for part in listed.export_csv()])
    assert "\n=" not in text
    assert ",=" not in text
    before = await listed.listed(SuppressionFilter())
    await listed.remove([one.address for one in before], who="ani", why="")
    assert await listed.listed(SuppressionFilter()) == []
    done = await listed.import_csv(text.encode(), who="ani")
    assert (done.entered, done.bad) == (3, [])
    after = await listed.listed(SuppressionFilter())
    facts = [(one.address, one.stream, one.why, one.until, one.note) for one in before]
    assert sorted(facts, key=str) == sorted(
        [(one.address, one.stream, one.why, one.until, one.note) for one in after], key=str
    )
