"""What the emulator took: counted from outside, so that losses and repeats can be seen."""

from collections import Counter
from typing import Any


class Ledger:
    """Messages that were accepted, by (message id or subject, recipient).

    v1 carries no message id: a subject that is unique to a recipient stands for it.
    """

    def __init__(self) -> None:
        self.accepted: Counter[tuple[str, str]] = Counter()
        self.dropped: Counter[tuple[str, str]] = Counter()
        self.faults: Counter[str] = Counter()
        self.requests = 0

    def take(self, message: str, recipient: str, *, is_answered: bool) -> None:
        """Count an accepted message; one whose answer is lost is counted there too."""
        self.accepted[message, recipient] += 1
        if not is_answered:
            self.dropped[message, recipient] += 1

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
        """Return every message with how often it was taken."""
        return [
            {"message": message, "recipient": recipient, "count": count}
            for (message, recipient), count in sorted(self.accepted.items())
        ]
