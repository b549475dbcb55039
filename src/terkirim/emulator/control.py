"""The control endpoints: what a test, a demo or a person changes while the emulator runs."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

import msgspec

from terkirim.emulator import answers
from terkirim.emulator.callbacks import Callbacks
from terkirim.emulator.ledger import Ledger
from terkirim.emulator.service import Service
from terkirim.emulator.wire import Ending, Reply, Request

_T = TypeVar("_T")

PREFIX = "/control/"
OUTAGES = frozenset({"refuse", "reset", "503", "html"})


class Control:
    """Answers requests below /control; faults and outages do not reach them, except `refuse`."""

    def __init__(
        self,
        service: Service,
        callbacks: Callbacks,
        *,
        begin_outage: Callable[[str, float], None],
    ) -> None:
        self._service = service
        self._callbacks = callbacks
        self._begin_outage = begin_outage
        self._changes: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "faults": self._change_faults,
            "callbacks": self._change_callbacks,
            "token": self._change_token,
            "credits": self._change_credits,
            "unapproved": self._change_unapproved,
            "quota": self._change_quota,
            "outage": self._go_away,
            "reset": self._forget,
        }

    def respond(self, request: Request) -> Reply:
        """Return what goes back; 422 names what was not understood."""
        name = request.path.removeprefix(PREFIX)
        try:
            if request.method == "GET":
                return _reply(self._shown(name))
            done = self._changed(name, request.body)
            # The line of the call that asked for an outage ends in order, before the others break.
            return _reply(done, ending=Ending.CLOSE if name == "outage" else Ending.KEEP)
        except LookupError:
            return _reply({"message": f"there is no {request.method} {request.path}"}, 404)
        except ValueError as error:
            return _reply({"message": str(error)}, 422)

    def _shown(self, name: str) -> Any:
        ledger = self._service.ledger
        match name:
            case "ledger":
                more = {"refused": ledger.refused, "callbacks": self._callbacks.counts}
                return ledger.summary() | more
            case "ledger/messages":
                return ledger.messages()
            case "ledger/letters":
                return [letter.fields for letter in ledger.letters]
            case "ledger/callbacks":
                return self._said()
            case "faults":
                return asdict(self._service.faults)
            case "callbacks":
                return asdict(self._callbacks.plan)
            case _:
                raise LookupError(name)

    def _said(self) -> list[dict[str, Any]]:
        """Return what was said of each message."""
        return [
            {
                "message": message,
                "recipient": recipient,
                "said": sorted({one.kind for one in callbacks}),
                "reasons": sorted({one.reason for one in callbacks if one.reason}),
            }
            for (message, recipient), callbacks in sorted(self._callbacks.said.items())
        ]

    def _changed(self, name: str, body: bytes) -> Any:
        change = self._changes[name]
        wanted = msgspec.json.decode(body or b"{}")
        if not isinstance(wanted, dict):
            raise ValueError("give a JSON object")  # noqa: TRY004 - the caller's value, answered as 422
        change(wanted)
        return {"done": name}

    def _change_faults(self, wanted: Mapping[str, Any]) -> None:
        self._service.faults = self._service.faults.changed(wanted)

    def _change_callbacks(self, wanted: Mapping[str, Any]) -> None:
        self._callbacks.plan = self._callbacks.plan.changed(wanted)

    def _change_token(self, wanted: Mapping[str, Any]) -> None:
        self._service.account.token = _given(wanted, "token", str)

    def _change_credits(self, wanted: Mapping[str, Any]) -> None:
        self._service.account.credits = _given(wanted, "credits", int)

    def _change_unapproved(self, wanted: Mapping[str, Any]) -> None:
        self._service.account.unapproved = set(_given(wanted, "senders", list[str]))

    def _change_quota(self, wanted: Mapping[str, Any]) -> None:
        self._service.account.quota_is_reached = _given(wanted, "is_reached", bool)

    def _go_away(self, wanted: Mapping[str, Any]) -> None:
        kind = wanted.get("kind", "refuse")
        seconds = _given(wanted, "seconds", float)
        if kind not in OUTAGES:
            raise ValueError(f"kind: give one of {', '.join(sorted(OUTAGES))}")
        if seconds < 0:
            raise ValueError("seconds: give 0 or more")
        self._begin_outage(kind, seconds)

    def _forget(self, wanted: Mapping[str, Any]) -> None:
        del wanted
        self._service.ledger = Ledger()
        self._callbacks.counts.clear()
        self._callbacks.said.clear()


def _given(wanted: Mapping[str, Any], name: str, kind: type[_T]) -> _T:
    if name not in wanted:
        raise ValueError(f"{name}: is missing")
    try:
        return msgspec.convert(wanted[name], kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"{name}: {error}") from None


def _reply(value: Any, status: int = 200, *, ending: Ending = Ending.KEEP) -> Reply:
    return Reply(payload=answers.of(value, status).payload(), ending=ending)
