"""Looks at the gateway for what is wrong, apart from the credits, and settles it as alarms."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from terkirim.domain.alert import Finding
from terkirim.domain.outcome import Unauthorised
from terkirim.policy.breaker import CLOSED
from terkirim.policy.findings import (
    MAIL_KINDS,
    PROVIDER_KINDS,
    UNKNOWN_ANSWER,
    DaySeen,
    PauseSeen,
    breaker_finding,
    day_findings,
    pause_finding,
    refused_key,
    unknown_answer,
)
from terkirim.ports import Clock, Gates, Pause
from terkirim.ports.alerts import Alarms, AlertBook
from terkirim.ports.credits import CreditBook, Ears

UNKNOWN_OVER = timedelta(days=1)  # so long without another one, unknown answers are over


class Conditions:
    """What is looked at once a minute by one node, and what each node hears by itself."""

    def __init__(  # noqa: PLR0913 - the ports it looks at
        self,
        *,
        gates: Gates,
        book: AlertBook,
        credit_book: CreditBook,
        prepaid: Sequence[str],
        free_bytes: Callable[[], Awaitable[int | None]],
        min_free: int,
        alarms: Alarms,
        ears: Ears,
        clock: Clock,
    ) -> None:
        self._gates = gates
        self._book = book
        self._credit_book = credit_book
        self._prepaid = prepaid
        self._free_bytes = free_bytes
        self._min_free = min_free
        self._alarms = alarms
        self._ears = ears
        self._clock = clock

    async def look(self) -> None:
        """Settle the providers, the mail of the last day, and the disk."""
        found = [*await self._providers(), *await self._day()]
        await self._alarms.settle(found, kinds=PROVIDER_KINDS | MAIL_KINDS)
        await self._end_old_unknown()

    async def listen(self) -> None:
        """Raise answers in words that nobody knows, as this process heard them."""
        for provider, reason in self._ears.unknown_answers():
            await self._alarms.raise_(unknown_answer(provider, reason))

    async def _providers(self) -> list[Finding]:
        statuses = await self._gates.providers(now=self._clock.now())
        found = [pause_finding(_seen(pause)) for pause in await self._gates.pauses()]
        found += [breaker_finding(one.name) for one in statuses if one.breaker != CLOSED]
        for provider in self._prepaid:
            last = await self._credit_book.last_readings(provider, checks=1)
            found += [
                refused_key(provider, check.reason)
                for check in last.checks
                if check.fault == Unauthorised.__name__
            ]
        return found

    async def _day(self) -> list[Finding]:
        now = self._clock.now()
        vitals = await self._book.vitals(now=now)
        day = DaySeen(
            now=now,
            accepted=vitals.accepted,
            bounced=vitals.bounced,
            complained=vitals.complained,
            dead=vitals.dead,
            oldest_due_at=vitals.oldest_due_at,
            free=await self._free_bytes(),
            free_at_least=self._min_free,
        )
        return list(day_findings(day))

    async def _end_old_unknown(self) -> None:
        for alert in await self._alarms.open({UNKNOWN_ANSWER}):
            if self._clock.now() - alert.last_at > UNKNOWN_OVER:
                await self._alarms.end(alert.kind, alert.subject)


def _seen(pause: Pause) -> PauseSeen:
    return PauseSeen(
        provider=pause.provider, sender=pause.sender, fault=pause.fault, reason=pause.reason
    )
