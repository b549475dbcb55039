"""The one prepaid account that the emulated service knows."""

from dataclasses import dataclass, field

PLENTY = 1_000_000


@dataclass(slots=True, kw_only=True)
class Account:
    """What may change while the emulator runs.

    `approved`: the senders, addresses or domains, that may send; None: all but `unapproved`.
    """

    token: str = "emulated"  # noqa: S105 - a word for tests, no secret
    credits: int = PLENTY
    approved: tuple[str, ...] | None = None
    unapproved: set[str] = field(default_factory=set)
    quota_is_reached: bool = False
    seen: set[str] = field(default_factory=set)

    def may_send_as(self, sender: str) -> bool:
        """Return whether mail of this sender is taken."""
        if _is_among(sender, self.unapproved):
            return False
        return self.approved is None or _is_among(sender, self.approved)

    def senders(self) -> list[str]:
        """Return the approved senders; without a list of them, those that have sent."""
        if self.approved is not None:
            return [one for one in self.approved if one not in self.unapproved]
        return sorted(sender for sender in self.seen if self.may_send_as(sender))


def _is_among(sender: str, known: set[str] | tuple[str, ...]) -> bool:
    return sender in known or sender.rpartition("@")[2] in known
