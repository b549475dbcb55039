"""What the emulator does wrong, and how often."""

from dataclasses import dataclass, fields, replace
from typing import Any

# What people write -> the field; each is the share of calls to /send, from 0 to 1.
_SPOKEN = {
    "429": "rate_limited",
    "429after": "rate_limited_after",
    "500": "error_500",
    "502": "error_502",
    "503": "error_503",
    "reset": "reset",
    "drop": "accept_and_drop",
    "half": "half_answer",
    "html200": "html_page_200",
    "html503": "html_page_503",
    "slow": "slow",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Shares from 0 to 1, drawn once a call to /send; together they are at most 1.

    `reset`: the line is reset after the request was read, and nothing was taken.
    `accept_and_drop`: it was taken, and the line drops before the answer. `half_answer`: taken, and
    half an answer comes. `slow`: taken, after `slow_seconds` more. Every answer takes `latency`.
    """

    rate_limited: float = 0.0
    rate_limited_after: float = 0.0
    error_500: float = 0.0
    error_502: float = 0.0
    error_503: float = 0.0
    reset: float = 0.0
    accept_and_drop: float = 0.0
    half_answer: float = 0.0
    html_page_200: float = 0.0
    html_page_503: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 2.0
    retry_after: int = 1
    latency: float = 0.0

    def __post_init__(self) -> None:
        for name in _SPOKEN.values():
            share = getattr(self, name)
            if not isinstance(share, int | float) or not 0 <= share <= 1:
                raise ValueError(f"{name}: give a share from 0 to 1")
        if self.total > 1:
            raise ValueError("the shares together are more than 1")

    @property
    def total(self) -> float:
        """The share of calls that end in some fault."""
        return float(sum(getattr(self, name) for name in _SPOKEN.values()))

    @classmethod
    def parse(cls, text: str) -> "Faults":
        """Return the faults that "429=0.02,drop=0.01" says.

        Raises:
            ValueError: names the part that is wrong.
        """
        changes: dict[str, Any] = {}
        for part in filter(None, (one.strip() for one in text.split(","))):
            name, _, share = part.partition("=")
            field = _SPOKEN.get(name, name)
            try:
                changes[field] = int(share) if field == "retry_after" else float(share)
            except ValueError:
                raise ValueError(f"{part!r}: give name=share, as in 429=0.02") from None
        return cls().changed(changes)

    def changed(self, changes: dict[str, Any]) -> "Faults":
        """Return these faults with some changed.

        Raises:
            ValueError: a name is unknown, or a share is out of range.
        """
        known = {field.name for field in fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise ValueError(f"{unknown[0]}: unknown; known are {', '.join(sorted(_SPOKEN))}")
        return replace(self, **changes)

    def drawn(self, draw: float) -> str | None:
        """Return the fault of a call, by a draw from [0, 1); None: it goes well."""
        for name in _SPOKEN.values():
            draw -= getattr(self, name)
            if draw < 0:
                return name
        return None
