"""Finds messages in PostgreSQL: candidates by the best index there is, then each looked at once."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from terkirim.domain.search import Facts, Findings, Found, Search
from terkirim.policy.search import fits, wanted
from terkirim.store.blocks import BLOCK
from terkirim.store.postgres import indexing
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.reading import messages_by_id
from terkirim.store.postgres.store import PostgresStore
from terkirim.store.queries import Queries
from terkirim.store.rows import storable
from terkirim.store.searching import (
    LOOKED_AT_ONCE,
    PROBED,
    Listing,
    Looking,
    facts_of,
    found_of,
    has_beginning,
    is_by_terms,
    is_common,
    listing_by_state,
)

FIRST_BLOCKS, BLOCKS_AT_ONCE = 8, 512
GROWTH = 4
_sql = Queries("terkirim.store.postgres", "search.sql")


class Ids(Protocol):
    """Gives the next candidates: ids older than `high`, newest first."""

    async def __call__(self, db: Database, *, high: str, most: int) -> list[str]: ...


class PostgresSearch:
    """`ports.search.MessageSearch` over a store's connections; `block`: messages in one block."""

    def __init__(self, store: PostgresStore, *, block: int = BLOCK) -> None:
        self._store = store
        self._block = block

    async def find(self, search: Search, *, limit: int, older_than: str | None = None) -> Findings:
        async def finding(db: Database) -> Findings:  # it may be begun again
            looking = Looking(search, limit=limit, older_than=older_than)
            return await _find(db, search=search, looking=looking)

        return await self._store.search(finding)

    async def index(self, *, now: datetime) -> int:
        return await self._store.write_alone(partial(indexing.index, now=now, most=self._block))


async def _find(db: Database, *, search: Search, looking: Looking) -> Findings:
    await db.rows(_sql["by_index"])
    candidates = await _candidates(db, search, looking)
    while True:
        ids = await candidates(db, high=looking.high, most=looking.most)
        findings = looking.took(ids, await _looked_at(db, search, ids))
        if findings is not None:
            return findings


async def _candidates(db: Database, search: Search, looking: Looking) -> Ids:
    """Return where to look: the narrowest of the indexes that hold all that is wanted."""
    low = looking.low
    if search.ids:
        return partial(_ids_given, ids=search.ids, low=low)
    if is_by_terms(search) and not await _is_common(db, search, low=low, high=looking.high):
        wishes = wanted(search)
        if wishes:
            return partial(_ids_by_terms, wishes=wishes, low=low)
    return partial(_ids_of, listing=listing_by_state(search) or Listing(), low=low)


async def _is_common(db: Database, search: Search, *, low: str, high: str) -> bool:
    """Return True where many of the next messages have a wanted beginning: no index is needed."""
    if not has_beginning(search):
        return False
    ids = await _ids_of(db, listing=Listing(), low=low, high=high, most=PROBED)
    return is_common(search, (await _facts_of(db, ids)).values())


async def _ids_of(db: Database, *, listing: Listing, low: str, high: str, most: int) -> list[str]:
    bound = {**listing.bound, "low": low, "high": high, "most": most}
    return [row[0] for row in await db.rows(_sql[listing.name], **bound)]


async def _ids_given(
    db: Database, *, ids: Sequence[str], low: str, high: str, most: int
) -> list[str]:
    asked = [storable(id_) for id_ in ids]
    found = await db.rows(_sql["ids_given"], ids=asked, most=LOOKED_AT_ONCE)
    return [id_ for (id_,) in found if low < id_ < high][:most]


async def _ids_by_terms(
    db: Database, *, wishes: Sequence[Sequence[tuple[str, bool]]], low: str, high: str, most: int
) -> list[str]:
    """Return what is not indexed yet, all of it, and then what the index says."""
    (seen,) = await db.one(_sql["seen"]) or ("",)
    ids: list[str] = []
    if high > seen:
        ids = await _ids_of(db, listing=Listing(), low=max(low, seen), high=high, most=most)
    blocks, at_once = [("", high)], FIRST_BLOCKS
    while len(ids) < most and blocks:
        bound = {"low": low, "high": blocks[-1][1], "most": at_once}
        blocks = await db.rows(
            _sql["blocks_with"], match=_asked(wishes, "&"), together=_asked(wishes, "<0>"), **bound
        )
        found = await _ids_in(db, [last for last, _ in blocks], wishes)
        ids += [id_ for id_ in found if low < id_ < high]
        at_once = min(at_once * GROWTH, BLOCKS_AT_ONCE)
    return ids[:most]


async def _ids_in(
    db: Database, blocks: Sequence[str], wishes: Sequence[Sequence[tuple[str, bool]]]
) -> list[str]:
    rows = [
        (storable(term), is_start, wish)
        for wish, choices in enumerate(wishes)
        for term, is_start in choices
    ]
    found = await db.many(_sql["ids_in_blocks"], rows, wishes=len(wishes), blocks=blocks)
    return [id_ for (id_,) in found]


def _asked(wishes: Sequence[Sequence[tuple[str, bool]]], between: str) -> str:
    """Return what the index is asked, in its own language; terms have no quotes in them.

    `&`: a block has a term of each wish; `<0>`: one of its messages has, at the same place.
    """
    asked = [
        " | ".join(f"'{storable(term)}'{':*' if is_start else ''}" for term, is_start in choices)
        for choices in wishes
    ]
    return f" {between} ".join(f"({one})" for one in asked)


async def _looked_at(db: Database, search: Search, ids: Sequence[str]) -> list[Found]:
    """Return those of the candidates that are what was asked for, whatever the index says."""
    bound: dict[str, Any] = {
        "ids": ids,
        "states": None if search.states is None else sorted(search.states),
        "is_sandbox": search.is_sandbox,
    }
    standing = [id_ for (id_,) in await db.rows(_sql["ids_that_stand_so"], **bound)]
    facts = {id_: one for id_, one in (await _facts_of(db, standing)).items() if fits(search, one)}
    return found_of(ids, facts, await messages_by_id(db, facts))


async def _facts_of(db: Database, ids: Sequence[str]) -> dict[str, Facts]:
    return facts_of(await db.rows(_sql["emails_of_messages"], ids=ids))
