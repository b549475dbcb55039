"""Brings the search index on: new blocks, blocks that got late messages, blocks that lost some."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from terkirim.policy.search import terms_of
from terkirim.store.blocks import Block, Doc, blocks_of
from terkirim.store.postgres.database import Database
from terkirim.store.queries import Queries
from terkirim.store.searching import INDEXED_AT_ONCE, YOUNG, facts_of, floor

SETTLED = timedelta(minutes=10)  # no accept waits longer for its COMMIT
CHECKED_AT_ONCE = 20  # blocks
REBUILT_AT_ONCE = 5  # blocks for what is gone
_sql = Queries("terkirim.store.postgres", "search.sql")


async def index(db: Database, *, now: datetime, most: int) -> int:
    """Index the next messages in blocks of `most`; return how many, with those that are gone.

    What does not fill a block waits: until then it is looked at one by one.
    """
    await db.rows(_sql["by_index"])
    await db.rows(_sql["enter_mark"])
    seen, before = await db.one(_sql["lock_mark"])
    moved, count = await _index_next(db, seen, young=floor(now - YOUNG), most=most)
    checked, late = await _check(db, before, settled=floor(now - SETTLED), most=most)
    gone = await _forget(db, most=most)
    if count or checked != before:
        await db.rows(_sql["move_mark"], seen=moved, checked=checked)
    return count + late + gone


async def _index_next(db: Database, seen: str, *, young: str, most: int) -> tuple[str, int]:
    bound = {"seen": seen, "young": young, "most": max(INDEXED_AT_ONCE, most)}
    ids = [id_ for (id_,) in await db.rows(_sql["unindexed"], **bound)]
    count = 0
    for block in blocks_of(await _docs(db, ids), most=most):
        if block.is_full(most):
            await _add(db, block, low=seen, last=block.ids[-1])
            seen, count = block.ids[-1], count + len(block.ids)
    return seen, count


async def _check(db: Database, checked: str, *, settled: str, most: int) -> tuple[str, int]:
    bound = {"checked": checked, "settled": settled, "most": CHECKED_AT_ONCE}
    blocks = await db.rows(_sql["settled_blocks"], **bound)
    late = [(last, low) for last, low, is_late in blocks if is_late]
    for last, low in late:
        await _rebuild(db, last=last, low=low, most=most)
    return (blocks[-1][0] if blocks else checked), len(late)


async def _forget(db: Database, *, most: int) -> int:
    """Take what is gone out of the next few blocks that have some of it."""
    gone = [id_ for (id_,) in await db.rows(_sql["gone"], most=INDEXED_AT_ONCE)]
    blocks: dict[str, str] = {}
    done: list[str] = []
    for id_ in gone:
        if not blocks or id_ > max(blocks):
            found = await db.one(_sql["block_of"], id=id_)
            if found is not None and found[1] < id_:
                if len(blocks) == REBUILT_AT_ONCE:
                    break
                blocks[found[0]] = found[1]
        done.append(id_)
    for last, low in blocks.items():
        await _rebuild(db, last=last, low=low, most=most)
    await db.rows(_sql["drop_gone"], ids=done)
    return len(done)


async def _rebuild(db: Database, *, last: str, low: str, most: int) -> None:
    """Index what the block covers anew: fewer messages, or more in several blocks."""
    await db.rows(_sql["drop_block"], last=last)
    ids = [id_ for (id_,) in await db.rows(_sql["messages_between"], low=low, last=last)]
    blocks = list(blocks_of(await _docs(db, ids), most=most))
    for block in blocks:
        end = last if block is blocks[-1] else block.ids[-1]
        await _add(db, block, low=low, last=end)
        low = end


async def _docs(db: Database, ids: Sequence[str]) -> list[Doc]:
    facts = facts_of(await db.rows(_sql["emails_of_messages"], ids=ids))
    return [(id_, terms_of(facts[id_]) if id_ in facts else ()) for id_ in ids]


async def _add(db: Database, block: Block, *, low: str, last: str) -> None:
    await db.rows(_sql["add_block"], last=last, low=low, ids=block.ids, terms=block.vector)
