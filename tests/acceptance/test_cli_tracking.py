"""`terkirim events` and `suppressions` from outside, over a database that no server has open."""

import json

import pytest

SECRET = "a-callback-secret-of-the-test"
CLOSED = "callbacks are refused: set MAILKETING_WEBHOOK_SECRET"


def heard(terkirim, *callbacks):
    """Take callbacks as the door does, and apply them."""

    async def taken(gateway):
        for one in callbacks:
            body = json.dumps(one).encode()
            await gateway.tracking.intake.take("mailketing", body, signed=None)
        await gateway.tracking.applier.apply_kept()

    terkirim.inside(taken)


def opened(address, **more):
    return {"type": "emailopen", "email": address, **more}


@pytest.mark.parametrize("command", ["list", "unmatched"])
def test_events_are_told_page_by_page(terkirim, command):
    ids = [terkirim.send(to=f"b{number}@example.com") for number in range(3)]
    known = [opened(f"b{at}@example.com", message_id=id_) for at, id_ in enumerate(ids)]
    heard(terkirim, *known, *(opened(f"n{at}@example.com") for at in range(3)))
    first = terkirim.json("events", command, "--limit", "2")
    assert (len(first["data"]), first["has_more"]) == (2, True)
    cursor = first["next_cursor"]
    assert f"--cursor {cursor}" in terkirim("events", command, "--limit", "2").stdout
    rest = terkirim.json("events", command, "--limit", "2", "--cursor", cursor)
    assert (len(rest["data"]), rest["has_more"], rest["next_cursor"]) == (1, False, None)
    recipients = {one["recipient"] for one in first["data"] + rest["data"]}
    letter = "b" if command == "list" else "n"
    assert recipients == {f"{letter}{at}@example.com" for at in range(3)}


def test_an_event_is_shown_with_its_whole_ids_and_how_it_was_found(terkirim):
    id_ = terkirim.send(to="budi@example.com")
    bounce = {"type": "bounce", "email": "budi@example.com", "message_id": id_}
    heard(terkirim, bounce | {"reason": "550 user unknown"})
    shown = terkirim("events", "list").stdout
    assert "bounced for good" in shown
    assert f"    budi@example.com  {id_}  found by its id\n    550 user unknown" in shown
    assert "terpental permanen" in terkirim("events", "list", TERKIRIM_LANGUAGE="id").stdout
    story = terkirim("messages", "show", id_).stdout
    assert "bounced for good\n    550 user unknown" in story


def test_health_says_what_is_wrong_with_an_exit_code(terkirim):
    closed = terkirim("events", "health")
    assert (closed.returncode, CLOSED in closed.stdout) == (1, True)
    assert terkirim.json("events", "health", code=1)["faults"][0].startswith(CLOSED)
    good = terkirim.json("events", "health", MAILKETING_WEBHOOK_SECRET=SECRET)
    assert (good["is_open"], good["faults"]) == (True, [])


def test_a_replay_tells_what_came_of_it(terkirim):
    heard(terkirim, {"type": "nothing known", "email": "budi@example.com"})
    done = terkirim.json("events", "replay")
    assert done == {
        "object": "replay",
        "asked": 1,
        "matched": 0,
        "unmatched": 0,
        "not_understood": 1,
    }
    error = terkirim.error("events", "replay", "--since", "soon")
    assert (error["name"], "--since" in error["message"]) == ("usage_error", True)


def test_suppressions_are_told_page_by_page_and_removed_by_id(terkirim):
    for name in ("a", "b", "c"):
        added = terkirim.json("suppressions", "add", f"{name}@example.com", "--why", "asked")
        assert (added["stream"], added["reason"], added["note"]) == ("all", "by hand", "asked")
    first = terkirim.json("suppressions", "list", "--limit", "2")
    rest = terkirim.json("suppressions", "list", "--cursor", first["next_cursor"])
    emails = [one["email"] for one in first["data"] + rest["data"]]
    assert emails == [f"{name}@example.com" for name in ("c", "b", "a")]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    id_ = rest["data"][0]["id"]
    assert id_ in terkirim("suppressions", "list").stdout
    gone = terkirim.json("suppressions", "remove", id_)
    assert gone["data"] == [{"object": "suppression", "id": id_, "deleted": True}]
    assert terkirim.error("suppressions", "remove", id_)["name"] == "not_found"


def test_a_wrong_address_or_time_is_named(terkirim):
    error = terkirim.error("suppressions", "add", "nobody")
    assert (error["exit_code"], error["field"]) == (1, "email")
    error = terkirim.error("suppressions", "add", "a@example.com", "--until", "soon")
    assert (error["exit_code"], "--until" in error["message"]) == (2, True)
    error = terkirim.error("suppressions", "add", "a@example.com", "--until", "2020-01-01")
    assert (error["exit_code"], error["field"]) == (1, "until")


def test_no_list_of_bad_rows_overwrites_another(terkirim):
    path = terkirim.write("list.csv", "email\nnobody\n")
    terkirim.write("list.bad.csv", "email\nmended@example.com\n")
    done = terkirim.json("suppressions", "import", path, code=1)
    assert (done["entered"], [one["line"] for one in done["errors"]]) == (0, [2])
    assert done["bad_rows"].endswith("list.bad2.csv")
    older = terkirim.folder / "list.bad.csv"
    assert older.read_text("utf-8") == "email\nmended@example.com\n"


def test_each_row_of_a_file_is_counted_once(terkirim):
    path = terkirim.write("list.csv", "email\na@x.co\nb@x.co\nA@x.co\na@x.co\n")
    done = terkirim("suppressions", "import", path)
    assert done.stdout.splitlines() == [
        "2 suppressed, 0 rows not",
        "2 rows repeat an address that stands above them.",
    ]
    done = terkirim("suppressions", "import", path)
    assert done.stdout.splitlines() == [
        "0 suppressed, 0 rows not",
        "2 entries stood on the list already.",
        "2 rows repeat an address that stands above them.",
    ]
    done = terkirim.json("suppressions", "import", path)
    assert (done["entered"], done["unchanged"], done["repeated"]) == (0, 2, 2)


def test_a_file_with_a_quote_that_is_never_closed_is_refused_whole(terkirim):
    path = terkirim.write("list.csv", 'email,note\nu1@x.co,"abc\nu2@x.co,x\nu3@x.co,y')
    error = terkirim.error("suppressions", "import", path)
    assert (error["exit_code"], error["field"]) == (1, "csv")
    assert "a quote that opens in or after line 2 is never closed" in error["message"]
    assert terkirim.json("suppressions", "list")["data"] == []


def test_what_is_exported_is_imported_again(terkirim, tmp_path):
    terkirim.json("suppressions", "add", "a@example.com", "--stream", "broadcast")
    assert terkirim.json("suppressions", "export", "list.csv")["file"] == "list.csv"
    terkirim.json("suppressions", "remove", "a@example.com")
    assert terkirim.json("suppressions", "import", "list.csv")["entered"] == 1
    (row,) = terkirim.json("suppressions", "list")["data"]
    assert (row["email"], row["stream"]) == ("a@example.com", "broadcast")
