"""Expiry, and the end of waiting for an event."""

from datetime import UTC, datetime, timedelta

import pytest

from terkirim.domain.email import IfUnclear
from terkirim.domain.message import State
from terkirim.policy.expiry import is_expired, unclear_end

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("expires_at", "expected"),
    [(None, False), (NOW + SECOND, False), (NOW, True), (NOW - SECOND, True)],
    ids=["never", "later", "now", "past"],
)
def test_expired_from_the_instant_on(expires_at, expected):
    assert is_expired(expires_at, NOW) is expected


@pytest.mark.parametrize(
    ("if_unclear", "expires_at", "state"),
    [
        (IfUnclear.RESEND, None, State.QUEUED),
        (IfUnclear.RESEND, NOW + SECOND, State.QUEUED),
        (IfUnclear.HOLD, None, State.HELD),
        (IfUnclear.RESEND, NOW, State.DEAD),
        (IfUnclear.HOLD, NOW, State.DEAD),
    ],
)
def test_what_becomes_of_an_unclear_one(if_unclear, expires_at, state):
    reached, reason = unclear_end(if_unclear, expires_at, NOW)
    assert reached is state
    assert ("may have been sent" in reason) is (state is not State.QUEUED)
