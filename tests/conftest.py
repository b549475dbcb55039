"""What all tests share: one PostgreSQL a session, made when the first test asks for it."""

import pytest

from tests.postgres_server import running_server


@pytest.fixture(scope="session")
def postgres():
    with running_server() as server:
        yield server


def pytest_collection_modifyitems(items):
    """Put the browser last: while it is open, no other loop may start in its thread."""
    items.sort(key=lambda item: "browser" in item.path.parts[:-1])
