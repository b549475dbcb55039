"""The suppression list from outside: in Resend's shapes, as files, and by the command line."""

import json
import urllib.request

import pytest

KEY = "tk_test_0123456789abcdef0123456789abcdef"


def added(served, email, **more):
    status, answer = served.call("POST", "/v1/suppressions", {"email": email, **more})
    assert (status, answer["object"]) == (200, "suppression")
    return answer["id"]


def test_an_address_is_added_shown_listed_and_removed_in_resends_shapes(served):
    id_ = added(served, "Ani@example.com", note="asked", stream="broadcast")
    for name in (id_, "ani%40example.com"):
        status, shown = served.call("GET", f"/v1/suppressions/{name}")
        assert status == 200
        assert (shown["object"], shown["email"]) == ("suppression", "ani@example.com")
        assert (shown["origin"], shown["source_id"], shown["stream"]) == (
            "manual",
            None,
            "broadcast",
        )
    assert added(served, "ani@example.com", stream="broadcast") == id_
    status, page = served.call("GET", "/v1/suppressions?origin=manual&limit=100")
    assert (status, page["object"], id_ in [row["id"] for row in page["data"]]) == (
        200,
        "list",
        True,
    )
    assert "object" not in page["data"][0]
    status, gone = served.call("DELETE", "/v1/suppressions/ani%40example.com", {})
    assert (status, gone) == (200, {"object": "suppression", "id": id_, "deleted": True})
    assert served.call("GET", f"/v1/suppressions/{id_}")[0] == 404
    assert served.call("DELETE", f"/v1/suppressions/{id_}", {})[0] == 404


def test_pages_follow_each_other_by_id(served):
    ids = [added(served, f"page{n}@example.com") for n in range(5)]
    status, page = served.call("GET", "/v1/suppressions?limit=2")
    assert (status, page["has_more"]) == (200, True)
    assert [row["id"] for row in page["data"]] == ids[:2:-1]
    _, older = served.call("GET", f"/v1/suppressions?limit=2&after={ids[3]}")
    assert [row["id"] for row in older["data"]] == [ids[2], ids[1]]
    _, newer = served.call("GET", f"/v1/suppressions?limit=2&before={ids[1]}")
    assert (newer["has_more"], [row["id"] for row in newer["data"]]) == (True, [ids[3], ids[2]])
    _, newest = served.call("GET", f"/v1/suppressions?limit=2&before={ids[3]}")
    assert (newest["has_more"], [row["id"] for row in newest["data"]]) == (False, [ids[4]])


def test_a_batch_is_added_and_removed_as_resends_sdks_do(served):
    emails = ["b1@example.com", "b2@example.com", "B1@example.com"]
    status, answer = served.call("POST", "/v1/suppressions/batch/add", {"emails": emails})
    assert (status, len(answer["data"])) == (200, 2)
    ids = [row["id"] for row in answer["data"]]
    status, gone = served.call("POST", "/v1/suppressions/batch/remove", {"ids": ids[:1]})
    assert (status, gone["data"]) == (
        200,
        [{"object": "suppression", "id": ids[0], "deleted": True}],
    )
    body = {"emails": ["b2@example.com", "unknown@example.com"]}
    _, gone = served.call("POST", "/v1/suppressions/batch/remove", body)
    assert [row["id"] for row in gone["data"]] == ids[1:]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("POST", "", {}, 422, "`email`"),
        ("POST", "", [], 422, "give a JSON object"),
        ("POST", "", {"email": 5}, 422, "`email`"),
        ("POST", "", {"email": "x"}, 422, "`email`"),
        ("POST", "", {"email": "a@example.com", "stream": "news"}, 422, "`stream`"),
        ("POST", "", {"email": "a@example.com", "until": "soon"}, 422, "`until`"),
        ("POST", "", {"email": "a@example.com", "until": "2020-01-01"}, 422, "`until`"),
        ("POST", "", {"email": "a@example.com", "note": "x" * 1_001}, 422, "`note`"),
        ("POST", "/batch/add", {"emails": []}, 422, "`emails`"),
        ("POST", "/batch/add", {"emails": ["a@example.com"] * 101}, 422, "`emails`"),
        ("POST", "/batch/add", {"emails": [1]}, 422, "`emails`"),
        ("POST", "/batch/add", {"emails": ["a@example.com", "x"]}, 422, "`email`"),
        ("POST", "/batch/remove", {}, 422, "`emails` or `ids`"),
        ("POST", "/batch/remove", {"emails": ["a"], "ids": ["b"]}, 422, "`emails` or `ids`"),
        ("POST", "/import", b"name\nx\n", 422, "no column"),
        ("POST", "/import", b'email\na@example.com\n"b\nc', 422, "after line 3 is never closed"),
        ("GET", "?origin=spam", None, 422, "`origin`"),
        ("GET", "?limit=101", None, 422, "`limit`"),
        ("GET", "?after=a&before=b", None, 422, "`after`"),
        ("GET", "/nobody%40example.com", None, 404, "is not suppressed"),
    ],
)
def test_what_is_wrong_is_named(served, method, path, body, status, says):  # noqa: PLR0917 - a table
    found, answer = served.call(method, f"/v1/suppressions{path}", body)
    assert (found, says in answer["message"]) == (status, True), answer


def test_changes_need_a_key_with_the_scope(served):
    assert served.call("POST", "/v1/suppressions", {"email": "a@example.com"}, key=None)[0] == 401
    assert served.call("GET", "/v1/suppressions/export", key=None)[0] == 401


def test_a_file_goes_in_and_comes_out(served):
    content = b"email,note\nfile1@example.com,x\nbad,y\nfile2@example.com,z\n"
    status, answer = served.call("POST", "/v1/suppressions/import", content)
    assert (status, answer["entered"], answer["unchanged"], answer["repeated"]) == (200, 2, 0, 0)
    assert [row["line"] for row in answer["errors"]] == [3]
    status, answer = served.call("POST", "/v1/suppressions/import", content + b"FILE1@example.com,")
    assert (status, answer["entered"], answer["unchanged"], answer["repeated"]) == (200, 0, 2, 1)
    request = urllib.request.Request(f"{served.url}/v1/suppressions/export")
    request.add_header("authorization", f"Bearer {KEY}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        text = answer.read().decode()
    assert text.startswith("email,stream,reason,until,note,source,created_at\r\n")
    assert "\r\nfile2@example.com,all,by hand,,z,key " in text
    _, log = served.call("GET", "/v1/activity?limit=100")
    who = {row["who"].split(" ")[0] for row in log["data"] if row["subject"] == "file2@example.com"}
    assert who == {"key"}


def test_the_command_line_adds_lists_removes_imports_and_exports(served):
    run = served.cli(
        "suppressions", "add", "cli@example.com", "--why", "asked", "--until", "2099-01-01"
    )
    assert (run.returncode, "all mail, until 2099-01-01" in run.stdout) == (0, True), run
    rows = json.loads(served.cli("suppressions", "list", "--limit", "100", "--json").stdout)
    (row,) = [row for row in rows["data"] if row["email"] == "cli@example.com"]
    assert (row["reason"], row["note"], row["source"].endswith("(command line)")) == (
        "by hand",
        "asked",
        True,
    )
    assert "cli@example.com" in served.cli("suppressions", "list").stdout.replace("\n", "")
    run = served.cli("suppressions", "export", "list.csv")
    assert run.returncode == 0
    run = served.cli("suppressions", "remove", "cli@example.com", "--why", "his wish")
    assert (run.returncode, "may be sent to again" in run.stdout) == (0, True)
    assert served.cli("suppressions", "remove", "cli@example.com").returncode == 1
    run = served.cli("suppressions", "import", "list.csv")
    assert (run.returncode, "0 rows not" in run.stdout) == (0, True)
    (served.folder / "bad.csv").write_text("email\nno-address\nok@example.com\n", "utf-8")
    run = served.cli("suppressions", "import", "bad.csv")
    assert (run.returncode, "1 suppressed, 1 rows not" in run.stdout) == (1, True)
    assert "line 2" in run.stdout
    assert (served.folder / "bad.bad.csv").read_text("utf-8").startswith("line,reason\n2,")
    run = served.cli("suppressions", "import", "nowhere.csv")
    assert (run.returncode, "nowhere.csv" in run.stderr) == (1, True)
    assert served.cli("suppressions", "add", "x@example.com", "--stream", "news").returncode == 2
