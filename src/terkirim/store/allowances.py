"""How many messages without high priority may still leave, as one transaction sees it."""

from collections.abc import Iterable, Mapping

from terkirim.domain.email import Priority


class Allowances:
    """By provider; a provider that has none need not count: its reserve is far away."""

    def __init__(self, rows: Mapping[str, int]) -> None:
        self._loaded = rows
        self._left = dict(rows)

    def __bool__(self) -> bool:
        return bool(self._left)

    def priorities(self, provider: str) -> tuple[Priority, ...]:
        """Return which mail may leave; the rest waits, it does not go to the next provider.

        That one may be the sandbox, where mail would end without having been sent.
        """
        return (Priority.HIGH,) if self._left.get(provider) == 0 else tuple(Priority)

    def cut(self, provider: str, shares: dict[Priority, int]) -> None:
        """Cut what a claim may take to what may leave without touching the reserve."""
        left = self._left.get(provider)
        if left is not None:
            shares[Priority.NORMAL] = min(shares[Priority.NORMAL], left)
            shares[Priority.LOW] = min(shares[Priority.LOW], left - shares[Priority.NORMAL])

    def spend(self, provider: str, count: int) -> None:
        """Note that messages without high priority leave."""
        if count and provider in self._left:
            self._left[provider] = max(self._left[provider] - count, 0)

    def changed(self) -> Iterable[tuple[str, int]]:
        """Return the (provider, left) pairs that differ from what was loaded."""
        return self._left.items() - self._loaded.items()
