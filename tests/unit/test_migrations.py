"""Both databases have the same numbered steps, without a hole or a number used twice."""

from importlib import resources

import pytest


def numbers(database):
    folder = resources.files(f"terkirim.store.{database}") / "migrations"
    return sorted(int(file.name[:4]) for file in folder.iterdir() if file.name.endswith(".sql"))


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_migrations_are_numbered_from_one_without_a_hole(database):
    found = numbers(database)
    assert found == list(range(1, len(found) + 1))


def test_both_databases_have_come_as_far():
    assert numbers("sqlite") == numbers("postgres")
