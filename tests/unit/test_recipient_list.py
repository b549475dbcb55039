"""A CSV of recipients: what is certain is read, what is not is refused or listed, never guessed."""

import io

import pytest

from terkirim.content.recipient_list import BadRow, RecipientList, Row
from terkirim.domain.errors import InvalidEmail


def listed(content, **options):
    file = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    return RecipientList(file, **options)


def rows_of(content, **options):
    return list(listed(content, **options).rows())


@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a BOM"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_any_usual_spelling_of_a_csv_is_read(separator, mark, end):
    lines = ["Email", "nama"], [" budi@example.com ", "Budi"]
    text = "".join(separator.join(cells) + end for cells in lines)
    recipients = listed(mark + text.encode())
    assert list(recipients.rows()) == [
        Row(2, "budi@example.com", "budi@example.com", ["budi@example.com", "Budi"])
    ]
    assert recipients.layout.values_of(next(recipients.rows())) == {
        "Email": "budi@example.com",
        "nama": "Budi",
    }
    assert recipients.layout.has_bom is bool(mark)


def test_a_file_may_be_read_again_from_its_top():
    recipients = listed("email\na@example.com\n")
    assert list(recipients.rows()) == list(recipients.rows()) != []


def test_quoted_cells_may_hold_separators_quotes_and_lines():
    (row,) = rows_of('email,alamat\r\na@example.com,"Jl. ""Mawar"", 1\r\nMalang"\r\n')
    assert row.cells[1] == 'Jl. "Mawar", 1\r\nMalang'
    assert row.line == 3


def test_empty_lines_are_no_rows_and_lines_are_counted_as_an_editor_counts_them():
    found = rows_of("email,nama\n\na@example.com,A\n , \nb@example.com\n")
    assert [(type(one), one.line) for one in found] == [(Row, 3), (BadRow, 5)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("a@example.com", "has 1 cell instead of 2"),
        ("a@example.com,A,B", "has 3 cells instead of 2"),
        (",A", "`email` is empty"),
        ("nobody,A", "`nobody` needs something before and after an @-sign"),
        ("a@example.com;b@example.com,A", "holds more than one address"),
    ],
)
def test_a_bad_row_keeps_its_cells_and_says_what_is_wrong(line, problem):
    bad, good = rows_of(f"email,nama\n{line}\nb@example.com,B\n")
    assert isinstance(bad, BadRow)
    assert problem in bad.problem
    assert bad.cells == [cell.strip() for cell in line.split(",")]
    assert isinstance(good, Row)


def test_an_address_with_a_name_is_taken_and_told_apart_by_the_address_alone():
    (row,) = rows_of("email;nama\nBudi Utomo <Budi@Example.com>;Budi\n")
    assert (row.address, row.key) == ("Budi Utomo <Budi@Example.com>", "budi@example.com")


def test_email_is_the_address_whatever_else_might_be_one():
    (row,) = rows_of("alamat,to,email\nJl. Mawar 1,x,a@example.com\n")
    assert row.address == "a@example.com"


@pytest.mark.parametrize("name", ["e-mail", "To", "recipient", "ALAMAT"])
def test_another_usual_name_is_the_address_where_it_is_the_only_one(name):
    (row,) = rows_of(f"nama,{name}\nA,a@example.com\n")
    assert row.address == "a@example.com"


def test_the_column_of_addresses_and_the_key_can_be_named():
    (row,) = rows_of("kontak,invoice\na@example.com,INV-1\n", column="Kontak", key="invoice")
    assert (row.address, row.key) == ("a@example.com", "INV-1")
    (bad,) = rows_of("email,invoice\na@example.com,\n", key="invoice")
    assert bad.problem == "`invoice` is empty"


@pytest.mark.parametrize(
    ("content", "options", "problem"),
    [
        (b"", {}, "the file is empty"),
        (b"\n\n", {}, "the file is empty"),
        (b"email,nama\ra@example.com,A\r", {}, "CR alone"),
        (b'"email\na@example.com\n', {}, "a quote in its first line"),
        (b"nama,kota\nA,B\n", {}, "no column is named `email`; found `nama`, `kota`"),
        (b"to,recipient\na@example.com,b\n", {}, "`to`, `recipient` may all hold the address"),
        (b"email,,kota\n", {}, "column 2 has no name"),
        (b"email,kota,Kota\n", {}, "two columns are named `kota`"),
        (b"a;email;b,email,c\n", {}, "can be read in two ways"),
        (b"email,nama\n", {"column": "surel"}, "no column is named `surel`"),
        (b"email,invoice\n", {"key": "invoise"}, "no column `invoise`; did you mean `invoice`?"),
        (b"PK\x03\x04....", {}, "Excel workbook"),
        ("email\na@example.com\n".encode("utf-16"), {}, "UTF-16"),
        (b"email,nama\na@example.com,\xe9\n", {}, "line 2 is not UTF-8 (byte 14)"),
        (b"email\r" * 200_000, {}, "longer than 1,000,000 bytes"),
        (b'email,nama\na@example.com,"A\nb@example.com,B\n', {}, "line 2 is never closed"),
        (b'email,nama\na@example.com,"A"x\n', {}, "begins in line 2 cannot be read"),
        (b"email,nama\na@example.com," + b"x" * 200_000 + b"\n", {}, "field larger than"),
    ],
)
def test_a_file_that_is_not_clear_is_refused_whole(content, options, problem):
    with pytest.raises(InvalidEmail) as refused:
        rows_of(content, **options)
    assert problem in str(refused.value)
    assert refused.value.field == "csv"


@pytest.mark.parametrize(
    "header", ["terkirim_error,email,nama", "email,nama,terkirim_error"], ids=["first", "last"]
)
def test_the_reasons_of_an_earlier_run_are_no_variable_wherever_they_stand(header):
    order = header.split(",")
    cells = {"terkirim_error": "line 7: `nama` is empty", "email": "a@example.com", "nama": "A"}
    recipients = listed(f"{header}\n" + ",".join(cells[name] for name in order) + "\n")
    (row,) = recipients.rows()
    assert recipients.layout.values_of(row) == {"email": "a@example.com", "nama": "A"}


def test_a_row_with_a_cell_too_many_stays_bad_until_it_is_mended():
    (bad,) = rows_of("terkirim_error,email,nama\nline 2: has 3,a@example.com,Ani,Bandung\n")
    assert bad.cells == ["a@example.com", "Ani", "Bandung"]
    assert bad.problem == "has 3 cells instead of 2"
