"""The same commands over PostgreSQL."""

import asyncio

import pytest

from terkirim.domain.outcome import Rejected


@pytest.fixture
def terkirim_there(postgres, terkirim):
    """Return the command line over an empty database of the tests' server."""
    terkirim.database = asyncio.run(postgres.database())
    terkirim.env["TERKIRIM_DATABASE"] = terkirim.database
    return terkirim


def test_a_campaign_goes_once_and_a_dead_message_is_queued_again(terkirim_there):
    terkirim = terkirim_there
    terkirim.write("s.html", "<p>{{ nama }}</p>")
    terkirim.write("p.csv", "email;nama\na@example.com;A\nnobody;B\nb@example.com;B\n")
    letter = ("send", "--csv", "p.csv", "--html", "s.html", "--subject", "Halo {{ nama }}")
    first = terkirim.json(*letter, code=1)
    again = terkirim.json(*letter, code=1)
    assert (first["queued"], first["bad_rows"]) == (2, 1)
    assert (again["queued"], again["sent_before"]) == (0, 2)

    terkirim.end(Rejected("no such user"))
    (dead,) = terkirim.json("messages", "list", "--state", "dead")["data"]
    assert "given up (dead)" in terkirim("messages", "show", dead["id"]).stdout
    assert terkirim.json("messages", "requeue", "--yes") == {"requeued": 1}
    assert terkirim.json("messages", "cancel", dead["id"])["too_late"] == []


def test_keys_providers_and_the_doctor_speak_to_the_server(terkirim_there):
    terkirim = terkirim_there
    made = terkirim.json("keys", "make", "ci")
    assert [one["id"] for one in terkirim.json("keys", "list")["data"]] == [made["id"]]
    terkirim.json("providers", "pause", "sandbox", "--for", "1h")
    document = terkirim.json("doctor")
    levels = {(one["check"], one["level"]) for one in document["checks"]}
    assert {("database", "ok"), ("provider", "warning"), ("clock", "ok")} <= levels
    assert "disk" not in {check for check, _ in levels}
    assert terkirim.json("providers", "resume", "sandbox")["paused"] is False


def test_a_server_that_is_away_is_3_and_a_fault_for_the_doctor(terkirim):
    away = {"TERKIRIM_DATABASE": "postgresql://user:geheim@127.0.0.1:1/terkirim"}
    error = terkirim.error("messages", "list", **away)
    assert (error["exit_code"], error["name"]) == (3, "service_unavailable")
    done = terkirim("doctor", **away)
    assert done.returncode == 1
    assert "FAULT    The database cannot be used" in done.stdout
    assert "geheim" not in done.stdout + done.stderr + str(error)
