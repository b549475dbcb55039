"""A letter to every row of a CSV: each row once for ever, the bad ones in a list to be mended."""

import asyncio
import csv
import tracemalloc
from contextlib import asynccontextmanager, closing
from datetime import UTC

import pytest

from terkirim.cli.bad_rows import BadRows
from terkirim.cli.campaign import CHUNK, Campaign, campaign_name, surveyed
from terkirim.compose import Gateway
from terkirim.content.recipient_list import RecipientList
from terkirim.domain.errors import InvalidEmail, StoreUnavailable
from terkirim.ports import MessageFilter, Submission
from terkirim.store.counting import Rollups
from terkirim.store.fresh import FreshEmails
from terkirim.store.sqlite.accepting import accept_all
from terkirim.store.sqlite.connection import opened as opened_file
from tests.contract.conftest import START, an_email

LETTER = {
    "sender": "toko@example.com",
    "subject": "Halo {{ nama }}",
    "html": "<p>Halo {{ nama }}</p>",
    "text": None,
}


@pytest.fixture
async def gateway(tmp_path, monkeypatch):
    monkeypatch.delenv("MAILKETING_API_KEY", raising=False)
    async with Gateway.open(database=f"sqlite:///{tmp_path}/c.db", work=False) as opened:
        yield opened


@asynccontextmanager
async def running(
    gateway, source, letter=LETTER, *, name="juli", advance=lambda _: None, **options
):
    """Run a campaign to its end; yield what was surveyed, the tally and the list of bad rows."""
    with source.open("rb") as file:
        recipients = RecipientList(file, **options)
        with BadRows(source, recipients.layout) as bad:
            survey = surveyed(recipients, letter, bad)
            campaign = Campaign(
                gateway=gateway, recipients=recipients, letter=letter, name=name, bad=bad
            )
            await campaign.run(survey, advance=advance)
            yield survey, campaign.tally, bad


def written(tmp_path, text, name="p.csv"):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


async def test_good_rows_go_once_and_the_second_run_sends_nobody(gateway, tmp_path):
    source = written(tmp_path, "email,nama\na@example.com,A\nb@example.com,B\n")
    async with running(gateway, source) as (_, first, _):
        assert (first.queued, first.sent_before) == (2, 0)
    async with running(gateway, source) as (_, again, _):
        assert (again.queued, again.sent_before) == (0, 2)
    rows = await gateway.store.messages(MessageFilter())
    assert {row.recipient for row in rows} == {"a@example.com", "b@example.com"}


async def test_bad_rows_and_duplicates_are_listed_in_a_file_that_can_be_mended(gateway, tmp_path):
    source = written(
        tmp_path, "\ufeffemail;nama\na@example.com;A\nnobody;B\nc@example.com\nA@example.com;X\n"
    )
    async with running(gateway, source) as (survey, tally, bad):
        kept = bad.keep()
    assert (survey.good, survey.duplicates, tally.queued, bad.count) == (1, 1, 1, 3)
    assert kept == tmp_path / "p.bad.csv"
    content = kept.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    header, *rows = csv.reader(content.decode("utf-8-sig").splitlines(), delimiter=";")
    assert header == ["terkirim_error", "email", "nama"]
    assert [row[1:] for row in rows] == [["nobody", "B"], ["c@example.com"], ["A@example.com", "X"]]
    assert [row[0].partition(":")[0] for row in rows] == ["line 3", "line 4", "line 5"]
    assert "the same as line 2" in rows[2][0]

    mended = (
        kept.read_text("utf-8")
        .replace("nobody", "b@example.com")
        .replace(";c@example.com", ";c@example.com;C")
    )
    async with running(gateway, written(tmp_path, mended, "p.bad.csv")) as (_, tally, bad):
        assert (tally.queued, tally.sent_before, bad.count) == (2, 1, 0)
        assert bad.keep() is None


async def test_a_list_of_bad_rows_is_never_overwritten(gateway, tmp_path):
    source = written(tmp_path, "email,nama\nnobody,A\n")
    async with running(gateway, source) as (_, _, bad):
        first = bad.keep()
        assert bad.keep() == first  # it says the same
    first.write_text("email,nama\nmended@example.com,A\n", "utf-8")
    async with running(gateway, source) as (_, _, bad):
        assert bad.keep() == tmp_path / "p.bad2.csv"
    assert "mended" in first.read_text("utf-8")


async def test_a_row_that_only_its_own_words_make_bad_is_listed_and_its_neighbours_go(
    gateway, tmp_path
):
    source = written(tmp_path, "email,umur\na@example.com,40\nb@example.com,x\nc@example.com,41\n")
    letter = {**LETTER, "subject": "{{ 80 / (umur|float(0)) }}", "html": "<p>x</p>"}
    async with running(gateway, source, letter) as (survey, tally, bad):
        assert (survey.good, tally.queued, bad.count) == (3, 2, 1)
        assert "line 3: `subject`: cannot be rendered" in bad.keep().read_text("utf-8")


async def test_a_key_column_lets_an_address_have_several_e_mails(gateway, tmp_path):
    source = written(
        tmp_path, "email,nama,nota\na@example.com,A,1\na@example.com,A,2\na@example.com,A,1\n"
    )
    async with running(gateway, source, key="nota") as (survey, tally, _):
        assert (survey.duplicates, tally.queued) == (1, 2)


async def test_a_letter_that_needs_a_name_which_no_column_has_sends_nothing(gateway, tmp_path):
    source = written(tmp_path, "email,nama\na@example.com,A\n")
    letter = {**LETTER, "html": "<p>{{ name }} {{ kota|default('') }}</p>"}
    with pytest.raises(InvalidEmail, match=r"the letter needs `name`.*there is `email`, `nama`"):
        async with running(gateway, source, letter):
            pass
    assert await gateway.store.messages(MessageFilter()) == []


async def test_a_file_that_is_damaged_near_its_end_sends_nothing(gateway, tmp_path):
    good = "".join(f"p{n}@example.com,A\n" for n in range(CHUNK * 2))
    source = written(tmp_path, f'email,nama\n{good}x@example.com,"A\n')
    with pytest.raises(InvalidEmail, match="never closed"):
        async with running(gateway, source):
            pass
    assert await gateway.store.messages(MessageFilter()) == []


async def test_a_run_that_is_broken_off_goes_on_where_it_was(gateway, tmp_path):
    count = CHUNK * 3
    rows = "".join(f"p{n}@example.com,A\n" for n in range(count))
    source = written(tmp_path, f"email,nama\n{rows}")

    def break_off(_):
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        async with running(gateway, source, advance=break_off):
            pass
    async with running(gateway, source) as (_, tally, _):
        assert (tally.queued, tally.sent_before) == (count - CHUNK, CHUNK)


class FailingOnce:
    """A gateway whose database takes one part and is away for the next."""

    def __init__(self, gateway):
        self._gateway = gateway
        self._parts = 0

    async def send(self, drafts, **rest):
        self._parts += 1
        if self._parts > 1:
            raise StoreUnavailable("the disk is full")
        return await self._gateway.send(drafts, **rest)


async def test_a_database_that_fails_half_way_says_how_far_it_came(gateway, tmp_path):
    rows = "".join(f"p{n}@example.com,A\n" for n in range(CHUNK + 1))
    source = written(tmp_path, f"email,nama\n{rows}")
    says = f"the disk is full; {CHUNK} rows were queued, the same command goes on from there"
    with pytest.raises(StoreUnavailable, match=says):
        async with running(FailingOnce(gateway), source):
            pass
    async with running(gateway, source) as (_, tally, _):
        assert (tally.queued, tally.sent_before) == (1, CHUNK)


async def test_a_long_file_is_surveyed_with_little_memory(tmp_path):
    rows = 30_000
    lines = "".join(f"pelanggan{n}@example.com,Pelanggan {n},{'x' * 100}\n" for n in range(rows))
    source = written(tmp_path, f"email,nama,kota\n{lines}")
    with source.open("rb") as file:
        recipients = RecipientList(file)
        with BadRows(source, recipients.layout) as bad:
            tracemalloc.start()
            survey = surveyed(recipients, LETTER, bad)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
    assert survey.good == rows
    assert peak < source.stat().st_size / 4


def test_another_letter_to_the_same_file_is_another_campaign(tmp_path):
    source = tmp_path / "pelanggan.csv"
    first = campaign_name(source, LETTER)
    assert first.startswith("pelanggan-")
    assert campaign_name(source, dict(LETTER)) == first
    assert campaign_name(source, LETTER, key="nota") != first
    others = [
        {**LETTER, "subject": "Lain"},
        {**LETTER, "html": "<p>lain</p>"},
        {**LETTER, "text": "lain"},
        {**LETTER, "attachments": [{"filename": "a.pdf", "content": b"1"}]},
    ]
    assert len({first, *(campaign_name(source, other) for other in others)}) == 5


@pytest.mark.parametrize("name", ["p.bad.csv", "p.bad2.csv", "p.bad.bad3.csv"])
def test_mended_rows_belong_to_the_campaign_of_the_file_that_they_came_from(tmp_path, name):
    assert campaign_name(tmp_path / name, LETTER) == campaign_name(tmp_path / "p.csv", LETTER)


def test_a_chunk_takes_its_rows_in_few_statements(tmp_path):
    """Each statement asks for Python's lock again, which a busy event loop gives away seldom."""
    emails = tuple(an_email(campaign="c", row=str(number)) for number in range(CHUNK))
    group = [Submission(emails=emails, now=START, answer="[]")]
    with closing(opened_file(tmp_path / "c.db")) as database:
        statements = []
        database.exec_trace = lambda _, sql, __: statements.append(sql) or True
        (receipt,) = accept_all(database, Rollups("n", UTC, places=1), FreshEmails(), group)
    assert receipt.skipped == frozenset()
    assert len(statements) < CHUNK // 4
