"""Lists messages: those to one address by the search's index, all others as the store has them."""

from collections import deque
from collections.abc import AsyncIterator

from terkirim.domain.record import MessageRow
from terkirim.domain.search import AddressWish, Part, Search
from terkirim.ports import MessageFilter, MessageLog
from terkirim.ports.search import MessageSearch


async def listed(
    which: MessageFilter, *, recipient: str | None, log: MessageLog, search: MessageSearch
) -> list[MessageRow]:
    """Return messages, newest first; `recipient` is a whole address, in upper or lower case."""
    if recipient is None:
        return await log.messages(which)
    wanted = Search(
        to=(AddressWish(recipient.lower(), Part.WHOLE),),
        ids=() if which.email_id is None else (which.email_id,),
        states=None if which.states is None else frozenset(which.states),
        is_sandbox=which.is_sandbox,
    )
    found: deque[MessageRow] = deque(maxlen=which.limit)  # of those after `before`, the nearest
    async for row in _found(search, wanted, older_than=which.after, limit=which.limit):
        if which.before is not None and row.id <= which.before:
            break
        found.append(row)
        if which.before is None and len(found) == which.limit:
            break
    return list(found)


async def _found(
    search: MessageSearch, wanted: Search, *, older_than: str | None, limit: int
) -> AsyncIterator[MessageRow]:
    """Give all that a search finds, look by look."""
    while True:
        findings = await search.find(wanted, limit=limit, older_than=older_than)
        for one in findings.rows:
            yield one.message
        older_than = findings.looked_to
        if older_than is None:
            return
