"""`terkirim messages` from outside: find, follow, send again, stop."""

import os
import pty
import subprocess
import time
from datetime import timedelta

import pytest

from terkirim.domain.outcome import Accepted, Deferred, Rejected, Unclear
from tests.acceptance.command import TERKIRIM

SANDBOXED = Accepted("sandbox", is_sandbox=True)


def ids(document):
    return [row["id"] for row in document["data"]]


def test_a_list_is_found_by_state_address_e_mail_and_sandbox(terkirim):
    first = terkirim.send(to="a@example.com")
    terkirim.end(Rejected("no such user", field="recipient"))
    second = terkirim.send(to=["b@example.com", "c@example.com"])
    third = terkirim.send(to="d@example.com")
    assert ids(terkirim.json("messages", "list"))[0] == third
    assert ids(terkirim.json("messages", "list", "--state", "dead")) == [first]
    assert len(ids(terkirim.json("messages", "list", "--state", "dead", "--state", "queued"))) == 4
    assert ids(terkirim.json("messages", "list", "--to", "d@EXAMPLE.com")) == [third]
    assert len(ids(terkirim.json("messages", "list", "--email", second))) == 2
    assert ids(terkirim.json("messages", "list", "--sandbox")) == []


def test_a_list_goes_page_by_page_to_its_end(terkirim):
    sent = [terkirim.send() for _ in range(3)]
    first = terkirim.json("messages", "list", "--limit", "2")
    assert (ids(first), first["has_more"]) == ([sent[2], sent[1]], True)
    rest = terkirim.json("messages", "list", "--limit", "2", "--cursor", first["next_cursor"])
    assert (ids(rest), rest["has_more"], rest["next_cursor"]) == ([sent[0]], False, None)
    assert f"--cursor {sent[1]}" in terkirim("messages", "list", "--limit", "2").stdout


@pytest.mark.parametrize(
    "command",
    [
        ("messages", "list"),
        ("suppressions", "list"),
        ("events", "unmatched"),
        ("webhooks", "deliveries", "w1"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("cursor", ["nope", "479e3145-5b1c-4e0a-9d6c-1f2e3d4c5b6a", ""])
def test_a_cursor_that_is_no_id_of_a_row_is_refused_not_guessed(terkirim, command, cursor):
    ended = terkirim(*command, "--cursor", cursor)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"'--cursor': {cursor!r} is no id of a row" in ended.stderr


def test_a_list_is_bounded_by_time_in_the_operators_zone(terkirim):
    sent = terkirim.send()
    terkirim.send()
    here = {"TERKIRIM_TIME_ZONE": "Asia/Tokyo", "TZ": "Asia/Tokyo"}
    now = subprocess.run(
        ["date", "+%FT%T"], env=os.environ | here, capture_output=True, text=True, check=True
    )
    later = "2100-01-01"
    assert len(ids(terkirim.json("messages", "list", "--after", "2020-01-01", **here))) == 2
    assert ids(terkirim.json("messages", "list", "--after", later, **here)) == []
    assert ids(terkirim.json("messages", "list", "--before", "2020-01-01T00:00Z", **here)) == []
    recent = terkirim.json("messages", "list", "--before", now.stdout.strip()[:10], **here)
    assert sent not in ids(recent)  # it was taken in today, as Tokyo counts
    page = terkirim.json("messages", "list", "--before", later, "--cursor", sent, **here)
    assert ids(page) == []


def test_a_page_has_each_id_whole_and_fits_80_columns(terkirim):
    sent = terkirim.send()
    terkirim.end(Rejected("a reason of the provider that is much longer than a line " * 4))
    shown = terkirim("messages", "list").stdout
    assert shown.startswith(f"{sent}  dead        ")
    assert shown.splitlines()[1] == "    budi@example.com  1 attempt"
    assert max(map(len, shown.splitlines())) <= 80
    assert "longer than a line" in shown


def test_the_story_has_its_next_step_on_top(terkirim):
    sent = terkirim.send()
    asked = timedelta(hours=1)
    terkirim.end(Deferred("HTTP 503: busy", code="503", answer="<html>", retry_after=asked))
    shown = terkirim("messages", "show", sent).stdout.splitlines()
    assert shown[0] == f"{sent}: waiting to be sent (queued)"
    assert shown[1].startswith(
        ("It will be tried again in 59 min", "It will be tried again in 1 h")
    )
    assert shown[2].startswith("That is at 20")
    assert shown[2].endswith(" WIB.")
    assert f"terkirim messages cancel {sent}  stops it" in shown[3]
    assert "Subject  Halo" in shown
    assert shown[-2].endswith("attempt 1 through sandbox, 120 ms: not taken this time")
    assert shown[-1] == "    HTTP 503: busy"


def test_the_story_is_told_in_bahasa_indonesia(terkirim):
    sent = terkirim.send(to="budi@example.com", expires_in="2h")
    terkirim.end(Deferred("HTTP 503", retry_after=timedelta(hours=1)))
    shown = terkirim("messages", "show", sent, TERKIRIM_LANGUAGE="id").stdout
    for says in (
        "menunggu dikirim (queued)",
        "Dicoba lagi dalam ",
        "Kepada       budi@example.com",
        "Kedaluwarsa  ",
        "diterima dan disimpan di disk",
        "percobaan 1 lewat sandbox, 120 md: belum diterima",
    ):
        assert says in shown


def test_the_story_in_json_is_the_one_that_rest_answers(terkirim):
    sent = terkirim.send()
    terkirim.end(SANDBOXED)
    story = terkirim.json("messages", "show", sent)
    assert (story["id"], story["state"], story["sandbox"]) == (sent, "accepted", True)
    assert [one["outcome"] for one in story["attempts_made"]] == ["accepted"]
    assert story["events"] == []


def test_of_an_e_mail_to_several_each_story_is_told(terkirim):
    sent = terkirim.send(to=["a@example.com", "b@example.com"], headers={"X-Mine": "1"})
    shown = terkirim("messages", "show", sent).stdout
    assert shown.count("waiting to be sent (queued)") == 2
    assert shown.count(f"E-mail   {sent}") == 2
    document = terkirim.json("messages", "show", sent)
    assert {row["recipient"] for row in document["recipients"]} == {
        "a@example.com",
        "b@example.com",
    }
    one = document["recipients"][0]["id"]
    assert (
        terkirim.json("messages", "show", one)["recipient"]
        == document["recipients"][0]["recipient"]
    )


def test_what_a_stored_text_holds_cannot_move_a_terminal(terkirim):
    sent = terkirim.send(subject="Promo \u202egnp.exe")
    terkirim.end(Deferred("\x1b]0;title\x07\x1b[2J gone", code="503"))
    shown = terkirim("messages", "show", sent).stdout + terkirim("messages", "list").stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_a_dead_message_is_queued_again_by_its_id(terkirim):
    sent = terkirim.send()
    terkirim.end(Rejected("no"))
    assert terkirim("messages", "requeue", sent).stdout == "1 message queued again.\n"
    assert terkirim.json("messages", "show", sent)["state"] == "queued"
    error = terkirim.error("messages", "requeue", sent)
    assert (error["name"], error["state"]) == ("wrong_state", "queued")
    assert terkirim.error("messages", "requeue", "nothing")["name"] == "not_found"


def test_all_dead_messages_of_an_e_mail_are_queued_again_by_its_id(terkirim):
    sent = terkirim.send(to=["a@example.com", "b@example.com", "c@example.com"])
    terkirim.end(Rejected("no"), Rejected("no"), SANDBOXED)
    assert terkirim.json("messages", "requeue", sent) == {"id": sent, "requeued": 2}


def test_many_are_counted_before_and_nothing_happens_without_a_yes(terkirim):
    for reason in ("no such user", "no such user", "content"):
        terkirim.send()
        terkirim.end(Rejected(reason))
    refused = terkirim("messages", "requeue", "--reason", "such user")
    assert refused.returncode == 2
    assert "2 messages would be queued again; give --yes" in refused.stderr
    assert len(ids(terkirim.json("messages", "list", "--state", "dead"))) == 3
    done = terkirim.json("messages", "requeue", "--reason", "such user", "--yes")
    assert done == {"requeued": 2}
    assert len(ids(terkirim.json("messages", "list", "--state", "dead"))) == 1
    assert terkirim.json("messages", "requeue", "--reason", "such user") == {"requeued": 0}


@pytest.mark.parametrize(
    ("language", "answer", "code", "dead"),
    [("en", "y", 0, 0), ("id", "ya", 0, 0), ("en", "n", 1, 1), ("id", "", 1, 1)],
)
def test_on_a_terminal_a_person_is_asked(terkirim, *, language, answer, code, dead):
    terkirim.send()
    terkirim.end(Rejected("no"))
    head, tail = pty.openpty()
    asking = subprocess.Popen(
        [TERKIRIM, "messages", "requeue"],
        env=terkirim.env | {"TERKIRIM_LANGUAGE": language},
        cwd=terkirim.folder,
        stdin=tail,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    question = "Queue 1 message again? [y/N] " if language == "en" else "antrean lagi? [y/T] "
    read = ""
    while not read.endswith(question):
        read += asking.stderr.read(1)
    os.write(head, f"{answer}\n".encode())
    asking.communicate(timeout=30)
    os.close(head)
    os.close(tail)
    assert asking.returncode == code
    assert len(ids(terkirim.json("messages", "list", "--state", "dead"))) == dead


def test_many_are_chosen_by_what_they_share(terkirim):
    email = terkirim.send()
    terkirim.end(Rejected("no"))
    ask = ("messages", "requeue", "--yes")
    assert terkirim.json(*ask, "--before", "2020-01-01")["requeued"] == 0
    assert terkirim.json(*ask, "--after", "2100-01-01")["requeued"] == 0
    assert terkirim.json(*ask, "--provider", "other")["requeued"] == 0
    assert terkirim.json(*ask, "--state", "held")["requeued"] == 0
    assert terkirim.json(*ask, "--email", email, "--provider", "sandbox")["requeued"] == 1


def test_an_id_and_a_choice_of_many_exclude_each_other(terkirim):
    done = terkirim("messages", "requeue", "some-id", "--reason", "x")
    assert done.returncode == 2
    assert "give an ID, or options that name many; not both" in done.stderr


def test_what_the_sandbox_kept_is_queued_again_only_when_it_is_asked_for(terkirim):
    sent = terkirim.send()
    terkirim.end(SANDBOXED)
    assert "give --sandbox" in terkirim.error("messages", "requeue", sent)["message"]
    shown = terkirim("messages", "show", sent).stdout
    assert "kept by the sandbox, never really sent (accepted)" in shown
    assert f"terkirim messages requeue {sent} --sandbox  sends it again" in shown
    assert terkirim.json("messages", "requeue", "--yes")["requeued"] == 0
    assert terkirim.json("messages", "requeue", "--sandbox", "--yes")["requeued"] == 1
    assert terkirim.json("messages", "show", sent)["sandbox"] is False


def hold(terkirim, **options):
    """Leave one message held: it may have been taken, and waits for a person."""
    sent = terkirim.send(if_unclear="hold", **options)
    terkirim.end(Unclear("no answer in time"))

    async def swept(gateway):
        await gateway.store.sweep(now=gateway.clock.now() + timedelta(minutes=5))

    terkirim.inside(swept)
    return sent


def test_a_held_message_is_decided_by_a_person(terkirim):
    first, second = hold(terkirim), hold(terkirim)
    shown = terkirim("messages", "show", first).stdout
    assert "may have been sent, waits for a decision (held)" in shown
    for action in ("requeue", "accept", "cancel"):
        assert f"terkirim messages {action} {first}" in shown
    assert terkirim("messages", "accept", first).stdout == f"{first} counts as sent from now on.\n"
    assert terkirim.json("messages", "show", first)["state"] == "accepted"
    assert terkirim.json("messages", "accept", second) == {"id": second, "state": "accepted"}
    error = terkirim.error("messages", "accept", second)
    assert (error["name"], error["state"]) == ("wrong_state", "accepted")


def test_held_messages_are_sent_again_only_when_they_are_named(terkirim):
    hold(terkirim)
    assert terkirim.json("messages", "requeue", "--yes")["requeued"] == 0
    assert terkirim.json("messages", "requeue", "--state", "held", "--yes")["requeued"] == 1


def test_a_cancel_says_of_each_message_whether_it_was_too_late(terkirim):
    sent = terkirim.send(to=["a@example.com", "b@example.com"])
    terkirim.end(SANDBOXED)
    done = terkirim("messages", "cancel", sent)
    assert done.returncode == 1
    assert sorted(line.partition(": ")[2] for line in done.stdout.splitlines()) == [
        "cancelled",
        "too late, it is accepted",
    ]
    document = terkirim.json("messages", "cancel", sent, code=1)
    assert document["cancelled"] == []
    assert {one["state"] for one in document["too_late"]} == {"accepted", "cancelled"}


def test_a_cancel_in_time_is_0(terkirim):
    sent = terkirim.send()
    document = terkirim.json("messages", "cancel", sent)
    assert document == {
        "cancelled": [{"id": sent, "recipient": "budi@example.com"}],
        "too_late": [],
    }
    assert terkirim.json("messages", "show", sent)["state"] == "cancelled"


def test_a_message_that_is_being_sent_is_cancelled_if_it_is_not_taken(terkirim):
    sent = terkirim.send()

    async def leased(gateway):
        from terkirim.ports import ClaimWish

        now = gateway.clock.now()
        await gateway.store.claim(ClaimWish(limit=1, now=now, lease_for=timedelta(hours=1)))
        return await gateway.store.cancel(sent, now=now)

    terkirim.inside(leased)
    shown = terkirim("messages", "show", sent).stdout
    assert "It is being sent right now." in shown
    assert "A cancel is noted" in shown
    assert terkirim("messages", "cancel", sent).returncode == 1


def test_a_page_of_messages_does_not_wait_for_one_who_writes(terkirim):
    terkirim.send()
    began = time.monotonic()

    async def while_writing(gateway):
        def ask(db):
            db.execute("UPDATE emails SET subject = subject")
            return terkirim("messages", "list")

        return await gateway.store.write_alone(ask)

    done = terkirim.inside(while_writing)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 10
