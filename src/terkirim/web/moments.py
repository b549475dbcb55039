"""Instants as people read them, in the operator's time zone."""

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

from terkirim.domain.phrase import Phrase, phrase
from terkirim.language import Voice

_MONTHS = (
    phrase("Jan"), phrase("Feb"), phrase("Mar"), phrase("Apr"), phrase("May"), phrase("Jun"),
    phrase("Jul"), phrase("Aug"), phrase("Sep"), phrase("Oct"), phrase("Nov"), phrase("Dec"),
)  # fmt: skip
_JUST_NOW = timedelta(seconds=5)


class Moments:
    """Writes instants for one reader."""

    def __init__(self, say: Voice, *, zone: tzinfo, now: Callable[[], datetime]) -> None:
        self.say = say
        self._zone = zone
        self._now = now

    def at(self, instant: datetime) -> str:
        """Return day and time to the second: "24 Nov 2026, 15:04:05"."""
        local = instant.astimezone(self._zone)
        return self.say("{day}, {time}", day=self.day(instant), time=self._time(local, "seconds"))

    def short(self, instant: datetime) -> str:
        """Return the time of today, else the day with its time, with the year where it differs."""
        local, today = instant.astimezone(self._zone), self._now().astimezone(self._zone)
        if local.date() == today.date():
            return self._time(local, "minutes")
        day = f"{local.day} {self.say(self._month(local))}"
        if local.year != today.year:
            day += f" {local.year}"
        return self.say("{day}, {time}", day=day, time=self._time(local, "minutes"))

    def tick(self, instant: datetime, *, by_day: bool) -> str:
        """Return what stands below a chart: the time, or the day without its year."""
        local = instant.astimezone(self._zone)
        if not by_day:
            return self._time(local, "minutes")
        return f"{local.day} {self.say(self._month(local))}"

    def day(self, instant: datetime) -> str:
        """Return the day: "24 Nov 2026"."""
        local = instant.astimezone(self._zone)
        return f"{local.day} {self.say(self._month(local))} {local.year}"

    def ago(self, instant: datetime) -> str:
        """Return how long ago, or in how long: "3 minutes ago", "in 2 hours"."""
        past = self._now() - instant
        if abs(past) < _JUST_NOW:
            return self.say("just now")
        if past < timedelta():
            return self.say("in {span}", span=-past)
        return self.say("{span} ago", span=past)

    def _time(self, local: datetime, exact: str) -> str:
        text = local.time().isoformat(exact)
        return text.replace(":", ".") if self.say.language == "id" else text

    @staticmethod
    def _month(local: datetime) -> Phrase:
        return _MONTHS[local.month - 1]
