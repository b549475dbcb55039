"""Joins the doors in one process: web, dispatcher and scheduler on one event loop."""

import asyncio
import gc
import secrets
import signal
import socket
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from granian.constants import Interfaces
from granian.server.embed import Server

from terkirim.access.kept import write_for_owner
from terkirim.access.keys import KEY_BYTES, SCOPES, key_text, new_key
from terkirim.api.app import build_app
from terkirim.compose import Gateway
from terkirim.domain.errors import ConfigError
from terkirim.logs import Logger
from terkirim.settings import Settings, unknown_variables
from terkirim.web.app import build_pages
from terkirim.web.places import base_url

ONE_MINUTE = timedelta(minutes=1)

_log = Logger("terkirim.serve")


async def serve(settings: Settings) -> None:
    """Run web and worker until SIGTERM or SIGINT; then finish what is in the air.

    Raises:
        ConfigError: the database or the port cannot be used.
    """
    configure_logs()
    for sentence in unknown_variables():
        _log.warning("unknown setting", reason=sentence)
    _refuse_taken_port(settings)
    async with Gateway.open(settings) as gateway:
        await first_key(gateway)
        await first_admin(gateway)
        pages = build_pages(gateway, beside=build_app(gateway))
        server = Server(
            pages,
            address=settings.host,
            port=settings.port,
            interface=Interfaces.ASGI,
            backlog=1_024,
            log_enabled=False,
        )
        _collect_seldom()
        stopped = _stop_on_signals()
        running = asyncio.create_task(server.serve())
        _log.info(
            "ready",
            url=f"http://{settings.host}:{settings.port}",
            database=settings.database_shown,
            sandbox=gateway.is_sandbox,
        )
        await asyncio.wait(
            {running, asyncio.create_task(stopped.wait())}, return_when=asyncio.FIRST_COMPLETED
        )
        _log.info("stopping", waits_for_at_most=settings.grace.total_seconds())
        pages.stop()
        server.stop()  # type: ignore[no-untyped-call]  # granian has no types here
        await running


async def work(settings: Settings) -> None:
    """Run a dispatcher alone, without web, until SIGTERM or SIGINT."""
    configure_logs()
    async with Gateway.open(settings):
        _collect_seldom()
        _log.info("working", database=settings.database_shown)
        await _stop_on_signals().wait()


def configure_logs() -> None:
    """Log one line of JSON for each event, or for people where a terminal shows them.

    Tracebacks are plain: the values of local variables hold keys and letters.
    """
    if sys.stdout.isatty():
        last: list[Any] = [
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        ]
    else:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *last,
        ]
    )


def _collect_seldom() -> None:
    """Look for cycles of garbage every 20,000 objects, and never among what stays for good.

    As Python has it (700, and the whole heap among them) it takes up to a fifth of the CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def _stop_on_signals() -> asyncio.Event:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


def _refuse_taken_port(settings: Settings) -> None:
    try:
        with socket.create_server((settings.host, settings.port)):
            return
    except OSError as error:
        raise ConfigError(
            f"TERKIRIM_PORT: {settings.port} on {settings.host} cannot be used: {error.strerror}"
        ) from None


async def first_key(gateway: Gateway) -> None:
    """Keep the key of the settings, or make one: shown on a terminal, else left in a file."""
    store, now = gateway.store, gateway.clock.now()
    setting = gateway.setting_key
    if await setting.kept(store, now=now, new_id=gateway.new_id()) is not None:
        return
    rows = await store.keys()
    is_there_one = any(row.revoked_at is not None or setting.is_in_force(row) for row in rows)
    # Of several nodes that start at once, one makes the key; if it dies there, the next start does.
    if is_there_one or not await store.take_turn("first key", every=ONE_MINUTE, now=now):
        return
    made = key_text(secrets.token_bytes(KEY_BYTES))
    _hand_out(made, gateway)
    await store.add_key(new_key("first", SCOPES, now=now, new_id=gateway.new_id(), text=made))


async def first_admin(gateway: Gateway) -> None:
    """Make a one-time link for the first admin: shown on a terminal, else left in a file."""
    settings = gateway.settings
    path = _beside_database(settings, ".first-admin")
    token = await gateway.desk.sign_in.first_link()
    if token is None:
        path.unlink(missing_ok=True)
        return
    link = f"{base_url(settings)}/first?link={token}"
    if sys.stderr.isatty():
        say = gateway.desk.choices.manners.say
        says = say("Make the first admin of the dashboard (once, today): {link}", link=link)
        print(says, file=sys.stderr)  # noqa: T201 - to a person
        return
    write_for_owner(path, link)
    _log.info("a link for the first admin was made", path=str(path))


def _hand_out(key: str, gateway: Gateway) -> None:
    if sys.stderr.isatty():
        says = gateway.desk.choices.manners.say("API key (shown once): {key}", key=key)
        print(says, file=sys.stderr)  # noqa: T201 - to a person
        return
    path = _beside_database(gateway.settings, ".api-key")
    write_for_owner(path, key)
    _log.info("an API key was made", path=str(path))


def _beside_database(settings: Settings, ending: str) -> Path:
    scheme, _, rest = settings.database.read().partition("://")
    if scheme != "sqlite":
        return Path(f"terkirim{ending}").absolute()
    database = Path(rest.removeprefix("/")).absolute()
    return database.with_name(database.name + ending)
