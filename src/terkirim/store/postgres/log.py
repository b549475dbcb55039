"""The questions that change nothing, as the ports ask them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from terkirim.domain.record import EmailRow, MessageRow, Story
from terkirim.ports import Backlog, KeyRow, MessageFilter, RollupRow
from terkirim.store.postgres import reading
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.pool import Pool
from terkirim.store.times import micros

T = TypeVar("T")


class PostgresLog:
    """`MessageLog`, and the reading half of `KeyRing`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def email(self, email_id: str, *, with_content: bool = True) -> EmailRow:
        return await self.read(partial(reading.email, id_=email_id, with_content=with_content))

    async def emails(
        self, *, limit: int, after: str | None = None, before: str | None = None
    ) -> list[EmailRow]:
        return await self.read(partial(reading.emails, limit=limit, after=after, before=before))

    async def story(self, message_id: str) -> Story:
        return await self.read(partial(reading.story, id_=message_id))

    async def messages(self, which: MessageFilter) -> list[MessageRow]:
        return await self.read(partial(reading.listed, which=which))

    async def backlog(self, *, now: datetime) -> Backlog:
        return await self.read(partial(reading.backlog, now=micros(now)))

    async def rollups(
        self, kinds: Sequence[str], *, since: datetime, until: datetime
    ) -> list[RollupRow]:
        return await self.read(
            partial(reading.rollups, kinds=kinds, since=micros(since), until=micros(until))
        )

    async def attachment(self, sha256: str) -> bytes:
        return await self.read(partial(reading.attachment, sha256=sha256))

    async def find_key(self, key_hash: str) -> KeyRow | None:
        found = await self.read(partial(reading.keys, key_hash=key_hash))
        return found[0] if found else None

    async def keys(self) -> list[KeyRow]:
        return await self.read(reading.keys)

    async def read(self, question: Callable[[Database], Awaitable[T]]) -> T:
        """Return what the question finds; a reader never waits for a writer."""
        return await self._pool.read(question)
