"""Makes deliveries of what has happened, leases them, and writes how they ended; in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from terkirim.domain.webhook import Payload, WebhookEnd, WebhookTask
from terkirim.ports.webhooks import Fresh
from terkirim.store.postgres import endpoints
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.people import keep_activity
from terkirim.store.queries import Queries
from terkirim.store.times import micros
from terkirim.store.webhooks import (
    attempt_row,
    disabled_by_itself,
    end_row,
    fresh_of,
    health_of,
    payload_row,
    recipients_of,
    task_of,
    too_many,
)

_sql = Queries("terkirim.store.postgres", "webhooks.sql")


async def fresh(db: Database, *, most: int) -> Fresh:
    """Return what has happened and is not published."""
    wanted = [type_ for (type_,) in await db.rows(_sql["wanted"])]
    if not wanted:
        return Fresh(is_wanted=False)
    (after,) = await db.one(_sql["cursor"])
    facts = await db.rows(_sql["fresh_facts"], most=most)
    events = await db.rows(_sql["fresh_events"], after=after, most=most)
    return fresh_of(wanted, facts, events, after=after)


async def publish(db: Database, *, what: Fresh, payloads: Sequence[Payload], now: int) -> bool:
    """Make deliveries, unless another node has made some, or a person was erased, meanwhile."""
    ((after,),) = await db.rows(_sql["lock_endpoints"])
    (unpublished,) = await db.one(_sql["unpublished"], seqs=list(what.seqs))
    if after != what.after or unpublished != len(what.seqs):
        return False
    if await db.many(_sql["erased_since"], recipients_of(what)):
        return False
    await db.rows(_sql["drop_facts"], seqs=list(what.seqs))
    await db.rows(_sql["set_cursor"], upto=what.upto)
    await db.many(_sql["insert_payloads"], [payload_row(one) for one in payloads])
    await db.many(_sql["insert_deliveries"], [(one.id, one.type) for one in payloads], now=now)
    return True


async def publish_test(db: Database, *, payload: Payload, bound: Mapping[str, Any]) -> WebhookTask:
    """Make a delivery that is leased from the beginning."""
    await endpoints.one(db, id_=bound["endpoint"])
    await db.many(_sql["insert_payloads"], [payload_row(payload)])
    await db.rows(_sql["insert_leased"], **bound)
    lease = (bound["endpoint"], bound["payload"], 1, 0, bound["now"])
    (task,) = await _tasks(db, [lease], bound["now"])
    return task


async def take(db: Database, *, room: Mapping[str, int], now: int, until: int) -> list[WebhookTask]:
    """Lease due deliveries."""
    rows = await db.many(_sql["take"], sorted(room.items()), now=now, until=until)
    return [task_of(row) for row in rows]


async def end(db: Database, *, ends: Sequence[WebhookEnd], now: datetime) -> int:
    """Record attempts; return how many still had their lease."""
    ends = sorted(ends, key=lambda one: (one.task.payload_id, one.task.endpoint_id))
    attempts = await db.many(_sql["keep_attempts"], [attempt_row(one) for one in ends])
    kept = {(endpoint, payload) for payload, endpoint, _ in attempts}
    moved = await db.many(_sql["end_deliveries"], [end_row(one) for one in ends])
    await _judge(
        db, [one for one in ends if (one.task.endpoint_id, one.task.payload_id) in kept], now
    )
    return len(moved)


async def _judge(db: Database, ends: Sequence[WebhookEnd], now: datetime) -> None:
    """Count failures of endpoints, and disable those that have too many, or are gone."""
    health = health_of(ends)
    if health.took:
        await db.rows(_sql["note_success"], ids=health.took)
    why = dict(health.gone)
    for row in await db.many(_sql["note_failures"], health.failed):
        found = too_many(row, health.said[row[0]], now=micros(now))
        if found is not None:
            why.setdefault(row[0], found)
    for id_, reason in why.items():
        if await db.rows(_sql["disable"], id=id_, why=reason):
            activity = disabled_by_itself(await endpoints.one(db, id_=id_), now=now)
            await keep_activity(db, activity=activity)


async def _tasks(db: Database, leases: Sequence[Any], now: int) -> list[WebhookTask]:
    return [task_of(row) for row in await db.many(_sql["tasks"], leases, now=now)]
