"""`/metrics` for Prometheus: counts of this process, and how the store stands.

It asks for no key: it tells counts and names of providers, never an address, a subject or a text of
a provider; the gateway listens on loopback unless it is told otherwise.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric

from terkirim.api.describing import described
from terkirim.compose import Gateway
from terkirim.delivery.tally import BOUNDS, Histogram, Tally
from terkirim.domain.email import Priority
from terkirim.domain.message import UNFINISHED
from terkirim.domain.version import __version__
from terkirim.domain.webhook import WebhookState
from terkirim.ports import Backlog, ProviderStatus

BREAKER_STATES = ("closed", "open", "half_open", "recovering")
WEBHOOK_RESULTS = ("delivered", "failed")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Snapshot:
    """What is told at one scrape; it is its own collector."""

    now: datetime
    tally: Tally
    in_air: int
    backlog: Backlog
    statuses: Sequence[ProviderStatus]
    free_bytes: int | None
    is_sandbox: bool
    webhook_attempts: Mapping[str, int]
    webhooks_waiting: Mapping[WebhookState, int]

    def collect(self) -> Iterator[Metric]:
        """Yield all families of metrics."""
        yield InfoMetricFamily("terkirim", "This gateway.", value={"version": __version__})
        yield from self._of_attempts()
        yield from self._of_waiting()
        yield from self._of_providers()
        yield from self._of_webhooks()
        yield _gauge("terkirim_sandbox", "1 while nothing is really sent.", float(self.is_sandbox))
        if self.free_bytes is not None:
            says = "Bytes left where the database writes."
            yield _gauge("terkirim_free_bytes", says, self.free_bytes)

    def _of_attempts(self) -> Iterator[Metric]:
        outcomes = CounterMetricFamily(
            "terkirim_attempts", "Attempts by how they ended.", labels=("provider", "outcome")
        )
        for labels, count in sorted(self.tally.outcomes.items()):
            outcomes.add_metric(labels, count)
        yield outcomes
        requests = HistogramMetricFamily(
            "terkirim_request_seconds", "How long providers took to answer.", labels=("provider",)
        )
        for provider, histogram in sorted(self.tally.requests.items()):
            requests.add_metric((provider,), _buckets(histogram), histogram.total)
        yield requests
        accepted = HistogramMetricFamily(
            "terkirim_acceptance_seconds",
            "From a message's due time to its acceptance, all retries included.",
        )
        own = self.tally.acceptances
        accepted.add_metric((), _buckets(own), own.total)
        yield accepted
        yield _gauge(
            "terkirim_requests_in_air", "Requests of this process in the air.", self.in_air
        )

    def _of_waiting(self) -> Iterator[Metric]:
        by_state = GaugeMetricFamily(
            "terkirim_unfinished_messages", "Messages that are not finished.", labels=("state",)
        )
        for state in sorted(UNFINISHED):
            by_state.add_metric((state.value,), self.backlog.by_state.get(state, 0))
        yield by_state
        by_priority = GaugeMetricFamily(
            "terkirim_queued_messages", "Messages in the queue.", labels=("priority",)
        )
        for priority in Priority:
            by_priority.add_metric((priority.value,), self.backlog.by_priority.get(priority, 0))
        yield by_priority
        oldest = self.backlog.oldest_due_at
        waits = 0.0 if oldest is None else max((self.now - oldest).total_seconds(), 0.0)
        yield _gauge("terkirim_oldest_due_seconds", "How long the oldest due one waits.", waits)

    def _of_providers(self) -> Iterator[Metric]:
        labels = ("provider",)
        breaker = GaugeMetricFamily(
            "terkirim_provider_breaker", "1 at the breaker's state.", labels=("provider", "state")
        )
        paused = GaugeMetricFamily(
            "terkirim_provider_paused", "Pauses in force.", labels=("provider", "fault")
        )
        gated = GaugeMetricFamily(
            "terkirim_provider_gated", "1 while a 429 or an own rate holds it back.", labels=labels
        )
        waiting = GaugeMetricFamily("terkirim_provider_waiting", "Due messages.", labels=labels)
        for one in self.statuses:
            for state in BREAKER_STATES:
                breaker.add_metric((one.name, state), float(one.breaker == state))
            for fault in sorted({pause.fault for pause in one.pauses}):
                count = sum(pause.fault == fault for pause in one.pauses)
                paused.add_metric((one.name, fault), count)
            gated.add_metric((one.name,), float((one.gate_until or one.rate_until) is not None))
            waiting.add_metric((one.name,), one.waiting)
        yield from (breaker, paused, gated, waiting)

    def _of_webhooks(self) -> Iterator[Metric]:
        attempts = CounterMetricFamily(
            "terkirim_webhook_attempts", "Attempts to tell webhooks.", labels=("result",)
        )
        for result in WEBHOOK_RESULTS:
            attempts.add_metric((result,), self.webhook_attempts.get(result, 0))
        yield attempts
        waiting = GaugeMetricFamily(
            "terkirim_webhook_deliveries", "Deliveries that are not made.", labels=("state",)
        )
        for state, count in sorted(self.webhooks_waiting.items()):
            waiting.add_metric((state.value,), count)
        yield waiting


def metric_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    """Return the handler of `/metrics`."""
    store, clock = gateway.store, gateway.clock

    @get("/metrics", opt=described(answers=None, media_type="text/plain"))
    async def metrics() -> Response[bytes]:
        """Tell Prometheus what this process does and how much waits."""
        now = clock.now()
        snapshot = Snapshot(
            now=now,
            tally=gateway.tally,
            in_air=gateway.in_air,
            backlog=await store.backlog(now=now),
            statuses=await store.providers(now=now),
            free_bytes=await store.free_bytes(),
            is_sandbox=gateway.is_sandbox,
            webhook_attempts=gateway.webhooks.courier.counts,
            webhooks_waiting=await gateway.webhooks.book.waiting(),
        )
        registry = CollectorRegistry()
        registry.register(snapshot)
        ProcessCollector(registry=registry)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return [metrics]


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(name, says, value=value)


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    names = (*map(str, BOUNDS), "+Inf")
    return list(zip(names, map(float, accumulate(histogram.counts)), strict=True))
