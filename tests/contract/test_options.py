"""Options under contract: one value for all nodes, and each change in the activity log."""

import pytest

from terkirim.database import peeked
from terkirim.domain.alert import Activity
from terkirim.settings import Settings
from tests.contract.conftest import SECOND, START


@pytest.fixture
def people(node, database):
    return database.books(node.store).people


def chosen(value, *, at=START):
    return Activity(at=at, who="ani", what="language changed", subject=value)


async def test_a_value_is_kept_for_every_node_with_who_chose_it(node, open_node, database, people):
    here, there = database.options(node), database.options(await open_node("b"))
    assert await there.options(["language", "time_zone"]) == {}
    assert await here.set_option("language", "en", note=chosen("en"))
    assert await there.options(["language", "time_zone"]) == {"language": "en"}
    assert await there.set_option("language", "id", note=chosen("id", at=START + SECOND))
    assert await here.options(["language"]) == {"language": "id"}
    assert await people.activity(limit=9) == [chosen("id", at=START + SECOND), chosen("en")]


async def test_a_value_that_was_kept_already_is_no_change_and_leaves_no_note(
    node, database, people
):
    options = database.options(node)
    assert await options.set_option("language", "en", note=chosen("en"))
    assert not await options.set_option("language", "en", note=chosen("en", at=START + SECOND))
    assert len(await people.activity(limit=9)) == 1


async def test_only_what_is_asked_for_is_told(node, database):
    options = database.options(node)
    await node.store.keep_option("secret:x", "s3cret")
    await options.set_option("language", "en", note=chosen("en"))
    assert await options.options([]) == {}
    assert await options.options(["language"]) == {"language": "en"}


async def test_a_value_and_its_note_are_kept_together_or_not_at_all(node, database, people):
    options, unwritable = database.options(node), chosen("en", at=None)
    with pytest.raises(TypeError):
        await options.set_option("language", "en", note=unwritable)
    assert await options.options(["language"]) == {}
    assert await people.activity(limit=9) == []


async def test_a_command_looks_at_options_without_opening_the_store(node, database):
    await database.options(node).set_option("language", "en", note=chosen("en"))
    settings = Settings(database=database.address)
    assert await peeked(settings, ["language", "time_zone"]) == {"language": "en"}


async def test_a_look_makes_no_file_and_a_database_that_cannot_be_read_has_no_options(tmp_path):
    path = tmp_path / "none.db"
    settings = Settings(database=f"sqlite:///{path}")
    assert await peeked(settings, ["language"]) == {}
    assert not path.exists()
    for content in (b"", b"no database at all " * 100):
        path.write_bytes(content)
        assert await peeked(settings, ["language"]) == {}
    nobody = Settings(database="postgresql://nobody@127.0.0.1:1/x")
    assert await peeked(nobody, ["language"]) == {}
