"""The summary of a day: at nine in the morning of the operator's time zone, once."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo

from terkirim.alerts.notify import Notify, summary_id
from terkirim.alerts.texts import Text
from terkirim.domain.alert import Alert
from terkirim.domain.credit import Standing
from terkirim.language import Phrase, phrase, phrases, proper
from terkirim.language.manners import Manners
from terkirim.ports import Clock
from terkirim.ports.alerts import AlertBook, Vitals

NINE = time(9)
LATE = timedelta(hours=3)  # a gateway that was down at nine tells it until noon
DAYS_BACK = 7  # one that told none for so long is as good as new


class Summary:
    """Tells how the day before went, what the credits are, and what is wrong."""

    def __init__(
        self,
        *,
        notify: Notify,
        book: AlertBook,
        standings: Callable[[], Awaitable[Sequence[Standing]]],
        manners: Manners,
        clock: Clock,
    ) -> None:
        self._notify = notify
        self._book = book
        self._standings = standings
        self._manners = manners
        self._clock = clock
        self._since = clock.now()

    async def tell_when_due(self) -> bool:
        """Tell the summary if it is past nine and was not told today; return whether it was now."""
        day = day_due(self._clock.now(), self._manners.zone)
        if day is None or await self._is_told(day) or await self._is_new(day):
            return False
        return await self._notify.summarise(day.isoformat(), await self._text(day))

    async def _is_told(self, day: date) -> bool:
        return await self._book.has_alert(summary_id(day.isoformat()))

    async def _is_new(self, day: date) -> bool:
        """Return True for a gateway that began after nine: it has no day before to tell of."""
        if self._since <= _nine_of(day, self._manners.zone):
            return False
        earlier = (day - timedelta(days=back) for back in range(1, DAYS_BACK + 1))
        return not any([await self._is_told(one) for one in earlier])

    async def _text(self, day: date) -> Text:
        vitals = await self._book.vitals(now=self._clock.now())
        lines = [
            _mail(vitals),
            *[_credits(one) for one in await self._standings()],
            _wrong([one for one in await self._book.open_alerts() if one.raised_at is not None]),
        ]
        body = "\n".join(self._manners.say(line) for line in lines)
        title = phrase("Terkirim: summary of {day}", day=day.isoformat())
        return Text(title, phrase("{lines}", lines=body))


def day_due(now: datetime, zone: tzinfo) -> date | None:
    """Return the day whose summary is to be told now; None before nine, and from noon on."""
    local = now.astimezone(zone)
    nine = _nine_of(local.date(), zone)
    return local.date() if nine <= local < nine + LATE else None


def _nine_of(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, NINE, tzinfo=zone)


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
