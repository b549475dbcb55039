"""What a provider can say of its own account, for those who look for a fault."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from terkirim.domain.finding import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What was found, and what the provider's own clock said (None: it did not say)."""

    findings: Sequence[Finding]
    provider_time: datetime | None = None


@runtime_checkable
class Examinable(Protocol):
    """A provider that knows more about itself than `probe` tells; others need not have this."""

    async def checkup(self, *, sender: str | None, within: timedelta) -> Checkup:
        """Ask, without sending mail, for all that mail depends on; raises nothing.

        `sender` is the default sender, None where there is none; each question ends after `within`.
        """
        ...
