"""When an event makes an address one not to be sent to, for which mail, and for how long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from terkirim.domain.email import Stream
from terkirim.domain.event import BounceClass, EventKind
from terkirim.domain.suppression import Suppression, Why

TRANSIENT_LIMIT = 3  # transient bounces ...
TRANSIENT_WITHIN = timedelta(days=14)  # ... that fall within this ...
TRANSIENT_FOR = timedelta(days=14)  # ... stop mail for this long after the last of them
_STRENGTH = {why: strength for strength, why in enumerate(reversed(Why))}


@dataclass(frozen=True, slots=True)
class Suppressing:
    """What is to be suppressed: `stream` None is all mail, `until` None is for ever."""

    why: Why
    stream: Stream | None = None
    until: datetime | None = None


def suppressing(
    kind: EventKind, bounce: BounceClass | None, *, transient_at: Sequence[datetime] = ()
) -> Suppressing | None:
    """Return what an event does to its address; None: nothing.

    A block is about us, not about the recipient: it never suppresses. `transient_at` is when the
    transient bounces of this address happened, this one among them, in any order.
    """
    match kind, bounce:
        case EventKind.COMPLAINED, _:
            return Suppressing(Why.COMPLAINT)
        case EventKind.BOUNCED, BounceClass.PERMANENT:
            return Suppressing(Why.PERMANENT_BOUNCE)
        case EventKind.BOUNCED, BounceClass.TRANSIENT:
            until = transient_end(transient_at)
            return None if until is None else Suppressing(Why.TRANSIENT_BOUNCES, until=until)
        case EventKind.UNSUBSCRIBED, _:
            return Suppressing(Why.UNSUBSCRIBED, stream=Stream.BROADCAST)
        case _:
            return None


def transient_end(times: Sequence[datetime]) -> datetime | None:
    """Return until when these transient bounces stop mail; None: too few, or too far apart.

    The order in which they became known does not matter.
    """
    ordered = sorted(times)
    ends = [
        last + TRANSIENT_FOR
        for first, last in zip(ordered, ordered[TRANSIENT_LIMIT - 1 :], strict=False)
        if last - first <= TRANSIENT_WITHIN
    ]
    return max(ends, default=None)


def stronger_of(old: Suppression | None, new: Suppression) -> Suppression:
    """Return the entry that stays where both speak of the same address and stream.

    For ever beats until a day, later beats sooner, then the graver reason, then what came first.
    """
    if old is None or _strength(new) > _strength(old):
        return new
    return old


def _strength(one: Suppression) -> tuple[bool, float, int]:
    ends = 0.0 if one.until is None else one.until.timestamp()
    return one.until is None, ends, _STRENGTH[one.why]
