"""Sessions and failed tries as rows, and back; the same for every database."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from terkirim.policy.strikes import Strikes, after_try, is_locked
from terkirim.ports.access import Session
from terkirim.store.times import instant, instant_or_none, micros, micros_or_none
from terkirim.store.watching import user_of


def session_row(session: Session) -> dict[str, Any]:
    """Return a session as it is written."""
    return {
        "hash": session.hash,
        "user_id": session.user.id,
        "made_at": micros(session.made_at),
        "seen_at": micros(session.seen_at),
        "until": micros(session.until),
    }


def session_of(row: Sequence[Any]) -> Session:
    """Return the session of a row: hash, made_at, seen_at, until, and then its person's columns."""
    hash_, made_at, seen_at, until, *person = row
    return Session(
        hash=hash_,
        user=user_of(person),
        made_at=instant(made_at),
        seen_at=instant(seen_at),
        until=instant(until),
    )


def tried(
    kept: Iterable[Sequence[Any]], limits: Mapping[str, int], now: datetime
) -> tuple[datetime | None, list[dict[str, Any]]]:
    """Return until when no try is taken, else the rows with this try counted.

    `kept` has rows of key, count, last_at, until.
    """
    strikes = {
        key: Strikes(count, instant(last_at), instant_or_none(until))
        for key, count, last_at, until in kept
    }
    locked = [
        one.until for one in strikes.values() if is_locked(one, now) and one.until is not None
    ]
    if locked:
        return max(locked), []
    counted = {key: after_try(strikes.get(key), free=n, now=now) for key, n in limits.items()}
    return None, [_strikes_row(key, one) for key, one in sorted(counted.items())]


def _strikes_row(key: str, strikes: Strikes) -> dict[str, Any]:
    return {
        "key": key,
        "count": strikes.count,
        "last_at": micros(strikes.last_at),
        "until": micros_or_none(strikes.until),
    }
