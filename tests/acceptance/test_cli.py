"""What every command owes: a fast start, plain text, JSON, and exit codes that scripts can use."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from terkirim.cli.main import COMMANDS, app
from terkirim.domain.version import __version__
from tests.acceptance.command import TERKIRIM

RUNNING = {"serve", "worker", "emulate"}  # until they are stopped: they answer nothing


def commands(group=app, path=()):
    """Yield the words of each group and each command, as they are typed."""
    yield path
    for name in group.list_commands(None) if isinstance(group, click.Group) else ():
        yield from commands(group.get_command(None, name), (*path, name))


ALL = list(commands())
LEAVES = [path for path in ALL if not any(other[: len(path)] == path != other for other in ALL)]


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_help_is_plain_text_of_80_columns(terkirim, command):
    done = terkirim(*command, "--help", COLUMNS="200")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {' '.join(('terkirim', *command))}")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout
    assert "..." not in done.stdout.partition("Commands:")[2]


def test_the_short_help_of_each_command_is_its_own():
    for name, (_, says) in COMMANDS.items():
        command = app.get_command(None, name)
        assert (command.name, command.help.partition("\n")[0]) == (name, says)


def test_help_imports_no_part_that_only_a_command_needs():
    sentence = "import sys; from terkirim.cli.main import main; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", sentence], capture_output=True, text=True, check=True
    )
    heavy = {"pydantic", "litestar", "pyreqwest", "asyncio", "jinja2", "structlog", "rich", "apsw"}
    assert heavy & set(done.stdout.split()) == set()


@pytest.mark.parametrize("group", ["messages", "events", "suppressions"])
def test_a_look_imports_nothing_that_sends(group):
    sentence = f"import sys; import terkirim.cli.{group}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", sentence], capture_output=True, text=True, check=True
    )
    heavy = {"litestar", "pyreqwest", "jinja2", "structlog", "rich", "terkirim.compose"}
    assert heavy & set(done.stdout.split()) == set()


def test_the_version_is_printed(terkirim):
    assert terkirim("--version").stdout == f"{__version__}\n"


@pytest.mark.parametrize("command", [one for one in LEAVES if one[0] not in RUNNING], ids=" ".join)
def test_every_command_but_those_that_run_knows_json(terkirim, command):
    assert "--json" in terkirim(*command, "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["mesages"], "No such command 'mesages'. Did you mean 'messages'?"),
        (
            ["messages", "list", "--limits", "3"],
            "No such option '--limits'. Did you mean '--limit'?",
        ),
        (["messages", "list", "--limit", "0"], "0 is not in the range 1<=x<=1000"),
        (["messages", "list", "--state", "gone"], "'gone' is not one of 'queued'"),
        (["messages", "show"], "Missing argument 'ID'"),
        (["send", "--subject", "x"], "give --to for one e-mail, or --csv for many"),
        (["send", "--to", "a@example.com"], "Missing option '--subject'"),
        (["messages", "list", "--after", "soon"], "'soon' is no time; write 2026-08-17"),
    ],
)
def test_wrong_usage_is_2_and_says_what_would_be_right(terkirim, arguments, says):
    terkirim.write("t.db", "")  # there, so that it is not pointed out as new
    done = terkirim(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("terkirim: ")
    assert says in done.stderr
    assert "--help" in done.stderr
    error = terkirim.error(*arguments)
    assert (error["name"], error["exit_code"]) == ("usage_error", 2)
    assert says in error["message"]


def test_without_a_command_the_help_is_shown_as_wrong_usage(terkirim):
    done = terkirim()
    assert (done.returncode, done.stdout) == (2, "")
    assert "Commands:" in done.stderr


def test_a_wrong_setting_is_2_and_every_fault_is_told_at_once(terkirim):
    wrong = {"TERKIRIM_PORT": "x", "TERKIRIM_LEASE": "1s"}
    done = terkirim("messages", "list", **wrong)
    assert done.returncode == 2
    assert "TERKIRIM_PORT" in done.stderr
    assert "TERKIRIM_LEASE" in done.stderr
    error = terkirim.error("messages", "list", **wrong)
    assert (error["name"], len(error["faults"])) == ("config_error", 2)


def test_what_is_not_found_is_1(terkirim):
    error = terkirim.error("messages", "show", "nothing")
    assert (error["name"], error["exit_code"]) == ("not_found", 1)
    assert terkirim("messages", "show", "nothing").stderr == f"terkirim: {error['message']}\n"


def test_a_database_that_cannot_be_used_is_3(terkirim):
    terkirim.write("t.db", "this is no database, but a text that is long enough to be read")
    error = terkirim.error("messages", "list")
    assert (error["name"], error["exit_code"]) == ("service_unavailable", 3)
    assert "not a SQLite database" in error["message"]


def test_json_after_a_double_dash_is_no_wish_for_json(terkirim):
    terkirim.write("t.db", "")
    done = terkirim("messages", "show", "--", "--json")
    assert done.returncode == 1
    assert done.stderr.startswith("terkirim: ")


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_closed_pipe_ends_a_command_with_141(terkirim, unbuffered):
    terkirim.send()
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [TERKIRIM, "messages", "list"],
        env=terkirim.env | {"PYTHONUNBUFFERED": unbuffered},
        cwd=terkirim.folder,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_disk_that_is_full_for_the_output_is_told(terkirim):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [TERKIRIM, "messages", "list"],
            env=terkirim.env,
            cwd=terkirim.folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_what_waits_with_130_and_no_traceback(terkirim):
    terkirim.write("t.db", "")
    following = subprocess.Popen(
        [TERKIRIM, "send", "--to", "a@example.com", "--subject", "x", "--text", "x", "--wait"],
        env=terkirim.env,
        cwd=terkirim.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "Following it" in following.stderr.readline()
    following.send_signal(signal.SIGINT)
    out, err = following.communicate(timeout=30)
    assert (following.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert len(terkirim.json("messages", "list")["data"]) == 1


def test_a_pipe_gets_what_a_terminal_shows(terkirim):
    terkirim.send(to="x" * 60 + "@" + "sub." * 20 + "example.com")
    piped = terkirim("messages", "list").stdout
    head, tail = pty.openpty()
    done = subprocess.run(
        [TERKIRIM, "messages", "list"],
        env=terkirim.env,
        cwd=terkirim.folder,
        stdout=tail,
        check=True,
    )
    shown = os.read(head, 65_536).decode().replace("\r\n", "\n")
    os.close(head)
    os.close(tail)
    assert done.returncode == 0
    assert shown == piped
    assert "\x1b" not in piped
    row = terkirim.json("messages", "list")["data"][0]
    assert row["id"] in piped
    assert row["recipient"] in piped


@pytest.mark.parametrize(("language", "says"), [("id", "Tidak ada pesan."), ("en", "No messages.")])
def test_people_are_answered_in_their_language_and_programs_in_english(terkirim, language, says):
    done = terkirim("messages", "list", TERKIRIM_LANGUAGE=language)
    assert done.stdout == f"{says}\n"
    document = terkirim.json("messages", "list", TERKIRIM_LANGUAGE=language)
    assert document == {"object": "list", "has_more": False, "next_cursor": None, "data": []}


def test_indonesian_is_spoken_where_nothing_is_set(terkirim):
    del terkirim.env["TERKIRIM_LANGUAGE"]
    assert terkirim("messages", "list").stdout == "Tidak ada pesan.\n"


def test_a_stream_that_knows_no_unicode_gets_numbers_and_valid_json(terkirim):
    terkirim.send(tags=[{"name": "kota", "value": "x"}], subject="Sudah \u2713 lunas")
    (row,) = terkirim.json("messages", "list")["data"]
    latin = {"PYTHONIOENCODING": "latin-1"}
    assert "Sudah \\u2713 lunas" in terkirim("messages", "show", row["id"], **latin).stdout
    assert terkirim.json("messages", "show", row["id"], **latin)["subject"] == "Sudah \u2713 lunas"


def test_a_database_that_a_look_has_just_made_is_pointed_out(terkirim):
    first, second = terkirim("messages", "list"), terkirim("messages", "list")
    assert f"{terkirim.folder}/t.db is new and empty" in first.stderr
    assert second.stderr == ""


def test_errors_in_json_are_one_document_even_where_output_began(terkirim):
    done = terkirim("messages", "cancel", "nothing", "--json")
    assert json.loads(done.stderr)["error"]["name"] == "not_found"
