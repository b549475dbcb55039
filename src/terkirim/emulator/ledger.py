"""What the emulator took: counted from outside, so that losses and repeats can be seen."""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from terkirim.emulator.fields import fields_of

KEPT_LETTERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail as it came; `message` is its id, or in v1, which has none, what stands for it.

    `body` is the request's, for those who want to look at the rest.
    """

    version: int
    message: str
    sender: str
    recipient: str
    body: bytes

    @property
    def fields(self) -> dict[str, str]:
        """All fields of the request, without the token."""
        found = fields_of(self.version, self.body)
        return {name: text for name, text in found.items() if name != "api_token"}


@dataclass(slots=True)
class Entry:
    """How often one message was taken, when, and what went wrong with its answers."""

    first_at: datetime
    last_at: datetime
    faults: list[str] = field(default_factory=list)


class Ledger:
    """Messages that were accepted, by (message id or subject, recipient).

    v1 carries no message id: a subject that is unique to a recipient stands for it.
    """

    def __init__(self) -> None:
        self.accepted: Counter[tuple[str, str]] = Counter()
        self.dropped: Counter[tuple[str, str]] = Counter()
        self.faults: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.requests = 0
        self.letters: deque[Letter] = deque(maxlen=KEPT_LETTERS)  # the newest, accepted ones
        self._entries: dict[tuple[str, str], Entry] = {}

    def take(self, letter: Letter, *, at: datetime) -> None:
        """Count an accepted message."""
        key = letter.message, letter.recipient
        self.accepted[key] += 1
        self.letters.append(letter)
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = Entry(first_at=at, last_at=at)
        else:
            entry.last_at = at

    def lose(self, letter: Letter, fault: str) -> None:
        """Note that the answer to an accepted message did not arrive, and why."""
        key = letter.message, letter.recipient
        self.dropped[key] += 1
        self._entries[key].faults.append(fault)

    def summary(self) -> dict[str, Any]:
        """Return the totals: `duplicates` is how many were taken beyond the first of each."""
        return {
            "requests": self.requests,
            "accepted": self.accepted.total(),
            "distinct": len(self.accepted),
            "duplicates": self.accepted.total() - len(self.accepted),
            "answers_lost": self.dropped.total(),
            "faults": dict(sorted(self.faults.items())),
        }

    def messages(self) -> list[dict[str, Any]]:
        """Return every message with how often and when it was taken."""
        return [
            {
                "message": message,
                "recipient": recipient,
                "count": self.accepted[message, recipient],
                "answers_lost": self.dropped[message, recipient],
                "first_at": entry.first_at.isoformat(),
                "last_at": entry.last_at.isoformat(),
                "faults": entry.faults,
            }
            for (message, recipient), entry in sorted(self._entries.items())
        ]

    def report(self) -> dict[str, Any]:
        """Return all that is known, as it is written to a file."""
        return {**self.summary(), "refused": dict(self.refused), "messages": self.messages()}
