"""`/v1/statistics`, `/v1/retries` and `/v1/activity` from outside: their shapes, and bad input."""

from datetime import datetime, timedelta

import pytest

from terkirim.api import schemas
from terkirim.domain.alert import Activity
from terkirim.domain.outcome import Accepted, Deferred
from tests.integration.test_openapi import holds
from tests.integration.test_rest_messages import sent, settled

STATISTICS = ("/v1/statistics/delivery", "/v1/statistics/latency")
TAGS = [{"name": "campaign", "value": "juli"}]


@pytest.fixture
async def known(open_door):
    """Return the door of a gateway whose one e-mail was taken at the second attempt."""
    door = await open_door(mailketing_api_key="k", mailketing_from_email="toko@example.com")
    await sent(door, tags=TAGS)
    await settled(door, Deferred("busy", code="503"))
    later = door.gateway.clock.now() + timedelta(seconds=3)
    await settled(door, Accepted("ref"), now=later)
    return door


@pytest.mark.parametrize("by", ["hour", "day", "tag", "sender", "provider"])
async def test_what_became_of_mail_has_the_described_shape(known, by):
    answer = await known.call("GET", f"/v1/statistics/delivery?by={by}&days=2")
    assert answer.status == 200
    holds(answer.json, schemas.DeliveryStatistics)
    assert answer.json["total"]["accepted"] == 1
    assert answer.json["total"]["delivery_rate"] == 0
    assert [one["accepted"] for one in answer.json["data"] if one["accepted"]] == [1]
    if by == "tag":
        assert answer.json["data"][0]["key"] == "campaign=juli"
    empty = next((one for one in answer.json["data"] if not one["accepted"]), None)
    assert empty is None or empty["open_rate"] is None


@pytest.mark.parametrize("by", ["hour", "day"])
async def test_latency_has_the_described_shape(known, by):
    answer = await known.call("GET", f"/v1/statistics/latency?by={by}")
    assert answer.status == 200
    holds(answer.json, schemas.LatencyStatistics)
    assert answer.json["total"]["count"] == 1
    assert answer.json["total"]["p50_seconds"] <= answer.json["total"]["p99_seconds"]


async def test_a_span_is_asked_for_by_days_of_the_operator_or_by_instants(known):
    now = known.gateway.clock.now().astimezone(known.gateway.settings.time_zone)
    today, tomorrow = now.date(), now.date() + timedelta(days=1)
    path = "/v1/statistics/delivery?since={}&until={}"
    of_today = await known.call("GET", path.format(today, tomorrow))
    assert of_today.json["total"]["accepted"] == 1
    assert [one["key"] for one in of_today.json["data"]] == [str(today)]
    assert datetime.fromisoformat(of_today.json["since"]).astimezone(now.tzinfo).hour == 0
    before = await known.call("GET", path.format("2026-01-01", "2026-01-03"))
    assert (before.json["total"]["accepted"], len(before.json["data"])) == (0, 2)
    hours = path.format("2026-08-17T09:10:00%2B07:00", "2026-08-17T11:00:00%2B07:00")
    found = await known.call("GET", f"{hours}&by=hour")
    assert [one["key"][11:16] for one in found.json["data"]] == ["09:00", "10:00"]


@pytest.mark.parametrize("path", [*STATISTICS, "/v1/retries"])
@pytest.mark.parametrize("days", ["0", "-1", "abc", "99999", "", "1.5", "٣"])
async def test_days_that_are_none_are_refused_by_name(door, path, days):
    answer = await door.call("GET", f"{path}?days={days}")
    assert (answer.status, answer.name) == (422, "validation_error")
    assert "`days`" in answer.json["message"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("by=week", "by"),
        ("by=hour&days=32", "days"),
        ("by=hour&since=2026-01-01&until=2026-03-01", "since"),
        ("since=yesterday", "since"),
        ("since=2026-08-17T09:00", "since"),
        ("since=2026-08-17&until=2026-08-16", "until"),
        ("since=2026-08-17&until=2026-08-17", "until"),
        ("since=2026-08-17&until=0", "until"),
        ("until=2026-08-17", "since"),
        ("since=2026-08-17&days=3", "days"),
        ("since=0001-01-01", "since"),
    ],
)
@pytest.mark.parametrize("path", STATISTICS)
async def test_a_wrong_span_is_refused_by_name(door, path, query, field):
    answer = await door.call("GET", f"{path}?{query}")
    assert (answer.status, answer.name) == (422, "validation_error")
    assert f"`{field}`" in answer.json["message"]


@pytest.mark.parametrize("path", [*STATISTICS, "/v1/retries", "/v1/activity"])
async def test_statistics_ask_for_a_key_that_may_read(door, path):
    await door.add_key("tk_send_only_0123456789abcdef0123456789", ["send"])
    assert (await door.call("GET", path, key=None)).status == 401
    refused = await door.call("GET", path, key="tk_send_only_0123456789abcdef0123456789")
    assert refused.status == 401


async def test_the_activity_log_is_read_page_by_page(door):
    note, now = door.gateway.lookout.activity.note, door.gateway.clock.now()
    for who in ("budi", "siti", "tono"):
        await note(Activity(at=now, who=who, what="signed in"))
    first = (await door.call("GET", "/v1/activity?limit=2")).json
    holds(first, schemas.ActivityList)
    assert (len(first["data"]), first["has_more"]) == (2, True)
    last = first["data"][-1]["id"]
    rest = (await door.call("GET", f"/v1/activity?limit=2&after={last}")).json
    assert (len(rest["data"]), rest["has_more"]) == (1, False)
    people = {one["who"] for one in first["data"] + rest["data"]}
    assert people == {"budi", "siti", "tono"}
    wrong = await door.call("GET", "/v1/activity?after=nowhere")
    assert (wrong.status, "`after`" in wrong.json["message"]) == (422, True)


async def test_resends_metrics_count_what_was_sent_and_said(known):
    now = known.gateway.clock.now()
    path = "/v1/emails/metrics?dimensions=period&granularity={}"
    for granularity in ("hourly", "daily", "weekly", "monthly"):
        found = await known.call("GET", path.format(granularity))
        assert found.status == 200
        holds(found.json, schemas.EmailMetrics)
        assert found.json["totals"]["sent"] == 1
        assert found.json["totals"]["delivery_delayed"] == 1
        assert found.json["totals"]["delivery_rate"] == 0
        assert sum(row["sent"] for row in found.json["data"]) == 1
    monthly = found.json["data"][0]["period"]
    assert monthly == str(now.astimezone(known.gateway.settings.time_zone).date().replace(day=1))
    only = (await known.call("GET", "/v1/emails/metrics?metrics=sent,failed")).json
    assert (only["totals"], "data" in only) == ({"sent": 1, "failed": 0}, False)
    utc = "/v1/emails/metrics?dimensions=period&granularity=hourly&timezone=UTC"
    assert (await known.call("GET", utc)).json["data"][0]["period"].endswith("+00:00")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("metrics=received", "metrics"),
        ("metrics=", "metrics"),
        ("dimensions=domain", "dimensions"),
        ("granularity=yearly", "granularity"),
        ("timezone=UTC", "timezone"),
        ("timezone=Mars&granularity=hourly", "timezone"),
        ("timezone=..%2F..%2Fetc&granularity=hourly", "timezone"),
        ("start_date=soon", "start_date"),
        ("end_date=0001-01-02", "end_date"),
        ("start_date=2026-08-17&end_date=2026-08-16", "end_date"),
        ("start_date=2026-01-01&end_date=2026-03-01&granularity=hourly", "start_date"),
        ("domain_id=x", "domain_id"),
    ],
)
async def test_a_wrong_metric_or_span_is_refused_by_name(door, query, field):
    answer = await door.call("GET", f"/v1/emails/metrics?{query}")
    assert (answer.status, answer.name) == (422, "validation_error")
    assert f"`{field}`" in answer.json["message"]
