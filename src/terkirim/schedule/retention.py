"""When what is old is forgotten or folded: piece by piece, so that accepting never waits for it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from terkirim.logs import Logger
from terkirim.ports import Clock
from terkirim.ports.retention import Retention
from terkirim.schedule.periodic import Job

HOURLY = timedelta(hours=1)
REST = 0.02  # seconds between two pieces, in which mail is accepted, claimed and settled

_log = Logger("terkirim.retention")


def retention_jobs(
    retention: Retention, *, clock: Clock, keep_content: timedelta, keep_messages: timedelta
) -> list[Job]:
    """Return the jobs that forget content, messages, keys and files in their time."""

    async def files() -> None:
        await _emptied("files kept for waiting mail", lambda: retention.keep_files(now=clock.now()))
        await _emptied("files", lambda: retention.prune_files(now=clock.now()))

    works: dict[str, Callable[[], Awaitable[int]]] = {
        "content": lambda: retention.prune_content(keep=keep_content, now=clock.now()),
        "messages": lambda: retention.prune_messages(keep=keep_messages, now=clock.now()),
        "idempotency keys": lambda: retention.prune_keys(now=clock.now()),
    }
    folding = partial(_emptied, "hours of counts", lambda: retention.fold_counts(now=clock.now()))
    jobs = [
        Job(name=f"forget {name}", every=HOURLY, work=partial(_emptied, name, piece))
        for name, piece in works.items()
    ]
    return [
        *jobs,
        Job(name="forget files", every=HOURLY, work=files),
        Job(name="fold counts", every=HOURLY, work=folding),
    ]


async def _emptied(name: str, piece: Callable[[], Awaitable[int]]) -> None:
    """Take pieces until one finds nothing."""
    total = 0
    while count := await piece():
        total += count
        await asyncio.sleep(REST)
    if total:
        _log.info("looked through what is old", what=name, rows=total)
