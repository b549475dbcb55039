"""The suppression list as a file: what is refused as a whole, and which cells are made harmless."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.email import Stream
from terkirim.domain.errors import InvalidEmail
from terkirim.domain.phrase import in_english
from terkirim.domain.suppression import Suppression, Why
from terkirim.tracking.suppression_csv import Entry, read_stream, read_until, rows_in, written

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no column is named"),
        (b"name,note\nbudi,x\n", "no column is named"),
        (b"\xff\xfe", "not UTF-8"),
        (b"email\n" + b"\xe9@example.com\n", "not UTF-8"),
        (b'"' + b"x" * 200_000 + b'"\n', "the first line cannot be read"),
        (b'"email\na@example.com\n', "quote that opens in or after line 1 is never closed"),
    ],
)
def test_a_file_that_is_no_list_is_refused_in_a_sentence(content, says):
    with pytest.raises(InvalidEmail, match=says):
        list(rows_in(content))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            'u2@x.co,"abc\nu3@x.co,x\nu4@x.co,y',
            "a quote that opens in or after line 3 is never closed",
        ),
        ('u2@x.co,"abc', "a quote that opens in or after line 3 is never closed"),
        ('u2@x.co,"abc\nu3@x.co,"x"\nu4@x.co,y', "the record that begins in line 3 cannot be read"),
        ('u2@x.co,"abc\n' + "u3@x.co,x\n" * 20_000, "the record that begins in line 3 cannot"),
    ],
    ids=["to the end", "in the last row", "to a later quote", "beyond the longest cell"],
)
def test_a_quote_that_swallows_rows_is_found_before_any_row_is_handed_out(rows, says):
    with pytest.raises(InvalidEmail, match=says):
        next(rows_in(f"email,note\nu1@x.co,x\n{rows}".encode()))


def test_a_quoted_cell_may_have_lines_and_quotes_of_its_own():
    content = b'email,note\r\nu1@x.co,"a\r\nb, ""c"""\r\nu2@x.co,"d"\r\n'
    assert list(rows_in(content)) == [
        (3, Entry(address="u1@x.co", note='a\r\nb, "c"')),
        (4, Entry(address="u2@x.co", note="d")),
    ]


def test_a_quote_out_of_place_costs_its_own_row_only():
    content = b'email,note\nu1@x.co,"a"b\nu2@x.co,x\n'
    (line, why), (_, entry) = rows_in(content)
    assert (line, "cannot be read" in in_english(why), entry.address) == (2, True, "u2@x.co")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["email", "Address", "ALAMAT", "recipient", "e-mail"])
def test_a_file_may_have_any_delimiter_and_name_its_column_in_several_ways(delimiter, name):
    content = f"{name}{delimiter}note\nbudi@example.com{delimiter}x\n".encode()
    assert list(rows_in(content)) == [(2, Entry(address="budi@example.com", note="x"))]


def test_a_cell_that_is_too_long_costs_its_own_row_only():
    content = b"email\nfirst@example.com\n" + b"x" * 200_000 + b"\nlast@example.com\n"
    rows = list(rows_in(content))
    assert [type(row).__name__ for _, row in rows] == ["Entry", "Phrase", "Entry"]
    assert "cannot be read" in in_english(rows[1][1])


@pytest.mark.parametrize(
    ("text", "stream"),
    [
        ("", None),
        (" All ", None),
        ("semua", None),
        ("broadcast", Stream.BROADCAST),
        ("Transactional", Stream.TRANSACTIONAL),
    ],
)
def test_a_stream_is_named(text, stream):
    assert read_stream(text) == stream


def test_an_unknown_stream_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match="none of all, transactional, broadcast"):
        read_stream("x" * 100)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", None),
        ("2026-08-17", datetime(2026, 8, 17, tzinfo=UTC)),
        ("2026-08-17T09:00:00+07:00", datetime(2026, 8, 17, 2, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_date_in_utc_or_with_its_zone(text, at):
    assert read_until(text) == at


@pytest.mark.parametrize("text", ["soon", "2026-13-01", "9999-12-31T23:59:59-14:00"])
def test_an_end_that_is_no_date_is_refused(text):
    with pytest.raises(ValueError, match="is no date"):
        read_until(text)


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).map(str.strip)


@given(note=texts, source=texts)
def test_no_cell_begins_a_formula_and_all_of_them_come_back(note, source):
    entry = Suppression(
        address="=a@example.com",
        stream=None,
        why=Why.BY_HAND,
        source=source,
        created_at=NOW,
        note=note,
    )
    text = written([entry], with_head=True)
    ((_, row),) = rows_in(text.encode())
    assert isinstance(row, Entry)
    assert row.address == "=a@example.com"
    if not (note.startswith("'") and note[1:].startswith(("=", "+", "-", "@"))):
        assert row.note == note
    for line in text.splitlines():
        assert not line.startswith(("=", '"=', "+", "-", "@"))
