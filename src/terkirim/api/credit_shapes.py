"""How credits, alerts and activity look in answers."""

from datetime import datetime
from typing import Any

from terkirim.domain.alert import Activity, Alert
from terkirim.domain.credit import Preflight, Reading, Standing
from terkirim.language import speak
from terkirim.ports.credits import CreditStatistics
from terkirim.reports.credits import forecast_in_words


def credits_shape(standing: Standing, statistics: CreditStatistics | None = None) -> dict[str, Any]:
    """Return how an account stands, with its statistics where they were asked for."""
    shape: dict[str, Any] = {
        "object": "credits",
        "provider": standing.provider,
        "balance": standing.balance,
        "estimated": standing.is_estimated,
        "level": standing.level,
        "read_at": None if standing.reading is None else _time(standing.reading.at),
        "checked_at": _time(standing.checked_at),
        "failures": standing.failures,
        "reason": standing.reason or None,
        "forecast": _forecast(standing),
        "waiting": {
            "due": standing.waiting.due,
            "scheduled": standing.waiting.count - standing.waiting.due,
        },
        "only_high_priority_leaves": standing.is_reserved,
    }
    return shape if statistics is None else shape | _statistics(statistics)


def preflight_shape(found: Preflight) -> dict[str, Any]:
    """Return whether mails can be paid; `enough` null where no balance is known."""
    return {
        "object": "credits_estimate",
        "count": found.count,
        "cost": found.cost,
        "balance": found.balance,
        "estimated": found.is_estimated,
        "waiting_cost": found.waiting,
        "reserve": found.reserve,
        "enough": found.is_enough,
        "goes_out": found.goes_out,
    }


def alert_shape(alert: Alert) -> dict[str, Any]:
    """Return an alert with who was told of it; channels are shown without their secrets."""
    return {
        "object": "alert",
        "id": alert.id,
        "kind": alert.kind,
        "subject": alert.subject or None,
        "severity": alert.severity,
        "title": alert.title,
        "body": alert.body,
        "facts": alert.facts,
        "raised_at": _time(alert.raised_at),
        "ended_at": _time(alert.ended_at),
        "notices": [
            {
                "channel": one.shown,
                "purpose": one.purpose,
                "state": one.state,
                "attempts": one.attempts,
                "answer": one.answer or None,
                "due_at": _time(one.due_at),
                "sent_at": _time(one.sent_at),
            }
            for one in alert.deliveries
        ],
    }


def activity_shape(activity: Activity) -> dict[str, Any]:
    """Return who did what, when."""
    return {
        "object": "activity",
        "id": activity.id,
        "at": _time(activity.at),
        "who": activity.who,
        "what": activity.what,
        "subject": activity.subject or None,
        "facts": activity.facts,
    }


def _forecast(standing: Standing) -> dict[str, Any]:
    forecast = standing.forecast
    return {
        "known": forecast.is_known,
        "early_at": _time(forecast.early),
        "likely_at": _time(forecast.likely),
        "late_at": _time(forecast.late),
        "per_day": forecast.per_day if forecast.is_known else None,
        "says": speak("en")(forecast_in_words(standing)),
    }


def _statistics(found: CreditStatistics) -> dict[str, Any]:
    return {
        "days": found.days,
        "checks": found.checks,
        "average_balance": found.average_balance,
        "lowest_balance": found.lowest_balance,
        "alerts_raised": found.alerts_raised,
        "trend": found.trend,
        "usage": [{"date": day.isoformat(), "credits": used} for day, used in found.usage.items()],
        "readings": [_reading(one) for one in found.readings],
        "alerts": [alert_shape(one) for one in found.alerts],
    }


def _reading(reading: Reading) -> dict[str, Any]:
    return {
        "at": _time(reading.at),
        "credits": reading.credits,
        "source": reading.source,
        "reason": reading.reason or None,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
