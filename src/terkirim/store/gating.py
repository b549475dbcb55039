"""Which providers may be used now, and how what they say changes that; the same for every database.

A transaction loads the rows once, asks and tells this object, and saves what changed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from terkirim.domain.lease import Settlement
from terkirim.domain.outcome import (
    Accepted,
    Deferred,
    QuotaReached,
    Rejected,
    SenderRefused,
    Unauthorised,
    Unclear,
)
from terkirim.policy import breaker, rates
from terkirim.ports import Pause, ProviderStatus
from terkirim.store.allowances import Allowances
from terkirim.store.gate_settings import GateSettings, Opening
from terkirim.store.rows import storable
from terkirim.store.times import micros

KEY_REFUSED = Unauthorised.__name__
REFUSED = SenderRefused.__name__


class OpenGates:
    """The gates as one transaction sees them."""

    def __init__(self, settings: GateSettings, rows: Mapping[str, Any], *, now: datetime) -> None:
        self.settings = settings
        self.now = now
        self.breakers = {
            name: breaker.from_plain(name, row, version)
            for name, (version, row) in rows["breakers"].items()
        }
        self.rates = {name: rates.from_plain(row) for name, row in rows["rates"].items()}
        self.pauses: Sequence[Sequence[Any]] = rows["pauses"]
        self.allowances = Allowances(rows["allowances"])
        self._loaded = (dict(self.breakers), dict(self.rates))
        self.refused_senders = {(row[0], row[1]) for row in self.pauses if row[1]}
        self.trials = {(row[0], row[1]) for row in self.pauses if row[6]}
        self._paused = {row[0] for row in self.pauses if not row[1]}
        self._key_refused = {row[0] for row in self.pauses if not row[1] and row[2] == KEY_REFUSED}

    def lanes(self) -> Iterator[tuple[str, int]]:
        """Yield every (route, position)."""
        for route, providers in self.settings.routes.items():
            for position in range(len(providers)):
                yield route, position

    def openings(self) -> list[Opening]:
        """Return the lanes that may be claimed from, each with the provider that is open for it."""
        permits = {name: self._permit(name) for name in self.settings.providers}
        openings = []
        for route, lane in self.lanes():
            providers = self.settings.routes[route]
            for place in (*range(lane, len(providers)), *range(lane)):
                permit = permits[providers[place]]
                if permit is not None:
                    openings.append(
                        Opening(
                            route=route,
                            lane=lane,
                            place=place,
                            provider=providers[place],
                            limit=permit.limit,
                            is_probe=permit.is_probe,
                            priorities=self.allowances.priorities(providers[place]),
                        )
                    )
                    break
            else:
                openings += self._diversion(route, lane)
        return openings

    def _diversion(self, route: str, lane: int) -> list[Opening]:
        """Return the lane's way past providers that all refuse the key, where that is wanted."""
        to = self.settings.diverts_to
        if to is None or not self._key_refused.issuperset(self.settings.routes[route]):
            return []
        return [
            Opening(route=route, lane=lane, place=lane, provider=to, limit=None, is_probe=False)
        ]

    def _permit(self, name: str) -> breaker.Permit | None:
        if name in self._paused:
            return None
        own = self.rates.get(name)
        if own is not None and self._is_shut_by_rate(name, own):
            return None
        permit = breaker.on_claim(
            self._breaker(name),
            now=self.now,
            full=self.settings.concurrency,
            probe_for=self.settings.probe_for,
        )
        room = None if own is None else rates.room_of(own)
        if permit.limit == 0 or room is None:
            return None if permit.limit == 0 else permit
        return replace(permit, limit=min(room, permit.limit or room))

    def _is_shut_by_rate(self, name: str, row: rates.RateRow) -> bool:
        """Tell whether its gate is shut, or its day used up: then the next provider takes over."""
        limits = self.settings.limits.get(name, ())
        return rates.gate_of(row, now=self.now) is not None or rates.is_day_spent(
            limits, row, now=self.now, zone=self.settings.zone
        )

    def use_probe(self, name: str) -> None:
        """Note that the one request that a shut breaker lets through is on its way."""
        permit = breaker.on_claim(
            self._breaker(name),
            now=self.now,
            full=self.settings.concurrency,
            probe_for=self.settings.probe_for,
        )
        self.breakers[name] = permit.row

    def free_probe(self, name: str) -> None:
        """Note that the request which a shut breaker let through never left."""
        if name in self.breakers:  # else it was the one of a refused sender
            self.breakers[name] = breaker.without_probe(self.breakers[name], now=self.now)

    def taken_senders(self, group: Sequence[Settlement]) -> list[tuple[str, str]]:
        """Return the refused senders of which one message asked, and was accepted."""
        taken = {
            (one.lease.provider, one.lease.sender)
            for one in group
            if one.lease.is_probe and isinstance(one.result, Accepted)
        }
        return sorted(taken & self.refused_senders)

    def take(self, name: str, want: int) -> int:
        """Return how many requests the rates of this provider grant, and count them."""
        own = self.settings.limits.get(name, ())
        if not own or want == 0:
            return want
        row = self.rates.get(name, rates.RateRow())
        granted, self.rates[name] = rates.take(
            own, row, now=self.now, want=want, zone=self.settings.zone
        )
        return granted

    def give_back(self, name: str, count: int) -> None:
        """Return tokens of requests that never left."""
        own = self.settings.limits.get(name, ())
        if own and name in self.rates:
            self.rates[name] = rates.give_back(
                own, self.rates[name], count, now=self.now, zone=self.settings.zone
            )

    def opening_times(self) -> list[int]:
        """Return the instants (microseconds) at which a shut gate opens by itself."""
        times = [row.until for row in self.breakers.values() if row.until is not None]
        for name in self.settings.providers:
            row = self.rates.get(name, rates.RateRow())
            own = self.settings.limits.get(name, ())
            at = rates.opens_at(own, row, now=self.now, zone=self.settings.zone)
            if at is not None:
                times.append(at)
        return [micros(at) for at in times]

    def rate_opens_at(self, name: str) -> datetime | None:
        """Return when this provider's own rates grant another request, None: now."""
        own, row = self.settings.limits.get(name, ()), self.rates.get(name)
        if not own or row is None:
            return None
        ungated = replace(row, gate_until=None)
        return rates.opens_at(own, ungated, now=self.now, zone=self.settings.zone)

    def hear(self, group: Sequence[Settlement]) -> list[Pause]:
        """Let breakers and rate gates learn from answers; return the pauses to start."""
        by_provider: dict[str, list[Settlement]] = {}
        for one in group:
            by_provider.setdefault(one.lease.provider, []).append(one)
        for name, some in by_provider.items():
            self._hear_breaker(name, some)
            self._hear_gate(name, some)
        return [pause for one in group if (pause := _pause_for(one, self.now)) is not None]

    def statuses(
        self,
        pauses: Sequence[Pause],
        *,
        due_by_lane: Iterable[tuple[str, int, int]],
        in_air: Mapping[str, int],
    ) -> list[ProviderStatus]:
        """Return how each provider on a route stands; `pauses` are all that are in force.

        What is due counts for the provider whose turn it is; what a refused sender holds counts for
        its pause.
        """
        waiting: Counter[str] = Counter()
        for route, position, count in due_by_lane:
            providers = self.settings.routes.get(route, ())
            if position < len(providers):
                waiting[providers[position]] += count
        return [
            self._status(name, pauses, waiting=waiting[name], in_air=in_air.get(name, 0))
            for name in self.settings.providers
        ]

    def changed_breakers(self) -> Iterable[breaker.BreakerRow]:
        """Return the rows that differ from what was loaded."""
        before = self._loaded[0]
        return [row for name, row in self.breakers.items() if before.get(name) != row]

    def changed_rates(self) -> Iterable[tuple[str, rates.RateRow]]:
        """Return the (provider, row) pairs that differ from what was loaded."""
        before = self._loaded[1]
        return [(name, row) for name, row in self.rates.items() if before.get(name) != row]

    def _status(
        self, name: str, pauses: Sequence[Pause], *, waiting: int, in_air: int
    ) -> ProviderStatus:
        row, rate = self.breakers.get(name), self.rates.get(name)
        return ProviderStatus(
            name=name,
            breaker=row.state if row is not None and breaker.is_failing(row) else breaker.CLOSED,
            faults=0 if row is None else row.faults,
            open_until=row.until if row is not None and breaker.is_failing(row) else None,
            gate_until=None if rate is None else rates.gate_of(rate, now=self.now),
            pauses=tuple(pause for pause in pauses if pause.provider == name),
            waiting=waiting,
            in_air=in_air,
            rate_until=self.rate_opens_at(name),
        )

    def _breaker(self, name: str) -> breaker.BreakerRow:
        return self.breakers.get(name) or breaker.BreakerRow(
            provider=name, changed_at=self.now - _LONG_AGO
        )

    def _hear_breaker(self, name: str, some: Sequence[Settlement]) -> None:
        answers = [
            breaker.Answer(
                started_at=one.started_at,
                is_fault=breaker.is_fault(one.result),
                is_refusal=breaker.is_refusal(one.result),
            )
            for one in some
        ]
        row = self._breaker(name)
        if name not in self.breakers and not any(one.is_fault or one.is_refusal for one in answers):
            return
        self.breakers[name] = breaker.after_answers(
            row,
            answers,
            now=self.now,
            settings=self.settings.breaker,
            full=self.settings.concurrency,
        )

    def _hear_gate(self, name: str, some: Sequence[Settlement]) -> None:
        for one in some:
            result = one.result
            if isinstance(result, Deferred) and result.is_rate_limit:
                row = self.rates.get(name, rates.RateRow())
                # What left before the gate shut is the same burst: it does not shut it for longer.
                if not rates.is_of_gated_burst(row, one.started_at, now=self.now):
                    self.rates[name] = rates.gate(row, now=self.now, retry_after=result.retry_after)
            elif isinstance(result, Accepted) and name in self.rates:
                self.rates[name] = rates.ungate(
                    self.rates[name],
                    started_at=one.started_at,
                    now=self.now,
                    full=self.settings.concurrency,
                )


_LONG_AGO = timedelta(days=1)


def _pause_for(one: Settlement, now: datetime) -> Pause | None:
    result = one.result
    if isinstance(result, Accepted | Deferred | Rejected | Unclear):
        return None
    return Pause(
        provider=one.lease.provider,
        sender=result.sender if isinstance(result, SenderRefused) else "",
        fault=type(result).__name__,
        reason=storable(result.reason),
        since=now,
        until=result.until if isinstance(result, QuotaReached) else None,
    )
