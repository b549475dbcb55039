"""How events, the state of their intake, and suppressions look in answers."""

from typing import Any

from terkirim.domain.phrase import in_english
from terkirim.domain.suppression import ORIGIN_OF, Suppression
from terkirim.language import speak
from terkirim.ports.tracking import EventRow
from terkirim.tracking.suppressions import Imported


def event_shape(row: EventRow) -> dict[str, Any]:
    """Return one event; `match` says how its message was found, null where none was."""
    return {
        "id": row.id,
        "seq": row.seq,
        "type": row.kind,
        "at": row.at.isoformat(),
        "received_at": row.received_at.isoformat(),
        "provider": row.provider,
        "message_id": row.message_id,
        "match": row.match,
        "recipient": row.recipient,
        "reference": row.reference,
        "bounce": row.bounce,
        "scanner": row.is_scanner,
        "facts": row.facts,
    }


def intake_shape(report: dict[str, Any]) -> dict[str, Any]:
    """Return how the intake stands, its faults in English: JSON is read by programs."""
    say = speak("en")
    return report | {"faults": [say(fault) for fault in report["faults"]]}


def suppression_shape(one: Suppression) -> dict[str, Any]:
    """Return an entry in Resend's fields, with stream, reason, end, note and source beside them."""
    return {
        "id": one.id,
        "email": one.address,
        "origin": ORIGIN_OF[one.why],
        "source_id": one.source_id,
        "created_at": one.created_at.isoformat(),
        "stream": one.stream or "all",
        "reason": one.why,
        "until": None if one.until is None else one.until.isoformat(),
        "note": one.note,
        "source": one.source,
    }


def imported_shape(found: Imported) -> dict[str, Any]:
    """Return what became of the rows of a file; what is wrong with them is said in English."""
    return {
        "entered": found.entered,
        "unchanged": found.unchanged,
        "repeated": found.repeated,
        "errors": [{"line": row.line, "message": in_english(row.why)} for row in found.bad],
    }
