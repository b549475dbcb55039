"""Which provider of a route a message may use now; whether one is open is asked, not known."""

from collections.abc import Callable, Sequence


def effective(route: Sequence[str], position: int, *, is_open: Callable[[str], bool]) -> int | None:
    """Return the place on the route of the provider to use now, None while all are shut.

    The message's provider so far comes first, then those after it in order, last those before it:
    a message has left them behind, but they may be well again, and waiting helps nobody. A
    position past the end (the route was made shorter) begins at the start again.

    Args:
        route: providers in order of preference; may be empty.
        position: the message's place so far, from 0.
        is_open: whether a provider is neither paused, shut nor behind its rate gate.
    """
    start = position if position < len(route) else 0
    places = (*range(start, len(route)), *range(start))
    return next((place for place in places if is_open(route[place])), None)
