"""Says of mail that it waits because the last credits are kept for something more urgent."""

from collections.abc import Mapping, Sequence

from terkirim.domain.email import Priority
from terkirim.ports.credits import CreditBook

WAITS = (
    "it waits until credits are topped up: the last ones are kept for mail of high priority, and "
    "nothing is lost"
)


class Reserve:
    """Knows which accounts keep their last credits, so that no answer waits for the database."""

    def __init__(
        self, *, providers: Sequence[str], routes: Mapping[str, Sequence[str]], book: CreditBook
    ) -> None:
        self._providers = tuple(providers)
        self._routes = routes
        self._book = book
        self._kept: frozenset[str] = frozenset()

    async def look(self) -> None:
        """Ask which accounts keep their last credits now."""
        lefts = {name: await self._book.allowance(name) for name in self._providers}
        self._kept = frozenset(name for name, left in lefts.items() if left == 0)

    def says(self, route: str, priority: Priority) -> str | None:
        """Return why mail of this route and priority waits, None where no reserve holds it."""
        if not self._kept or priority is Priority.HIGH:
            return None
        return WAITS if next(iter(self._routes.get(route, ())), "") in self._kept else None
