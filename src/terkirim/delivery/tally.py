"""What this process has done since it started: counted in memory, read by `/metrics`."""

from bisect import bisect_left
from collections import Counter

from terkirim.domain.lease import Settlement
from terkirim.domain.outcome import Accepted, is_unknown_answer, outcome_name
from terkirim.logs import Logger

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0, 3_600.0)
TEXTS_KEPT = 1_000  # of unknown answers that were told of

_log = Logger("terkirim.delivery")


class Histogram:
    """Spans of seconds by the upper bounds of `BOUNDS`; `counts` has one more, for all above."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one span."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class Tally:
    """Hears how each attempt ended.

    `requests` is how long a provider took to answer, `acceptances` how long after it could
    first leave a message was taken, all retries included.
    """

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()  # provider, outcome
        self.requests: dict[str, Histogram] = {}
        self.acceptances = Histogram()
        self._told: set[tuple[str, str]] = set()

    def __call__(self, settlement: Settlement) -> None:
        """Count one attempt; say once of each answer that is not known."""
        provider, result = settlement.lease.provider, settlement.result
        self.outcomes[(provider, outcome_name(result))] += 1
        taken = self.requests.get(provider)
        if taken is None:
            taken = self.requests[provider] = Histogram()
        taken.add(settlement.duration_us / 1_000_000)
        if isinstance(result, Accepted):
            waited = (settlement.started_at - settlement.lease.ready_at).total_seconds()
            self.acceptances.add(max(waited, 0.0) + settlement.duration_us / 1_000_000)
        elif is_unknown_answer(result):
            self._tell(provider, result.reason)

    def _tell(self, provider: str, text: str) -> None:
        if (provider, text) not in self._told and len(self._told) < TEXTS_KEPT:
            self._told.add((provider, text))
            _log.error(
                "unknown answer: the mail is tried again, and somebody should read this",
                provider=provider,
                said=text,
            )
