"""Whether the machine's clock can be believed: retries, expiries and signed links hang on it."""

from datetime import UTC, datetime, timedelta, tzinfo

from terkirim.domain.finding import Finding, Level
from terkirim.domain.phrase import phrase

EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)  # this program is younger
WRONG_BY = timedelta(minutes=2)  # what a slow answer and a coarse header explain
_MENDS = phrase("Let the machine set its clock by itself (NTP), and start Terkirim again.")


def of_clock(
    now: datetime, *, zone: tzinfo, newest: datetime | None, provider_time: datetime | None
) -> list[Finding]:
    """Return whether the clock fits its zone, the newest mail on disk and the provider's clock."""
    here = now.astimezone(zone)
    told = phrase(
        "In {zone} it is {time} now.", zone=str(zone), time=here.strftime("%Y-%m-%d %H:%M:%S")
    )
    found = [Finding("time_zone", Level.OK, told)]
    faults = _faults(now, newest, provider_time)
    return found + (faults or [Finding("clock", Level.OK, phrase("The clock can be believed."))])


def _faults(
    now: datetime, newest: datetime | None, provider_time: datetime | None
) -> list[Finding]:
    faults = []
    if now < EARLIEST:
        says = phrase("The clock says {year}: it was never set.", year=str(now.year))
        faults.append(Finding("clock", Level.FAULT, says, _MENDS))
    if newest is not None and newest - now > WRONG_BY:
        says = phrase(
            "The newest mail is {span} from the future: the clock went back.", span=newest - now
        )
        faults.append(Finding("clock", Level.FAULT, says, _MENDS))
    if provider_time is not None and abs(provider_time - now) > WRONG_BY:
        says = phrase(
            "The clock is off by {span}, the provider's says.", span=abs(provider_time - now)
        )
        faults.append(Finding("clock", Level.WARNING, says, _MENDS))
    return faults
