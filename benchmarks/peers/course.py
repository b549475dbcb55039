"""How a peer is measured: the same way as we are, from outside."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.shared.machine import own_cpu, tree_cpu
from benchmarks.shared.provider import Provider
from benchmarks.shared.readings import CPU, PER_SECOND, Reading, refuse_unless

LOOK_EVERY = 0.02  # seconds between looks whether everything is done
GIVE_UP_AFTER = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """`submit` returns when everything is on disk; `is_drained` tells whether all is done.

    `pids` are the processes whose cost counts, beside this one.
    """

    name: str
    submit: Callable[[], None]
    is_drained: Callable[[], bool]
    pids: Sequence[int]


def measured(peer: Peer, partner: Provider, *, n: int) -> list[Reading]:
    """Submit, wait until the provider saw every e-mail and nothing is left."""
    cpu, began = own_cpu() + tree_cpu(peer.pids), time.perf_counter()
    peer.submit()
    accepting = time.perf_counter() - began
    while not peer.is_drained():
        waited = time.perf_counter() - began
        refuse_unless(waited < GIVE_UP_AFTER, f"{peer.name}: unfinished after {waited:.0f} s")
        time.sleep(LOOK_EVERY)
    seconds = time.perf_counter() - began
    spent = own_cpu() + tree_cpu(peer.pids) - cpu
    refuse_unless(partner.seen() >= n, f"{peer.name}: the provider saw {partner.seen()} of {n}")
    return [
        Reading(f"{peer.name}: settled", n / seconds, PER_SECOND),
        Reading(f"{peer.name}: CPU", spent / n * 1e6, CPU),
        Reading(f"{peer.name}: accepted", n / accepting, PER_SECOND),
    ]
