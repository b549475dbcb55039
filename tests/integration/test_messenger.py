"""Channels are written to through Apprise, over real sockets; a failure says why, masked."""

from datetime import timedelta

import apprise
import pytest

from terkirim.alerts.channels import channel_of
from terkirim.alerts.messenger import AppriseMessenger
from terkirim.domain.alert import Severity
from tests.integration.hooks import Hook

SOON = timedelta(seconds=10)


async def tell(url, *, within=SOON, severity=Severity.CRITICAL):
    channel = channel_of(url, owner="1")
    return await AppriseMessenger().tell(
        channel, title="Kredit habis", body="isi ulang & cek <b>", severity=severity, within=within
    )


async def test_a_generic_hook_gets_title_body_and_kind():
    async with Hook() as hook:
        assert await tell(hook.url) == ""
    (got,) = hook.got
    assert (got["title"], got["message"], got["type"]) == (
        "Kredit habis",
        "isi ulang & cek <b>",
        "failure",
    )


@pytest.mark.parametrize(
    ("severity", "kind"), [(Severity.INFO, "info"), (Severity.WARNING, "warning")]
)
async def test_the_kind_says_how_bad_it_is(severity, kind):
    async with Hook() as hook:
        await tell(hook.url, severity=severity)
    assert hook.got[0]["type"] == kind


async def test_a_refusal_is_told_without_the_secret():
    async with Hook(status=403) as hook:
        answer = await tell(hook.url)
    assert "403" in answer
    assert "s3cret" not in answer


async def test_a_channel_that_does_not_answer_ends_in_time():
    async with Hook(hangs=True) as hook:
        answer = await tell(hook.url, within=timedelta(seconds=0.3))
    assert answer == "no answer in time"


async def test_a_channel_that_is_gone_is_told():
    async with Hook() as hook:
        url = hook.url
    answer = await tell(url)
    assert answer
    assert "s3cret" not in answer


async def test_an_address_that_nobody_knows_any_more_is_told():
    assert "no kind that Apprise knows" in await tell("pigeon://s3cret/coop")


async def test_a_plug_in_with_a_bug_is_a_channel_that_failed(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("bug with hook-s3cret inside")

    monkeypatch.setattr(apprise.Apprise, "notify", broken)
    answer = await tell("json://127.0.0.1:1/hook-s3cret")
    assert answer == "RuntimeError: bug with *** inside"
