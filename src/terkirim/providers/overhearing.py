"""Keeps what a provider's answers say beside the outcome: the credits left, words nobody knows."""

from collections.abc import Mapping
from datetime import timedelta

from terkirim.domain.email import Carries, OutgoingMessage
from terkirim.domain.outcome import Accepted, Deferred, Outcome, ProviderFault
from terkirim.ports import Clock, Provider
from terkirim.ports.credits import Overheard

_KEPT = 3  # unknown answers: the first few are enough for an alert
_SHOWN = 300  # characters of each


class Overhearing:
    """A provider whose answers are listened to; all else is the provider's own."""

    def __init__(self, provider: Provider, *, clock: Clock) -> None:
        self.name: str = provider.name
        self.carries: Carries = provider.carries
        self._provider = provider
        self._clock = clock
        self._balance: Overheard | None = None
        self._unknown: list[str] = []

    async def send(self, message: OutgoingMessage, *, within: timedelta) -> Outcome | ProviderFault:
        result = await self._provider.send(message, within=within)
        match result:
            case Accepted(credits=int(left)):
                self._balance = Overheard(self.name, self._clock.now(), left)
            case Deferred(is_unknown_answer=True) if len(self._unknown) < _KEPT:
                self._unknown.append(result.reason[:_SHOWN])
        return result

    async def probe(
        self, *, within: timedelta, sender: str | None = None
    ) -> Outcome | ProviderFault:
        return await self._provider.probe(within=within, sender=sender)

    async def close(self) -> None:
        await self._provider.close()

    def take_balance(self) -> Overheard | None:
        """Return the newest balance that was named since the last call."""
        balance, self._balance = self._balance, None
        return balance

    def take_unknown(self) -> list[str]:
        """Return words that nobody knows, as they came since the last call."""
        unknown, self._unknown = self._unknown, []
        return unknown


class ProviderEars:
    """What all providers of this process said beside the outcomes of mails."""

    def __init__(self, providers: Mapping[str, Overhearing]) -> None:
        self._providers = providers

    def balances(self) -> list[Overheard]:
        taken = [provider.take_balance() for provider in self._providers.values()]
        return [balance for balance in taken if balance is not None]

    def unknown_answers(self) -> list[tuple[str, str]]:
        return [
            (name, words)
            for name, provider in self._providers.items()
            for words in provider.take_unknown()
        ]
