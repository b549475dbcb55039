"""`terkirim statistics` and `activity` from outside, over a database that no server has open."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest

from terkirim.compose import Gateway
from terkirim.domain.alert import Activity
from terkirim.domain.outcome import Accepted, Deferred
from tests.integration.test_rest_messages import settled

LONG = "toko-yang-namanya-panjang-sekali@cabang.bandung.example.com"


@pytest.fixture
def busy(terkirim):
    """Return the command line over a database with one e-mail, taken at the second attempt."""
    asyncio.run(_done(terkirim.database))
    return terkirim


async def _done(database):
    paid = {"mailketing_api_key": "k", "mailketing_from_email": LONG}
    async with Gateway.open(database=database, work=False, **paid) as gateway:
        tags = [{"name": "campaign", "value": "juli"}]
        await gateway.send_email(to="b@example.com", subject="x", text="x", tags=tags)
        door, now = SimpleNamespace(gateway=gateway), gateway.clock.now()
        await settled(door, Deferred("busy", code="503"), now=now)
        await settled(door, Accepted("ref"), now=now + timedelta(seconds=3))
        await gateway.lookout.activity.note(
            Activity(at=now, who="budi", what="signed in", facts={"from": "::1"})
        )


@pytest.mark.parametrize("by", ["hour", "day", "tag", "sender", "provider"])
def test_delivery_fits_the_screen_and_has_its_sum_below(busy, by):
    lines = busy("statistics", "delivery", "--by", by, "--days", "2").stdout.splitlines()
    assert lines[0].split() == [
        by, "accepted", "delivered", "opened", "clicked", "bounced", "spam",
    ]  # fmt: skip
    assert lines[-1].split() == ["in", "all", "1", *["0.0%"] * 5]
    assert max(map(len, lines)) <= 80
    if by == "sender":
        assert LONG in lines
    found = busy.json("statistics", "delivery", "--by", by, "--days", "2")
    assert (found["by"], found["total"]["accepted"]) == (by, 1)


def test_latency_and_retries_are_told_in_both_languages(busy):
    latency = busy("statistics", "latency").stdout.splitlines()
    assert latency[0].split() == ["day", "messages", "p50", "p95", "p99"]
    retries = busy("statistics", "retries").stdout
    assert "2 attempts, 1 of them retries; 100.0% of the retries were accepted." in retries
    assert "deferred:503" in retries
    in_indonesian = busy("statistics", "retries", TERKIRIM_LANGUAGE="id").stdout
    assert "2 percobaan, 1 di antaranya percobaan ulang" in in_indonesian
    assert busy.json("statistics", "retries")["waits_by_hour"][0]["count"] == 1
    assert busy.json("statistics", "latency", "--by", "hour")["total"]["count"] == 1


def test_activity_says_who_did_what_and_how_to_read_on(busy):
    shown = busy("activity").stdout
    assert "budi  signed in" in shown
    assert "from ::1" in shown
    document = busy.json("activity", "--limit", "1")
    assert (document["data"][0]["who"], document["has_more"]) == ("budi", False)
    assert busy("activity", "--after", "nowhere").returncode == 1


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("delivery", "--days", "0"), "--days"),
        (("delivery", "--days", "99999"), "--days"),
        (("delivery", "--by", "hour", "--days", "40"), "--days"),
        (("delivery", "--by", "week"), "--by"),
        (("latency", "--by", "tag"), "--by"),
        (("retries", "--days", "abc"), "--days"),
    ],
)
def test_wrong_words_are_wrong_usage_and_name_the_option(terkirim, words, option):
    refused = terkirim("statistics", *words)
    assert (refused.returncode, option in refused.stderr) == (2, True)


def test_an_empty_database_says_so(terkirim):
    for name in ("delivery", "latency"):
        assert "Nothing was sent" in terkirim("statistics", name).stdout
