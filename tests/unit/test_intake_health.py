"""Whether providers are heard: the counts, and a sentence for each fault."""

from datetime import UTC, datetime, timedelta

import pytest

from terkirim.language import speak
from terkirim.ports import RollupRow
from terkirim.ports.tracking import IntakeFacts
from terkirim.reports.intake import SILENT_FROM, intake_health

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SAY = speak("en")


class Log:
    def __init__(self, rows):
        self.rows = rows

    async def rollups(self, kinds, *, since, until):
        return [row for row in self.rows if row.kind in kinds and since <= row.hour <= until]


class Events:
    def __init__(self, last_at=None):
        self.last_at = last_at

    async def intake(self):
        return IntakeFacts(last_at=self.last_at, unapplied=1, unmatched=2, set_aside=3)


def row(kind, key, count, *, at=NOW - HOUR):
    return RollupRow(hour=at, kind=kind, key=key, count=count)


async def health(*rows, last_at=NOW - HOUR, days=7, is_open=True):
    return await intake_health(Log(rows), Events(last_at), now=NOW, days=days, is_open=is_open)


async def test_accepted_and_heard_back_are_counted_without_the_sandbox():
    report = await health(
        row("event_first", "mailketing:accepted", 60),
        row("event_first", "another:accepted", 20),
        row("event_first", "sandbox:heard", 99),
        row("event_first", "mailketing:heard", 40),
        row("event_first", "mailketing:opened", 39),
        row("callback", "mailketing:kept", 50),
        row("callback", "mailketing:repeated", 5),
        row("callback", "mailketing:unreadable", 1),
        row("event_first", "mailketing:heard", 1_000, at=NOW - 24 * 8 * HOUR),
    )
    assert (report["accepted"], report["heard_back"], report["heard_share"]) == (80, 40, 0.5)
    assert (report["callbacks"], report["repeats"], report["unreadable"]) == (50, 5, 1)
    assert (report["waiting_to_be_applied"], report["without_a_message"]) == (1, 2)
    assert report["set_aside"] == 3
    assert report["last_callback_at"] == (NOW - HOUR).isoformat()
    assert report["faults"] == []


async def test_nothing_accepted_is_no_share_and_no_fault():
    report = await health(last_at=None)
    assert (report["heard_share"], report["last_callback_at"], report["faults"]) == (None, None, [])


@pytest.mark.parametrize("last_at", [None, NOW - 25 * HOUR])
async def test_silence_after_much_was_accepted_is_a_fault(last_at):
    report = await health(row("event_first", "mailketing:accepted", SILENT_FROM), last_at=last_at)
    assert report["is_silent"]
    assert "no callback came" in SAY(report["faults"][0])


async def test_silence_after_little_or_long_ago_is_none():
    few = row("event_first", "mailketing:accepted", SILENT_FROM - 1)
    long_ago = row("event_first", "mailketing:accepted", 1_000, at=NOW - 25 * HOUR)
    assert not (await health(few, long_ago, last_at=None))["is_silent"]
    much = row("event_first", "mailketing:accepted", 1_000)
    assert not (await health(much, last_at=NOW - 23 * HOUR))["is_silent"]


async def test_closed_callbacks_and_refused_ones_are_faults():
    report = await health(row("callback", "mailketing:refused", 12), is_open=False)
    assert [SAY(fault).split(":")[0].split(",")[0] for fault in report["faults"]] == [
        "callbacks are refused",
        "12 callbacks had no secret",
    ]
