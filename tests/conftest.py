"""What all tests share: one PostgreSQL a session, made when the first test asks for it."""

import pytest

from tests.postgres_server import running_server


@pytest.fixture(scope="session")
def postgres():
    with running_server() as server:
        yield server
