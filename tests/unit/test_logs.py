"""A library's log goes where the application sends it, and nowhere else."""

import errno
import logging

import pytest
import structlog
from structlog.testing import capture_logs

from terkirim.logs import Logger

log = Logger("terkirim.test", who="budi")


@pytest.fixture
def unconfigured(monkeypatch):
    monkeypatch.setattr(structlog, "is_configured", lambda: False)


@pytest.mark.usefixtures("unconfigured")
def test_an_application_without_structlog_gets_lines_from_logging(caplog, capsys):
    with caplog.at_level(logging.INFO, logger="terkirim"):
        log.bind(to="a@example.com").info("attempt failed", wait=2)
        try:
            int("odd")
        except ValueError:
            log.exception("it broke")
    first, second = caplog.records
    assert first.getMessage() == "attempt failed who='budi' to='a@example.com' wait=2"
    assert (first.name, first.levelname, second.levelname) == ("terkirim.test", "INFO", "ERROR")
    assert "ValueError: invalid literal" in second.exc_text
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("unconfigured")
def test_nothing_is_printed_by_itself(capsys):
    log.warning("look at this")
    log.error("this is wrong")
    assert capsys.readouterr() == ("", "")


def test_an_application_with_structlog_gets_events_with_their_fields():
    with capture_logs() as told:
        log.warning("slow", seconds=3)
    assert told == [{"event": "slow", "who": "budi", "seconds": 3, "log_level": "warning"}]


class _Unwritable:
    def write(self, _text):
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self):
        raise BrokenPipeError


def test_a_log_that_cannot_be_written_stops_nobody_who_tells():
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(_Unwritable()))
    try:
        log.warning("outcome waits for the database")
        try:
            int("odd")
        except ValueError:
            log.exception("it broke")
    finally:
        structlog.configure(**before)
