"""What the emulator does wrong, and how often."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from enum import StrEnum
from itertools import accumulate
from typing import Any, Self


class Fault(StrEnum):
    """One way in which a call to /send can go wrong; the values are the fields of `Faults`.

    In the order in which they are drawn: what happens before the body is read comes first.
    """

    RESET_BEFORE_READ = "reset_before_read"
    RATE_LIMITED = "rate_limited"
    RATE_LIMITED_AFTER = "rate_limited_after"
    ERROR_500 = "error_500"
    ERROR_502 = "error_502"
    ERROR_503 = "error_503"
    ERROR_504 = "error_504"
    RESET = "reset"
    ACCEPT_AND_DROP = "accept_and_drop"
    HALF_ANSWER = "half_answer"
    HTML_PAGE_200 = "html_page_200"
    HTML_PAGE_403 = "html_page_403"
    HTML_PAGE_503 = "html_page_503"
    UNKNOWN_TEXT = "unknown_text"
    SLOW = "slow"


# The message was taken, and the caller does not hear of it: the worst that each can mean.
LOSES_THE_ANSWER = frozenset(
    {Fault.ERROR_504, Fault.ACCEPT_AND_DROP, Fault.HALF_ANSWER, Fault.HTML_PAGE_200}
)

_SPOKEN = {
    "429": "rate_limited",
    "429after": "rate_limited_after",
    "500": "error_500",
    "502": "error_502",
    "503": "error_503",
    "504": "error_504",
    "resetearly": "reset_before_read",
    "drop": "accept_and_drop",
    "half": "half_answer",
    "html200": "html_page_200",
    "html403": "html_page_403",
    "html503": "html_page_503",
    "odd": "unknown_text",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Shares from 0 to 1, drawn once a call to /send; together they are at most 1.

    `reset_before_read`, `reset`: the line is reset before, or after, the body was read, and nothing
    was taken. `accept_and_drop`, `half_answer`, `html_page_200`, `error_504`: it was taken, and the
    line drops, half an answer comes, a proxy's page, a gateway's time-out. `unknown_text`: a
    failure in words that no table knows. `slow`: taken, answered after `slow_seconds` more. Every
    answer takes `latency` seconds. `retry_after`: the header's seconds.
    """

    rate_limited: float = 0.0
    rate_limited_after: float = 0.0
    error_500: float = 0.0
    error_502: float = 0.0
    error_503: float = 0.0
    error_504: float = 0.0
    reset_before_read: float = 0.0
    reset: float = 0.0
    accept_and_drop: float = 0.0
    half_answer: float = 0.0
    html_page_200: float = 0.0
    html_page_403: float = 0.0
    html_page_503: float = 0.0
    unknown_text: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 2.0
    retry_after: int = 1
    latency: float = 0.0

    def __post_init__(self) -> None:
        for fault in Fault:
            if not _is_number(getattr(self, fault)) or not 0 <= getattr(self, fault) <= 1:
                raise ValueError(f"{fault}: give a share from 0 to 1")
        for name in ("slow_seconds", "latency"):
            if not _is_number(getattr(self, name)) or getattr(self, name) < 0:
                raise ValueError(f"{name}: give seconds, 0 or more")
        if not isinstance(self.retry_after, int) or self.retry_after < 0:
            raise ValueError("retry_after: give whole seconds, 0 or more")
        if self.total > 1 + 1e-9:  # ten shares of 0.1 are a little more than 1
            raise ValueError("the shares together are more than 1")

    @property
    def total(self) -> float:
        """The share of calls that end in some fault."""
        return math.fsum(getattr(self, fault) for fault in Fault)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the faults that "429=0.02,drop=1%" says.

        Raises:
            ValueError: names the part that is wrong.
        """
        parts = filter(None, (part.strip() for part in text.split(",")))
        return cls().changed(dict(_named_number(part) for part in parts))

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Return these faults with some changed, by their fields' names or as `parse` knows them.

        Raises:
            ValueError: a name is unknown, or a value out of range.
        """
        known = [field.name for field in fields(self)]
        named = {_SPOKEN.get(name, name): value for name, value in changes.items()}
        for name in named.keys() - set(known):
            near = get_close_matches(name, [*known, *_SPOKEN], n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
            raise ValueError(f"{name}: there is no such fault; {hint}")
        return replace(self, **named)

    def steps(self) -> "Steps":
        """Return the faults that can happen, each with the sum of shares up to and with its own."""
        found = tuple(fault for fault in Fault if getattr(self, fault) > 0)
        sums = accumulate(getattr(self, fault) for fault in found)
        return tuple(zip(sums, found, strict=True))


Steps = tuple[tuple[float, Fault], ...]


def drawn(steps: Steps, draw: float) -> Fault | None:
    """Return the fault of a call, by a draw from [0, 1); None: it goes well."""
    for edge, fault in steps:
        if draw < edge:
            return fault
    return None


def _named_number(part: str) -> tuple[str, float]:
    name, _, number = part.partition("=")
    try:
        value = float(number.removesuffix("%"))
    except ValueError:
        raise ValueError(f"{part!r}: give name=share, as in 429=0.02") from None
    if number.endswith("%"):
        return name, value / 100
    return name, int(number) if number.isdigit() else value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
