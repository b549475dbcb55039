"""What is needed of a store to forget in time, and to forget a person at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

PRUNED_AT_ONCE = 200  # emails in one transaction, so that no accept waits long behind it


class Retention(Protocol):
    """Forgets what is old, a bounded piece at each call; unfinished mail is never touched.

    A call is one transaction and returns how many rows it looked at: 0 says that nothing more is
    due now. An email's end is the end of its last message. Rows of campaigns and rollups are kept
    for ever.
    """

    async def prune_content(
        self, *, keep: timedelta, now: datetime, limit: int = PRUNED_AT_ONCE
    ) -> int:
        """Drop bodies and variables of emails that ended longer than `keep` ago."""
        ...

    async def prune_messages(
        self, *, keep: timedelta, now: datetime, limit: int = PRUNED_AT_ONCE
    ) -> int:
        """Drop emails that ended longer than `keep` ago, with messages, attempts and events."""
        ...

    async def prune_keys(self, *, now: datetime, limit: int = PRUNED_AT_ONCE) -> int:
        """Forget idempotency keys after their day."""
        ...

    async def keep_files(self, *, now: datetime, limit: int = PRUNED_AT_ONCE) -> int:
        """Keep attachments of mail that may still be sent as long as a link made now would live."""
        ...

    async def prune_files(self, *, now: datetime, limit: int = PRUNED_AT_ONCE) -> int:
        """Drop attachments whose time is over; `keep_files` has gone before."""
        ...

    async def fold_counts(self, *, now: datetime) -> int:
        """Make one row of the rows in which several nodes counted the same, once that is over.

        Nothing is forgotten: what is read for a statistic is what one node alone would have left.
        Returns how many hours it looked at.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What became of messages to an address that is to be forgotten.

    `cancelled`: they waited, and were stopped first. `anonymised`: all that hold nothing of the
    person any more. `busy`: those that are just being sent; ask again for them.
    """

    cancelled: int
    anonymised: int
    busy: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What was found in a part of the history; `end`: where the next part begins, "" at the end."""

    ids: tuple[str, ...]
    end: str


class Erasure(Protocol):
    """Forgets one person. An address is given in lower case; any case of it is found."""

    async def messages_to(self, address: str, *, after: str) -> Stretch:
        """Return the messages to this address in the part of the history after that message."""
        ...

    async def erase(self, message_ids: Sequence[str], *, address: str, now: datetime) -> Erased:
        """Stop what waits, and take the person out of these messages.

        The address, its name, variables and what providers said of it go; of an email to nobody
        else also subject, content, headers, tags and attachments.
        """
        ...

    async def erase_mentions(self, address: str, *, after: str) -> Stretch:
        """Take the address out of emails to others in the part of the history after that email.

        They are to be answered to it (`reply_to`), so that their content goes too. Returned are
        those that still wait and were left as they are.
        """
        ...

    async def erase_rest(self, address: str) -> None:
        """Take the address out of what belongs to no message.

        That are campaigns, callbacks, events that found no message, bounces that are counted,
        alerts, and answers kept for repeats. A campaign still sends to nobody twice: it
        keeps a digest in the row's place.
        """
        ...
