"""A delivery service, as the dispatcher sees it."""

from datetime import timedelta
from typing import Protocol

from terkirim.domain.email import Carries, OutgoingMessage
from terkirim.domain.outcome import Outcome, ProviderFault


class Provider(Protocol):
    """A delivery service. Implementations own their sockets and close them in `close`."""

    name: str
    carries: Carries

    async def send(self, message: OutgoingMessage, *, within: timedelta) -> Outcome | ProviderFault:
        """Return how the one request ended; raises nothing but cancellation.

        Never follows a redirect, never tries twice, and ends after `within` at the latest.
        """
        ...

    async def probe(
        self, *, within: timedelta, sender: str | None = None
    ) -> Outcome | ProviderFault:
        """Ask, without sending mail, whether the provider takes mail again (for `sender`).

        Accepted: it does, as far as the key goes; after an empty account only with `credits`.
        Unclear: this provider has no call that could tell.
        """
        ...

    async def close(self) -> None:
        """Release connections; the provider is not used afterwards."""
        ...
