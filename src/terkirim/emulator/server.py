"""The emulator as a whole: its port, its connections, and how long it runs."""

import asyncio
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Self

from terkirim.database import SystemClock
from terkirim.domain.errors import ConfigError
from terkirim.emulator.account import PLENTY, Account
from terkirim.emulator.callbacks import CallbackPlan, Callbacks
from terkirim.emulator.control import PREFIX, Control
from terkirim.emulator.faults import Faults
from terkirim.emulator.ledger import Ledger
from terkirim.emulator.service import Manners, Service
from terkirim.emulator.wire import Reply, Request, Wire

BACKLOG = 1_024


class Emulator:
    """A Mailketing on this machine; `url` is its base, as MAILKETING_API_URL takes it."""

    def __init__(  # noqa: PLR0913 - each is one of the things that tests and demos choose
        self,
        *,
        faults: Faults | None = None,
        token: str = "emulated",  # noqa: S107 - a word for tests, no secret
        credits_left: int = PLENTY,
        senders: tuple[str, ...] | None = None,
        callbacks: CallbackPlan | None = None,
        manners: Manners | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 1,
    ) -> None:
        clock = SystemClock()
        self.account = Account(token=token, credits=credits_left, approved=senders)
        self.callbacks = Callbacks(callbacks or CallbackPlan(), clock=clock, seed=seed)
        self._service = Service(
            account=self.account,
            faults=faults or Faults(),
            manners=manners or Manners(),
            clock=clock,
            seed=seed,
            taken=self.callbacks.tell,
        )
        self._control = Control(self._service, self.callbacks, begin_outage=self.begin_outage)
        self._host, self._port = host, port
        self._opened: set[Wire] = set()
        self._server: asyncio.Server | None = None
        self._kept_port: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The base address of the API."""
        return f"http://{self._host}:{self._port}/api"

    @property
    def control_url(self) -> str:
        """The base address of the control endpoints."""
        return f"http://{self._host}:{self._port}/control"

    @property
    def ledger(self) -> Ledger:
        """What was taken since the start, or since the last reset."""
        return self._service.ledger

    @property
    def faults(self) -> Faults:
        """What goes wrong, and how often; may be replaced at any time."""
        return self._service.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._service.faults = faults

    @property
    def token(self) -> str:
        """The key that is accepted."""
        return self.account.token

    @token.setter
    def token(self, token: str) -> None:
        self.account.token = token

    @property
    def credits(self) -> int:
        """The credits that are left."""
        return self.account.credits

    @credits.setter  # noqa: A003 - the word of the wire, and of those who set it
    def credits(self, left: int) -> None:
        self.account.credits = left

    @property
    def unapproved(self) -> set[str]:
        """Senders, addresses or domains, whose mail is refused."""
        return self.account.unapproved

    @property
    def is_unwell(self) -> bool:
        """Whether an outage goes on."""
        return self._timer is not None

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def listen(self) -> None:
        """Take connections; again on the same port after `refuse`.

        Raises:
            OSError: the port is taken.
        """
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        if self._kept_port is None:
            self._kept_port = _bound(self._host, self._port)
        line, self._kept_port = self._kept_port, None
        self._server = await loop.create_server(
            lambda: Wire(self, self._opened), sock=line, backlog=BACKLOG
        )
        self._port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Be gone: connections are refused, and the open ones break."""
        if self._server is not None:
            self._server.close()
            self._server = None
            # A port that is bound, but not listened on, refuses, and nobody else can take it.
            self._kept_port = _bound(self._host, self._port)
        for wire in list(self._opened):
            if wire.is_open:  # one that is closing has its last answer still to write
                wire.reset()

    async def close(self) -> None:
        """End everything."""
        self._end_outage()
        if self._opening is not None:
            await self._opening
        self.refuse()
        if self._kept_port is not None:
            self._kept_port.close()
            self._kept_port = None
        await self.callbacks.close()

    def begin_outage(self, kind: str, seconds: float) -> None:
        """Be unwell for a while: "refuse", "reset", "503" or "html"."""
        self._end_outage()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._recover)
        if kind == "refuse":
            loop.call_soon(self.refuse)  # after the answer to the call that asked for it
        else:
            self._service.outage = kind

    def may_read(self, path: str) -> bool:
        """Return whether a request's body is read at all."""
        return path.startswith(PREFIX) or self._service.may_read(path)

    def respond(self, request: Request) -> Reply:
        """Return what goes back for a request."""
        if request.path.startswith(PREFIX):
            return self._control.respond(request)
        return self._service.respond(request)

    def _end_outage(self) -> None:
        self._service.outage = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _recover(self) -> None:
        self._end_outage()
        if self._server is None:
            self._opening = asyncio.ensure_future(self.listen())


async def emulate(
    *,
    host: str,
    port: int,
    faults: str,
    token: str,
    callbacks: CallbackPlan | None = None,
    ledger_path: Path | None = None,
) -> None:
    """Run until SIGINT or SIGTERM, then write the ledger to `ledger_path`.

    Raises:
        ConfigError: the faults cannot be read, or the port is taken.
    """
    try:
        emulator = Emulator(
            faults=Faults.parse(faults), token=token, callbacks=callbacks, host=host, port=port
        )
        await emulator.listen()
    except (ValueError, OSError) as error:
        raise ConfigError(f"emulate: {error}") from None
    print(f"Mailketing emulated at {emulator.url} (token: {token})", file=sys.stderr)  # noqa: T201 - its banner
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await emulator.close()
    if ledger_path is not None:
        written = json.dumps(emulator.ledger.report(), indent=1)
        await asyncio.to_thread(ledger_path.write_text, written, "utf-8")


def _bound(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    line = socket.socket(family, socket.SOCK_STREAM)
    try:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.setblocking(False)
        line.bind(address)
    except OSError:
        line.close()
        raise
    return line
