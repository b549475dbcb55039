import json

import pytest
from benchmarks import __main__ as bench
from benchmarks.hotspots import by_thread
from benchmarks.plan import PROGRAMS, ROWS, Row
from benchmarks.shared.letters import HTML, SIZE
from benchmarks.shared.readings import Reading, at, kept, report, shown

OWN = Reading("terkirim, 1 per call: settled", 6_000.0, "e-mails/s")
SLOW = Reading("Slow, 1 per call: settled", 500.0, "e-mails/s")
QUICK = Reading("Quick, 1 per call: settled", 1_500.0, "e-mails/s")


def by_name(*readings):
    return {reading.name: reading for reading in readings}


def test_a_figure_stands_beside_the_best_of_its_peers():
    row = Row("one per call", OWN.name, "5,000", (SLOW.name, QUICK.name))

    assert bench.figure_of(row, by_name(OWN, SLOW, QUICK)) == {
        "name": "one per call",
        "value": 6_000.0,
        "unit": "e-mails/s",
        "peer": "Quick, 1 per call",
        "peer_value": 1_500.0,
        "ratio": 4.0,
    }


def test_where_lower_is_better_the_best_peer_is_the_lowest():
    row = Row("CPU", OWN.name, "", (SLOW.name, QUICK.name), is_lower_better=True)

    assert bench.figure_of(row, by_name(OWN, SLOW, QUICK))["peer_value"] == 500.0


def test_a_peer_that_was_not_measured_leaves_no_ratio():
    row = Row("one per call", OWN.name, "", (SLOW.name,))

    figure = bench.figure_of(row, by_name(OWN))

    assert (figure["peer"], figure["peer_value"], figure["ratio"]) == (None, None, None)


def test_what_was_not_measured_is_no_figure():
    assert bench.figure_of(Row("one per call", OWN.name), by_name(QUICK)) is None


def test_a_shorter_history_has_its_line_too():
    row = Row("past", "claim + settle, * of history, sqlite: wall")
    short = Reading("claim + settle, 200,000 of history, sqlite: wall", 90.0, "µs/message")

    assert bench.figure_of(row, by_name(OWN, short))["value"] == 90.0


def test_each_line_of_the_table_has_a_name_of_its_own():
    names = [row.name for row in ROWS]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.title)
def test_a_short_run_is_the_full_one_with_smaller_numbers(program):
    full, short = program.words(is_short=False), program.words(is_short=True)

    assert short[: len(full)] == full
    assert len(short) > len(full)


def test_readings_are_handed_on_as_they_were_taken(tmp_path, capsys):
    report([OWN, QUICK], tmp_path / "readings")
    report([SLOW], tmp_path / "readings")

    assert kept(tmp_path / "readings") == [OWN, QUICK, SLOW]
    assert "6,000 e-mails/s" in capsys.readouterr().out


def test_the_table_goes_to_a_file_that_programs_read(tmp_path, monkeypatch, capsys):
    row = Row("one per call", OWN.name, "5,000", (QUICK.name,))
    monkeypatch.setattr(bench, "ROWS", (row,))
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "LATEST", tmp_path / "latest.json")
    monkeypatch.setattr(bench, "ran", lambda *_, **__: by_name(OWN, QUICK))
    monkeypatch.setattr("sys.argv", ["benchmarks"])

    bench.main()

    assert json.loads((tmp_path / "latest.json").read_text()) == {
        "figures": [bench.figure_of(row, by_name(OWN, QUICK))]
    }
    assert "4.00" in capsys.readouterr().out


def test_the_letter_has_two_kilobytes():
    assert len(HTML.encode()) == SIZE


def test_a_share_of_values_is_found_at_both_ends():
    values = [3.0, 1.0, 2.0]

    assert (at(values, 0), at(values, 0.5), at(values, 1)) == (1.0, 2.0, 3.0)


@pytest.mark.parametrize(
    ("value", "text"), [(12_345.6, "12,346"), (99.96, "100.0"), (0.5, "0.50")], ids=str
)
def test_a_number_shows_what_means_something(value, text):
    assert shown(value) == text


FOLDED = """\
process 7:"x";thread (7): MainThread;main (benchmarks/a.py:1);send (terkirim/b.py:2) 3
process 7:"x";thread (7): MainThread;main (benchmarks/a.py:1);send (terkirim/b.py:9) 4
process 7:"x";thread (8): terkirim-writer;run (/venv/terkirim/store/writer.py:5) 2
process 7:"x";thread (7): MainThread;load (<frozen importlib._bootstrap>:1);x (terkirim/b.py:1) 99
process 9:"nginx";thread (9): nginx;wait (libc.so) 50
"""


def test_hotspots_counts_the_product_by_thread_and_leaves_out_starts_and_strangers():
    threads = by_thread(FOLDED, with_lines=False)

    assert [count for _, count in threads["MainThread"]] == [3, 4]
    assert threads["MainThread"][0][0] == threads["MainThread"][1][0]
    assert threads["terkirim-writer"][0][0][-1] == "run  terkirim/store/writer.py"
    assert set(threads) == {"MainThread", "terkirim-writer"}
