"""What recipients did with one message: opens and clicks, as its events tell. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from terkirim.domain.event import EventKind
from terkirim.domain.record import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicks:
    """The clicks on one link; "" is a link that the provider did not name."""

    link: str
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Engagement:
    """Opens by people, opens by scanners, and clicks by link, the most clicked first."""

    opens: int
    first_open_at: datetime | None
    last_open_at: datetime | None
    scanner_opens: int
    clicks: tuple[Clicks, ...]


def engagement(events: Sequence[Event]) -> Engagement:
    """Return what the events of one message tell, whatever their order."""
    opens = [event for event in events if event.kind == EventKind.OPENED]
    by_people = sorted(event.at for event in opens if not event.facts.get("scanner"))
    by_link: dict[str, list[datetime]] = {}
    for event in events:
        if event.kind == EventKind.CLICKED:
            by_link.setdefault(str(event.facts.get("link", "")), []).append(event.at)
    clicks = [
        Clicks(link=link, count=len(times), first_at=min(times), last_at=max(times))
        for link, times in by_link.items()
    ]
    return Engagement(
        opens=len(by_people),
        first_open_at=by_people[0] if by_people else None,
        last_open_at=by_people[-1] if by_people else None,
        scanner_opens=len(opens) - len(by_people),
        clicks=tuple(sorted(clicks, key=lambda one: (-one.count, one.link))),
    )
