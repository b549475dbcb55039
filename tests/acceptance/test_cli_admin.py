"""`terkirim keys`, `providers`, `doctor` and `emulate` from outside."""

import json
import re
import signal
import socket
import subprocess
import time
import urllib.request
from datetime import timedelta

import pytest

from terkirim.access.setting_key import SettingKey
from terkirim.cli.noting import person
from terkirim.domain.message import State
from tests.acceptance.command import TERKIRIM
from tests.acceptance.conftest import Served, free_port

CHECKS = {"settings", "sandbox", "disk", "database", "space", "waiting", "time_zone", "clock"}


def test_a_key_is_printed_once_and_alone_so_that_a_shell_can_keep_it(terkirim):
    made = terkirim("keys", "make", "ci")
    assert made.returncode == 0
    assert re.fullmatch(r"tk_[\w-]{43}\n", made.stdout)
    assert "not shown again" in made.stderr
    text = made.stdout.strip()
    listed = terkirim("keys", "list")
    assert text not in listed.stdout
    assert f"{text[:8]}…  ci" in listed.stdout
    assert "    send  made 20" in listed.stdout


def test_a_key_has_the_scopes_that_were_asked_for_and_may_be_revoked(terkirim):
    made = terkirim.json("keys", "make", "laporan", "--scope", "read", "--scope", "send")
    assert (made["name"], made["scopes"]) == ("laporan", ["read", "send"])
    assert made["token"].startswith(made["prefix"])
    (listed,) = terkirim.json("keys", "list")["data"]
    assert "token" not in listed
    revoked = terkirim.json("keys", "revoke", made["id"])
    assert revoked["revoked_at"] is not None
    assert "revoked 20" in terkirim("keys", "list").stdout
    assert terkirim.error("keys", "revoke", made["id"])["name"] == "wrong_state"
    assert terkirim.error("keys", "revoke", "nothing")["name"] == "not_found"


def test_a_made_key_opens_the_door_and_a_revoked_one_does_not(tmp_path, terkirim):
    made = terkirim.json("keys", "make", "x", "--scope", "read")
    served = Served(tmp_path).start()
    try:
        assert served.call("GET", "/v1/emails", key=made["token"])[0] == 200
        terkirim.json("keys", "revoke", made["id"])
        status, give_up_at = 200, time.monotonic() + 20
        while status == 200 and time.monotonic() < give_up_at:
            status, _ = served.call("GET", "/v1/emails", key=made["token"])
        assert status in {401, 403}
    finally:
        served.stop()


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101])
def test_a_key_needs_a_name_that_can_be_shown(terkirim, name):
    error = terkirim.error("keys", "make", name)
    assert (error["exit_code"], "NAME" in error["message"]) == (2, True)


def test_a_key_that_left_the_settings_is_listed_as_refused(terkirim):
    async def keep(gateway):
        ring, now = gateway.store, gateway.clock.now()
        await SettingKey(lambda: "tk_a").kept(ring, now=now, new_id=gateway.new_id())

    terkirim.inside(keep)
    assert "refused" not in terkirim("keys", "list", TERKIRIM_API_KEY="tk_a").stdout
    assert "no longer in the settings, refused" in terkirim("keys", "list").stdout
    (listed,) = terkirim.json("keys", "list", TERKIRIM_API_KEY="tk_b")["data"]
    assert (listed["name"], listed["in_force"]) == ("TERKIRIM_API_KEY", False)
    error = terkirim.error("keys", "make", "TERKIRIM_API_KEY")
    assert (error["exit_code"], "give another name" in error["message"]) == (2, True)


def test_there_are_words_where_there_is_no_key(terkirim):
    assert terkirim("keys", "list").stdout == "No keys: `terkirim keys make NAME` makes one.\n"
    assert terkirim.error("keys", "make", "x", "--scope", "all")["name"] == "usage_error"


def test_a_provider_is_paused_and_resumed_by_hand(terkirim):
    assert terkirim("providers", "list").stdout == "sandbox is used\n"
    paused = terkirim("providers", "pause", "sandbox", "--reason", "libur")
    assert paused.stdout.startswith("all mail is held since 20")
    listed = terkirim("providers", "list").stdout
    assert listed.startswith("sandbox is not used: paused by hand\n")
    assert "    libur\n    terkirim providers resume sandbox\n" in listed
    assert terkirim.error("providers", "pause", "sandbox")["name"] == "wrong_state"
    assert terkirim("providers", "resume", "sandbox").stdout == "sandbox is used again.\n"
    assert terkirim.error("providers", "resume", "sandbox")["name"] == "wrong_state"


def test_who_paused_a_provider_or_changed_keys_is_in_the_activity(terkirim):
    made = terkirim.json("keys", "make", "laporan", "--scope", "read")
    terkirim("keys", "revoke", made["id"])
    terkirim("providers", "pause", "sandbox")
    terkirim("providers", "resume", "sandbox")
    rows = terkirim.json("activity")["data"]
    assert [(row["who"], row["what"], row["subject"]) for row in reversed(rows)] == [
        (person(), "key made", "laporan"),
        (person(), "key revoked", "laporan"),
        (person(), "provider paused", "sandbox"),
        (person(), "provider resumed", "sandbox"),
    ]


def test_a_pause_may_be_for_a_sender_and_for_a_while(terkirim):
    arguments = ("--sender", "Toko@Example.com", "--for", "2h")
    paused = terkirim.json("providers", "pause", "sandbox", *arguments)
    assert (paused["sender"], paused["paused"]) == ("Toko@example.com", True)
    (provider,) = terkirim.json("providers", "list")["data"]
    (pause,) = provider["pauses"]
    assert (pause["sender"], pause["fault"]) == ("Toko@example.com", "by hand")
    assert pause["until"] > pause["since"]
    assert provider["breaker"] == {"state": "closed", "faults": 0, "until": None}
    shown = terkirim("providers", "list").stdout
    assert "mail from Toko@example.com is held from 20" in shown
    assert "terkirim providers resume sandbox --sender Toko@example.com" in shown
    resumed = terkirim.json("providers", "resume", "sandbox", "--sender", "Toko@example.com")
    assert resumed["paused"] is False


def test_a_message_says_that_it_waits_for_a_pause(terkirim):
    sent = terkirim.send()
    terkirim("providers", "pause", "sandbox")
    shown = terkirim("messages", "show", sent).stdout
    assert "It waits: sandbox is not used: paused by hand." in shown
    assert "1 message is due" in terkirim("providers", "list").stdout


def test_a_pause_for_a_while_ends_by_itself(tmp_path, terkirim):
    terkirim("providers", "pause", "sandbox", "--for", "1s")
    sent = terkirim.send()
    served = Served(tmp_path, TERKIRIM_PAUSE_PROBE="200ms").start()
    try:
        state, give_up_at = "queued", time.monotonic() + 20
        while state != State.ACCEPTED and time.monotonic() < give_up_at:
            state = served.call("GET", f"/v1/messages/{sent}")[1]["state"]
    finally:
        served.stop()
    assert state == State.ACCEPTED


@pytest.mark.parametrize(
    ("arguments", "name", "says"),
    [
        (["pause", "nix"], "not_found", "no route uses a provider 'nix'; there is sandbox"),
        (["resume", "nix"], "not_found", "there is sandbox"),
        (["pause", "sandbox", "--for", "long"], "invalid_parameter", "no span of time"),
        (["pause", "sandbox", "--sender", "x"], "validation_error", "--sender"),
        (["pause", "sandbox", "--reason", "a\nb"], "usage_error", "--reason"),
    ],
)
def test_a_wrong_pause_is_refused(terkirim, arguments, name, says):
    error = terkirim.error("providers", *arguments)
    assert error["name"] == name
    assert says in error["message"]


class Emulated:
    """`terkirim emulate mailketing` as a process; its address tells both versions apart."""

    def __init__(self, terkirim, *options):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [TERKIRIM, "emulate", "mailketing", "--port", str(self.port), *options],
            env=terkirim.env,
            cwd=terkirim.folder,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr.readline().startswith("Mailketing emulated at ")
        self.settings = {
            "MAILKETING_API_KEY": "emulated",
            "MAILKETING_API_URL": f"{self.url}/api",
        }

    def post(self, path, values, **headers):
        body = json.dumps(values).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=body, headers=headers)
        urllib.request.urlopen(request, timeout=10).close()

    def approve(self, sender):
        """Send one mail: whose mail was taken stands among the approved senders."""
        mail = {"from_email": sender, "from_name": "x", "recipient": "a@example.com"}
        mail |= {"subject": "x", "content": "<p>x</p>"}
        self.post("/api/v2/send", mail, **{"X-Api-Token": "emulated"})

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)


@pytest.fixture
def emulated(terkirim):
    one = Emulated(terkirim)
    yield one
    one.stop()


def checks_of(document):
    return {(one["check"], one["level"]) for one in document["checks"]}


def test_a_new_gateway_is_well_and_says_loudly_that_it_is_a_sandbox(terkirim):
    done = terkirim("doctor")
    assert done.returncode == 0
    assert "warning  SANDBOX MODE: NOTHING IS REALLY SENT." in done.stdout
    assert "         > Set MAILKETING_API_KEY, or name a provider in TERKIRIM_ROUTE." in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80 + len(str(terkirim.folder))
    document = terkirim.json("doctor")
    assert document["ok"] is True
    assert {check for check, _ in checks_of(document)} >= CHECKS
    assert "awas   MODE SANDBOX" in terkirim("doctor", TERKIRIM_LANGUAGE="id").stdout


def test_all_wrong_settings_are_told_at_once_in_the_language_that_can_be_read(terkirim):
    wrong = {"TERKIRIM_PORT": "x", "TERKIRIM_LEASE": "1s", "TERKIRIM_LANGUAGE": "id"}
    done = terkirim("doctor", **wrong)
    assert done.returncode == 1
    assert done.stdout.count("SALAH  Setelan: TERKIRIM_") == 2
    document = terkirim.json("doctor", code=1, **wrong)
    assert document["ok"] is False
    assert [one["level"] for one in document["checks"]] == ["fault", "fault"]
    assert terkirim("doctor", TERKIRIM_LANGUAGE="fr").stdout.startswith("SALAH")


def test_a_variable_that_nobody_reads_is_warned_of(terkirim):
    done = terkirim("doctor", TERKIRIM_PROT="1")
    assert "TERKIRIM_PROT is not a setting" in done.stdout.replace("\n         ", " ")
    assert done.returncode == 0


def test_a_database_that_cannot_be_opened_hides_no_other_check(terkirim, emulated):
    terkirim.write("t.db", "this is no database, but a text that is long enough to be read")
    document = terkirim.json("doctor", code=1, **emulated.settings)
    found = checks_of(document)
    assert ("database", "fault") in found
    assert ("provider_key", "ok") in found


def test_a_folder_that_is_not_there_is_told(terkirim):
    document = terkirim.json("doctor", code=1, TERKIRIM_DATABASE="sqlite:////nowhere/t.db")
    (fault,) = [one for one in document["checks"] if one["level"] == "fault"]
    assert "the folder /nowhere does not exist" in fault["message"]


def test_an_account_under_version_1_is_advised_to_take_version_2(terkirim, emulated):
    emulated.approve("toko@example.com")
    document = terkirim.json("doctor", **emulated.settings)
    found = checks_of(document)
    assert {("provider_key", "ok"), ("sender_approved", "ok"), ("clock", "ok")} <= found
    (advice,) = [one for one in document["checks"] if one["check"] == "provider_version"]
    assert "Set MAILKETING_API_VERSION=2" in advice["mend"]
    in_address = {**emulated.settings, "MAILKETING_API_URL": f"{emulated.url}/api/v1"}
    document = terkirim.json("doctor", **in_address)
    (advice,) = [one for one in document["checks"] if one["check"] == "provider_version"]
    assert f"Set MAILKETING_API_URL={emulated.url}/api/v2" in advice["mend"]


def test_an_account_under_version_2_is_well(terkirim, emulated):
    emulated.approve("toko@example.com")
    found = checks_of(terkirim.json("doctor", **emulated.settings, MAILKETING_API_VERSION="2"))
    assert {("provider_key", "ok"), ("sender_approved", "ok")} <= found
    assert "provider_version" not in {check for check, _ in found}
    assert ("sandbox", "ok") in found


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_wrong_key_an_empty_account_and_a_foreign_sender_are_faults(terkirim, emulated, version):
    settings = {**emulated.settings, "MAILKETING_API_VERSION": version}
    emulated.approve("lain@example.com")
    found = checks_of(terkirim.json("doctor", code=1, **settings))
    assert ("sender_approved", "fault") in found
    emulated.post("/control/credits", {"credits": 0})
    document = terkirim.json("doctor", code=1, **settings)
    assert ("provider_key", "fault") in checks_of(document)
    assert "no credits are left" in str(document)
    wrong = {**settings, "MAILKETING_API_KEY": "tk_very_wrong_key"}
    done = terkirim("doctor", **wrong)
    assert done.returncode == 1
    assert "FAULT    Mailketing refuses the key" in done.stdout
    assert "tk_very_wrong_key" not in done.stdout + done.stderr


def test_a_provider_that_cannot_be_reached_is_a_fault(terkirim):
    nowhere = {
        "MAILKETING_API_KEY": "x",
        "MAILKETING_API_URL": f"http://127.0.0.1:{free_port()}/api",
    }
    document = terkirim.json("doctor", code=1, **nowhere)
    (fault,) = [one for one in document["checks"] if one["level"] == "fault"]
    assert (fault["check"], "no connection" in fault["message"]) == ("provider_key", True)


def test_the_public_address_is_followed_to_this_gateway(tmp_path, terkirim, emulated):
    emulated.approve("toko@example.com")
    settings = {**emulated.settings, "MAILKETING_API_VERSION": "2"}
    unset = terkirim.json("doctor", **settings)
    assert ("public_url", "warning") in checks_of(unset)
    served = Served(tmp_path).start()
    try:
        public = {**settings, "TERKIRIM_PUBLIC_URL": served.url}
        document = terkirim.json("doctor", **public)
        messages = [one["message"] for one in document["checks"] if one["check"] == "public_url"]
        assert "only from this network" in messages[0]
        assert messages[1] == "Links to attachments lead to this gateway."
        other = terkirim.json("doctor", code=1, **public, TERKIRIM_SIGNING_KEY="x" * 32)
        assert ("public_url", "fault") in checks_of(other)
    finally:
        served.stop()
    gone = terkirim.json("doctor", **public)
    assert "does not answer" in str(gone)
    wrong = terkirim.json("doctor", code=1, **settings, TERKIRIM_PUBLIC_URL=emulated.url)
    assert "something else than a gateway" in str(wrong)


def test_mail_that_waits_for_nobody_is_warned_of(terkirim):
    terkirim.send()

    async def age(gateway):
        past = int((gateway.clock.now() - timedelta(hours=1)).timestamp() * 1_000_000)
        await gateway.store.write_alone(
            lambda db: db.execute("UPDATE outbox SET due_at = ?", (past,))
        )

    terkirim.inside(age)
    document = terkirim.json("doctor")
    (waiting,) = [one for one in document["checks"] if one["check"] == "waiting"]
    assert waiting["level"] == "warning"
    assert "The oldest due message waits for 1 hour" in waiting["message"]
    assert "terkirim serve" in waiting["mend"]


def test_a_clock_behind_its_own_mail_is_a_fault(terkirim):
    terkirim.send()

    async def future(gateway):
        ahead = int((gateway.clock.now() + timedelta(days=2)).timestamp() * 1_000_000)
        await gateway.store.write_alone(
            lambda db: db.execute("UPDATE emails SET created_at = ?", (ahead,))
        )

    terkirim.inside(future)
    document = terkirim.json("doctor", code=1)
    assert ("clock", "fault") in checks_of(document)


def test_the_emulator_takes_a_plan_of_callbacks_and_leaves_its_ledger(terkirim):
    emulated = Emulated(
        terkirim,
        "--callbacks",
        "url=http://127.0.0.1:1/x,bounced=0.5,shuffled=true",
        "--ledger",
        "l.json",
    )
    with urllib.request.urlopen(f"{emulated.url}/control/callbacks", timeout=10) as answer:
        plan = json.load(answer)
    assert (plan["bounced"], plan["shuffled"]) == (0.5, True)
    emulated.stop()
    assert json.loads((terkirim.folder / "l.json").read_text())["accepted"] == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--callbacks", "bounced=2"], "give a share from 0 to 1"),
        (["--callbacks", "color=red"], "callbacks have no such setting"),
        (["--faults", "429=x"], "429"),
        (["postmark"], "'postmark' is not 'mailketing'"),
    ],
)
def test_an_emulator_with_a_wrong_plan_does_not_start(terkirim, options, says):
    done = terkirim("emulate", *options, "--port", str(free_port()))
    assert done.returncode == 2
    assert says in done.stderr


def test_a_taken_port_is_told(terkirim):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = terkirim("serve", "--port", str(port))
    assert done.returncode == 2
    assert f"TERKIRIM_PORT: {port}" in done.stderr
