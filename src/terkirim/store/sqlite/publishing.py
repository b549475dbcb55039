"""Makes deliveries of what has happened, leases them, and writes how they ended; in SQLite."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import apsw

from terkirim.domain.webhook import Payload, WebhookEnd, WebhookTask
from terkirim.ports.webhooks import Fresh
from terkirim.store.queries import Queries
from terkirim.store.rows import to_json
from terkirim.store.sqlite import endpoints
from terkirim.store.sqlite.people import keep_activity
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

_sql = Queries("terkirim.store.sqlite", "webhooks.sql")


def fresh(db: apsw.Connection, *, most: int) -> Fresh:
    """Return what has happened and is not published."""
    wanted = [type_ for (type_,) in db.execute(_sql["wanted"])]
    if not wanted:
        return Fresh(is_wanted=False)
    (after,) = next(db.execute(_sql["cursor"]))
    facts = list(db.execute(_sql["fresh_facts"], {"most": most}))
    events = list(db.execute(_sql["fresh_events"], {"after": after, "most": most}))
    return fresh_of(wanted, facts, events, after=after)


def publish(db: apsw.Connection, *, what: Fresh, payloads: Sequence[Payload], now: int) -> bool:
    """Make deliveries, unless another node has made some, or a person was erased, meanwhile."""
    seqs = {"seqs": to_json(what.seqs)}
    (after,) = next(db.execute(_sql["cursor"]))
    (unpublished,) = next(db.execute(_sql["unpublished"], seqs))
    if after != what.after or unpublished != len(what.seqs):
        return False
    if next(db.execute(_sql["erased_since"], {"rows": to_json(recipients_of(what))}))[0]:
        return False
    db.execute(_sql["drop_facts"], seqs)
    db.execute(_sql["set_cursor"], {"upto": what.upto})
    rows = to_json([payload_row(one) for one in payloads])
    db.execute(_sql["insert_payloads"], {"rows": rows})
    db.execute(_sql["insert_deliveries"], {"rows": rows, "now": now})
    return True


def publish_test(db: apsw.Connection, *, payload: Payload, bound: Mapping[str, Any]) -> WebhookTask:
    """Make a delivery that is leased from the beginning."""
    endpoints.one(db, id_=bound["endpoint"])
    db.execute(_sql["insert_payloads"], {"rows": to_json([payload_row(payload)])})
    db.execute(_sql["insert_leased"], bound)
    lease = (bound["endpoint"], bound["payload"], 1, 0, bound["now"])
    (task,) = _tasks(db, [lease], bound["now"])
    return task


def take(
    db: apsw.Connection, *, room: Mapping[str, int], now: int, until: int
) -> list[WebhookTask]:
    """Lease due deliveries."""
    leases = [
        row
        for id_, most in sorted(room.items())
        for row in db.execute(_sql["take"], {"id": id_, "most": most, "now": now, "until": until})
    ]
    return _tasks(db, leases, now)


def end(db: apsw.Connection, *, ends: Sequence[WebhookEnd], now: datetime) -> int:
    """Record attempts; return how many still had their lease."""
    attempts = to_json([attempt_row(one) for one in ends])
    kept = {(row[1], row[0]) for row in db.execute(_sql["keep_attempts"], {"rows": attempts})}
    rows = to_json([end_row(one) for one in ends])
    moved = list(db.execute(_sql["end_deliveries"], {"rows": rows}))
    _judge(db, [one for one in ends if (one.task.endpoint_id, one.task.payload_id) in kept], now)
    return len(moved)


def _judge(db: apsw.Connection, ends: Sequence[WebhookEnd], now: datetime) -> None:
    """Count failures of endpoints, and disable those that have too many, or are gone."""
    health = health_of(ends)
    if health.took:
        db.execute(_sql["note_success"], {"ids": to_json(health.took)})
    why = dict(health.gone)
    if health.failed:
        for row in list(db.execute(_sql["note_failures"], {"rows": to_json(health.failed)})):
            found = too_many(row, health.said[row[0]], now=micros(now))
            if found is not None:
                why.setdefault(row[0], found)
    for id_, reason in why.items():
        if list(db.execute(_sql["disable"], {"id": id_, "why": reason})):
            keep_activity(db, disabled_by_itself(endpoints.one(db, id_=id_), now=now))


def _tasks(db: apsw.Connection, leases: Sequence[Any], now: int) -> list[WebhookTask]:
    bound = {"rows": to_json(leases), "now": now}
    return [task_of(row) for row in db.execute(_sql["tasks"], bound)] if leases else []
