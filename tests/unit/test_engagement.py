"""Opens and clicks of one message, told from its events in any order."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.record import Event
from terkirim.tracking.engagement import Clicks, Engagement, engagement

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def event(kind, after=0, **facts):
    at = NOW + after * MINUTE
    return Event(
        id=f"{kind}{after}",
        message_id="m",
        kind=kind,
        at=at,
        received_at=at,
        provider="mailketing",
        facts=facts,
    )


def test_first_and_last_open_opens_and_clicks_by_link():
    events = [
        event("delivered"),
        event("opened", 0, scanner=True),
        event("opened", 5),
        event("opened", 2),
        event("clicked", 4, link="https://example.com/b"),
        event("clicked", 9, link="https://example.com/a"),
        event("clicked", 3, link="https://example.com/a"),
        event("clicked", 8),
    ]
    assert engagement(events) == Engagement(
        opens=2,
        first_open_at=NOW + 2 * MINUTE,
        last_open_at=NOW + 5 * MINUTE,
        scanner_opens=1,
        clicks=(
            Clicks(
                link="https://example.com/a",
                count=2,
                first_at=NOW + 3 * MINUTE,
                last_at=NOW + 9 * MINUTE,
            ),
            Clicks(link="", count=1, first_at=NOW + 8 * MINUTE, last_at=NOW + 8 * MINUTE),
            Clicks(
                link="https://example.com/b",
                count=1,
                first_at=NOW + 4 * MINUTE,
                last_at=NOW + 4 * MINUTE,
            ),
        ),
    )


def test_of_nothing_nothing_is_told():
    assert engagement([]) == Engagement(
        opens=0, first_open_at=None, last_open_at=None, scanner_opens=0, clicks=()
    )


@given(
    events=st.lists(
        st.builds(
            event,
            st.sampled_from(["opened", "clicked", "bounced"]),
            st.integers(0, 50),
            link=st.sampled_from(["a", "b"]),
            scanner=st.booleans(),
        ),
        max_size=10,
    ),
    random=st.randoms(use_true_random=False),
)
def test_the_order_of_events_does_not_matter(events, random):
    shuffled = list(events)
    random.shuffle(shuffled)
    assert engagement(events) == engagement(shuffled)
