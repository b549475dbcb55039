"""The pages about credits and alerts: never a zero that nobody read, never a secret."""

from datetime import timedelta

import pytest

from terkirim.domain.alert import Alert, Condition, Severity
from terkirim.emulator.server import Emulator
from terkirim.language import speak
from terkirim.ports.alerts import AlertFilter
from terkirim.store.counting import Counts
from terkirim.store.sqlite.counts import write_counts
from terkirim.store.times import micros
from tests.integration.hooks import Hook
from tests.integration.test_web_pages import noted, shown
from tests.integration.visitor import Visitor

HOUR = timedelta(hours=1)
DOWN = Condition(kind="provider_down", severity=Severity.CRITICAL, facts={"provider": "mailketing"})


@pytest.fixture
async def emulator():
    async with Emulator(credits_left=60_000) as emulator:
        yield emulator


@pytest.fixture
async def open_visitor(open_door, emulator, request):
    async def opening(**given):
        if getattr(request, "param", "sqlite") == "postgres":
            given["database"] = await request.getfixturevalue("postgres").database()
        door = await open_door(
            mailketing_api_key="emulated", mailketing_api_url=f"{emulator.url}/v2", **given
        )
        visitor = await Visitor.at(door.gateway).enter()
        await visitor.get("/")
        return visitor

    return opening


async def use(gateway, *, hours=72, each=100):
    """Count mail of the past, as if it had been sent."""
    counts, now = Counts(), gateway.clock.now()
    for ago in range(1, hours + 1):
        counts.add(micros(now - ago * HOUR), "event_first", "mailketing:accepted", each)
    await gateway.store.write_alone(lambda db: write_counts(db, gateway.store.counting, counts))


@pytest.mark.parametrize("open_visitor", ["sqlite", "postgres"], indirect=True)
async def test_the_balance_is_asked_for_at_once_and_by_whom_is_noted(open_visitor, emulator):
    visitor = await open_visitor()
    assert "unknown" in shown(await visitor.get("/credits"))
    page = await visitor.post("/credits/check")
    assert page.header("location") == "/credits?account=mailketing"
    text = shown(await visitor.get("/credits"))
    for words in ("60,000 credits", "enough", "too little to tell yet", "low from 50,000"):
        assert words in text, words
    assert ("ani", "credits checked", "mailketing") in await noted(visitor)
    emulator.credits = 4_000
    await visitor.post("/credits/check")
    text = shown(await visitor.get("/credits"))
    assert "very low" in text
    assert "Mailketing: 4,000 credits left" in text  # the alert


async def test_a_check_that_fails_says_why_and_is_never_a_zero(open_visitor, emulator):
    visitor = await open_visitor()
    await emulator.close()
    await visitor.post("/credits/check")
    text = shown(await visitor.get("/credits"))
    assert "did not tell its balance" in text
    assert "unknown not known" in text
    assert "The last check told no balance." in text
    assert "0 credits" not in text


async def test_the_forecast_is_a_sentence_a_day_and_a_band_in_the_table(open_visitor):
    visitor = await open_visitor()
    await visitor.post("/credits/check")
    await use(visitor.gateway)
    page = await visitor.get("/credits?span=7d")
    text = shown(page)
    assert "They run out in" in text
    assert "That is on" in text
    assert "likely a day 2,400" in text
    table = page.text.partition('id="balance-data"')[2].partition("</table>")[0]
    assert 'data-zone="Asia/Jakarta"' in page.text
    read, now, tomorrow = [row for row in table.split("<tr>") if 'data-value="' in row][:3]
    assert read.count('data-value="60000"') == 1
    assert now.count('data-value="60000"') == 4
    assert 'data-value=""' in tomorrow  # nobody read it yet
    assert table.count("<tr>") == 1 + 1 + 1 + 7
    usage = page.text.partition('id="usage-data"')[2].partition("</table>")[0]
    assert usage.count("<tr>") == 8
    assert 'data-value="2400"' in usage


async def test_the_overview_has_gauge_level_line_and_day_of_the_credits(open_visitor):
    visitor = await open_visitor()
    await visitor.post("/credits/check")
    assert "line-data-1" not in (await visitor.get("/")).text  # one reading is no line
    await use(visitor.gateway)
    await visitor.post("/credits/check")
    page = await visitor.get("/")
    panel = page.text.partition('id="credits-1"')[2].partition("</section>")[0]
    for part in ('<meter class="gauge"', "60,000", "enough", "They run out in", "That is on"):
        assert part in panel, part
    assert 'aria-labelledby="line-1"' in panel
    assert 'data-unit="credits"' in panel
    table = panel.partition('id="line-data-1"')[2].partition("</table>")[0]
    assert "Credits left in the last 30 days, and what is expected of the days ahead" in table
    assert table.count("<tr>") > 25  # a row a day until the credits are gone
    assert 'data-value="0"' in table.rpartition("<tr>")[2]


async def test_the_calculator_says_whether_mails_can_be_paid(open_visitor):
    visitor = await open_visitor()
    await visitor.post("/credits/check")
    most = "Give a whole number from 1 to 100,000,000."
    for query, words in {
        "count=25.000": "Enough: 25,000 mails cost about 25,000 credits, 60,000 are left.",
        "count=25,000&priority=high": "Enough: 25,000 mails",
        "count=90+000": "Not enough: 90,000 mails cost about 90,000 credits; 59,000 would go out",
        "count=a+lot": most,
        "count=0": most,
    }.items():
        assert words in shown(await visitor.get(f"/credits?{query}")), query


async def test_an_account_that_is_not_there_is_not_found(open_visitor):
    visitor = await open_visitor()
    assert (await visitor.get("/credits?account=odd")).status == 404
    assert (await visitor.post("/credits/check", account="odd")).status == 404


async def test_without_a_prepaid_provider_the_page_says_what_would_fill_it(open_door):
    door = await open_door()
    visitor = await Visitor.at(door.gateway).enter()
    assert "There are no credits in sandbox mode." in shown(await visitor.get("/credits"))


async def test_a_viewer_looks_at_credits_and_alerts_and_changes_nothing(open_visitor):
    visitor = await open_visitor()
    viewer = await visitor.another().enter("vivi", "viewer")
    assert "/credits/check" not in (await viewer.get("/credits")).text
    assert "/alerts/test" not in (await viewer.get("/alerts")).text
    for path in ("/credits/check", "/alerts/test"):
        assert (await viewer.post(path)).status == 403


async def test_channels_are_tested_and_say_what_each_answered(open_visitor):
    async with Hook() as well, Hook(status=500) as broken:
        urls = f"{well.url},critical|{broken.url}?x=1"
        visitor = await open_visitor(alert_urls=urls, language="en")
        page = await visitor.get("/alerts")
        assert "1: json://***" in page.text
        assert "s3cret" not in page.text
        assert "none in 90 days" in shown(page)
        answered = await visitor.post("/alerts/test")
        text = shown(answered)
        assert "1: json://*** it took the text" in text
        assert "2: json://*** failed" in text
        assert "s3cret" not in answered.text
        assert await well.titles(1) == ["Terkirim: this channel works"]
        assert ("ani", "alerts tested", "") in await noted(visitor)


@pytest.mark.parametrize("open_visitor", ["sqlite", "postgres"], indirect=True)
async def test_the_history_tells_what_was_raised_who_was_told_and_when_it_was_over(open_visitor):
    async with Hook() as hook:
        visitor = await open_visitor(alert_urls=hook.url, language="en")
        alarms = visitor.gateway.lookout.alarms
        await alarms.raise_(DOWN)
        await alarms.deliver()
        text = shown(await visitor.get("/alerts?open=1"))
        for words in ("critical", "Mailketing does not take mail", "goes on", "1 notice", "told"):
            assert words in text, words
        assert "1: json://*** info told" in text  # the last result of the channel
        await alarms.end("provider_down")
        await alarms.deliver()
        assert "Nothing is wrong now." in shown(await visitor.get("/alerts?open=1"))
        text = shown(await visitor.get("/alerts"))
        assert "2 notices" in text
        assert "recovery" in text


async def test_an_alert_of_another_version_is_told_as_it_was_said(open_visitor):
    visitor = await open_visitor()
    now = visitor.gateway.clock.now()
    old = Alert(
        id="a", kind="no_more", subject="", severity=Severity.INFO, facts={}, title="As it was",
        body="It said {so}.", seen_at=now, last_at=now,
    )  # fmt: skip
    told = visitor.gateway.lookout.alarms.in_words(old)
    say = speak("en")
    assert (say(told.title), say(told.body)) == ("As it was", "It said {so}.")


async def test_many_alerts_come_page_by_page_also_those_of_one_instant(open_visitor, monkeypatch):
    monkeypatch.setattr("terkirim.web.pages.alerts.ON_A_PAGE", 2)
    visitor = await open_visitor(language="en")
    alarms = visitor.gateway.lookout.alarms
    several = [
        Condition(kind="provider_paused", subject=name, severity=Severity.WARNING,
                  facts={"provider": name, "fault": "x", "sender": "", "reason": ""})
        for name in ("P1", "P2", "P3", "P4", "P5")
    ]  # fmt: skip
    await alarms.settle(several, kinds=("provider_paused",))
    seen, path = [], "/alerts"
    while path:
        page = await visitor.get(path)
        seen += [
            name for name in ("P1", "P2", "P3", "P4", "P5") if f"{name} is paused" in page.text
        ]
        link = page.text.partition('" rel="next"')[0].rpartition('href="')[2]
        path = link.replace("&amp;", "&") if 'rel="next"' in page.text else ""
    assert sorted(seen) == ["P1", "P2", "P3", "P4", "P5"]
    now = visitor.gateway.clock.now()
    which = AlertFilter(since=now - HOUR, until=now)
    assert len(await visitor.gateway.lookout.alert_book.alerts(which)) == 5


async def test_without_channels_the_page_says_how_to_have_one(open_visitor):
    visitor = await open_visitor()
    text = shown(await visitor.get("/alerts"))
    assert "Nobody is told." in text
    assert "TERKIRIM_ALERT_URLS" in text
    assert "No alerts yet." in text
