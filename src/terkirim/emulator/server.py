"""The emulator: routes, faults, credits, and the control endpoints that change them."""

import asyncio
import json
import random
import signal
import sys
from dataclasses import asdict
from typing import Any, Self
from urllib.parse import parse_qsl

from terkirim.domain.errors import ConfigError
from terkirim.emulator import answers
from terkirim.emulator.faults import Faults
from terkirim.emulator.ledger import Ledger
from terkirim.emulator.wire import Call, Wire

PLENTY = 1_000_000
_STATUS = {
    "rate_limited": 429,
    "rate_limited_after": 429,
    "error_500": 500,
    "error_502": 502,
    "error_503": 503,
}


class Emulator:
    """A Mailketing on this machine; `url` is its base, as MAILKETING_API_URL takes it."""

    def __init__(
        self,
        *,
        faults: Faults | None = None,
        token: str = "emulated",  # noqa: S107 - a word for tests, no secret
        credits_left: int = PLENTY,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 1,
    ) -> None:
        self.faults = faults or Faults()
        self.token = token
        self.credits = credits_left
        self.unapproved: set[str] = set()
        self.ledger = Ledger()
        self._host, self._port = host, port
        self._dice = random.Random(seed)  # noqa: S311 - repeatable faults, nothing secret
        self._opened: set[Wire] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://{self._host}:{self._port}/api"

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.refuse()

    async def listen(self) -> None:
        """Take connections; again on the same port after `refuse`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Wire(self._answered, self._opened), self._host, self._port, backlog=1_024
        )
        self._port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Be gone: connections are refused, and the open ones break."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for wire in list(self._opened):
            wire.reset()

    def _answered(self, call: Call, wire: Wire) -> None:
        if call.path.startswith("/control/"):
            self._controlled(call, wire)
            return
        route = call.path.removeprefix("/api")
        version = 2 if route.startswith("/v2/") else 1
        if route not in {"/v1/send", "/v2/send"}:
            self._reply(wire, self._asked(call, route, version))
            return
        self.ledger.requests += 1
        fields = _fields(call, version)
        refusal = self._refusal(call, fields, version)
        if refusal is not None:
            self._reply(wire, refusal)
            return
        self._sent(wire, fields, version)

    def _sent(self, wire: Wire, fields: dict[str, str], version: int) -> None:
        fault = self.faults.drawn(self._dice.random())
        if fault is not None:
            self.ledger.faults[fault] += 1
        if fault == "reset":
            wire.reset()
        elif fault in _STATUS:
            more = (
                f"retry-after: {self.faults.retry_after}\r\n"
                if fault == "rate_limited_after"
                else ""
            )
            self._reply(wire, answers.failed(version, _STATUS[fault]), more=more)
        elif fault == "html_page_503":
            self._reply(wire, answers.page(503))
        else:
            self._taken(wire, fields, version, fault)

    def _taken(self, wire: Wire, fields: dict[str, str], version: int, fault: str | None) -> None:
        message = fields.get("message_id") or fields.get("subject", "")
        is_answered = fault in {None, "slow"}
        self.credits -= 1
        self.ledger.take(message, fields["recipient"], is_answered=is_answered)
        answer = answers.sent(version, message, self.credits)
        match fault:
            case "accept_and_drop":
                wire.reset()
            case "half_answer":
                status, body, kind = answer
                wire.reply(status, body, kind, half=True)
            case "html_page_200":
                self._reply(wire, answers.page(200))
            case "slow":
                self._reply(wire, answer, later=self.faults.slow_seconds)
            case _:
                self._reply(wire, answer)

    def _refusal(self, call: Call, fields: dict[str, str], version: int) -> answers.Answer | None:
        if not self._is_known(call, fields, version):
            return answers.refused(version, 401, "Access Denied, Invalid Token")
        for name in ("from_email", "recipient", "subject", "content"):
            if not fields.get(name):
                return answers.refused(version, 422, f"The {name} field is invalid", name)
        if "@" not in fields["recipient"]:
            return answers.refused(version, 422, "Invalid recipient address", "recipient")
        if fields["from_email"] in self.unapproved:
            return answers.refused(version, 422, "Sender email not approved", "from_email")
        if self.credits <= 0:
            return answers.refused(version, 402, "Saldo tidak cukup")
        return None

    def _asked(self, call: Call, route: str, version: int) -> answers.Answer:
        known = {"/v1/ceksaldo", "/v1/viewlist", "/v1/addsubtolist", "/v2/credits", "/v2/senders"}
        if route not in known:
            return answers.page(301)
        if not self._is_known(call, _fields(call, version), version):
            return answers.refused(version, 401, "Access Denied, Invalid Token")
        match route:
            case "/v1/viewlist":
                return answers.lists()
            case "/v1/addsubtolist":
                return answers.added()
            case "/v2/senders":
                return answers.senders([])
            case _:
                return answers.balance(version, self.credits)

    def _is_known(self, call: Call, fields: dict[str, str], version: int) -> bool:
        bearer = call.headers.get("authorization", "").removeprefix("Bearer ")
        given = fields.get("api_token") if version == 1 else call.headers.get("x-api-token", bearer)
        return given == self.token

    def _reply(
        self, wire: Wire, answer: answers.Answer, *, more: str = "", later: float = 0.0
    ) -> None:
        status, body, kind = answer
        wait = self.faults.latency + later
        if wait > 0:
            asyncio.get_running_loop().call_later(
                wait, lambda: wire.reply(status, body, kind, more=more)
            )
        else:
            wire.reply(status, body, kind, more=more)

    def _controlled(self, call: Call, wire: Wire) -> None:
        try:
            body: Any = json.loads(call.body or b"{}")
            wire.reply(200, self._control(call.method, call.path.removeprefix("/control/"), body))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            wire.reply(422, {"message": f"not understood: {error}"})

    def _control(self, method: str, name: str, body: Any) -> Any:
        match method, name:
            case "GET", "ledger":
                return self.ledger.summary()
            case "GET", "ledger/messages":
                return self.ledger.messages()
            case "GET", "faults":
                return asdict(self.faults)
            case "PUT" | "POST", _:
                self._change(name, body)
                return {"done": name}
            case _:
                raise ValueError(f"there is no {method} /control/{name}")

    def _change(self, name: str, body: Any) -> None:
        match name:
            case "faults":
                self.faults = self.faults.changed(body)
            case "token":
                self.token = str(body["token"])
            case "credits":
                self.credits = int(body["credits"])
            case "unapproved":
                self.unapproved = set(body["senders"])
            case "outage":
                self._go_away(float(body["seconds"]))
            case "reset":
                self.ledger = Ledger()
            case _:
                raise ValueError(f"there is no /control/{name}")

    def _go_away(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, self.refuse)  # after the answer to this control call
        loop.call_later(0.05 + seconds, lambda: loop.create_task(self.listen()))


async def emulate(*, host: str, port: int, faults: str, token: str) -> None:
    """Run until SIGINT or SIGTERM.

    Raises:
        ConfigError: the faults cannot be read, or the port is taken.
    """
    try:
        emulator = Emulator(faults=Faults.parse(faults), token=token, host=host, port=port)
        await emulator.listen()
    except (ValueError, OSError) as error:
        raise ConfigError(f"emulate: {error}") from None
    print(f"Mailketing emulated at {emulator.url} (token: {token})", file=sys.stderr)  # noqa: T201 - its banner
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    emulator.refuse()


def _fields(call: Call, version: int) -> dict[str, str]:
    try:
        if version == 1:
            return dict(parse_qsl(call.body.decode(), keep_blank_values=True))
        found = json.loads(call.body or b"{}")
        return {name: str(value) for name, value in found.items()}
    except (ValueError, AttributeError):
        return {}
