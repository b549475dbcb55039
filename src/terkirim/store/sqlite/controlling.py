"""What people and callers change about stored messages: cancel, reschedule, requeue, evidence."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import apsw

from terkirim.domain.email import DEFAULT_ROUTE
from terkirim.domain.errors import NotFound, WrongState
from terkirim.domain.message import CANCELLABLE, UNFINISHED, Evidence, State, after, stronger
from terkirim.ports import Cancelled, RequeueFilter
from terkirim.store.counting import Counts, Rollups
from terkirim.store.gate_settings import GateSettings
from terkirim.store.moving import movable
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json
from terkirim.store.sqlite.counts import write_counts
from terkirim.store.sqlite.standing import count_proved
from terkirim.store.sqlite.telling import tell_ended, tell_moved
from terkirim.store.times import micros

_sql = Queries("terkirim.store.sqlite")
# What retention took the content or the variables of can never be sent again.
_HAS_CONTENT = """EXISTS (SELECT 1 FROM contents c WHERE c.id = e.content_id
    AND (c.is_template = 0 OR m.variables IS NOT NULL))"""
_ENDED = """messages m LEFT JOIN outbox o ON o.id = m.id JOIN emails e ON e.id = m.email_id
    WHERE {is_so} AND o.id IS NULL"""
_HELD = """outbox o JOIN messages m ON m.id = o.id JOIN emails e ON e.id = m.email_id
    WHERE o.state = 'held' AND o.state IN ('unclear', 'held')"""
Finished = tuple[str, str, str, int, int]  # id, state, reason, attempts, lease


def finish(
    db: apsw.Connection, rollups: Rollups, ended: Sequence[Sequence[Any]], *, now: int
) -> None:
    """Take messages out of the outbox for good; rows as `Finished`, longer ones name a provider."""
    if not ended:
        return
    rows = to_json(ended)
    db.execute(_sql["finish_outbox"], {"rows": rows})
    db.execute(_sql["finish_messages"], {"rows": rows, "now": now})
    tell_ended(db, rows, now=now)
    counts = Counts()
    for row in ended:
        counts.add(now, "state", row[1])
    write_counts(db, rollups, counts)


def cancel_all(
    db: apsw.Connection, rollups: Rollups, group: Sequence[tuple[str, datetime]]
) -> list[list[Cancelled] | NotFound]:
    """Cancel what has not left, and mark what is leased."""
    return [_cancel(db, rollups, id_, micros(now)) for id_, now in group]


def _cancel(
    db: apsw.Connection, rollups: Rollups, id_: str, now: int
) -> list[Cancelled] | NotFound:
    ids = message_ids_of(db, id_)
    if not ids:
        return NotFound(f"there is no e-mail or message with the id {id_}")
    standing = _standing(db, ids)
    stoppable = [row for row in standing if State(row[2]) in CANCELLABLE]
    ended = [(row[0], "cancelled", "cancelled", row[5], row[6]) for row in stoppable]
    finish(db, rollups, ended, now=now)
    db.execute(_sql["want_cancel"], {"ids": to_json(ids)})
    stopped = {row[0] for row in stoppable}
    return [
        Cancelled(
            message_id=row[0],
            recipient=row[1],
            state=State.CANCELLED if row[0] in stopped else State(row[2]),
            is_cancelled=row[0] in stopped,
        )
        for row in standing
    ]


def reschedule_all(
    db: apsw.Connection, group: Sequence[tuple[str, datetime, datetime]]
) -> list[NotFound | WrongState | None]:
    """Move emails that were not attempted yet; each (id, scheduled_at, now)."""
    return [_reschedule(db, *one) for one in group]


def _reschedule(
    db: apsw.Connection, id_: str, at: datetime, now: datetime
) -> NotFound | WrongState | None:
    ids = message_ids_of(db, id_)
    if not ids:
        return NotFound(f"there is no e-mail with the id {id_}")
    ((email_id,),) = db.execute(_sql["email_id_of"], {"id": ids[0]})
    if email_id != id_:
        return NotFound(f"{id_} is one message of an e-mail; the e-mail {email_id} can be moved")
    try:
        moved = movable((row[0], row[2], row[5]) for row in _standing(db, ids))
    except WrongState as error:
        return error
    db.execute(_sql["reschedule_email"], {"at": micros(at), "id": id_})
    db.execute(_sql["reschedule_outbox"], {"at": micros(at), "ids": to_json(moved)})
    tell_moved(db, moved, at=at, now=now)
    return None


def requeue_all(
    db: apsw.Connection, settings: GateSettings, group: Sequence[tuple[RequeueFilter, datetime]]
) -> list[int]:
    """Queue dead, held or sandboxed messages again."""
    return [_requeue(db, settings, which, micros(now)) for which, now in group]


def _requeue(db: apsw.Connection, settings: GateSettings, which: RequeueFilter, now: int) -> int:
    ids = requeueable(db, which)
    if ids:
        text = to_json(ids)
        routes = {"routes": to_json(list(settings.routes)), "usual": DEFAULT_ROUTE}
        db.execute(_sql["requeue_outbox"], {"ids": text, "now": now, **routes})
        db.execute(_sql["requeue_messages"], {"ids": text})
    return len(ids)


def reroute(db: apsw.Connection, settings: GateSettings, *, most: int) -> int:
    """Move what waits where no claim looks, because the settings have changed; return how many."""
    lanes = [
        (route, place) for route, names in settings.routes.items() for place in range(len(names))
    ]
    before = db.total_changes()
    bound = {"lanes": to_json(lanes), "usual": DEFAULT_ROUTE, "most": most}
    db.execute(_sql["reroute"], bound)
    return db.total_changes() - before


def requeueable(db: apsw.Connection, which: RequeueFilter) -> list[str]:
    """Return the ids of the messages that the filter names, oldest first of each kind."""
    tests, bound = _tests(which)
    ids: list[str] = []
    for source in _sources(which):
        sql = (
            f"SELECT json_group_array(id) FROM (SELECT m.id FROM {source} "
            f"AND {' AND '.join([*tests, _HAS_CONTENT])} ORDER BY m.id LIMIT :most)"
        )
        (found,) = next(db.execute(sql, bound | {"most": which.limit - len(ids)}))
        ids += from_json(found)
    return ids


def _sources(which: RequeueFilter) -> list[str]:
    """Return where to look: each has an index of its own, so that history costs nothing."""
    if which.is_sandbox:
        return [_ENDED.format(is_so="m.is_sandbox = 1 AND m.state = 'accepted'")]
    dead = [_ENDED.format(is_so="m.state = 'dead'")] if State.DEAD in which.states else []
    return [*dead, *([_HELD] if State.HELD in which.states else [])]


def _tests(which: RequeueFilter) -> tuple[list[str], dict[str, Any]]:
    bound: dict[str, Any] = {}
    tests: list[str] = []
    if which.message_ids is not None:
        tests.append("m.id IN (SELECT value FROM json_each(:ids))")
        bound["ids"] = to_json(which.message_ids)
    optional: tuple[tuple[str, str, Any], ...] = (
        ("email", "m.email_id = :email", which.email_id),
        (
            "reason",
            "instr(coalesce(nullif(m.reason, ''), o.reason, ''), :reason) > 0",
            which.reason,
        ),
        ("provider", "coalesce(m.provider, o.provider) = :provider", which.provider),
        (
            "before",
            "m.created_at < :before",
            None if which.before is None else micros(which.before),
        ),
        ("after", "m.created_at >= :after", None if which.after is None else micros(which.after)),
    )
    for name, test, value in optional:
        if value is not None:
            tests.append(test)
            bound[name] = value
    return tests, bound


def mark_all(
    db: apsw.Connection, rollups: Rollups, group: Sequence[tuple[str, datetime]]
) -> list[NotFound | WrongState | None]:
    """Record by hand that held messages arrived at the provider."""
    return [_mark(db, rollups, id_, now) for id_, now in group]


def _mark(
    db: apsw.Connection, rollups: Rollups, id_: str, now: datetime
) -> NotFound | WrongState | None:
    rows = _standing(db, [id_])
    if not rows:
        return NotFound(f"there is no message with the id {id_}")
    if State(rows[0][2]) is not State.HELD:
        return WrongState("only a held message can be marked as accepted", state=rows[0][2])
    _evident(db, rollups, (id_, Evidence.ACCEPTED, now, None))
    return None


def evident_all(
    db: apsw.Connection,
    rollups: Rollups,
    group: Sequence[tuple[str, Evidence, datetime, str | None]],
) -> list[State | NotFound]:
    """Apply evidence to messages: (id, evidence, at, provider_ref)."""
    return [_evident(db, rollups, one) for one in group]


def _evident(
    db: apsw.Connection, rollups: Rollups, one: tuple[str, Evidence, datetime, str | None]
) -> State | NotFound:
    id_, evidence, at, provider_ref = one
    row = next(iter(db.execute(_sql["evidence_of"], {"id": id_})), None)
    if row is None:
        return NotFound(f"there is no message with the id {id_}")
    before, stored, waiting, attempts, lease = row
    best = stronger(None if before is None else Evidence(before), evidence)
    state = State(waiting or stored)
    keeping = {
        "evidence": best,
        "provider_ref": provider_ref,
        "at": micros(at),
        "is_delivery": int(evidence is Evidence.DELIVERED),
        "id": id_,
    }
    db.execute(_sql["keep_evidence"], keeping)
    reached = after(state, best)
    if reached is state:
        return state  # leased: the settle of that lease reads the evidence
    if state in UNFINISHED:
        count_proved(db, rollups, [id_], at=micros(at))
        finish(db, rollups, [(id_, reached.value, "", attempts, lease)], now=micros(at))
    db.execute(_sql["restate_message"], {"state": reached.value, "id": id_})
    return reached


def message_ids_of(db: apsw.Connection, id_: str) -> list[str]:
    """Return the ids of an email's messages, or the message's own id."""
    (found,) = next(db.execute(_sql["ids_of"], {"id": id_}))
    return list(from_json(found))


def _standing(db: apsw.Connection, ids: Sequence[str]) -> list[list[Any]]:
    (found,) = next(db.execute(_sql["standing"], {"ids": to_json(ids)}))
    return list(from_json(found))
