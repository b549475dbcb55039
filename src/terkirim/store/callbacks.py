"""How long callbacks are remembered, and how refused ones are noted; for every database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from terkirim.domain.ids import uuid7
from terkirim.policy.suppression import TRANSIENT_FOR, TRANSIENT_WITHIN
from terkirim.ports.tracking import CallbackRow
from terkirim.store.rows import to_json
from terkirim.store.times import DAY_US, HOUR_US, instant, micros, span_us

AGAIN_AFTER = timedelta(minutes=10)  # when a body without a date is another event, not a repeat
REOPENED_AT_ONCE = 2_000  # callbacks in one transaction
FORGOTTEN_AT_ONCE = 5_000  # rows of one table in one transaction
KEYS_KEPT_DAYS = 90  # of counted tags: an event may be dated as far back as a callback is believed
LAST_SEQ = 2**62  # no callback comes after it
REFUSED = "callback refused"
_ID_BITS = 74


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """What is too old by now, as `CallbackLog.forget` has it."""

    raw_before: datetime
    all_before: datetime
    now: datetime

    @property
    def steps(self) -> tuple[tuple[str, dict[str, int]], ...]:
        """The statements that forget it, each one transaction, with what they are told."""
        oldest, present = micros(self.all_before), micros(self.now)
        undated = present - 2 * span_us(AGAIN_AFTER)
        transient = present - span_us(TRANSIENT_WITHIN + TRANSIENT_FOR)
        day = present // DAY_US - KEYS_KEPT_DAYS
        most = FORGOTTEN_AT_ONCE
        return (
            ("forget_callbacks", {"before": micros(self.raw_before), "most": most}),
            ("forget_keys", {"before": oldest, "undated_before": undated, "most": most}),
            ("forget_unmatched", {"before": oldest, "most": most}),
            ("forget_transient", {"before": transient}),
            ("forget_counted_keys", {"day": day}),
        )


def callback_of(row: Sequence[Any]) -> CallbackRow:
    """Return a callback as lists show it."""
    seq, key, provider, at, body, state, note = row
    return CallbackRow(
        seq=seq,
        key=key,
        provider=provider,
        received_at=instant(at),
        body=body,
        state=state,
        note=note,
    )


def refused_id(node: str, now: datetime) -> str:
    """Return the id of the row of the activity log on a node's refused callbacks of this hour."""
    hour = micros(now) // HOUR_US
    digest = sha256(f"{REFUSED}\0{node}\0{hour}".encode()).digest()
    return uuid7(hour * HOUR_US // 1_000, int.from_bytes(digest[:10]) >> (80 - _ID_BITS))


def refused_row(
    id_: str, before: Mapping[str, int], counts: Mapping[str, int], now: datetime
) -> tuple[Any, ...]:
    """Return that row, with what was refused before in this hour."""
    facts = dict(before)
    for key, count in counts.items():
        facts[key] = facts.get(key, 0) + count
    return (id_, micros(now), "outside", REFUSED, "callbacks", to_json(facts))
