"""How far clocks may be trusted: a little apart always, far ahead never. Pure."""

from datetime import datetime, timedelta

CLOCKS_APART = timedelta(minutes=10)  # more than the clocks of two nodes ever differ


def is_absurd(at: datetime, *, now: datetime, at_most: timedelta = timedelta(0)) -> bool:
    """Return True for an instant that no right clock can have written.

    Args:
        at: what was kept, by this process or another one.
        now: the present instant.
        at_most: how far ahead of its writer's present it may lie.
    """
    return at > now + at_most + CLOCKS_APART
