"""Which emails are old enough to be forgotten; the same for every database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from terkirim.domain.ids import uuid7
from terkirim.store.times import DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """How old an email must be, and how many are looked at; in microseconds."""

    now: int
    keep: int
    most: int

    @property
    def before(self) -> int:
        """Whatever ended before this instant is ripe."""
        return self.now - self.keep

    @property
    def bound(self) -> str:
        """The id below which an email is old enough to be looked at."""
        return uuid7(max(self.before, 0) // 1_000, 0)


@dataclass(frozen=True, slots=True)
class Looked:
    """Emails that were looked at: the ripe ones with their messages, and when to look again."""

    ripe: list[str]
    messages: list[str]
    later: list[tuple[str, int]]


def looked_at(
    ids: Sequence[str], ends: Iterable[tuple[str, str, int | None, bool]], age: Age
) -> Looked:
    """Judge emails by their messages: (email, message, when it ended, whether it waits)."""
    messages: dict[str, list[str]] = {id_: [] for id_ in ids}
    look_at = dict.fromkeys(ids, 0)
    for email_id, message_id, finished_at, waits in ends:
        messages[email_id].append(message_id)
        # What waits is looked at again tomorrow; what ended, when it has been kept long enough.
        again = age.now + DAY_US if waits or finished_at is None else finished_at + age.keep
        look_at[email_id] = max(look_at[email_id], again)
    ripe = [id_ for id_ in ids if look_at[id_] <= age.now]
    return Looked(
        ripe=ripe,
        messages=[one for id_ in ripe for one in messages[id_]],
        later=[(id_, at) for id_, at in look_at.items() if at > age.now],
    )
