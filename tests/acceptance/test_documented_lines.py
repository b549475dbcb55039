"""The lines that the documentation gives users to copy, run as they stand against `serve`."""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.acceptance.conftest import KEY, TERKIRIM, Served
from tests.acceptance.test_credits import Emulated

ROOT = Path(__file__).parents[2]
SECRETS = {"CRON_SECRET": "cron-s3cret", "MAILKETING_WEBHOOK_SECRET": "hook-s3cret"}
FINDING_FAULTS = ("alerts test", "events health")  # their exit code says that there are some
WRITTEN = "http://127.0.0.1:8625"  # where the documentation has the gateway


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Return a gateway as the first users have theirs: paid, with their secrets set."""
    emulated = Emulated(tmp_path_factory.mktemp("emulated"))
    emulated.credits(429_405)
    served = Served(
        tmp_path_factory.mktemp("known"),
        MAILKETING_API_KEY="emulated",
        MAILKETING_API_URL=f"{emulated.url}/api/v2",
        **SECRETS,
    )
    try:
        yield served.start()
    finally:
        served.stop()
        emulated.stop()


def lines_of(page, word):
    """Return the commands of a page that begin with a word, each on one line."""
    blocks = re.findall(
        r"^```sh\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    commands = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in commands if line.startswith(word)]


def _text(page):
    return (ROOT / page).read_text("utf-8")


def run(served, line):
    """Return what a line prints; only where the gateway listens is the test's."""
    done = subprocess.run(
        ["/bin/sh", "-c", line.replace(WRITTEN, served.url)],
        env=served.env,
        cwd=served.folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def test_each_line_about_credits_answers_as_documented(known):
    shown, counted, checked, scheduled = (
        json.loads(run(known, line)) for line in lines_of("docs/credits.md", "curl")
    )
    assert set(shown) == {"success", "balance", "status", "estimated", "alert"}
    assert counted["period"] == "30 days"
    assert set(counted["stats"]) == {
        "checksPerformed", "averageBalance", "lowestBalance", "alertsTriggered",
    }  # fmt: skip
    for answer in (checked, scheduled):
        assert answer["success"] is True
        assert answer["message"]
    assert (checked["balance"], checked["status"]) == (429_405, "healthy")
    assert checked["timestamp"] <= scheduled["data"]["timestamp"]
    assert set(scheduled["data"]) == {"balance", "status", "alert", "timestamp"}
    assert (scheduled["data"]["balance"], scheduled["data"]["alert"]) == (429_405, None)


def test_each_line_about_credits_is_refused_without_its_secret(known):
    for line in lines_of("docs/credits.md", "curl"):
        assert "$" in line
        without = re.sub(r"\$\w+", "wrong", line)
        assert json.loads(run(known, without)) == {"error": "Unauthorized"}


def test_each_line_about_callbacks_is_taken_and_becomes_an_event(known):
    challenge, *posts = lines_of("docs/callbacks.md", "curl")
    assert run(known, challenge) == "halo"
    assert len(posts) == 4
    for line in posts:
        assert json.loads(run(known, line)) == {"received": True}
    expected = {
        ("opened", "budi@example.com"),
        ("bounced", "siti@example.com"),
        ("complained", "tono@example.com"),
        ("clicked", "ani@example.com"),
    }
    end, found = time.monotonic() + 20, set[tuple[str, str]]()
    while found != expected and time.monotonic() < end:
        _, answer = known.call("GET", "/v1/tracking/unmatched?limit=100")
        found = {(one["type"], one["recipient"]) for one in answer["data"]}
    assert found == expected
    _, listed = known.call("GET", "/v1/suppressions")
    assert {one["email"] for one in listed["data"]} == {"siti@example.com", "tono@example.com"}


def test_each_line_about_callbacks_is_refused_with_a_wrong_secret(known):
    for line in lines_of("docs/callbacks.md", "curl")[1:]:
        answer = json.loads(run(known, re.sub(r"\$\w+", "wrong", line)))
        assert answer["statusCode"] == 401


def test_the_first_email_of_the_readme_is_sent_and_told_of(known):
    (line,) = lines_of("README.md", "curl")
    id_ = json.loads(run(known, line))["id"]
    assert id_ in known.cli("messages", "list").stdout
    assert "Halo" in known.cli("messages", "show", id_).stdout
    assert KEY not in line


def test_each_command_of_the_readme_runs_as_it_stands(known):
    known.env["TERKIRIM_ALERT_URLS"] = "json://127.0.0.1:9/"  # nobody listens: it says so
    for line in [*lines_of("README.md", "printf"), *lines_of("README.md", ".venv/bin/terkirim")]:
        if " serve" in line or " ID" in line:
            continue  # it runs already; the id is that of the test before
        command = line.replace(".venv/bin/terkirim", TERKIRIM)
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            env=known.env,
            cwd=known.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        finds_faults = any(name in line for name in FINDING_FAULTS)
        assert done.returncode in ({0, 1} if finds_faults else {0}), (line, done)
