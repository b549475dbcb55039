"""Whether providers are heard: how much was accepted, of how much a word came back, since when."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from terkirim.domain.phrase import Phrase, phrase, phrases
from terkirim.ports import MessageLog
from terkirim.ports.tracking import EventLog

KINDS = ("event_first", "event", "callback")
SILENT_AFTER = timedelta(hours=24)
SILENT_FROM = 50  # accepted messages in that time, of which nothing was heard
_ACCEPTED = ("event_first", "accepted")
_NEVER_HEARD = frozenset({"sandbox"})  # it sends nothing, so nobody speaks of it


async def intake_health(
    log: MessageLog, events: EventLog, *, now: datetime, days: int, is_open: bool
) -> dict[str, Any]:
    """Return how the intake did in the last `days` days, with its faults as phrases."""
    rows = await log.rollups(KINDS, since=now - timedelta(days=days), until=now)
    facts = await events.intake()
    counts: Counter[tuple[str, str]] = Counter()
    recent = 0
    for row in rows:
        provider, _, what = row.key.partition(":")
        if provider in _NEVER_HEARD:
            continue
        counts[row.kind, what] += row.count
        if (row.kind, what) == _ACCEPTED and row.hour >= now - SILENT_AFTER:
            recent += row.count
    accepted, heard = counts[_ACCEPTED], counts["event_first", "heard"]
    is_silent = recent >= SILENT_FROM and (
        facts.last_at is None or now - facts.last_at > SILENT_AFTER
    )
    refused = counts["callback", "refused"]
    return {
        "days": days,
        "accepted": accepted,
        "heard_back": heard,
        "heard_share": round(heard / accepted, 4) if accepted else None,
        "callbacks": counts["callback", "kept"],
        "repeats": counts["callback", "repeated"],
        "refused": refused,
        "unreadable": counts["callback", "unreadable"],
        "last_callback_at": None if facts.last_at is None else facts.last_at.isoformat(),
        "waiting_to_be_applied": facts.unapplied,
        "without_a_message": facts.unmatched,
        "set_aside": facts.set_aside,
        "is_open": is_open,
        "is_silent": is_silent,
        "faults": _faults(is_open=is_open, is_silent=is_silent, refused=refused, recent=recent),
    }


def _faults(*, is_open: bool, is_silent: bool, refused: int, recent: int) -> list[Phrase]:
    """Return a sentence for each fault; none, where all is well."""
    faults = []
    if not is_open:
        faults.append(
            phrase(
                "callbacks are refused: set {setting}, and give the provider the address {address}",
                setting="MAILKETING_WEBHOOK_SECRET",
                address="/api/webhooks/mailketing?secret=...",
            )
        )
    if refused:
        faults.append(
            phrases(
                "{count} callback had no secret, or a wrong one, and was refused",
                "{count} callbacks had no secret, or a wrong one, and were refused",
                count=refused,
            )
        )
    if is_silent:
        faults.append(
            phrases(
                "{count} message was accepted in the last 24 hours, and no callback came: "
                "check the webhook in the provider's dashboard",
                "{count} messages were accepted in the last 24 hours, and no callback came: "
                "check the webhook in the provider's dashboard",
                count=recent,
            )
        )
    return faults
