"""Forgets one address everywhere, stretch by stretch of the history."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

from terkirim.logs import Logger
from terkirim.ports import Clock
from terkirim.ports.retention import Erased, Erasure

ERASED_AT_ONCE = 200  # messages in one transaction
LOOK_AGAIN = timedelta(milliseconds=500)  # at messages that are just being sent
LOOKS = 20

_log = Logger("terkirim.erasing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was done, in messages; `left` still hold the address: ask again a little later."""

    cancelled: int = 0
    anonymised: int = 0
    left: int = 0


async def forget(erasure: Erasure, address: str, *, clock: Clock) -> Forgotten:
    """Stop what waits for this address, and take it out of everything that is kept.

    Suppressions stay: without them the next letter would go to somebody who asked for none.
    """
    address = address.lower()
    done, busy = await _of_messages(erasure, address, clock)
    for _ in range(LOOKS):
        if not busy:
            break
        await asyncio.sleep(LOOK_AGAIN.total_seconds())
        step = await erasure.erase(busy, address=address, now=clock.now())
        done, busy = _with(done, step), list(step.busy)
    waiting = await _of_mentions(erasure, address)
    await erasure.erase_rest(address)
    done = replace(done, left=len(busy) + waiting)
    _log.warning("an address was erased", anonymised=done.anonymised, left=done.left)
    return done


async def _of_messages(erasure: Erasure, address: str, clock: Clock) -> tuple[Forgotten, list[str]]:
    done, busy, after = Forgotten(), list[str](), ""
    while True:
        stretch = await erasure.messages_to(address, after=after)
        for start in range(0, len(stretch.ids), ERASED_AT_ONCE):
            some = stretch.ids[start : start + ERASED_AT_ONCE]
            step = await erasure.erase(some, address=address, now=clock.now())
            done = _with(done, step)
            busy += step.busy
        if not (after := stretch.end):
            return done, busy


async def _of_mentions(erasure: Erasure, address: str) -> int:
    waiting, after = 0, ""
    while True:
        stretch = await erasure.erase_mentions(address, after=after)
        waiting += len(stretch.ids)
        if not (after := stretch.end):
            return waiting


def _with(done: Forgotten, step: Erased) -> Forgotten:
    return replace(
        done,
        cancelled=done.cancelled + step.cancelled,
        anonymised=done.anonymised + step.anonymised,
    )
