"""`terkirim send` from outside: one e-mail, and a letter to every row of a CSV."""

import os
import pty
import signal
import subprocess
import time

import pytest

from terkirim.domain.email import IfUnclear, Priority, Stream
from tests.acceptance.command import TERKIRIM
from tests.acceptance.conftest import Served

ONE = ("send", "--to", "budi@example.com", "--subject", "Halo", "--text", "Halo Budi")
LETTER = "<p>Halo {{ nama }} di {{ kota }}</p>"


@pytest.fixture
def many(terkirim):
    """Return the arguments that send a letter to a file with this text."""
    terkirim.write("s.html", LETTER)

    def arguments(text, *others, name="p.csv"):
        terkirim.write(name, text)
        return ("send", "--csv", name, "--html", "s.html", "--subject", "Halo {{ nama }}", *others)

    return arguments


def stored(terkirim, email_id):
    return terkirim.inside(lambda gateway: gateway.store.email(email_id))


def count_of(terkirim):
    return len(terkirim.json("messages", "list", "--limit", "1000")["data"])


def test_one_e_mail_is_put_on_disk_with_all_that_was_said_of_it(terkirim):
    html = terkirim.write("a.html", "\ufeff<p>Halo</p>")
    document = terkirim.json(
        *ONE,
        *("--cc", "c@example.com", "--bcc", "d@example.com", "--html", html),
        *("--from", "Toko <lain@example.com>", "--reply-to", "cs@example.com"),
        *("--scheduled-at", "in 2 hours", "--expires-in", "1h", "--priority", "high"),
        *("--stream", "broadcast", "--if-unclear", "hold", "--attach", html),
    )
    email = stored(terkirim, document["id"])
    assert (str(email.sender), email.subject) == ("Toko <lain@example.com>", "Halo")
    assert (email.content.html, email.content.text) == ("<p>Halo</p>", "Halo Budi")
    assert [str(one) for one in (*email.to, *email.cc, *email.bcc, *email.reply_to)] == [
        "budi@example.com",
        "c@example.com",
        "d@example.com",
        "cs@example.com",
    ]
    assert (email.priority, email.stream, email.if_unclear) == (
        Priority.HIGH,
        Stream.BROADCAST,
        IfUnclear.HOLD,
    )
    assert (email.expires_at - email.scheduled_at).total_seconds() == 3_600
    assert [one.filename for one in email.attachments] == ["a.html"]
    assert {one["recipient"] for one in document["messages"]} == {
        "budi@example.com",
        "c@example.com",
        "d@example.com",
    }
    assert document["sandbox"] is True


def test_the_id_is_printed_whole_and_sandbox_mode_is_said(terkirim):
    done = terkirim(*ONE)
    assert done.returncode == 0
    message_id, _, rest = done.stdout.partition(":")
    assert rest == " waiting to be sent (queued)  budi@example.com\n"
    assert terkirim.json("messages", "show", message_id)["state"] == "queued"
    assert "Sandbox mode: nothing is really sent" in done.stderr
    said = terkirim(*ONE, TERKIRIM_LANGUAGE="id")
    assert "menunggu dikirim (queued)" in said.stdout
    assert "Mode sandbox" in said.stderr


def test_a_suppressed_address_is_said_at_once(terkirim):
    async def suppress(gateway):
        sql = """INSERT INTO suppressions (id, address, stream, reason, source, created_at)
            VALUES ('s', 'budi@example.com', '', 'bounced', 'test', 0)"""
        await gateway.store.write_alone(lambda db: db.execute(sql))

    terkirim.inside(suppress)
    assert "not sent: the address is suppressed (suppressed)" in terkirim(*ONE).stdout


def test_mail_that_waits_for_the_last_credits_says_so(terkirim):
    async def reserve(gateway):
        sql = "INSERT INTO allowances (provider, rest) VALUES ('mailketing', 0)"
        await gateway.store.write_alone(lambda db: db.execute(sql))

    terkirim.inside(reserve)
    account = {"MAILKETING_API_KEY": "k", "MAILKETING_API_URL": "http://127.0.0.1:9/api/v2"}
    says = "it waits until credits are topped up"
    assert says in terkirim(*ONE, **account).stderr
    assert says not in terkirim(*ONE, "--priority", "high", **account).stderr
    document = terkirim.json(*ONE, **account)
    (warning,) = document["warnings"]
    assert says in warning
    shown = terkirim("messages", "show", document["id"], **account).stdout
    assert "It waits until credits are topped up" in shown


@pytest.mark.parametrize(
    ("options", "code", "name", "says"),
    [
        (["--to", "nobody"], 1, "validation_error", "needs something before and after an @-sign"),
        (["--scheduled-at", "soon"], 1, "invalid_parameter", "`soon` is no time"),
        (["--scheduled-at", "2027-01-01T09:00"], 1, "invalid_parameter", "does not say its zone"),
        (["--expires-in", "x"], 1, "invalid_parameter", "is no span of time"),
        (["--route", "otp"], 1, "invalid_parameter", "`otp` is none of `default`"),
        (["--from", "toko"], 1, "validation_error", "it should look like"),
        (["--priority", "hgh"], 2, "usage_error", "'hgh' is not one of 'high'"),
        (["--html", "nothing.html"], 2, "usage_error", "'nothing.html' does not exist"),
        (["--html", "latin.html"], 2, "usage_error", "latin.html is not UTF-8 (byte 0)"),
        (["--campaign", "juli"], 2, "usage_error", "--campaign does not go together with --to"),
        (["--column", "x"], 2, "usage_error", "--column does not go together with --to"),
        (["--csv", "latin.html"], 2, "usage_error", "give --to for one e-mail, or --csv for many"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_stored(terkirim, *, options, code, name, says):
    (terkirim.folder / "latin.html").write_bytes(b"\xe9")
    error = terkirim.error(*ONE, *options)
    assert (error["exit_code"], error["name"]) == (code, name)
    assert says in error["message"]
    assert count_of(terkirim) == 0


def test_a_trial_of_one_shows_it_and_stores_nothing(terkirim):
    done = terkirim(*ONE, "--dry-run", "--scheduled-at", "in 2h")
    assert done.returncode == 0
    assert "Subject    Halo" in done.stdout
    assert done.stdout.endswith("\n\nHalo Budi\n")
    assert terkirim.json(*ONE, "--dry-run")["text"] == "Halo Budi"
    assert count_of(terkirim) == 0


def test_an_e_mail_is_followed_to_its_end(tmp_path, terkirim):
    served = Served(tmp_path).start()
    try:
        document = terkirim.json(*ONE, "--wait")
    finally:
        served.stop()
    assert [one["state"] for one in document["messages"]] == ["accepted"]


def test_a_letter_goes_to_each_row_once(terkirim, many):
    arguments = many("email;nama;kota\na@example.com;Ani;Bandung\nb@example.com;<b>;Solo\n")
    first = terkirim.json(*arguments)
    assert (first["queued"], first["sent_before"], first["bad_rows"]) == (2, 0, 0)
    assert first["bad_rows_file"] is None
    assert first["campaign"].startswith("p-")
    again = terkirim.json(*arguments)
    assert (again["queued"], again["sent_before"]) == (0, 2)
    assert again["campaign"] == first["campaign"]


def test_another_letter_with_the_same_file_is_not_taken_for_the_first(terkirim, many):
    text = "email;nama;kota\na@example.com;Ani;Bandung\n"
    first = terkirim.json(*many(text))
    terkirim.write("s.html", LETTER.replace("Halo", "Sampai jumpa"))
    second = terkirim.json(*many(text)[:3], "--html", "s.html", "--subject", "Halo {{ nama }}")
    assert first["queued"] == second["queued"] == 1
    assert first["campaign"] != second["campaign"]
    named = terkirim.json(*many(text), "--campaign", first["campaign"])
    assert (named["queued"], named["sent_before"]) == (0, 1)


def test_bad_rows_are_listed_mended_and_sent(terkirim, many):
    bad = "\ufeffemail;nama;kota\na@example.com;Ani;Bandung\nnobody;B;Solo\nc@example.com;C\n"
    done = terkirim(*many(bad))
    assert done.returncode == 1
    assert "2 rows were not sent and are listed in p.bad.csv" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 e-mail queued, 0 sent before (campaign p-")
    listed = (terkirim.folder / "p.bad.csv").read_text("utf-8")
    mended = listed.replace("nobody", "b@example.com").replace(
        ";c@example.com;C", ";c@example.com;C;Solo"
    )
    document = terkirim.json(*many(mended, name="p.bad.csv"))
    assert (document["queued"], document["bad_rows"]) == (2, 0)
    sent = terkirim.json("messages", "list")["data"]
    assert {row["recipient"] for row in sent} == {f"{n}@example.com" for n in "abc"}


def test_an_address_that_stands_twice_is_told_and_goes_once(terkirim, many):
    text = "email;nama;kota\na@example.com;Ani;Bandung\nA@Example.com;Ani;Solo\n"
    done = terkirim(*many(text))
    assert done.returncode == 0  # nobody was left out
    assert "1 row repeats an address that stands above it." in done.stdout
    assert "line 3: the same as line 2, and goes once" in (terkirim.folder / "p.bad.csv").read_text(
        "utf-8"
    )
    document = terkirim.json(*many(text))
    assert (document["duplicates"], document["bad_rows"], document["sent_before"]) == (1, 0, 1)


def test_a_missing_name_is_told_before_anything_is_sent(terkirim, many):
    error = terkirim.error(*many("email;nama\na@example.com;Ani\n"))
    assert (error["exit_code"], error["field"]) == (1, "csv")
    assert "the letter needs `kota`" in error["message"]
    assert count_of(terkirim) == 0


def test_a_letter_that_is_no_template_is_told_before_anything_is_sent(terkirim, many):
    error = terkirim.error(*many("email;nama\na@example.com;Ani\n", "--text", "{{ nama"))
    assert (error["field"], "line 1 of the template" in error["message"]) == ("text", True)
    assert count_of(terkirim) == 0


@pytest.mark.parametrize("mode", [[], ["--dry-run"]], ids=["run", "trial"])
@pytest.mark.parametrize(
    ("options", "settings", "field", "says"),
    [
        ([], {"MAILKETING_FROM_EMAIL": ""}, "from", "set MAILKETING_FROM_EMAIL"),
        (["--from", "bad"], {}, "from", "it should look like"),
        (["--route", "nope"], {}, "route", "`nope` is none of `default`"),
        (["--expires-in", "0s"], {}, "expires_in", "must be at least one second"),
        (["--subject", ""], {}, "subject", "is missing"),
        (["--html", "empty.html"], {}, "html", "is missing; give `html` or `text`, or both"),
        (["--campaign", "j" * 300], {}, "campaign", "at most 256 are taken"),
        (
            ["--reply-to", "cs@example.com"],
            {"MAILKETING_API_KEY": "k", "MAILKETING_API_URL": "http://127.0.0.1:9/api/v1"},
            "reply_to",
            "no provider on the route `default` carries it",
        ),
    ],
)
def test_what_is_wrong_with_the_command_is_blamed_on_no_row(
    terkirim, many, *, options, settings, field, says, mode
):
    terkirim.write("empty.html", "")
    arguments = many("email;nama;kota\na@example.com;A;B\nb@example.com;C;D\n")
    error = terkirim.error(*arguments, *options, *mode, **settings)
    assert (error["exit_code"], error["field"]) == (1, field)
    assert says in error["message"]
    assert count_of(terkirim) == 0
    assert not (terkirim.folder / "p.bad.csv").exists()
    done = terkirim(*arguments, *options, *mode, **settings)
    assert f"terkirim: `{field}`: " in done.stderr


def test_a_letter_without_a_body_is_refused_before_any_row(terkirim, many):
    many("email;nama;kota\na@example.com;A;B\n")
    error = terkirim.error("send", "--csv", "p.csv", "--subject", "Halo")
    assert (error["exit_code"], error["field"]) == (1, "html")
    assert count_of(terkirim) == 0


def test_a_text_that_mailketing_does_not_carry_is_told_and_kept(terkirim, many):
    account = {"MAILKETING_API_KEY": "k", "MAILKETING_API_URL": "http://127.0.0.1:9/api/v2"}
    says = "`text`: no provider on the route `default` carries it beside `html`"
    arguments = many("email;nama;kota\na@example.com;A;B\n", "--text", "Halo")
    done = terkirim(*arguments, **account)
    assert says in done.stderr
    (warning,) = terkirim.json(*arguments, **account)["warnings"]
    assert warning.startswith(says)
    html = terkirim.write("one.html", "<p>Halo</p>")
    document = terkirim.json(*ONE, "--html", html, **account)
    assert document["warnings"][0].startswith(says)
    shown = terkirim("messages", "show", document["id"], **account).stdout
    assert "it is kept on the record and not sent" in " ".join(shown.split())
    assert terkirim.json(*ONE, **account)["warnings"] == []  # alone it goes, as HTML
    assert terkirim.json(*ONE, "--html", html)["warnings"] == []  # the sandbox carries it


def test_the_columns_can_be_named(terkirim, many):
    text = "kontak;nama;kota;nota\na@example.com;A;X;1\na@example.com;A;X;2\n"
    document = terkirim.json(*many(text, "--column", "kontak", "--key", "nota"))
    assert (document["queued"], document["duplicates"]) == (2, 0)


def test_a_trial_of_many_shows_the_first_and_what_would_go(terkirim, many):
    text = "email;nama;kota\nnobody;B;x\na@example.com;<Ani>;Bandung\nb@example.com;B;Solo\n"
    done = terkirim(*many(text, "--dry-run"))
    assert done.returncode == 1  # as the run ends, with a row that cannot go
    assert done.stdout.startswith("2 e-mails would go, as campaign p-")
    assert "1 rows would not" in done.stdout.replace("\n", " ")
    assert "  line 2: `email`: " in done.stdout
    assert "Subject  Halo <Ani>" in done.stdout
    assert "<p>Halo &lt;Ani&gt; di Bandung</p>" in done.stdout
    assert "Nothing was stored" in done.stderr
    document = terkirim.json(*many(text, "--dry-run"), code=1)
    assert (document["rows"], document["bad_rows"], document["duplicates"]) == (2, 1, 0)
    assert [one["line"] for one in document["not_sent"]] == [2]
    assert document["first"]["to"] == ["a@example.com"]
    assert count_of(terkirim) == 0
    assert not (terkirim.folder / "p.bad.csv").exists()


def test_a_trial_of_a_file_without_a_good_row_says_so(terkirim, many):
    arguments = many("email;nama;kota\nnobody;A;B\n", "--dry-run")
    document = terkirim.json(*arguments, code=1)
    assert (document["rows"], document["bad_rows"], document["first"]) == (0, 1, None)
    assert "The first one" not in terkirim(*arguments).stdout


def test_a_trial_judges_each_row_as_the_run_does(terkirim, many):
    rows = ["email;nama;kota", "a@example.com;A\0;X", "b@example.com;B;X", "b@example.com;B;X"]
    arguments = many("\n".join([*rows, "nobody;C;X", "d@example.com;D;X\0"]))
    trial = terkirim.json(*arguments, "--dry-run", code=1)
    assert [one["line"] for one in trial["not_sent"]] == [2, 4, 5, 6]
    assert "NUL" in trial["not_sent"][0]["reason"]
    assert trial["first"]["to"] == ["b@example.com"]
    run = terkirim.json(*arguments, code=1)
    assert trial["rows"] == run["queued"] == 1
    assert trial["bad_rows"] == run["bad_rows"] == 3
    assert trial["duplicates"] == run["duplicates"] == 1
    listed = (terkirim.folder / "p.bad.csv").read_text("utf-8")
    assert all(f"line {one['line']}: {one['reason']}" in listed for one in trial["not_sent"])


def test_a_trial_tells_the_first_bad_rows_and_counts_the_others(terkirim, many):
    rows = "".join(f"nobody{number};A;B\n" for number in range(12))
    done = terkirim(*many(f"email;nama;kota\n{rows}", "--dry-run"))
    assert done.stdout.count("  line ") == 10
    assert "  2 more\n" in done.stdout


def test_a_trial_of_rows_that_repeat_each_other_ends_well(terkirim, many):
    text = "email;nama;kota\na@example.com;A;B\na@example.com;A;B\n"
    assert terkirim.json(*many(text, "--dry-run"))["rows"] == 1


def test_one_time_counts_for_the_whole_campaign(terkirim, many):
    text = "email;nama;kota\n" + "".join(f"p{n}@example.com;A;B\n" for n in range(3))
    terkirim.json(*many(text, "--scheduled-at", "in 2 hours", "--expires-in", "10m"))
    sent = terkirim.json("messages", "list")["data"]
    assert len({row["due_at"] for row in sent}) == 1
    assert {row["last_event"] for row in sent} == {"scheduled"}


def test_a_run_that_was_killed_goes_on_and_sends_nobody_twice(terkirim, many):
    count = 12_000
    rows = "".join(f"p{n}@example.com;A;B\n" for n in range(count))
    arguments = many(f"email;nama;kota\n{rows}", "--campaign", "juli")
    running = subprocess.Popen([TERKIRIM, *arguments], env=terkirim.env, cwd=terkirim.folder)
    give_up_at = time.monotonic() + 30
    while count_of(terkirim) == 0:
        assert time.monotonic() < give_up_at
    running.send_signal(signal.SIGKILL)
    running.wait(30)
    document = terkirim.json(*arguments)
    assert document["queued"] + document["sent_before"] == count
    assert document["sent_before"] > 0
    assert len(set(rows_in(terkirim))) == len(rows_in(terkirim)) == count


def test_a_run_that_is_interrupted_says_how_far_it_came(terkirim, many):
    count = 12_000
    rows = "".join(f"p{n}@example.com;A;B\n" for n in range(count))
    arguments = many(f"email;nama;kota\n{rows}", "--campaign", "juli")
    running = subprocess.Popen(
        [TERKIRIM, *arguments],
        env=terkirim.env,
        cwd=terkirim.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        give_up_at = time.monotonic() + 60
        while count_of(terkirim) == 0:
            assert time.monotonic() < give_up_at
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
    queued = count_in(err)
    assert (running.returncode, out, "Traceback" in err) == (130, "", False)
    assert terkirim.json(*arguments)["sent_before"] == queued > 0


def count_in(text):
    """Return the number that a broken-off run says."""
    return int(text.partition("Stopped: ")[2].partition(" ")[0].replace(",", ""))


def test_a_pipe_is_no_list_of_recipients(terkirim, many):
    arguments = many("email;nama;kota\n")
    piped = [one if one != "p.csv" else "/dev/stdin" for one in arguments]
    done = terkirim.process(*piped, stdin="email;nama;kota\na@example.com;A;B\n")
    assert done.returncode == 1
    assert "a pipe cannot be read twice" in done.stderr


def rows_in(terkirim):
    async def recipients(gateway):
        return await gateway.store.read(
            lambda db: [row[0] for row in db.execute("SELECT recipient FROM messages")]
        )

    return terkirim.inside(recipients)


def test_progress_is_shown_on_a_terminal_only(terkirim, many):
    arguments = many("email;nama;kota\na@example.com;Ani;Bandung\n")
    terkirim.write("t.db", "")  # there, so that it is not pointed out as new
    assert terkirim(*arguments).stderr == (
        "Sandbox mode: nothing is really sent until MAILKETING_API_KEY is set.\n"
    )
    head, tail = pty.openpty()
    done = subprocess.run(
        [TERKIRIM, *arguments],
        env=terkirim.env,
        cwd=terkirim.folder,
        stdout=subprocess.PIPE,
        stderr=tail,
        text=True,
        check=True,
    )
    shown = os.read(head, 65_536).decode()
    os.close(head)
    os.close(tail)
    assert "Queueing" in shown
    assert "100%" in shown
    assert "Queueing" not in done.stdout


def test_a_list_that_cannot_be_written_is_told_before_anything_is_sent(terkirim, many):
    arguments = many("email;nama;kota\nnobody;A;B\na@example.com;A;B\n")
    # Nobody, not even root, can put a file beside this name of the same file.
    beside = [one if one != "p.csv" else "/proc/self/fd/0" for one in arguments]
    with (terkirim.folder / "p.csv").open() as file:
        done = subprocess.run(
            [TERKIRIM, *beside],
            env=terkirim.env,
            cwd=terkirim.folder,
            stdin=file,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "their list cannot be written beside the file" in done.stderr
    assert count_of(terkirim) == 0
