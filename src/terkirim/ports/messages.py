"""Read-only questions about emails and messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from terkirim.domain.email import Priority
from terkirim.domain.message import State
from terkirim.domain.record import EmailRow, MessageRow, Story


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages a list shows; newest first, keyset by id (`after` older, `before` newer)."""

    limit: int = 20
    after: str | None = None
    before: str | None = None
    states: tuple[State, ...] | None = None
    email_id: str | None = None
    is_sandbox: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How much waits: unfinished messages by state, and since when the oldest due one waits.

    `by_priority` counts the queued ones.
    """

    by_state: Mapping[State, int]
    oldest_due_at: datetime | None
    by_priority: Mapping[Priority, int] = field(default_factory=dict)


UNKNOWN_ANSWER = "unknown_answer"  # the rollup of answers whose text is not known, by provider


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupRow:
    """One count: `kind` and `key` name it (e.g. "outcome", "mailketing:accepted:1"), by hour."""

    hour: datetime
    kind: str
    key: str
    count: int


class MessageLog(Protocol):
    """Read-only questions; they never wait for the writer."""

    async def email(self, email_id: str, *, with_content: bool = True) -> EmailRow:
        """Return the email by its id, or by the id of one of its messages.

        Raises:
            NotFound: there is none.
        """
        ...

    async def emails(
        self, *, limit: int, after: str | None = None, before: str | None = None
    ) -> list[EmailRow]:
        """Return emails without content, newest first; `after` and `before` are ids."""
        ...

    async def story(self, message_id: str) -> Story:
        """Return one message with its attempts and events; takes an email's id where it has one.

        Raises:
            NotFound: there is none.
        """
        ...

    async def messages(self, which: MessageFilter) -> list[MessageRow]:
        """Return messages, newest first."""
        ...

    async def backlog(self, *, now: datetime) -> Backlog:
        """Return how much waits."""
        ...

    async def rollups(
        self, kinds: Sequence[str], *, since: datetime, until: datetime
    ) -> list[RollupRow]:
        """Return the counts of these kinds, summed over nodes, by hour."""
        ...

    async def attachment(self, sha256: str) -> bytes:
        """Return the bytes of a stored attachment.

        Raises:
            NotFound: it was never stored, or retention took it.
        """
        ...
