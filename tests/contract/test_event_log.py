"""What every store promises of the log of events: its order, its lists, and what is counted."""

import re
from datetime import timedelta
from functools import partial

import pytest

from terkirim.domain.event import EventKind, Match
from terkirim.domain.message import State
from terkirim.domain.suppression import Why
from terkirim.ports.suppressions import SuppressionFilter
from terkirim.ports.tracking import EventFilter
from terkirim.store.counting import KEYS_A_DAY, OTHERS
from terkirim.store.queries import Queries
from terkirim.store.sqlite import connection, events
from tests.contract.conftest import SECOND, START, SqliteFile, an_email
from tests.contract.tracked import LATER, MINUTE, TrackedNode

HOUR = timedelta(hours=1)


@pytest.fixture
async def node(open_tracked):
    return await open_tracked()


@pytest.fixture
async def sqlite_node(tmp_path):
    database = SqliteFile(tmp_path / "plans.db")
    store = await database.opened("a")
    yield TrackedNode(store, database)
    await store.close()


async def test_an_open_is_taken_back_when_the_delivery_turns_out_to_have_been_then(node):
    email = an_email(tags=(("campaign", "juli"),))
    node.clock.at = START + 12 * HOUR
    await node.sent(email)
    await node.say("emailopen", email, at=LATER + 0.5 * SECOND)
    assert (await node.message(email.id)).opened_at is not None
    assert (await node.counted("event_tag"))["opened:campaign=juli"] == 1
    await node.say("delivered", email, at=LATER)
    message = await node.message(email.id)
    assert (message.opened_at, message.delivered_at) == (None, LATER)
    assert await node.counted("event") == {"mailketing:scanned": 1, "mailketing:delivered": 1}
    assert "mailketing:opened" not in await node.counted("event_first")
    assert "opened:campaign=juli" not in await node.counted("event_tag")

    await node.say("emailopen", email, at=LATER + HOUR)
    assert (await node.message(email.id)).opened_at == LATER + HOUR
    assert (await node.counted("event_first"))["mailketing:opened"] == 1


async def test_of_several_opens_only_the_scanners_is_taken_back(node):
    email = an_email()
    node.clock.at = START + 12 * HOUR
    await node.sent(email)
    await node.say("emailopen", email, at=LATER)
    await node.say("emailopen", email, at=LATER + HOUR)
    await node.say("delivered", email, at=LATER)
    assert (await node.message(email.id)).opened_at == LATER + HOUR
    await node.say("delivered", email, at=LATER - MINUTE / 2)  # earlier: the marks stay
    assert (await node.message(email.id)).delivered_at == LATER - MINUTE / 2


async def test_what_is_counted_of_events(node):
    email = an_email(tags=(("campaign", "juli"),))
    await node.sent(email)
    await node.say("emailopen", email)
    await node.say("emailopen", email)
    await node.say("emailclick", email)
    await node.say("bounce", email, reason="452 mailbox full")
    await node.post({"type": "emailopen", "email": "nobody@example.com"})
    assert await node.counted("event") == {
        "mailketing:opened": 2,
        "mailketing:clicked": 1,
        "mailketing:bounced_transient": 1,
        "mailketing:unmatched": 1,
    }
    firsts = {"delivered", "opened", "clicked", "bounced"}
    assert await node.counted("event_first") == {
        "first:accepted": 1,
        **{f"mailketing:{what}": 1 for what in [*firsts, "heard"]},
    }
    by_name = [*firsts, "accepted"]  # this one was counted when the provider took it
    assert await node.counted("event_sender") == {f"{what}:toko@example.com": 1 for what in by_name}
    assert await node.counted("event_tag") == {f"{what}:campaign=juli": 1 for what in by_name}


async def test_an_event_is_counted_in_the_hour_in_which_it_happened(node):
    email = an_email()
    await node.sent(email)
    node.clock.at = START + 9 * HOUR
    await node.say("emailopen", email, at=START + 2 * HOUR)
    (row,) = await node.store.rollups(["event"], since=START, until=START + 12 * HOUR)
    assert row.hour == (START + 2 * HOUR).replace(minute=0)


async def test_a_day_has_counts_of_a_bounded_number_of_tags(node):
    day = int(START.timestamp()) // 86_400
    rows = ", ".join(f"({day}, 'event_tag', 't={n}')" for n in range(KEYS_A_DAY - 1))
    await node.write(f"INSERT INTO rollup_keys (day, kind, key) VALUES {rows}")
    for name in ("a", "b"):
        email = an_email(tags=(("t", name),), to=(f"{name}@example.com",))
        await node.sent(email)
        await node.say("delivered", email)
    assert await node.counted("event_tag") == {
        f"{what}:{tag}": 1 for what in ("accepted", "delivered") for tag in ("t=a", OTHERS)
    }
    known = an_email(tags=(("t", "5"),))
    await node.sent(known)
    await node.say("delivered", known)
    assert (await node.counted("event_tag"))["delivered:t=5"] == 1


async def test_what_is_said_of_sandboxed_mail_is_shown_and_not_counted(node):
    email = an_email()
    await node.sent(email)
    before = await node.counted("event_first")
    await node.write("UPDATE messages SET is_sandbox = true")
    await node.say("emailopen", email, at=LATER)
    await node.say("delivered", email, at=LATER)
    assert (await node.message(email.id)).state is State.DELIVERED
    assert (await node.counted("event"), await node.counted("event_first")) == ({}, before)


async def test_the_log_of_events_grows_at_its_end_only(node):
    old = an_email()
    await node.sent(old, ref=None)
    early = {"type": "emailopen", "email": "late@example.com", "date": LATER.isoformat()}
    await node.post(early)  # its message appears later
    await node.say("emailopen", old)
    (first,) = await node.events.events_after(0, limit=10)
    late = an_email(to=("late@example.com",))
    await node.sent(late, ref=None)
    node.clock.at += 2 * SECOND
    await node.applier.rematch()
    (second,) = await node.events.events_after(first.seq, limit=10)
    assert (second.message_id, second.match) == (late.id, Match.GUESSED)
    assert await node.events.events_after(second.seq, limit=10) == []


async def test_lists_of_events_go_newest_first_and_by_kind_and_message(node):
    emails = [an_email(to=(f"p{n}@example.com",)) for n in range(3)]
    for email in emails:
        await node.sent(email)
        await node.say("emailopen", email)
        await node.say("emailclick", email)
    page = await node.events.events(EventFilter(limit=4))
    assert [row.kind for row in page] == [EventKind.CLICKED, EventKind.OPENED] * 2
    rest = await node.events.events(EventFilter(before=page[-1].seq))
    assert [row.message_id for row in rest] == [emails[0].id] * 2
    clicks = await node.events.events(EventFilter(kind=EventKind.CLICKED))
    assert [row.message_id for row in clicks] == [email.id for email in reversed(emails)]
    own = await node.events.events(EventFilter(message_id=emails[1].id))
    assert {row.message_id for row in own} == {emails[1].id}


async def test_events_and_suppressions_of_an_older_schema_are_taken_over(tmp_path, monkeypatch):
    steps = connection._migrations()
    monkeypatch.setattr(connection, "_migrations", lambda: steps[:1])
    old = connection.opened(tmp_path / "contract.db")
    old.execute(
        "INSERT INTO events VALUES ('e1', 'm1', 'opened', 2, 2, 'mailketing', '{}'),"
        " ('e0', 'm1', 'delivered', 1, 1, 'mailketing', '{}'),"
        " ('e2', NULL, 'opened', 3, 3, 'mailketing', '{}')"
    )
    old.execute(
        "INSERT INTO suppressions VALUES ('a@example.com', '', 'bounced', 'mailketing', 1, NULL)"
    )
    old.close()
    monkeypatch.undo()
    database = SqliteFile(tmp_path / "contract.db")
    store = await database.opened("a")
    node = TrackedNode(store, database)
    assert [row.id for row in await node.events.events(EventFilter())] == ["e1", "e0"]
    (entry,) = await node.tracking.suppressions.listed(SuppressionFilter())
    assert (entry.address, entry.why) == ("a@example.com", Why.BY_HAND)
    await store.close()


async def test_an_event_is_found_without_a_walk_through_the_whole_log(sqlite_node):
    """Ten million rows: each question is answered from an index."""
    for which in (
        EventFilter(kind=EventKind.COMPLAINED),
        EventFilter(message_id="m"),
        EventFilter(kind=EventKind.OPENED, message_id="m"),
        EventFilter(before=5),
    ):
        asked = await _plan_of(sqlite_node, which)
        assert asked
        assert not any(step.startswith("SCAN") for step in asked), asked
    asked = await _plan_of(sqlite_node, EventFilter(kind=EventKind.OPENED, message_id="m"))
    assert "events_of_message" in asked[0]


async def _plan_of(node, which):
    asked = []

    def explained(db, sql, bound):
        asked.extend(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", bound))
        return iter(())

    class Explaining:
        def __init__(self, db):
            self.execute = partial(explained, db)

    await node.store.read(lambda db: events._listed(Explaining(db), which))
    return asked


@pytest.mark.parametrize(
    "name",
    [
        "keep_keys",
        "unapplied",
        "still_open",
        "close_callbacks",
        "candidates",
        "guesses",
        "standings",
        "tell_messages",
        "mark_scans",
        "due_unmatched",
        "transient_times",
        "forget_keys",
        "forget_transient",
    ],
)
async def test_what_is_asked_for_each_batch_walks_through_no_table_that_grows(sqlite_node, name):
    sql = Queries("terkirim.store.sqlite", "tracking.sql")[name]
    bound = dict.fromkeys(re.findall(r":(\w+)", sql))
    plan = [row[3] for row in await sqlite_node.rows(f"EXPLAIN QUERY PLAN {sql}", **bound)]
    grown = re.compile(r"SCAN (messages|m|events|callbacks|c|unmatched|attempts)\b(?! USING INDEX)")
    assert not [step for step in plan if grown.match(step)], plan


NARROWEST = {
    "still_open": ("SEARCH c USING INTEGER PRIMARY KEY", "callbacks_pkey"),
    "close_callbacks": ("SEARCH callbacks USING INTEGER PRIMARY KEY", "callbacks_pkey"),
    "mark_scans": ("events_of_message (message_id=? AND at>? AND at<?)", "events_of_message"),
    "first_open": ("events_of_message (message_id=?)", "events_of_message"),
    "guesses": ("messages_by_recipient_day (<expr>=? AND <expr>=? AND", "86400000000'::bigint) ="),
}


@pytest.mark.parametrize("name", NARROWEST)
async def test_each_event_and_callback_is_found_by_its_narrowest_index(database, node, name):
    """Planned while the tables are empty, and kept while they grow."""
    is_sqlite = isinstance(database, SqliteFile)
    sql = Queries(f"terkirim.store.{'sqlite' if is_sqlite else 'postgres'}", "tracking.sql")[name]
    bound = {"rows": "[]", "message_id": "m", "since": 0, "until": 0}
    plan = await database.plan(node, sql, **bound)
    assert NARROWEST[name][0 if is_sqlite else 1] in plan
