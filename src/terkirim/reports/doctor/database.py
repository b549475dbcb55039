"""What the database says of itself: can it be written, is there room, does it stand safely."""

from collections.abc import Mapping

from terkirim.domain.errors import ConfigError
from terkirim.domain.finding import Finding, Level
from terkirim.domain.phrase import Phrase, phrase
from terkirim.ports import Upkeep

ROOM = 5  # times the least room, below which a warning is due
_GIGABYTE = 10**9
_IN_MEMORY = phrase("it is memory: a restart of the machine loses all mail")
_LOST: Mapping[str, tuple[Level, Phrase]] = {
    "tmpfs": (Level.FAULT, _IN_MEMORY),
    "ramfs": (Level.FAULT, _IN_MEMORY),
    "overlay": (
        Level.WARNING,
        phrase("it is a container's own layer, and goes with the container"),
    ),
}


def of_failure(error: Exception) -> Finding:
    """Return the finding for a database that cannot be opened or written."""
    says = phrase("The database cannot be used: {why}", why=str(error))
    if isinstance(error, ConfigError):
        return Finding("database", Level.FAULT, says, phrase("Put TERKIRIM_DATABASE right."))
    mends = phrase("Mend that; until then no mail is taken and none is sent.")
    return Finding("database", Level.FAULT, says, mends)


def of_place(shown: str, file_system: str | None) -> list[Finding]:
    """Return whether what is written where the database stands survives; None: not known here."""
    if file_system is None:
        return []
    if file_system not in _LOST:
        says = phrase(
            "{place} stands on a disk that stays ({kind}).", place=shown, kind=file_system
        )
        return [Finding("disk", Level.OK, says)]
    level, why = _LOST[file_system]
    says = phrase("{place} stands on {kind}: {why}.", place=shown, kind=file_system, why=why)
    mends = phrase(
        "Let TERKIRIM_DATABASE name a file on a disk that stays: in a container, a volume."
    )
    return [Finding("disk", level, says, mends)]


async def of_store(store: Upkeep, *, min_free: int) -> list[Finding]:
    """Return what an open database shows; nothing is written.

    Raises:
        StoreUnavailable: it cannot be read or written.
    """
    await store.check_writable()
    says = phrase("The database can be read and written, and has the newest schema.")
    free = await store.free_bytes()
    room = [] if free is None else [_room(free, min_free)]
    return [Finding("database", Level.OK, says), *room]


def _room(free: int, least: int) -> Finding:
    gigabytes, needed = round(free / _GIGABYTE, 1), round(least / _GIGABYTE, 1)
    says = phrase("{free} GB are free where the database stands.", free=gigabytes)
    mends = phrase(
        "Free some space: below {needed} GB (TERKIRIM_MIN_FREE_DISK) new mail is refused.",
        needed=needed,
    )
    if free < least:
        return Finding("space", Level.FAULT, says, mends)
    if free < least * ROOM:
        return Finding("space", Level.WARNING, says, mends)
    return Finding("space", Level.OK, says)
