"""The installation's language and time zone: chosen on a page, and followed by all that speak."""

import asyncio
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from terkirim.alerts.summary import Summary
from terkirim.cli.desk import desk
from terkirim.cli.doctor import doctor
from terkirim.cli.noting import person
from terkirim.cli.users import users
from terkirim.compose import Gateway
from terkirim.database import open_database
from terkirim.domain.alert import Activity
from terkirim.language import speak
from terkirim.settings import load
from terkirim.web.moments import Moments
from tests.integration.hooks import Hook
from tests.integration.lookout import HOUR, MINUTE, START, Watched
from tests.integration.visitor import PASSWORD, Visitor

PAGE = "/settings?tab=choices"
JAYAPURA = ZoneInfo("Asia/Jayapura")  # two hours before Jakarta
IN_ENGLISH, IN_INDONESIAN = {"accept-language": "en"}, {"accept-language": "id"}


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch):
    for name in ("TERKIRIM_LANGUAGE", "TERKIRIM_TIME_ZONE", "MAILKETING_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def visitor(request, open_door):
    given = {}
    if getattr(request, "param", "sqlite") == "postgres":
        given["database"] = await request.getfixturevalue("postgres").database()
    return await Visitor.at((await open_door(**given)).gateway).enter()


async def chosen(visitor, **fields):
    """Send the form, which must be taken."""
    await visitor.get(PAGE)
    page = await visitor.post("/settings/choices", **fields)
    assert page.status == 303, page.text


async def changes_in(gateway):
    rows = await gateway.desk.activity.activity(limit=50)
    return [
        (row.who, row.what, row.subject, row.facts) for row in rows if row.what.endswith("changed")
    ]


async def option(database, name, value):
    """Keep an option as another node would."""
    note = Activity(at=database.clock.now(), who="siti", what=f"{name} changed", subject=value)
    await database.options.set_option(name, value, note=note)


@pytest.mark.parametrize("visitor", ["sqlite", "postgres"], indirect=True)
async def test_an_admin_changes_language_and_time_zone_and_the_log_says_who(visitor):
    first = await visitor.get(PAGE)
    assert '<option value="id" lang="id" selected>' in first.text
    assert 'name="time_zone" value="Asia/Jakarta"' in first.text
    assert '<option value="Asia/Makassar">' in first.text
    await chosen(visitor, language="en", time_zone=" Asia/Jayapura ")
    page = await visitor.get(PAGE)
    assert '<option value="en" lang="en" selected>' in page.text
    assert 'name="time_zone" value="Asia/Jayapura"' in page.text
    assert "Saved" in page.text
    assert await changes_in(visitor.gateway) == [
        ("ani", "time zone changed", "Asia/Jayapura", {"before": "Asia/Jakarta"}),
        ("ani", "language changed", "en", {"before": "id"}),
    ]
    assert "changed the time zone of the installation" in (await visitor.get("/activity")).text


async def test_what_is_sent_again_unchanged_leaves_no_line_in_the_log(visitor):
    await chosen(visitor, language="id", time_zone="Asia/Jakarta")
    assert await changes_in(visitor.gateway) == []
    await chosen(visitor, language="id", time_zone="Asia/Tokyo")
    assert [what for _, what, _, _ in await changes_in(visitor.gateway)] == ["time zone changed"]


async def test_pages_tell_times_in_the_new_zone_at_once(visitor):
    for zone in ("Asia/Jakarta", "Pacific/Kiritimati"):
        await chosen(visitor, time_zone=zone)
        page = await visitor.get("/activity")
        told = re.findall(r'<time datetime="([^"]+)" title="([^"]+)"', page.text)
        moments = Moments(speak("en"), zone=ZoneInfo(zone), now=visitor.gateway.clock.now)
        assert told
        assert [title for _, title in told] == [
            moments.at(datetime.fromisoformat(instant)) for instant, _ in told
        ]
        assert zone in (await visitor.get("/settings?tab=you")).text


async def test_the_new_language_is_for_those_who_have_not_chosen_one(visitor):
    await chosen(visitor, language="en")
    stranger = visitor.another()
    assert '<html lang="en"' in (await stranger.get("/login", accept_language="")).text
    assert '<html lang="id"' in (await stranger.get("/login", accept_language="id")).text
    assert '<html lang="id"' in (await stranger.get("/login?lang=id", accept_language="")).text


async def test_what_the_environment_sets_is_shown_and_cannot_be_changed(open_door):
    gateway = (await open_door(language="en", time_zone="Asia/Tokyo")).gateway
    visitor = await Visitor.at(gateway).enter()
    page = await visitor.get(PAGE)
    assert "set by <code>TERKIRIM_LANGUAGE</code>" in page.text
    assert "Asia/Tokyo" in page.text
    assert 'action="/settings/choices"' not in page.text
    for field, value in (("language", "id"), ("time_zone", "Asia/Jakarta")):
        refused = await visitor.post("/settings/choices", **{field: value})
        assert (refused.status, "sets this: change it there" in refused.text) == (422, True)
    assert await changes_in(gateway) == []


async def test_the_environment_wins_over_what_was_chosen_before(tmp_path, open_door):
    visitor = await Visitor.at((await open_door()).gateway).enter()
    await chosen(visitor, language="en", time_zone="Asia/Tokyo")
    settings = load(database=f"sqlite:///{tmp_path}/d.db", language="id")
    async with Gateway.open(settings, work=False) as later:
        assert later.desk.choices.present == {"language": "id", "time_zone": "Asia/Tokyo"}
        page = await (await Visitor.at(later).enter("budi")).get(PAGE)
        assert 'name="language"' not in page.text
        assert 'name="time_zone" value="Asia/Tokyo"' in page.text


@pytest.mark.parametrize(
    ("fields", "english", "indonesian"),
    [
        ({"time_zone": "Asia/Jakata"}, "Did you mean Asia/Jakarta?", "Maksud Anda Asia/Jakarta?"),
        ({"time_zone": "<b>"}, "&lt;b&gt;</code> is no time zone", "bukan zona waktu"),
        ({"time_zone": "../etc/passwd"}, "is no time zone", "bukan zona waktu"),
        ({"time_zone": "localtime"}, "is no time zone", "bukan zona waktu"),
        ({"time_zone": ""}, "is no time zone", "bukan zona waktu"),
        ({"time_zone": "x" * 9_999}, "is no time zone", "bukan zona waktu"),
        ({"language": "fr"}, "Choose one of the languages", "Pilih salah satu bahasa"),
        ({}, "Choose a language or a time zone", "Pilih bahasa atau zona waktu"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_wrong_choice_is_refused_in_the_readers_language(
    visitor, fields, english, indonesian
):
    await visitor.get(PAGE)
    for headers, words in ((IN_ENGLISH, english), (IN_INDONESIAN, indonesian)):
        page = await visitor.post("/settings/choices", headers=headers, **fields)
        assert (page.status, words in page.text) == (422, True), page.text[:9_000]
    assert await changes_in(visitor.gateway) == []


async def test_of_two_choices_one_of_which_is_wrong_none_is_kept(visitor):
    await visitor.get(PAGE)
    page = await visitor.post("/settings/choices", language="en", time_zone="Mars/Base")
    assert page.status == 422
    assert 'value="Mars/Base"' in page.text
    assert await changes_in(visitor.gateway) == []


async def test_alerts_speak_the_new_language_at_once(open_door):
    async with Hook() as hook:
        visitor = await Visitor.at((await open_door(alert_urls=hook.url)).gateway).enter()
        alarms = visitor.gateway.lookout.alarms
        await alarms.test()
        await chosen(visitor, language="en")
        await alarms.test()
        assert await hook.titles(2) == [
            "Terkirim: saluran ini berfungsi",
            "Terkirim: this channel works",
        ]


async def test_the_summary_is_told_at_nine_of_the_new_zone_in_the_new_language(tmp_path):
    watched = Watched(tmp_path / "w.db", language="id")
    watched.clock.present = START.replace(hour=0, minute=0)  # seven in Jakarta, nine in Jayapura
    summary = Summary(
        notify=watched.notify,
        book=watched.alert_book,
        standings=watched.standings.all,
        manners=watched.manners,
        clock=watched.clock,
    )
    assert not await summary.tell_when_due()
    watched.manners.change("en", JAYAPURA)
    watched.clock.pass_(MINUTE)
    assert await summary.tell_when_due()
    watched.manners.change("en", ZoneInfo("Asia/Jakarta"))
    watched.clock.pass_(2 * HOUR)
    assert not await summary.tell_when_due()  # nine again, of a day that was told
    await watched.deliver()
    await watched.store.close()
    assert watched.mailbox.titles() == ["Terkirim: summary of 2026-01-05"]


async def test_the_days_of_statistics_are_those_of_the_new_zone(tmp_path):
    watched = Watched(tmp_path / "w.db")
    midnight = START.replace(hour=17) - timedelta(days=1)  # in Jakarta
    await watched.send(7, at=midnight - HOUR)

    async def last_days():
        found = await watched.statistics.over("mailketing", days=2, now=START)
        return list(found.usage.values())

    assert await last_days() == [7, 0]
    watched.manners.change("en", JAYAPURA)
    assert await last_days() == [0, 7]
    await watched.store.close()


async def test_another_node_follows_within_seconds_and_so_does_one_that_starts(tmp_path, open_door):
    visitor = await Visitor.at((await open_door()).gateway).enter()
    database = f"sqlite:///{tmp_path}/d.db"
    async with Gateway.open(database=database, work=False) as other:
        await chosen(visitor, language="en", time_zone="Asia/Jayapura")
        (job,) = [one for one in other._scheduler.jobs if one.name == "choices"]
        assert (job.is_own, job.every <= timedelta(minutes=1)) == (True, True)
        manners = other.desk.choices.manners
        assert (manners.say.language, manners.zone.key) == ("id", "Asia/Jakarta")
        await other._scheduler.take(job)
        assert (manners.say.language, manners.zone) == ("en", JAYAPURA)
    async with Gateway.open(database=database, work=False) as later:
        assert later.desk.choices.manners.zone == JAYAPURA


async def test_a_kept_value_that_is_not_known_here_is_passed_over(tmp_path):
    settings = load(database=f"sqlite:///{tmp_path}/d.db")
    async with open_database(settings) as database:
        await option(database, "language", "fr")
        await option(database, "time_zone", "Mars/Base")
    async with Gateway.open(settings, work=False) as gateway:
        choices = gateway.desk.choices
        assert choices.present == {"language": "id", "time_zone": "Asia/Jakarta"}
        assert await choices.choose("time_zone", "Asia/Jakarta", who="ani")
        assert await choices.choose("language", "en", who="ani")
        assert choices.present == {"language": "en", "time_zone": "Asia/Jakarta"}


async def test_what_another_node_chose_a_moment_ago_is_what_a_new_choice_replaces(
    tmp_path, visitor
):
    async with open_database(load(database=f"sqlite:///{tmp_path}/d.db")) as database:
        await option(database, "language", "en")
    await chosen(visitor, language="id")
    assert (await changes_in(visitor.gateway))[0] == (
        "ani",
        "language changed",
        "id",
        {"before": "en"},
    )


# The command line.


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An installation for which somebody chose English and Jayapura."""
    monkeypatch.setenv("TERKIRIM_DATABASE", f"sqlite:///{tmp_path}/c.db")

    async def prepare():
        async with open_database(load()) as database:
            await option(database, "language", "en")
            await option(database, "time_zone", "Asia/Jayapura")

    asyncio.run(prepare())


@pytest.mark.usefixtures("here")
def test_a_command_speaks_and_tells_times_as_was_chosen_unless_the_environment_says(monkeypatch):
    screen = desk(as_json=False).screen
    assert (screen.say.language, screen.zone) == ("en", JAYAPURA)
    assert screen.at(START) == "2026-01-05 12:00:00 WIT"
    monkeypatch.setenv("TERKIRIM_LANGUAGE", "id")
    screen = desk(as_json=False).screen
    assert (screen.say.language, screen.zone) == ("id", JAYAPURA)


@pytest.mark.usefixtures("here")
def test_the_doctor_speaks_and_tells_the_time_as_was_chosen():
    told = CliRunner().invoke(doctor, [], standalone_mode=False).output
    assert "In Asia/Jayapura it is" in told


@pytest.mark.usefixtures("here")
def test_a_password_given_on_the_command_line_is_a_line_in_the_activity_log():
    def run(*words):
        run = CliRunner().invoke(users, words, input=PASSWORD, standalone_mode=False)
        assert run.exception is None, run.output

    run("add", "ani", "--password-stdin")
    run("password", "ani", "--password-stdin")

    async def rows():
        async with open_database(load()) as database:
            return await database.people.activity(limit=2)

    newest, _ = asyncio.run(rows())
    assert (newest.who, newest.what, newest.subject) == (person(), "password changed", "ani")


async def test_a_password_changed_on_a_page_is_a_line_in_the_activity_log(visitor):
    await visitor.get("/settings?tab=you")
    page = await visitor.post("/settings/password", current=PASSWORD, password="brand new word")
    assert page.status == 303
    assert ("ani", "password changed", "ani", {}) in await changes_in(visitor.gateway)
