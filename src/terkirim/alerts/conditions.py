"""Looks at the gateway for what is wrong, apart from the credits, and settles it as alarms."""

from collections.abc import Awaitable, Callable, Sequence

from terkirim.domain.alert import Condition
from terkirim.domain.outcome import Unauthorised
from terkirim.policy.breaker import CLOSED
from terkirim.policy.conditions import (
    MAIL_KINDS,
    PROVIDER_KINDS,
    DaySeen,
    PauseSeen,
    breaker_condition,
    day_conditions,
    pause_condition,
    refused_key,
    unknown_answer,
)
from terkirim.ports import Clock, Gates, Pause
from terkirim.ports.alerts import Alarms, AlertBook
from terkirim.ports.credits import CreditBook


class Conditions:
    """What is looked at: all of it once a minute, by one node; pauses by each, every second."""

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
        clock: Clock,
    ) -> None:
        self._gates = gates
        self._book = book
        self._credit_book = credit_book
        self._prepaid = prepaid
        self._free_bytes = free_bytes
        self._min_free = min_free
        self._alarms = alarms
        self._clock = clock
        self._pauses: frozenset[PauseSeen] = frozenset()

    async def look_at_pauses(self) -> None:
        """Settle the providers where a pause has begun or ended since the last look.

        A minute would be late, and a short pause would be over before anybody saw it.
        """
        pauses = frozenset([_seen(pause) for pause in await self._gates.pauses()])
        if pauses != self._pauses:
            await self._alarms.settle(await self._providers(), kinds=PROVIDER_KINDS)
            self._pauses = pauses

    async def look(self) -> None:
        """Settle the providers, the mail of the last day, and the disk."""
        found = [*await self._providers(), *await self._day()]
        await self._alarms.settle(found, kinds=PROVIDER_KINDS | MAIL_KINDS)

    async def _providers(self) -> list[Condition]:
        statuses = await self._gates.providers(now=self._clock.now())
        found = [pause_condition(_seen(pause)) for pause in await self._gates.pauses()]
        found += [breaker_condition(one.name) for one in statuses if one.breaker != CLOSED]
        for provider in self._prepaid:
            last = await self._credit_book.last_readings(provider, checks=1)
            found += [
                refused_key(provider, check.reason)
                for check in last.checks
                if check.fault == Unauthorised.__name__
            ]
        return found

    async def _day(self) -> list[Condition]:
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
        unknown = [unknown_answer(provider, words) for provider, words in vitals.unknown]
        return [*day_conditions(day), *unknown]


def _seen(pause: Pause) -> PauseSeen:
    return PauseSeen(
        provider=pause.provider, sender=pause.sender, fault=pause.fault, reason=pause.reason
    )
