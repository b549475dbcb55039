"""Fills a database with millions of rows by SQL, in the shape that the product itself writes.

The same statements run on SQLite and PostgreSQL; only how a series and an id are made differs.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from zoneinfo import ZoneInfo

import apsw

from benchmarks.shared.databases import SQLITE, Database, asked
from benchmarks.shared.letters import HTML, SENDER
from terkirim.store.counting import day_of, month_of

MAILS_OF_ONE_CONTENT = 1_000  # a campaign's body is stored once
AT_ONCE = 500_000  # rows of a transaction
US = 1_000_000
JAKARTA = ZoneInfo("Asia/Jakarta")  # whose days are counted, unless another zone is set
HOUR_US = 3_600 * US

_SERIES = {
    "sqlite": "(WITH RECURSIVE series(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM series"
    " WHERE n + 1 < {last}) SELECT n FROM series) numbers",
    "postgres": "(SELECT generate_series({first}::bigint, {last}::bigint - 1) AS n) numbers",
}
# A UUIDv7: its first 48 bits are milliseconds, so that rows lie in the order in which they came.
_ID = {
    "sqlite": "printf('%08x-%04x-7000-8000-%012x', ({at}) / 65536000, ({at}) / 1000 % 65536, n)",
    "postgres": "lpad(to_hex(({at}) / 65536000), 8, '0') || '-' ||"
    " lpad(to_hex(({at}) / 1000 % 65536), 4, '0') || '-7000-8000-' || lpad(to_hex(n), 12, '0')",
}
_CONTENTS = """INSERT INTO contents (id, html, text, is_template)
SELECT '{mark}-' || n, '{html}', NULL, false FROM {series}"""
_EMAILS = """INSERT INTO emails (id, owner, sender_name, sender, subject, recipients, extras, route,
    priority, stream, if_unclear, created_at, scheduled_at, expires_at, campaign, row, content_id)
SELECT {id}, 'bench', '', '{sender}', 'Pesanan INV-' || n,
    '{{"to":[["pelanggan' || n || '@example.com",""]]}}', NULL, 'default', 1, 'transactional',
    'resend', {at}, NULL, NULL, NULL, NULL, '{mark}-' || (n / {share})
FROM {series}"""
_MESSAGES = """INSERT INTO messages (id, email_id, recipient, kind, state, created_at, attempts,
    lease, provider, provider_ref, accepted_at, finished_at)
SELECT {id}, {id}, 'pelanggan' || n || '@example.com', 'to', {outcome} FROM {series}"""
_SENT = "'accepted', {at}, 1, 1, 'mailketing', '0f8a54b7c1', ({at}) + 12000, ({at}) + 12000".format
_WAITING = "'queued', {at}, 0, 0, NULL, NULL, NULL, NULL".format
_ATTEMPTS = """INSERT INTO attempts (message_id, lease, number, provider, started_at, duration,
    outcome, code, reason, answer)
SELECT {id}, 1, 1, 'mailketing', ({at}) + 5000, 7000, 'accepted', '200', '',
    '{{"success": true, "data": {{"message_id": "0f8a54b7c1", "credits": 429405}}}}'
FROM {series}"""
_OUTBOX = """INSERT INTO outbox (id, email_id, state, route, priority, due_at)
SELECT {id}, {id}, 'queued', 'default', 1, {at} FROM {series}"""
_ROLLUPS = """INSERT INTO rollups (hour, kind, key, node, count)
SELECT {hour} + n, kind, key, 'history', {count}
FROM {series}, (SELECT 'state' AS kind, 'accepted' AS key
    UNION ALL SELECT 'submitted', 'transactional'
    UNION ALL SELECT 'outcome', 'mailketing:accepted:1'
    UNION ALL SELECT 'event_first', 'mailketing:accepted' UNION ALL SELECT 'latency', '54') kinds"""
UNFOLDED = 2  # days
_PLACES = {"sqlite": ("0",), "postgres": ("0", "1")}  # rows of a count: two nodes have two
_WHATS = ("delivered", "opened", "clicked", "bounced", "complained", "unsubscribed")
_FIGURES = (
    *(("outcome", f"mailketing:{name}:{n}") for name in ("accepted", "deferred") for n in "12345"),
    *(("reason", f"deferred:{code}") for code in (429, 500, 502, 503, "no connection")),
    *(("event_first", f"mailketing:{what}") for what in ("accepted", "heard", *_WHATS)),
    *(("event", f"mailketing:{what}") for what in (*_WHATS, "bounced_transient", "scanned")),
    *(("latency", str(bucket)) for bucket in range(52, 92)),
    *(("wait", str(bucket)) for bucket in range(83, 104)),
)
_TAGS = tuple(f"campaign=kampanye-{n}" for n in range(50))
_SENDERS = tuple(f"toko{n}@example.com" for n in range(20))
_COUNTED = """WITH kinds (kind, key) AS (VALUES {values})
INSERT INTO rollups (hour, kind, key, node, count)
SELECT {begin} + n * {each}, kind, key, '{mark}', {count} FROM {series}, kinds WHERE true
ON CONFLICT DO NOTHING"""


def add_history(store: Database, *, count: int, until_us: int, days: int = 300) -> None:
    """Add accepted messages of the last `days`, each with its email, its attempt and its counts."""
    step = days * 24 * HOUR_US // count
    at = f"{until_us - step * count} + n * {step}"
    with _connection(store) as run:
        run(_CONTENTS, at=at, first=0, last=count // MAILS_OF_ONE_CONTENT + 1, mark="history")
        for first, last in _parts(count):
            part = {"at": at, "first": first, "last": last}
            run(_EMAILS, **part, mark="history", share=MAILS_OF_ONE_CONTENT)
            run(_MESSAGES, **part, outcome=_SENT(at=at))
            run(_ATTEMPTS, **part)
        hours = days * 24
        hour = (until_us - step * count) // HOUR_US
        run(_ROLLUPS, at=at, first=0, last=hours, hour=hour, count=count // hours)


def add_figures(store: Database, *, count: int, until_us: int, days: int = 300) -> None:
    """Count as a busy year is counted: many reasons and waits, fifty tags a day, twenty senders."""
    last = until_us // HOUR_US
    midnight = day_of(last, JAKARTA)[0]
    named = [
        (kind, f"{what}:{name}")
        for kind, names in (("event_tag", _TAGS), ("event_sender", _SENDERS))
        for what in ("accepted", *_WHATS)
        for name in names
    ]
    months = {month_of(last - day * 24, JAKARTA) for day in range(days)}
    by_day = [(f"{kind}_day", key) for kind, key in _FIGURES]
    with _connection(store) as run:
        for place, mark in enumerate(_PLACES[store.kind]):
            span = UNFOLDED if place else days  # what is older, the product has made one row of
            hours = {"first": last - span * 24, "each": 1, "last": span * 24}
            _count(run, _FIGURES, **hours, mark=mark, total=count)
            spans = {"first": midnight - span * 24, "each": 24, "last": span}
            _count(run, [*by_day, *named], **spans, mark=mark, total=count)
            by_month = [(f"{kind}_month", key) for kind, key in named]
            for first in months:
                one = {"first": first, "each": 1, "last": 1}
                _count(run, by_month, **one, mark=mark, total=count * 30 // days)
        if store.kind == "postgres":
            asked(store.url, "VACUUM (ANALYZE) rollups")  # as autovacuum would, in its time


def _count(
    run: Callable[..., Any],
    keys: Sequence[tuple[str, str]],
    *,
    first: int,
    each: int,
    last: int,
    mark: str,
    total: int,
) -> None:
    values = ", ".join(f"('{kind}', '{key}')" for kind, key in keys)
    words = {"mark": mark, "values": values, "each": each, "begin": first}
    run(_COUNTED, at="0", first=0, last=last, count=max(total // last, 1), **words)


def add_waiting(store: Database, *, count: int, until_us: int) -> None:
    """Add queued messages that are due, the oldest first, one in a millisecond."""
    mark, share = f"waiting{until_us}", MAILS_OF_ONE_CONTENT
    at = f"{until_us - count * 1_000} + n * 1000"
    with _connection(store) as run:
        run(_CONTENTS, at=at, first=0, last=count // share + 1, mark=mark)
        for first, last in _parts(count):
            part = {"at": at, "first": first, "last": last}
            run(_EMAILS, **part, mark=mark, share=share)
            run(_MESSAGES, **part, outcome=_WAITING(at=at))
            run(_OUTBOX, **part)


def _parts(count: int) -> Iterator[tuple[int, int]]:
    for first in range(0, count, AT_ONCE):
        yield first, min(first + AT_ONCE, count)


@contextmanager
def _connection(store: Database) -> Iterator[Callable[..., Any]]:
    """Give a function that runs one of the statements above, filled in."""

    def filled(sql: str, *, at: str, first: int, last: int, **rest: Any) -> str:
        series = _SERIES[store.kind].format(first=first, last=last)
        id_ = _ID[store.kind].format(at=at)
        return sql.format(id=id_, at=at, series=series, html=HTML, sender=SENDER, **rest)

    if store.kind == "postgres":
        yield lambda sql, **rest: asked(store.url, filled(sql, **rest))
        return
    with closing(apsw.Connection(store.url.removeprefix(SQLITE))) as db:
        db.execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000")
        yield lambda sql, **rest: db.execute(filled(sql, **rest))
