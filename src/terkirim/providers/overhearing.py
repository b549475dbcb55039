"""Keeps what a provider's answers say beside the outcome: the credits that are left."""

from collections.abc import Mapping
from datetime import timedelta

from terkirim.domain.email import Carries, OutgoingMessage
from terkirim.domain.outcome import Accepted, Outcome, ProviderFault
from terkirim.ports import Clock, Provider
from terkirim.ports.credits import Overheard


class Overhearing:
    """A provider whose answers are listened to; all else is the provider's own."""

    def __init__(self, provider: Provider, *, clock: Clock) -> None:
        self.name: str = provider.name
        self.carries: Carries = provider.carries
        self.provider = provider
        self._clock = clock
        self._balance: Overheard | None = None

    async def send(self, message: OutgoingMessage, *, within: timedelta) -> Outcome | ProviderFault:
        return self._heard(await self.provider.send(message, within=within))

    async def probe(
        self, *, within: timedelta, sender: str | None = None
    ) -> Outcome | ProviderFault:
        return self._heard(await self.provider.probe(within=within, sender=sender))

    async def close(self) -> None:
        await self.provider.close()

    def take_balance(self) -> Overheard | None:
        """Return the newest balance that was named since the last call."""
        balance, self._balance = self._balance, None
        return balance

    def _heard(self, result: Outcome | ProviderFault) -> Outcome | ProviderFault:
        if isinstance(result, Accepted) and result.credits is not None:
            self._balance = Overheard(self.name, self._clock.now(), result.credits)
        return result


class ProviderEars:
    """The ears of this process: what all its providers said beside the outcomes of mails."""

    def __init__(self, providers: Mapping[str, Overhearing]) -> None:
        self._providers = providers

    def balances(self) -> list[Overheard]:
        taken = [provider.take_balance() for provider in self._providers.values()]
        return [balance for balance in taken if balance is not None]
