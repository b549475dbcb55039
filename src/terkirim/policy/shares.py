"""How a claim's free slots are shared between priorities: 8 : 3 : 1, unused share passes on."""

from collections.abc import Mapping

from terkirim.domain.email import Priority

_LETTERS = {"H": Priority.HIGH, "N": Priority.NORMAL, "L": Priority.LOW}
PATTERN = tuple(_LETTERS[letter] for letter in "HHNHHNHHNHHL")  # 8 H, 3 N, 1 L, spread evenly
ORDER = (Priority.HIGH, Priority.NORMAL, Priority.LOW)


def slots(
    waiting: Mapping[Priority, int], *, free: int, turn: int
) -> tuple[dict[Priority, int], int]:
    """Return how many of each priority to take, and the turn at which the next claim goes on.

    The turn makes the shares hold over many claims of one slot each. A turn whose class has
    nothing waiting goes to the most urgent class that has.
    """
    left = {priority: waiting.get(priority, 0) for priority in ORDER}
    taken = dict.fromkeys(ORDER, 0)
    for _ in range(min(free, sum(left.values()))):
        wanted = PATTERN[turn % len(PATTERN)]
        turn += 1
        chosen = wanted if left[wanted] > 0 else next(p for p in ORDER if left[p] > 0)
        left[chosen] -= 1
        taken[chosen] += 1
    return taken, turn % len(PATTERN)
