"""The summary of a day: at nine in the morning of the operator's time zone, once."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo

from terkirim.alerts.notify import Notify, summary_id
from terkirim.alerts.texts import Text
from terkirim.domain.alert import Alert
from terkirim.domain.credit import Standing
from terkirim.language import Phrase, Voice, phrase, phrases, proper
from terkirim.ports import Clock
from terkirim.ports.alerts import AlertBook, Vitals

NINE = time(9)
LATE = timedelta(hours=3)  # a gateway that was down at nine tells it until noon


class Summary:
    """Tells how the day before went, what the credits are, and what is wrong."""

    def __init__(
        self,
        *,
        notify: Notify,
        book: AlertBook,
        standings: Callable[[], Awaitable[Sequence[Standing]]],
        say: Voice,
        zone: tzinfo,
        clock: Clock,
    ) -> None:
        self._notify = notify
        self._book = book
        self._standings = standings
        self._say = say
        self._zone = zone
        self._clock = clock

    async def tell_when_due(self) -> bool:
        """Tell the summary if it is past nine and was not told today; return whether it was now."""
        day = day_due(self._clock.now(), self._zone)
        if day is None or await self._book.has_alert(summary_id(day.isoformat())):
            return False
        return await self._notify.summarise(day.isoformat(), await self._text(day))

    async def _text(self, day: date) -> Text:
        vitals = await self._book.vitals(now=self._clock.now())
        lines = [
            _mail(vitals),
            *[_credits(one) for one in await self._standings()],
            _wrong([one for one in await self._book.open_alerts() if one.raised_at is not None]),
        ]
        body = "\n".join(self._say(line) for line in lines)
        title = phrase("Terkirim: summary of {day}", day=day.isoformat())
        return Text(title, phrase("{lines}", lines=body))


def day_due(now: datetime, zone: tzinfo) -> date | None:
    """Return the day whose summary is to be told now; None before nine, and from noon on."""
    local = now.astimezone(zone)
    nine = datetime.combine(local.date(), NINE, tzinfo=zone)
    return local.date() if nine <= local < nine + LATE else None


def _mail(vitals: Vitals) -> Phrase:
    return phrase(
        "In 24 hours: {accepted} accepted, {bounced} bounced, {dead} could not be sent.",
        accepted=vitals.accepted,
        bounced=vitals.bounced,
        dead=vitals.dead,
    )


def _credits(standing: Standing) -> Phrase:
    provider = proper(standing.provider)
    if standing.balance is None:
        return phrase("{provider}: the balance is not known.", provider=provider)
    left = phrase(
        "{provider}: {balance} credits, about {per_day} a day.",
        provider=provider,
        balance=standing.balance,
        per_day=standing.forecast.per_day,
    )
    likely = standing.forecast.likely
    if likely is None:
        return left
    ends = phrase("They last about {span}.", span=likely - standing.at)
    return phrase("{first} {second}", first=left, second=ends)


def _wrong(alerts: Sequence[Alert]) -> Phrase:
    if not alerts:
        return phrase("Nothing is wrong.")
    titles = "; ".join(one.title for one in alerts)
    return phrases(
        "{count} alert is open: {titles}", "{count} alerts are open: {titles}",
        count=len(alerts), titles=titles,
    )  # fmt: skip
