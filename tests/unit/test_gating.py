"""Which provider a lane may use now: the next one when the first is shut, the sandbox if wanted."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from terkirim.policy.breaker import BreakerSettings
from terkirim.policy.rates import RateRow, parse_rates, to_plain
from terkirim.store.gate_settings import GateSettings
from terkirim.store.gating import OpenGates

NOW = datetime(2026, 1, 5, 3, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Jakarta")


def gates(*, pauses=(), limits="", tokens=None, diverts_to=None, routes=("first", "second")):
    rates = parse_rates(limits) if limits else ()
    settings = GateSettings(
        routes={"default": routes},
        breaker=BreakerSettings(),
        limits={"first": rates} if rates else {},
        zone=ZONE,
        diverts_to=diverts_to,
    )
    row = RateRow(tokens=tokens or {}, counted_at=NOW, day="2026-01-05")
    rows = {
        "breakers": {},
        "rates": {"first": to_plain(row)} if tokens else {},
        "pauses": [(name, sender, fault, "x", 0, None, 0) for name, sender, fault in pauses],
        "allowances": {},
    }
    return OpenGates(settings, rows, now=NOW)


def ways(found):
    return [(one.lane, one.provider) for one in found.openings()]


def test_a_days_rate_that_is_used_up_fails_over_and_a_bucket_does_not():
    assert ways(gates(limits="10/s,400/d", tokens={"10/s": 10, "400/d": 0})) == [
        (0, "second"),
        (1, "second"),
    ]
    assert ways(gates(limits="10/s,400/d", tokens={"10/s": 0, "400/d": 9})) == [
        (0, "first"),
        (1, "second"),
    ]


def test_own_rates_say_when_they_open_again():
    used = gates(limits="10/s", tokens={"10/s": 0})
    assert used.rate_opens_at("first") == NOW + timedelta(milliseconds=100)
    assert used.rate_opens_at("second") is None
    assert gates(limits="10/s", tokens={"10/s": 3}).rate_opens_at("first") is None


@pytest.mark.parametrize(
    ("pauses", "diverts"),
    [
        ([("first", "", "Unauthorised"), ("second", "", "Unauthorised")], True),
        ([("first", "", "Unauthorised"), ("second", "", "OutOfCredits")], False),
        ([("first", "", "by hand"), ("second", "", "by hand")], False),
        ([("first", "a@x", "Unauthorised"), ("second", "", "Unauthorised")], False),
    ],
)
def test_the_sandbox_takes_over_only_when_every_provider_refuses_the_key(pauses, diverts):
    found = gates(pauses=pauses, diverts_to="sandbox")
    assert ("sandbox" in [provider for _, provider in ways(found)]) is diverts
    assert "sandbox" not in [provider for _, provider in ways(gates(pauses=pauses))]


def test_a_diverted_message_keeps_its_place_on_the_route():
    pauses = [("first", "", "Unauthorised"), ("second", "", "Unauthorised")]
    openings = gates(pauses=pauses, diverts_to="sandbox").openings()
    assert [(one.lane, one.place, one.is_probe) for one in openings] == [
        (0, 0, False),
        (1, 1, False),
    ]
