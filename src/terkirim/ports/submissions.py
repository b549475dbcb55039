"""Where emails are put on disk."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from terkirim.domain.email import Email
from terkirim.domain.frozen import frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A caller's key with its scope; `fingerprint` is a hash of the canonical JSON payload."""

    owner: str
    route: str
    key: str
    fingerprint: str


@frozen
class Submission:
    """Emails that are accepted together or not at all.

    `answer` (JSON text) is stored beside the key and is what a repeat gets back; where messages are
    suppressed at birth, `answer_with` makes it of their ids. `files` holds the attachments' bytes
    by their SHA-256 in hex.
    """

    emails: tuple[Email, ...]
    now: datetime
    idempotency: IdempotencyKey | None = None
    answer: str = ""
    answer_with: Callable[[frozenset[str]], str] | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)


@frozen
class Receipt:
    """What became of a submission: `answer` is the stored one where the key was used before.

    `skipped`: ids of emails whose (campaign, row) had been taken before, so that nothing was stored
    for them. `suppressed`: ids of messages that were suppressed at birth.
    """

    answer: str
    is_repeat: bool = False
    skipped: frozenset[str] = frozenset()
    suppressed: frozenset[str] = frozenset()


class Submissions(Protocol):
    """Where emails are put on disk."""

    async def accept(self, submission: Submission) -> Receipt:
        """Store the submission and return after its commit.

        Raises:
            IdempotencyConflict: the key was used with another payload, or is in use elsewhere.
        """
        ...

    async def repeat_of(self, key: IdempotencyKey, *, now: datetime) -> Receipt | None:
        """Return the receipt of the key's first use, None where `accept` would be the first.

        For work that is owed before `accept` and should not be done for a repeat.

        Raises:
            IdempotencyConflict: the key was used with another payload.
        """
        ...
