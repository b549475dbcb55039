"""An address not to be sent to: for which mail, why, since when and until when."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from terkirim.domain.email import Stream
from terkirim.domain.ids import uuid7

_RANDOM_BITS = 74


class Why(StrEnum):
    """The reason of a suppression, in the words in which a suppressed message shows it."""

    COMPLAINT = "complaint"
    PERMANENT_BOUNCE = "permanent bounce"
    BY_HAND = "by hand"
    UNSUBSCRIBED = "unsubscribed"
    TRANSIENT_BOUNCES = "transient bounces"


# Resend's three origins, and which of our reasons each stands for.
ORIGINS = {
    "bounce": (Why.PERMANENT_BOUNCE, Why.TRANSIENT_BOUNCES),
    "complaint": (Why.COMPLAINT,),
    "manual": (Why.BY_HAND, Why.UNSUBSCRIBED),
}
ORIGIN_OF = {why: origin for origin, whys in ORIGINS.items() for why in whys}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """One entry of the list; the pair of `address` (lower case) and `stream` names it.

    `stream` None stops every mail. `until` None is for ever. `source` is who entered it: a
    provider, a key, a person at the command line. `source_id` is the email that bounced, or the
    event where no email is known. `note` is free text, such as the bounce's reason.
    """

    address: str
    stream: Stream | None
    why: Why
    source: str
    created_at: datetime
    until: datetime | None = None
    source_id: str | None = None
    note: str = ""

    @property
    def id(self) -> str:
        """Its id: the same for the same entry, so that a repeat changes nothing."""
        name = f"{self.address}\0{self.stream or ''}\0{self.created_at.astimezone(UTC).isoformat()}"
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
        bits = int.from_bytes(digest[:10]) >> (80 - _RANDOM_BITS)
        return uuid7(int(self.created_at.timestamp() * 1_000), bits)

    def is_in_force(self, now: datetime) -> bool:
        """Return False from the instant `until` on."""
        return self.until is None or now < self.until
