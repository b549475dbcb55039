"""What all tests share: one PostgreSQL a session, made when the first test asks for it."""

import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres_server import running_server

# How long an example takes is the machine's matter, which may be busy with others.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# A shell's job in the background ignores Ctrl-C, and so would each command that is started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres():
    with running_server() as server:
        yield server


def pytest_collection_modifyitems(items):
    """Put the browser last: while it is open, no other loop may start in its thread."""
    items.sort(key=lambda item: "browser" in item.path.parts[:-1])
