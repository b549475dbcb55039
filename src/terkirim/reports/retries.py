"""How much was retried, how often it helped, and why: read from the rollups alone."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from terkirim.ports import MessageLog, RollupRow

KINDS = ("outcome", "reason", "wait")
MOST_REASONS = 20


async def retries(log: MessageLog, *, now: datetime, days: int) -> dict[str, Any]:
    """Return the retry statistics of the last `days` days; a rate is a share from 0 to 1."""
    rows = await log.rollups(KINDS, since=now - timedelta(days=days), until=now)
    outcomes = [(row.key.split(":"), row.count) for row in rows if row.kind == "outcome"]
    attempts = sum(count for _, count in outcomes)
    again = sum(count for (_, _, number), count in outcomes if int(number) > 1)
    helped = sum(
        count for (_, name, number), count in outcomes if int(number) > 1 and name == "accepted"
    )
    return {
        "days": days,
        "attempts": attempts,
        "retries": again,
        "accepted_after_retry": helped,
        "success_rate_after_retry": round(helped / again, 4) if again else None,
        "by_attempt": _by_attempt(outcomes),
        "reasons": [{"reason": key, "count": count} for key, count in _top(rows, "reason")],
        "waits": [
            {"up_to_seconds": round(2 ** (int(key) / 4) / 1e6, 3), "count": count}
            for key, count in sorted(_top(rows, "wait", most=None), key=lambda pair: int(pair[0]))
        ],
    }


def _by_attempt(outcomes: Sequence[tuple[list[str], int]]) -> list[dict[str, Any]]:
    numbers: dict[int, Counter[str]] = {}
    for (_, name, number), count in outcomes:
        numbers.setdefault(int(number), Counter())[name] += count
    return [{"attempt": number, **numbers[number]} for number in sorted(numbers)]


def _top(
    rows: Sequence[RollupRow], kind: str, most: int | None = MOST_REASONS
) -> list[tuple[str, int]]:
    counts: Counter[str] = Counter()
    for row in rows:
        if row.kind == kind:
            counts[row.key] += row.count
    return counts.most_common(most)
