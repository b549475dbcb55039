"""How the channels of alerts do: what became of the newest notice to each."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from terkirim.domain.alert import Alert, Delivery
from terkirim.ports.alerts import AlertBook, AlertFilter

LOOKED_BACK = timedelta(days=90)
LOOKED_AT = 200  # alerts
SUMMARIES = 3
_SUMMARY = frozenset({"summary"})


async def last_results(book: AlertBook, *, now: datetime) -> Mapping[str, Delivery]:
    """Return the newest notice that was tried, by the key of its channel; summaries too."""
    since = now - LOOKED_BACK
    alerts = await book.alerts(AlertFilter(since=since, until=now, limit=LOOKED_AT))
    summaries = await book.alerts(
        AlertFilter(since=since, until=now, limit=SUMMARIES, kinds=_SUMMARY)
    )
    return newest_by_channel([*alerts, *summaries])


def newest_by_channel(alerts: Iterable[Alert]) -> Mapping[str, Delivery]:
    """Return the newest notice that was tried at least once, by the key of its channel."""
    tried = [one for alert in alerts for one in alert.deliveries if one.attempts]
    tried.sort(key=tried_at)
    return {one.channel: one for one in tried}


def tried_at(one: Delivery) -> datetime:
    """Return when a notice was sent, or, where it was not, when it is or was to be sent."""
    return one.due_at if one.sent_at is None else one.sent_at
