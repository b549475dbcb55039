"""What the parts need of the world and of each other; every adapter stands behind one of these.

All times are aware UTC instants. Every method of a store may raise `StoreUnavailable`, and then
nothing of the call was stored.
"""

from terkirim.ports.controls import Cancelled, Controls, RequeueFilter
from terkirim.ports.gates import BY_HAND, Gates, Pause, ProviderStatus
from terkirim.ports.keys import KeyRing, KeyRow
from terkirim.ports.messages import UNKNOWN_ANSWER, Backlog, MessageFilter, MessageLog, RollupRow
from terkirim.ports.outbox import Claim, ClaimWish, Outbox, Work
from terkirim.ports.provider import Provider
from terkirim.ports.store import Store
from terkirim.ports.submissions import IdempotencyKey, Receipt, Submission, Submissions
from terkirim.ports.upkeep import Upkeep
from terkirim.ports.world import Clock, Dice

__all__ = [
    "BY_HAND",
    "UNKNOWN_ANSWER",
    "Backlog",
    "Cancelled",
    "Claim",
    "ClaimWish",
    "Clock",
    "Controls",
    "Dice",
    "Gates",
    "IdempotencyKey",
    "KeyRing",
    "KeyRow",
    "MessageFilter",
    "MessageLog",
    "Outbox",
    "Pause",
    "Provider",
    "ProviderStatus",
    "Receipt",
    "RequeueFilter",
    "RollupRow",
    "Store",
    "Submission",
    "Submissions",
    "Upkeep",
    "Work",
]
