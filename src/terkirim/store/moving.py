"""Which messages of an email can be moved to another time; the same for every database."""

from collections.abc import Iterable

from terkirim.domain.errors import WrongState
from terkirim.domain.message import State

_LEFT_OUT = frozenset({State.SUPPRESSED, State.CANCELLED})  # they will not be sent; the others may


def movable(standing: Iterable[tuple[str, str, int]]) -> list[str]:
    """Return the ids of the messages to move, of (id, state, attempts) of all of an email.

    Raises:
        WrongState: one of them was attempted or is finished, or none is to be sent any more.
    """
    states = {id_: (State(state), attempts) for id_, state, attempts in standing}
    left = {id_: one for id_, one in states.items() if one[0] not in _LEFT_OUT}
    for state, attempts in (left or states).values():
        if state is not State.QUEUED or attempts > 0:
            raise WrongState("only an e-mail that was not attempted can be moved", state=state)
    return list(left)
