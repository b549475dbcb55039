"""Time and chance, passed in so that tests own them."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time, passed in so that tests own it."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, for waits inside the process."""
        ...


class Dice(Protocol):
    """Randomness, passed in so that tests load it."""

    def __call__(self) -> float:
        """Return a draw from [0, 1)."""
        ...
