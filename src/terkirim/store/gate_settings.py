"""How breakers and rates are set for the routes, and what may be claimed from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo

from terkirim.domain.email import Priority
from terkirim.policy import breaker, rates


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """The routes (name -> providers, in order) and how breakers and rates are set.

    `diverts_to`: the provider that takes the mail of a route whose every provider refuses our key;
    None: such mail waits.
    """

    routes: Mapping[str, tuple[str, ...]]
    breaker: breaker.BreakerSettings
    limits: Mapping[str, tuple[rates.Rate, ...]] = field(default_factory=dict)
    zone: tzinfo
    concurrency: int = 200
    probe_for: timedelta = timedelta(seconds=120)
    diverts_to: str | None = None

    @property
    def providers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for route in self.routes.values() for name in route))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One lane that may be claimed from: rows of `route` at `lane`, sent through `provider`.

    `priorities`: only these may go there; the last credits are kept for mail of high priority.
    """

    route: str
    lane: int
    place: int
    provider: str
    limit: int | None
    is_probe: bool
    priorities: tuple[Priority, ...] = tuple(Priority)
