"""What became of mail, as counts; the sandbox's mail is never among it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """How many messages a provider took, and of how many it said what later.

    An open or a click says that a message was delivered; a scanner's is neither.
    """

    accepted: int = 0
    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    opened: int = 0
    clicked: int = 0
    unsubscribed: int = 0
