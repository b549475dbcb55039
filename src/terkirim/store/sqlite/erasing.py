"""Takes one person out of the database, in bounded transactions; what was sent stays counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import apsw

from terkirim.domain.message import CANCELLABLE, State
from terkirim.ports.retention import Erased, Stretch
from terkirim.store.counting import Rollups
from terkirim.store.personal import (
    NOBODY,
    is_in_body,
    pattern_of,
    redacted,
    redacted_bodies,
    spellings,
    without,
)
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, hidden_row, to_json
from terkirim.store.sqlite.controlling import finish
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.times import micros

LOOKED_AT_ONCE = 20_000  # rows: some 20 ms of the reader that other lists wait for

_sql = Queries("terkirim.store.sqlite", "erasing.sql")
_webhooks = Queries("terkirim.store.sqlite", "webhooks.sql")
_WHERE_ELSE = (
    "campaign_rows_of",
    "callbacks_of",
    "unmatched_of",
    "alerts_of",
    "notices_of",
    "answers_of",
)


class SqliteErasure:
    """`ports.Erasure` over an open store."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def messages_to(self, address: str, *, after: str) -> Stretch:
        looking = partial(_stretch, name="messages_to", address=address, after=after)
        return await self._store.search(looking)

    async def erase(self, message_ids: Sequence[str], *, address: str, now: datetime) -> Erased:
        erasing = partial(
            _erase, rollups=self._store.counting, ids=message_ids, address=address, now=micros(now)
        )
        return await self._store.write_alone(erasing)

    async def erase_mentions(self, address: str, *, after: str) -> Stretch:
        looking = partial(_stretch, name="mentions", address=address, after=after)
        found = await self._store.search(looking)
        if not found.ids:
            return found
        left = await self._store.write_alone(
            partial(_erase_mentions, ids=found.ids, address=address)
        )
        return Stretch(ids=left, end=found.end)

    async def erase_rest(self, address: str) -> None:
        found = await self._store.search(partial(_rest_of, address=address))
        erasing = partial(_erase_rest, found=found)
        await self._store.write_alone(partial(_secretly, erase=erasing))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rest:
    """What holds an address and belongs to no message."""

    address: str
    rows: list[tuple[str, str]]
    callbacks: list[int]
    unmatched: list[str]
    alerts: list[tuple[Any, ...]]
    notices: list[tuple[Any, ...]]
    answers: list[tuple[str, str, str]]
    facts: list[tuple[int, str]]
    payloads: list[tuple[str, str]]
    apps_answers: list[tuple[Any, ...]]


def _stretch(db: apsw.Connection, *, name: str, address: str, after: str) -> Stretch:
    bound = {"address": address, "after": after, "most": LOOKED_AT_ONCE}
    rows = list(db.execute(_sql[name], bound))
    end = rows[-1][0] if len(rows) == LOOKED_AT_ONCE else ""
    return Stretch(ids=tuple(id_ for id_, is_one in rows if is_one), end=end)


def _erase(
    db: apsw.Connection, *, rollups: Rollups, ids: Sequence[str], address: str, now: int
) -> Erased:
    standing = list(db.execute(_sql["standing"], {"ids": to_json(ids), "address": address}))
    busy = [row[0] for row in standing if row[2] == State.LEASED]
    db.execute(_sql["want_cancel"], {"ids": to_json(busy)})
    waiting = [row for row in standing if State(row[2]) in CANCELLABLE]
    ended = [(row[0], "cancelled", "erased on request", row[3], row[4]) for row in waiting]
    finish(db, rollups, ended, now=now)
    done = [row for row in standing if row[0] not in busy]
    _secretly(db, partial(_anonymise, rows=done, address=address))
    return Erased(cancelled=len(waiting), anonymised=len(done), busy=tuple(busy))


def _anonymise(db: apsw.Connection, *, rows: Sequence[Sequence[Any]], address: str) -> None:
    bound = {"ids": to_json([row[0] for row in rows]), "address": address, "nobody": NOBODY}
    for name in ("erase_messages", "erase_attempts", "erase_events"):
        db.execute(_sql[name], bound)
    db.execute(_webhooks["blank_readers"], bound)
    _rewrite(db, {row[1] for row in rows}, address)
    _blank(db, [row[1] for row in rows if row[5] == 1])


def _rewrite(db: apsw.Connection, ids: set[str], address: str) -> None:
    """Take the address out of the records of emails; whose content it is, is not asked here."""
    pattern = pattern_of(address)
    for id_, recipients, extras, row in _emails(db, sorted(ids)):
        hers = {
            "id": id_,
            "recipients": to_json(without(from_json(recipients), pattern)),
            "extras": None if extras is None else to_json(without(from_json(extras), pattern)),
            "row": NOBODY if row is not None and pattern.search(row) else row,
        }
        db.execute(_sql["rewrite_email"], hers)
    told = db.execute(_webhooks["payloads_of_emails"], {"ids": to_json(sorted(ids))})
    bodies = redacted_bodies(list(told), pattern)
    db.execute(_webhooks["rewrite_payloads"], {"rows": to_json(bodies)})


def _emails(db: apsw.Connection, ids: Sequence[str]) -> list[tuple[Any, ...]]:
    return list(db.execute(_sql["emails"], {"ids": to_json(ids)}))


def _blank(db: apsw.Connection, emails: Sequence[str]) -> None:
    """Drop what the email was about: it went to nobody else."""
    ids = {"ids": to_json(emails)}
    for name in ("blank_emails", "drop_contents", "drop_sole_files", "drop_uses"):
        db.execute(_sql[name], ids)
    db.execute(_webhooks["blank_payloads"], ids)


def _erase_mentions(db: apsw.Connection, *, ids: Sequence[str], address: str) -> tuple[str, ...]:
    """Return the emails that still wait: they would be sent with nobody to answer to."""
    pattern = pattern_of(address)
    hers = [row[0] for row in _emails(db, ids) if pattern.search(row[2] or "")]
    waiting = {row[0] for row in db.execute(_sql["unfinished_of"], {"ids": to_json(hers)})}
    done = [id_ for id_ in hers if id_ not in waiting]
    _secretly(db, partial(_erase_emails, ids=done, address=address))
    return tuple(sorted(waiting))


def _erase_emails(db: apsw.Connection, *, ids: Sequence[str], address: str) -> None:
    _rewrite(db, set(ids), address)
    _blank(db, ids)


def _rest_of(db: apsw.Connection, *, address: str) -> _Rest:
    pattern = pattern_of(address)
    _, in_form, in_json = spellings(address)
    bound = {"address": address, "in_form": in_form, "in_json": in_json}
    rows, callbacks, unmatched, alerts, notices, answers = [
        list(db.execute(_sql[name], bound)) for name in _WHERE_ELSE
    ]
    return _Rest(
        address=address,
        rows=[(campaign, row) for campaign, row in rows if pattern.search(row)],
        callbacks=[seq for seq, body in callbacks if is_in_body(body, pattern)],
        unmatched=[row[0] for row in redacted(unmatched, pattern, keys=1)],
        alerts=redacted(alerts, pattern, keys=1),
        notices=redacted(notices, pattern, keys=3),
        answers=[one[:3] for one in answers if pattern.search(one[3])],
        facts=redacted_bodies(_told(db, "facts_with", address), pattern),
        payloads=redacted_bodies(_told(db, "payloads_of_nobody", address), pattern),
        apps_answers=redacted(_told(db, "answers_with", address), pattern, keys=3),
    )


def _told(db: apsw.Connection, name: str, address: str) -> list[tuple[Any, ...]]:
    return list(db.execute(_webhooks[name], {"address": address}))


def _erase_rest(db: apsw.Connection, *, found: _Rest) -> None:
    for campaign, row in found.rows:
        hiding = {"campaign": campaign, "row": row, "hidden": hidden_row(campaign, row)}
        db.execute(_sql["hide_campaign_row"], hiding)
    db.execute(_sql["blank_callbacks"], {"seqs": to_json(found.callbacks)})
    db.execute(_sql["drop_unmatched"], {"ids": to_json(found.unmatched)})
    db.execute(_sql["drop_bounces"], {"address": found.address})
    db.execute(_sql["rewrite_alerts"], {"rows": to_json(found.alerts)})
    db.execute(_sql["rewrite_notices"], {"rows": to_json(found.notices)})
    if found.facts:
        db.execute(_webhooks["retell_facts"], {"rows": to_json(found.facts)})
        db.execute(_webhooks["drop_facts"], {"seqs": to_json([seq for seq, _ in found.facts])})
    db.execute(_webhooks["rewrite_payloads"], {"rows": to_json(found.payloads)})
    db.execute(_webhooks["rewrite_answers"], {"rows": to_json(found.apps_answers)})
    for owner, route, key in found.answers:
        db.execute(_sql["drop_answer"], {"owner": owner, "route": route, "key": key})


def _secretly(db: apsw.Connection, erase: Callable[[apsw.Connection], None]) -> None:
    """Write zeros over what is erased: else it would stay readable in the file's free pages."""
    db.execute("PRAGMA secure_delete = ON")
    try:
        erase(db)
    finally:
        db.execute("PRAGMA secure_delete = OFF")
