"""Credits in words, for every door: how long they last, and whether mails can be paid."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from terkirim.domain.credit import Level, Preflight, Standing
from terkirim.domain.phrase import Phrase, phrase, phrases, proper
from terkirim.reports.health import CRITICAL, WARNING, Trouble
from terkirim.reports.troubles import CREDITS_LOW

LEVELS = {
    Level.OK: phrase("enough"),
    Level.WARNING: phrase("low"),
    Level.CRITICAL: phrase("very low"),
    Level.EMERGENCY: phrase("nearly gone"),
    Level.UNKNOWN: phrase("not known"),
}

_SEVERE = {Level.WARNING: WARNING, Level.CRITICAL: CRITICAL, Level.EMERGENCY: CRITICAL}


def balance_in_words(standing: Standing) -> Phrase:
    """Return what is left, and how that is known."""
    provider, level = proper(standing.provider), LEVELS[standing.level]
    if standing.balance is None:
        return phrase("{provider}: the balance is not known.", provider=provider)
    values = {"provider": provider, "balance": standing.balance, "level": level}
    if standing.is_estimated:
        return phrase("{provider}: about {balance} credits (estimated), {level}", **values)
    return phrase("{provider}: {balance} credits, {level}", **values)


def forecast_in_words(standing: Standing) -> Phrase:
    """Return when the credits run out, as a range: "in 3 days, between 2 days and 5 days"."""
    forecast = standing.forecast
    if not forecast.is_known:
        return phrase("When they run out: too little to tell yet; 48 hours of sending are needed.")
    if forecast.early is None:
        return phrase("They last for more than 90 days at this pace.")
    early = _until(standing.at, forecast.early)
    if forecast.likely is None:
        return phrase("They run out in {early} at the earliest.", early=early)
    likely = _until(standing.at, forecast.likely)
    if forecast.late is None:
        return phrase(
            "They run out in {likely}, in {early} at the earliest.", likely=likely, early=early
        )
    return phrase(
        "They run out in {likely}, between {early} and {late}.",
        likely=likely,
        early=early,
        late=_until(standing.at, forecast.late),
    )


def credit_troubles(standings: Iterable[Standing], *, lead: timedelta) -> list[Trouble]:
    """Return what is wrong with accounts: credits that are low, or end within `lead`."""
    return [one for standing in standings for one in _troubles_of(standing, lead)]


def _troubles_of(standing: Standing, lead: timedelta) -> Iterator[Trouble]:
    end = standing.forecast.likely
    left = None if end is None else _until(standing.at, end)
    ends_soon = left is not None and left <= lead
    if standing.known_level not in _SEVERE and not ends_soon:
        return
    severe = _SEVERE.get(standing.known_level, WARNING)
    facts = {
        "provider": standing.provider,
        "level": standing.known_level,
        "balance": standing.balance,
        "likely_seconds": None if left is None else int(left.total_seconds()),
    }
    says = f"{standing.provider} has {standing.balance or 0:,} credits left"
    yield Trouble(kind=CREDITS_LOW, level=severe, says=says, facts=facts)


def preflight_in_words(found: Preflight) -> Phrase:
    """Return whether the mails can be paid, or how many go out before the credits end."""
    mails = phrases(
        "{count} mail costs about {credits}",
        "{count} mails cost about {credits}",
        count=found.count,
        credits=phrases("{count} credit", "{count} credits", count=found.cost),
    )
    if found.is_enough is None:
        return phrase("{mails}. The balance is not known.", mails=mails)
    if found.is_enough:
        return phrase("Enough: {mails}, {balance} are left.", mails=mails, balance=found.balance)
    return phrase(
        "Not enough: {mails}; {goes_out} would go out before the credits end.",
        mails=mails,
        goes_out=found.goes_out,
    )


def _until(now: datetime, end: datetime) -> timedelta:
    return max(end - now, timedelta(0))
