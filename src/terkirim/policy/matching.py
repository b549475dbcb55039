"""Which message an event is about, and when an event without one is looked at again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from terkirim.domain.event import Match

GUESS_WITHIN = timedelta(days=3)  # of the message's acceptance: later events stay unmatched
# At most: an event may seem earlier than the acceptance. When a callback came we know by our own
# clock: what came before the request left is about other mail, whatever it is dated.
CLOCKS_DIFFER = timedelta(minutes=5)
# A settle that is under way tells the provider's own id: until then nothing is guessed about it.
REFERENCE_WAIT = timedelta(minutes=10)
FIRST_LOOK = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(hours=6)
PAUSES_IN_AGE = 4  # a message that appears is found within a quarter of the time that it took

# RFC 9562, version 7: what we give to a provider. An id of this form names a message or nothing.
_OUR_FORM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_BEST_FIRST = tuple(Match)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that an event may be about, and by what it was found."""

    message_id: str
    match: Match


def chosen(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the candidate of the best kind, if it is the only one of that kind."""
    for match in _BEST_FIRST:
        ids = {one.message_id for one in candidates if one.match is match}
        if ids:
            return Candidate(ids.pop(), match) if len(ids) == 1 else None
    return None


def may_guess(
    recipient: str | None, reference: str | None, *, received_at: datetime, now: datetime
) -> bool:
    """Return whether recipient and time may stand in for an id.

    An id of our own form that found nothing is not ours, or is not this recipient's. One of another
    form may be about to become known.
    """
    if recipient is None:
        return False
    if reference is None:
        return True
    return _OUR_FORM.fullmatch(reference) is None and now - received_at >= REFERENCE_WAIT


def next_look(*, received_at: datetime, now: datetime) -> datetime | None:
    """Return when an event without a message is looked at again; None: nobody will come any more.

    The pauses grow with the event's age, so that ten thousand of them cost next to nothing.
    """
    age = max(now - received_at, timedelta(0))
    if age > GUESS_WITHIN:
        return None
    return now + min(max(age / PAUSES_IN_AGE, FIRST_LOOK), LONGEST_PAUSE)
