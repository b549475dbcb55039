"""Takes one person out of the database, in bounded transactions; what was sent stays counted.

The server writes over what is erased when its next VACUUM and later writes need the room.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from terkirim.domain.message import CANCELLABLE, State
from terkirim.ports.retention import Erased, Stretch
from terkirim.store.personal import (
    NOBODY,
    is_in_body,
    pattern_of,
    redacted,
    redacted_bodies,
    spellings,
    without,
)
from terkirim.store.postgres.controlling import locked
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.finishing import finish
from terkirim.store.postgres.store import PostgresStore
from terkirim.store.postgres.suppressions import lock_log
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, hidden_row, to_json
from terkirim.store.times import micros

LOOKED_AT_ONCE = 20_000  # rows

_sql = Queries("terkirim.store.postgres", "erasing.sql")
_main = Queries("terkirim.store.postgres")
_webhooks = Queries("terkirim.store.postgres", "webhooks.sql")
_WHERE_ELSE = (
    "campaign_rows_of",
    "callbacks_of",
    "unmatched_of",
    "alerts_of",
    "notices_of",
    "answers_of",
)


class PostgresErasure:
    """`ports.Erasure` over an open store."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def messages_to(self, address: str, *, after: str) -> Stretch:
        looking = partial(_stretch, name="messages_to", address=address, after=after)
        return await self._store.search(looking)

    async def erase(self, message_ids: Sequence[str], *, address: str, now: datetime) -> Erased:
        erasing = partial(_erase, ids=message_ids, address=address, now=micros(now))
        return await self._store.write_alone(erasing)

    async def erase_mentions(self, address: str, *, after: str) -> Stretch:
        looking = partial(_stretch, name="mentions", address=address, after=after)
        found = await self._store.search(looking)
        if not found.ids:
            return found
        erasing = partial(_erase_mentions, ids=found.ids, address=address)
        return Stretch(ids=await self._store.write_alone(erasing), end=found.end)

    async def erase_rest(self, address: str) -> None:
        found = await self._store.search(partial(_rest_of, address=address))
        await self._store.write_alone(partial(_erase_rest, found=found))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rest:
    """What holds an address and belongs to no message."""

    address: str
    rows: list[tuple[str, str, str]]
    callbacks: list[int]
    unmatched: list[str]
    alerts: list[tuple[Any, ...]]
    notices: list[tuple[Any, ...]]
    answers: list[tuple[str, str, str]]
    facts: list[tuple[int, str]]
    payloads: list[tuple[str, str]]
    apps_answers: list[tuple[Any, ...]]


async def _stretch(db: Database, *, name: str, address: str, after: str) -> Stretch:
    rows = await db.rows(_sql[name], address=address, after=after, most=LOOKED_AT_ONCE)
    end = rows[-1][0] if len(rows) == LOOKED_AT_ONCE else ""
    return Stretch(ids=tuple(id_ for id_, is_one in rows if is_one), end=end)


async def _erase(db: Database, *, ids: Sequence[str], address: str, now: int) -> Erased:
    await db.rows(_webhooks["lock_endpoints"])  # nobody publishes meanwhile what was read before
    await locked(db, sorted(ids))
    standing = await db.rows(_sql["standing"], id=list(ids), address=address)
    busy = [row[0] for row in standing if row[2] == State.LEASED]
    await db.rows(_main["want_cancel"], id=busy)
    waiting = [row for row in standing if State(row[2]) in CANCELLABLE]
    ended = [(row[0], "cancelled", "erased on request", row[3], row[4]) for row in waiting]
    await finish(db, ended, now=now)
    done = [row for row in standing if row[0] not in busy]
    await _anonymise(db, done, address)
    return Erased(cancelled=len(waiting), anonymised=len(done), busy=tuple(busy))


async def _anonymise(db: Database, rows: Sequence[Sequence[Any]], address: str) -> None:
    ids = [row[0] for row in rows]
    for name in ("erase_messages", "erase_attempts"):
        await db.rows(_sql[name], id=ids, address=address, nobody=NOBODY)
    await db.rows(_sql["erase_events"], id=ids, nobody=NOBODY)
    await db.rows(_webhooks["blank_readers"], ids=ids)
    await _rewrite(db, {row[1] for row in rows}, address)
    await _blank(db, [row[1] for row in rows if row[5] == 1])


async def _rewrite(db: Database, ids: set[str], address: str) -> None:
    """Take the address out of the records of emails; whose content it is, is not asked here."""
    pattern = pattern_of(address)
    rewritten = [
        (
            id_,
            to_json(without(from_json(recipients), pattern)),
            None if extras is None else to_json(without(from_json(extras), pattern)),
            NOBODY if row is not None and pattern.search(row) else row,
        )
        for id_, recipients, extras, row in await db.rows(_sql["emails"], id=sorted(ids))
    ]
    await db.many(_sql["rewrite_emails"], rewritten)
    told = await db.rows(_webhooks["payloads_of_emails"], ids=sorted(ids))
    await db.many(_webhooks["rewrite_payloads"], redacted_bodies(told, pattern))


async def _blank(db: Database, emails: Sequence[str]) -> None:
    """Drop what the email was about: it went to nobody else."""
    for name in ("blank_emails", "drop_contents", "drop_sole_files", "drop_uses"):
        await db.rows(_sql[name], id=list(emails))
    await db.rows(_webhooks["blank_payloads"], id=list(emails))


async def _erase_mentions(db: Database, *, ids: Sequence[str], address: str) -> tuple[str, ...]:
    """Return the emails that still wait: they would be sent with nobody to answer to."""
    pattern = pattern_of(address)
    found = await db.rows(_sql["emails"], id=list(ids))
    hers = [row[0] for row in found if pattern.search(row[2] or "")]
    waiting = {id_ for (id_,) in await db.rows(_sql["unfinished_of"], id=hers)}
    done = [id_ for id_ in hers if id_ not in waiting]
    await _rewrite(db, set(done), address)
    await _blank(db, done)
    return tuple(sorted(waiting))


async def _rest_of(db: Database, *, address: str) -> _Rest:
    pattern = pattern_of(address)
    _, in_form, in_json = spellings(address)
    bound = {"address": address, "in_form": in_form, "in_json": in_json}
    rows, callbacks, unmatched, alerts, notices, answers = [
        await db.rows(_sql[name], **bound) for name in _WHERE_ELSE
    ]
    return _Rest(
        address=address,
        rows=[
            (campaign, row, hidden_row(campaign, row))
            for campaign, row in rows
            if pattern.search(row)
        ],
        callbacks=[seq for seq, body in callbacks if is_in_body(body, pattern)],
        unmatched=[row[0] for row in redacted(unmatched, pattern, keys=1)],
        alerts=redacted(alerts, pattern, keys=1),
        notices=redacted(notices, pattern, keys=3),
        answers=[(one[0], one[1], one[2]) for one in answers if pattern.search(one[3])],
        facts=redacted_bodies(await _told(db, "facts_with", address), pattern),
        payloads=redacted_bodies(await _told(db, "payloads_of_nobody", address), pattern),
        apps_answers=redacted(await _told(db, "answers_with", address), pattern, keys=3),
    )


async def _told(db: Database, name: str, address: str) -> list[Any]:
    return await db.rows(_webhooks[name], address=address)


async def _erase_rest(db: Database, *, found: _Rest) -> None:
    if found.facts:
        await db.rows(_webhooks["lock_endpoints"])  # nobody publishes them meanwhile
    await lock_log(db)
    await db.many(_sql["hide_campaign_rows"], found.rows)
    await db.rows(_sql["blank_callbacks"], seqs=found.callbacks)
    await db.rows(_sql["drop_unmatched"], id=found.unmatched)
    await db.rows(_sql["drop_bounces"], address=found.address)
    await db.many(_sql["rewrite_alerts"], found.alerts)
    await db.many(_sql["rewrite_notices"], found.notices)
    await db.many(_webhooks["retell_facts"], found.facts)
    await db.many(_webhooks["rewrite_payloads"], found.payloads)
    await db.many(_webhooks["rewrite_answers"], found.apps_answers)
    await db.many(_sql["drop_answers"], found.answers)
