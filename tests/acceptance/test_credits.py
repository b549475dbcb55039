"""Credits and alerts from outside: the documented routes, REST, and the command line."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

import pytest

from terkirim.cli.noting import person
from tests.acceptance.command import TERKIRIM, Command
from tests.acceptance.conftest import KEY, Served, free_port

CRON = "cron-s3cret-of-the-operator"
ADMIN = "/api/admin/email-credits"
SCHEDULED = "/api/cron/check-email-credits"


class Emulated:
    """`terkirim emulate mailketing` as a process of its own."""

    def __init__(self, folder):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [TERKIRIM, "emulate", "mailketing", "--port", str(self.port)],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert "emulated" in self.process.stderr.readline()

    def credits(self, left):
        self._control("credits", credits=left)

    def token(self, text):
        self._control("token", token=text)

    def _control(self, name, **body):
        sent = json.dumps(body).encode()
        urlopen(Request(f"{self.url}/control/{name}", data=sent, method="PUT"), timeout=10).close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.process.stderr.close()


class Hook(BaseHTTPRequestHandler):
    """Keeps the titles that were posted to it."""

    titles = []  # noqa: RUF012 - one for all requests of a test run

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.titles.append(json.loads(body)["title"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def hook():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}/hook-s3cret"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def emulated(tmp_path_factory):
    one = Emulated(tmp_path_factory.mktemp("emulated"))
    yield one
    one.stop()


@pytest.fixture(scope="module")
def paid(tmp_path_factory, emulated, hook):
    emulated.credits(429_405)
    one = Served(
        tmp_path_factory.mktemp("paid"),
        MAILKETING_API_KEY="emulated",
        MAILKETING_API_URL=f"{emulated.url}/api/v1",
        CRON_SECRET=CRON,
        TERKIRIM_ALERT_URLS=f"warning|{hook}",
    ).start()
    yield one
    one.stop()


def told(title, within=15.0):
    """Wait until the hook was told: that is another process's work."""
    end = time.monotonic() + within
    while title not in Hook.titles:
        assert time.monotonic() < end, Hook.titles
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def _full(request):
    if "emulated" in request.fixturenames or "paid" in request.fixturenames:
        emulated = request.getfixturevalue("emulated")
        emulated.credits(429_405)
        emulated.token("emulated")


def test_the_documented_route_tells_the_balance(paid):
    paid.call("POST", ADMIN)
    status, body = paid.call("GET", ADMIN)
    assert status == 200
    assert body == {
        "success": True,
        "balance": 429_405,
        "status": "healthy",
        "estimated": False,
        "alert": None,
    }


def test_the_documented_route_tells_statistics_where_asked(paid):
    paid.call("POST", ADMIN)
    status, body = paid.call("GET", f"{ADMIN}?stats=true&days=30")
    assert (status, body["period"]) == (200, "30 days")
    assert set(body["stats"]) == {
        "checksPerformed",
        "averageBalance",
        "lowestBalance",
        "alertsTriggered",
    }
    assert body["stats"]["checksPerformed"] >= 2
    assert body["stats"]["lowestBalance"] <= body["stats"]["averageBalance"]


def test_a_post_forces_a_check_and_says_when_it_was(paid, emulated):
    emulated.credits(200_000)
    status, body = paid.call("POST", ADMIN)
    assert (status, body["success"], body["balance"]) == (200, True, 200_000)
    assert body["message"]
    assert body["timestamp"].startswith("20")


def test_a_low_balance_is_its_level_with_an_alert(paid, emulated, hook):
    emulated.credits(9_000)
    _, body = paid.call("POST", ADMIN)
    assert body["status"] == "critical"
    assert body["alert"].startswith("Mailketing: 9,000 credits left.")
    told("Mailketing: 9,000 credits left")
    emulated.credits(429_405)
    assert paid.call("POST", ADMIN)[1]["alert"] is None
    told("Mailketing: credits are fine again")


def test_a_failed_check_answers_unknown_with_the_last_balance(paid, emulated):
    paid.call("POST", ADMIN)
    emulated.token("another")
    status, body = paid.call("POST", ADMIN)
    assert status == 200
    assert (body["success"], body["balance"], body["status"]) == (False, 429_405, "unknown")
    assert "Invalid Token" in body["message"]
    status, body = paid.call("GET", SCHEDULED, key=CRON)
    assert (status, body["success"]) == (503, False)
    assert body["data"]["status"] == "unknown"


@pytest.mark.parametrize("days", ["0", "-1", "abc", "99999", "", "1.5"])
def test_a_wrong_number_of_days_is_refused_by_name(paid, days):
    status, body = paid.call("GET", f"{ADMIN}?stats=true&days={days}")
    assert status == 422
    assert "`days`" in body["message"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("key", [None, "wrong", CRON])
def test_without_an_admin_key_the_documented_route_is_shut(paid, method, key):
    assert paid.call(method, ADMIN, key=key) == (401, {"error": "Unauthorized"})


def test_a_key_that_may_only_send_is_no_admin(paid):
    made = paid.cli("keys", "make", "shop", "--scope", "send", "--json")
    token = json.loads(made.stdout)["token"]
    assert paid.call("GET", ADMIN, key=token) == (401, {"error": "Unauthorized"})


def test_the_cron_route_checks_and_answers_as_documented(paid):
    status, body = paid.call("GET", SCHEDULED, key=CRON)
    assert (status, body["success"]) == (200, True)
    assert set(body) == {"success", "message", "data"}
    assert set(body["data"]) == {"balance", "status", "alert", "timestamp"}
    assert body["data"]["balance"] == 429_405


@pytest.mark.parametrize("key", [None, KEY, "wrong", CRON + "x", CRON[:-1]])
def test_the_cron_route_takes_its_secret_and_nothing_else(paid, key):
    assert paid.call("GET", SCHEDULED, key=key) == (401, {"error": "Unauthorized"})


@pytest.mark.parametrize("key", [None, "", KEY])
def test_without_a_secret_the_cron_route_is_closed(served, key):
    assert served.call("GET", SCHEDULED, key=key) == (401, {"error": "Unauthorized"})


def test_a_gateway_without_a_prepaid_provider_fakes_no_balance(served):
    status, body = served.call("GET", f"{ADMIN}?stats=1")
    assert (status, body["success"], body["balance"], body["status"]) == (
        200,
        False,
        None,
        "unknown",
    )
    assert body["stats"]["checksPerformed"] == 0
    assert served.call("POST", ADMIN)[1]["success"] is False
    assert served.call("GET", "/v1/credits")[0] == 404


def test_credits_tell_balance_level_forecast_and_history(paid):
    paid.call("POST", "/v1/credits/check")
    status, body = paid.call("GET", "/v1/credits?days=7")
    assert (status, body["object"], body["provider"]) == (200, "credits", "mailketing")
    assert (body["balance"], body["level"], body["estimated"]) == (429_405, "ok", False)
    assert body["forecast"]["known"] is False
    assert "too little to tell" in body["forecast"]["says"]
    assert len(body["usage"]) == 7
    assert body["readings"][0]["credits"] == 429_405
    assert body["waiting"] == {"due": 0, "scheduled": 0}
    assert isinstance(body["alerts"], list)


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("GET", "/v1/credits?days=0", "days"),
        ("GET", "/v1/alerts?limit=x", "limit"),
        ("GET", "/v1/alerts?open=maybe", "open"),
        ("GET", "/v1/activity?limit=0", "limit"),
    ],
)
def test_a_wrong_parameter_is_named(paid, method, path, field):
    status, body = paid.call(method, path)
    assert status == 422
    assert f"`{field}`" in body["message"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "count"),
        ({"count": 0}, "count"),
        ({"count": "25000"}, "count"),
        ({"count": True}, "count"),
        ({"count": 10**9}, "count"),
        ({"count": 1, "priority": "urgent"}, "priority"),
        ({"count": 1, "prio": "high"}, "prio"),
    ],
)
def test_a_wrong_estimate_is_named(paid, body, field):
    status, answer = paid.call("POST", "/v1/credits/estimate", body)
    assert status == 422
    assert f"`{field}`" in answer["message"]


def test_an_estimate_says_enough_or_how_many_go_out(paid, emulated):
    paid.call("POST", "/v1/credits/check")
    _, enough = paid.call("POST", "/v1/credits/estimate", {"count": 25_000})
    assert (enough["enough"], enough["goes_out"], enough["cost"]) == (True, 25_000, 25_000)
    done = paid.cli("credits", "estimate", "25000")
    assert (done.returncode, done.stdout) == (
        0,
        "Enough: 25,000 mails cost about 25,000 credits, 429,405 are left.\n",
    )
    emulated.credits(11_000)
    paid.call("POST", "/v1/credits/check")
    done = paid.cli("credits", "estimate", "25000", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["enough"], found["goes_out"], found["reserve"]) == (False, 10_000, 1_000)


def test_a_broadcast_that_cannot_be_paid_is_refused_unless_it_is_forced(paid, emulated):
    emulated.credits(1_010)
    paid.call("POST", "/v1/credits/check")
    time.sleep(5.1)  # a standing is not asked for again for five seconds
    mail = {
        "to": [f"p{n}@example.com" for n in range(40)],
        "subject": "Promo",
        "html": "<p>x</p>",
        "stream": "broadcast",
    }
    status, body = paid.call("POST", "/v1/emails", mail)
    assert (status, body["name"]) == (403, "email_above_quota")
    status, body = paid.call("POST", "/v1/emails?force=1", mail)
    assert status == 200
    assert paid.call("POST", "/v1/emails", mail | {"stream": "transactional"})[0] == 200


def test_a_csv_says_what_it_costs_before_it_starts_and_a_broadcast_is_refused(paid, emulated):
    (paid.folder / "p.csv").write_text("email\n" + "".join(f"p{n}@b.co\n" for n in range(20)))
    (paid.folder / "s.html").write_text("<p>x</p>")
    run = ("send", "--csv", "p.csv", "--html", "s.html", "--subject", "Halo", "--campaign")
    paid.call("POST", "/v1/credits/check")
    done = paid.cli(*run, "first")
    assert done.returncode == 0
    assert "Enough: 20 mails cost about 20 credits" in done.stderr
    emulated.credits(1_010)
    paid.call("POST", "/v1/credits/check")
    refused = paid.cli(*run, "second", "--stream", "broadcast")
    assert refused.returncode == 1
    assert "Not enough: 20 mails" in refused.stderr
    again = paid.cli(*run, "first", "--stream", "broadcast")  # nothing of it is left to send
    assert again.returncode == 0
    trial = paid.cli(*run, "second", "--stream", "broadcast", "--dry-run")
    assert (trial.returncode, "top up, send fewer, or force it" in trial.stderr) == (1, True)
    forced = paid.cli(*run, "second", "--stream", "broadcast", "--force", "--json")
    assert json.loads(forced.stdout)["queued"] == 20


def test_mail_that_waits_for_the_reserve_says_so(paid, emulated):
    emulated.credits(600)
    paid.call("POST", "/v1/credits/check")
    mail = {"to": "budi@example.com", "subject": "Halo", "html": "<p>x</p>"}
    for _ in range(300):
        _, body = paid.call("POST", "/v1/emails", mail)
        if "warnings" in body:
            break
        time.sleep(0.1)  # it is looked at every ten seconds
    assert "topped up" in body["warnings"][0]
    _, story = paid.call("GET", f"/v1/messages/{body['id']}")
    assert "topped up" in story["waits_for"]
    assert paid.call("POST", "/v1/emails", mail | {"priority": "high"})[1].get("warnings") is None


def test_alerts_are_listed_with_who_was_told_and_without_secrets(paid, emulated):
    paid.call("POST", "/v1/credits/check")  # what another test found is over
    emulated.credits(900)
    paid.call("POST", "/v1/credits/check")
    status, body = paid.call("GET", "/v1/alerts?open=1&days=7&limit=5")
    assert status == 200
    alert = next(one for one in body["data"] if one["kind"] == "credits_level")
    assert (alert["severity"], alert["ended_at"]) == ("emergency", None)
    assert alert["notices"][0]["channel"] == "1: json://***"
    shown = paid.cli("alerts", "list", "--open").stdout
    assert "emergency  Mailketing: 900 credits left" in shown
    assert "s3cret" not in json.dumps(body) + shown


def test_a_test_of_the_alerts_prints_what_each_channel_answered(paid):
    status, body = paid.call("POST", "/v1/alerts/test")
    assert (status, body["data"]) == (
        200,
        [{"channel": "1: json://***", "ok": True, "answer": None}],
    )
    done = paid.cli("alerts", "test")
    assert (done.returncode, done.stdout) == (0, "1: json://***  it took the text\n")
    assert "Terkirim: this channel works" in Hook.titles


def test_the_activity_tells_who_asked(paid):
    paid.call("GET", SCHEDULED, key=CRON)
    paid.cli("credits", "check")
    _, body = paid.call("GET", "/v1/activity?limit=50")
    asked = {row["who"] for row in body["data"] if row["what"] == "credits checked"}
    assert {"cron", "schedule"} <= {who.split(" ")[0] for who in asked}
    assert person() in asked


def test_credits_are_shown_on_the_command_line(paid, emulated):
    emulated.credits(429_405)
    done = paid.cli("credits", "check")
    assert done.returncode == 0
    assert re.match(
        r"Mailketing: 429,[34]\d\d credits, enough\nread 20", done.stdout
    )  # mail goes out
    shown = paid.cli("credits", "show", "--days", "7").stdout
    assert "When they run out: too little to tell yet" in shown
    assert "In 7 days: " in shown


def test_a_check_that_fails_is_an_exit_code(paid, emulated):
    emulated.token("another")
    done = paid.cli("credits", "check")
    assert done.returncode == 1
    assert "The last check failed" in done.stdout


def test_no_secret_of_a_channel_or_of_cron_is_in_the_log(paid):
    log = (paid.folder / "serve.log").read_text()
    assert "hook-s3cret" not in log
    assert CRON not in log


# People.


@pytest.fixture
def terkirim(tmp_path):
    return Command(tmp_path)


def test_a_person_is_added_listed_and_removed(terkirim, hook):
    added = terkirim.json(
        "users", "add", "Budi", "--email", "Budi@Example.com", "--alert-url", f"critical|{hook}"
    )
    assert (added["name"], added["role"], added["can_sign_in"]) == ("Budi", "admin", False)
    assert added["alert_url"] == "critical|json://***"
    shown = terkirim("users", "list").stdout
    assert shown == "Budi  Budi@example.com  admin\n    critical|json://***\n"
    assert terkirim.error("users", "add", "budi", "--email", "b@b.co")["name"] == "wrong_state"
    done = terkirim("alerts", "test")
    assert (done.returncode, done.stdout) == (0, "Budi: json://***  it took the text\n")
    assert terkirim("users", "remove", "budi").returncode == 0
    assert terkirim.error("users", "remove", "budi")["name"] == "not_found"
    assert "No users" in terkirim("users", "list").stdout


def test_a_password_comes_from_standard_input_and_is_kept_as_a_hash(terkirim):
    arguments = ("users", "add", "ani", "--email", "a@b.co", "--role", "viewer", "--password-stdin")
    done = terkirim(*arguments, "--json", stdin="a long enough password\n")
    assert json.loads(done.stdout)["can_sign_in"] is True
    assert "$argon2id$" not in done.stdout
    arguments = ("users", "add", "eko", "--email", "a@b.co", "--password-stdin")
    short = terkirim(*arguments, stdin="short\n")
    assert (short.returncode, "8 to 256" in short.stderr) == (2, True)


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_a_person_gets_any_role_that_the_pages_know(terkirim, role):
    assert terkirim.json("users", "add", "ani", "--role", role)["role"] == role


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("pigeon://s3cret/coop", "no kind that Apprise knows"),
        ("nonsense-s3cret", "no Apprise URL"),
        ("loud|json://s3cret/x", "`loud` is no level"),
        ("json://" + "s3cret" * 500, "at most 2000"),
    ],
)
def test_an_alert_address_that_cannot_be_used_is_refused_without_its_secret(terkirim, url, says):
    done = terkirim("users", "add", "ani", "--email", "a@b.co", "--alert-url", url)
    assert done.returncode == 2
    assert says in done.stderr
    assert "s3cret" not in done.stderr


def test_a_test_without_channels_says_how_to_get_one(terkirim):
    done = terkirim("alerts", "test")
    assert done.returncode == 1
    assert "TERKIRIM_ALERT_URLS" in done.stdout


def test_an_alert_url_of_a_kind_that_nobody_knows_is_refused_at_the_start(terkirim):
    done = terkirim("serve", TERKIRIM_ALERT_URLS="json://ok/x,pigeon://s3cret/coop")
    assert done.returncode == 2
    assert "TERKIRIM_ALERT_URLS" in done.stderr
    assert "2: pigeon://***" in done.stderr
    assert "s3cret" not in done.stderr


def test_without_a_prepaid_provider_the_commands_say_so(terkirim):
    for command in (("show",), ("check",), ("estimate", "5")):
        assert terkirim.error("credits", *command)["name"] == "not_found"
    assert terkirim.json("alerts", "list") == {"object": "list", "data": []}


@pytest.mark.parametrize(
    "command",
    [
        *(("credits", one) for one in ("show", "check", "estimate")),
        *(("alerts", one) for one in ("list", "test")),
        *(("users", one) for one in ("add", "list", "remove")),
    ],
    ids=" ".join,
)
def test_help_is_plain_text_of_80_columns(terkirim, command):
    done = terkirim(*command, "--help", COLUMNS="200")
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_users_are_listed_without_what_sends(tmp_path):
    sentence = "import sys; import terkirim.cli.users; print(*sys.modules)"
    env = {**os.environ, "TERKIRIM_DATABASE": f"sqlite:///{tmp_path}/t.db"}
    done = subprocess.run(
        [sys.executable, "-c", sentence], env=env, capture_output=True, text=True, check=True
    )
    heavy = {"litestar", "pyreqwest", "apprise", "argon2", "terkirim.compose"}
    assert heavy & set(done.stdout.split()) == set()
