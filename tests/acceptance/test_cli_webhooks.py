"""`terkirim webhooks` from outside, over a database that no server has open."""

import asyncio
import threading
from contextlib import contextmanager

import pytest

from terkirim.tracking.suppression_csv import Entry
from tests.integration.receiver import Receiver

URL = "https://app.example/hooks"
ANY = {"TERKIRIM_WEBHOOK_REACH": "any"}


@contextmanager
def receiving(**answers):
    """Run a receiver in a thread of its own: the command has this one's loop."""
    loop, ready, done = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    found = []

    async def serve():
        async with Receiver(**answers) as receiver:
            found.append(receiver)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait()
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


def added(terkirim, *options, url=URL):
    return terkirim.json("webhooks", "add", url, *options)


def tell(terkirim, count=1):
    """Let something happen and publish it, as whoever serves does."""

    async def told(gateway):
        for number in range(count):
            entry = Entry(address=f"b{number}@example.com")
            await gateway.tracking.suppressions.add([entry], who="test")
        await gateway.webhooks.courier.publish()

    terkirim.inside(told)


def test_a_webhook_is_added_shown_changed_and_removed(terkirim):
    assert "No webhooks" in terkirim("webhooks", "list").stdout
    made = added(terkirim, "--event", "email.bounced", "--event", "email.failed")
    id_ = made["id"]
    assert made["signing_secret"].startswith("whsec_")
    listed = terkirim("webhooks", "list").stdout
    assert id_ in listed
    assert "email.bounced, email.failed" in listed
    assert made["signing_secret"] not in listed
    rotated = terkirim("webhooks", "rotate", id_).stdout
    assert "whsec_" in rotated
    assert "signs too, until" in terkirim("webhooks", "show", id_).stdout
    changed = terkirim.json("webhooks", "change", id_, "--url", f"{URL}/2", "--all-events")
    assert (changed["endpoint"], changed["every_event"]) == (f"{URL}/2", True)
    assert "disabled by a person" in terkirim("webhooks", "disable", id_).stdout
    assert terkirim.json("webhooks", "enable", id_)["status"] == "enabled"
    assert terkirim.json("webhooks", "remove", id_)["deleted"] is True
    gone = terkirim("webhooks", "show", id_)
    assert (gone.returncode, "there is no webhook" in gone.stderr) == (1, True)


def test_deliveries_are_told_page_by_page_with_body_and_attempts(terkirim):
    id_ = added(terkirim)["id"]
    tell(terkirim, 3)
    first = terkirim.json("webhooks", "deliveries", id_, "--limit", "2")
    cursor = first["next_cursor"]
    assert (len(first["data"]), first["has_more"]) == (2, True)
    assert f"--cursor {cursor}" in terkirim("webhooks", "deliveries", id_, "--limit", "2").stdout
    rest = terkirim.json("webhooks", "deliveries", id_, "--limit", "2", "--cursor", cursor)
    assert len(rest["data"]) == 1
    event = first["data"][0]["id"]
    one = terkirim.json("webhooks", "deliveries", id_, "--event", event)
    assert (one["payload"]["type"], one["attempts_made"]) == ("suppression.added", [])
    assert "b2@example.com" in terkirim("webhooks", "deliveries", id_, "--event", event).stdout
    none = terkirim("webhooks", "deliveries", id_, "--state", "failed")
    assert none.stdout == "Nothing was told to it.\n"


def test_what_was_held_is_told_again_by_range_or_alone(terkirim):
    id_ = added(terkirim)["id"]
    terkirim("webhooks", "disable", id_)
    tell(terkirim, 2)
    refused = terkirim("webhooks", "replay", id_, "--since", "2020-01-01")
    assert (refused.returncode, "enable the webhook first" in refused.stderr) == (1, True)
    terkirim("webhooks", "enable", id_)
    always = ("--since", "2020-01-01", "--until", "2099-01-01")
    done = terkirim.json("webhooks", "replay", id_, *always)
    assert done == {"replayed": 2}
    (event, _) = terkirim.json("webhooks", "deliveries", id_, "--state", "waiting")["data"]
    assert (
        terkirim("webhooks", "replay", id_, "--event", event["id"]).stdout == "1 is told again.\n"
    )
    assert terkirim("webhooks", "replay", id_).returncode == 2


@pytest.mark.parametrize(("status", "code"), [(204, 0), (500, 1)])
def test_a_test_event_is_sent_at_once_and_its_answer_printed(terkirim, status, code):
    with receiving(status=status, body=b"") as receiver:
        id_ = terkirim.json("webhooks", "add", receiver.url, **ANY)["id"]
        done = terkirim("webhooks", "test", id_, **ANY)
    assert (done.returncode, f"HTTP {status}" in done.stdout) == (code, True)
    assert [one.said["type"] for one in receiver.got] == ["webhook.test"]


def test_an_address_that_may_not_be_told_is_refused_by_name(terkirim):
    for url in ("http://app.example/", "https://10.0.0.1/", "nowhere"):
        refused = terkirim("webhooks", "add", url)
        assert (refused.returncode, "`endpoint`" in refused.stderr) == (1, True), url
