"""Which pages the navigation shows, and in which order: a page more is a line more."""

from dataclasses import dataclass

from terkirim.access.roles import OPERATOR, VIEWER
from terkirim.domain.phrase import Phrase, phrase


@dataclass(frozen=True, slots=True)
class Place:
    """One page in the navigation; `icon` is a name in `parts/icons.html`."""

    path: str
    label: Phrase
    icon: str
    role: str = VIEWER


PLACES = (
    Place("/", phrase("Overview"), "pulse"),
    Place("/messages", phrase("Messages"), "letter"),
    Place("/dead-letters", phrase("Dead letters"), "broken"),
    Place("/credits", phrase("Credits"), "coins"),
    Place("/events", phrase("Events"), "flag"),
    Place("/suppressions", phrase("Suppressions"), "barred"),
    Place("/providers", phrase("Providers"), "plug"),
    Place("/alerts", phrase("Alerts"), "bell"),
    Place("/sandbox", phrase("Sandbox"), "box"),
    Place("/webhooks", phrase("Webhooks"), "hook", OPERATOR),
    Place("/activity", phrase("Activity"), "clock"),
    Place("/settings", phrase("Settings"), "dials"),
)
