"""Before mail is taken: whether it can be paid, or how many go out before the credits stop it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from terkirim.credits.standings import HISTORY, Standings
from terkirim.domain.credit import Preflight
from terkirim.domain.email import Email, Priority, Stream
from terkirim.domain.errors import CannotBePaid
from terkirim.policy.credit import preflight
from terkirim.ports import Clock
from terkirim.ports.credits import CreditBook

FRESH_SECONDS = 5.0  # how long an account's standing is not asked for again


@dataclass(slots=True)
class _Look:
    """How an account stood, and what passed through this process since."""

    at: float
    balance: int | None
    is_estimated: bool
    waiting: int
    price: float
    passed: int = 0


class Preflights:
    """Answers for one process; what passes between two looks at the database is counted here."""

    def __init__(
        self,
        *,
        standings: Standings,
        book: CreditBook,
        routes: Mapping[str, Sequence[str]],
        clock: Clock,
    ) -> None:
        self._standings = standings
        self._book = book
        self._routes = routes
        self._clock = clock
        self._looks: dict[str, _Look] = {}

    async def estimate(self, count: int, *, priority: Priority = Priority.NORMAL) -> Preflight:
        """Return whether `count` mails can be paid from the first prepaid account."""
        providers = self._standings.providers
        if not providers:
            return preflight(
                count, balance=None, is_estimated=False, waiting=0, price=1.0, reserve=0
            )
        return self._of(await self._look(providers[0]), count, priority)

    async def of_run(
        self, rows: int, *, campaign: str, route: str, priority: Priority
    ) -> Preflight | None:
        """Return whether a campaign's rows that were not stored before can be paid.

        None: the first provider of the route is not prepaid, so that nobody need ask.
        """
        provider = next(iter(self._routes.get(route, ())), "")
        if provider not in self._standings.providers:
            return None
        left = max(rows - await self._book.stored_rows(campaign), 0)
        return self._of(await self._look(provider), left, priority)

    async def refuse(self, emails: Sequence[Email]) -> None:
        """Let broadcasts through that can be paid, and all other mail.

        Raises:
            CannotBePaid: the credits would not last; nothing is stored.
        """
        for provider, priority, count in self._broadcasts(emails):
            look = await self._look(provider)
            found = self._of(look, count, priority)
            if found.is_enough is False:
                raise CannotBePaid(found)
            look.passed += count

    def _broadcasts(self, emails: Sequence[Email]) -> list[tuple[str, Priority, int]]:
        counts: dict[tuple[str, Priority], int] = {}
        for email in emails:
            provider = next(iter(self._routes.get(email.route, ())), "")
            if email.stream is Stream.BROADCAST and provider in self._standings.providers:
                key = provider, email.priority
                counts[key] = counts.get(key, 0) + len(email.messages)
        return [(provider, priority, count) for (provider, priority), count in counts.items()]

    async def _look(self, provider: str) -> _Look:
        present = self._clock.monotonic()
        look = self._looks.get(provider)
        if look is None or present - look.at >= FRESH_SECONDS:
            standing = await self._standings.one(provider)
            now = self._clock.now()
            spent = await self._book.spent(provider, since=now - HISTORY, until=now)
            look = _Look(
                at=present,
                balance=standing.balance,
                is_estimated=standing.is_estimated,
                waiting=standing.waiting.count,
                price=self._standings.price(spent),
            )
            self._looks[provider] = look
        return look

    def _of(self, look: _Look, count: int, priority: Priority) -> Preflight:
        keeps = priority is not Priority.HIGH
        return preflight(
            count,
            balance=look.balance,
            is_estimated=look.is_estimated,
            waiting=look.waiting + look.passed,
            price=look.price,
            reserve=self._standings.levels.emergency if keeps else 0,
        )
