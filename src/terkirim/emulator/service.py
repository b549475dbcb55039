"""What the emulated Mailketing decides: routes, refusals, faults, and what it takes."""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from terkirim.emulator import answers
from terkirim.emulator.account import Account
from terkirim.emulator.answers import Answer
from terkirim.emulator.faults import LOSES_THE_ANSWER, Fault, Faults, drawn
from terkirim.emulator.fields import fields_of, read_soon
from terkirim.emulator.ledger import Ledger, Letter
from terkirim.emulator.wire import Ending, Reply, Request
from terkirim.ports import Clock

_STATUS = {
    Fault.RATE_LIMITED: 429,
    Fault.RATE_LIMITED_AFTER: 429,
    Fault.ERROR_500: 500,
    Fault.ERROR_502: 502,
    Fault.ERROR_503: 503,
    Fault.ERROR_504: 504,
}
_PAGES = {Fault.HTML_PAGE_200: 200, Fault.HTML_PAGE_403: 403, Fault.HTML_PAGE_503: 503}
_SENDS = {"/api/v1/send": 1, "/api/v2/send": 2}
_REQUIRED = ("from_email", "recipient", "subject", "content")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """Where the emulator may differ from the real service.

    `always_json` labels all JSON as such. `is_strict` gives v1's refusals a status of 4xx.
    `marker`, with one group, finds what stands for v1's missing message id, in subject or content.
    """

    always_json: bool = False
    is_strict: bool = False
    marker: re.Pattern[str] | None = None


class Service:
    """Answers API requests; `taken` is told of every letter that was accepted."""

    def __init__(
        self,
        *,
        account: Account,
        faults: Faults,
        manners: Manners,
        clock: Clock,
        seed: int,
        taken: Callable[[Letter], None],
    ) -> None:
        self.account = account
        self.ledger = Ledger()
        self.outage: str | None = None
        self._manners = manners
        self._clock = clock
        self._dice = random.Random(seed)  # noqa: S311 - repeatable faults, nothing secret
        self._taken = taken
        self._faults, self._steps = faults, faults.steps()

    @property
    def faults(self) -> Faults:
        """What goes wrong; may be replaced at any time."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults, self._steps = faults, faults.steps()

    def may_read(self, path: str) -> bool:
        """Return False where the line is to break before the body is read."""
        if path not in _SENDS or self.faults.reset_before_read == 0:
            return True
        if self._dice.random() >= self.faults.reset_before_read:
            return True
        self.ledger.requests += 1
        self.ledger.faults[Fault.RESET_BEFORE_READ] += 1
        return False

    def respond(self, request: Request) -> Reply:
        """Return what goes back for a request to the API."""
        version = _SENDS.get(request.path)
        if version is not None and request.method == "POST":
            self.ledger.requests += 1
        if self.outage is not None:
            return self._down(self.outage)
        if version is None:
            return self._reply(self._asked(request))
        if request.method != "POST":
            return self._reply(answers.failed(version, 405))
        fields = read_soon(version, request.body)
        refusal = self._refusal(request, fields, version)
        return (
            self._sent(request.body, fields, version) if refusal is None else self._reply(refusal)
        )

    def _down(self, kind: str) -> Reply:
        self.ledger.faults[f"outage_{kind}"] += 1
        match kind:
            case "reset":
                return Reply(ending=Ending.RESET)
            case "html":
                return self._reply(answers.page(503))
            case _:
                return self._reply(answers.failed(2, 503))

    def _sent(self, body: bytes, fields: Mapping[str, str], version: int) -> Reply:
        fault = self._drawn()
        if fault is not None:
            self.ledger.faults[fault] += 1
        if fault is None or fault is Fault.SLOW or fault in LOSES_THE_ANSWER:
            return self._take(self._letter(body, fields, version), fault)
        if fault is Fault.RESET:
            return Reply(after=self.faults.latency, ending=Ending.RESET)
        return self._reply(self._wrong(version, fault))

    def _drawn(self) -> Fault | None:
        # `may_read` has drawn for the first fault; the others keep their share of all calls.
        early = self.faults.reset_before_read
        return drawn(self._steps, early + self._dice.random() * (1 - early))

    def _take(self, letter: Letter, fault: Fault | None) -> Reply:
        ledger = self.ledger
        self.account.credits -= 1
        ledger.take(letter, at=self._clock.now())
        self._taken(letter)
        answer = answers.sent(letter.version, letter.message, self.account.credits)
        if fault in LOSES_THE_ANSWER:
            ledger.lose(letter, fault)
            return self._lost(answer, letter.version, fault)
        return self._reply(
            answer,
            later=self.faults.slow_seconds if fault is Fault.SLOW else 0.0,
            if_lost=lambda: ledger.lose(letter, fault or "gone"),
        )

    def _lost(self, answer: Answer, version: int, fault: Fault) -> Reply:
        if fault is Fault.ACCEPT_AND_DROP:
            return Reply(after=self.faults.latency, ending=Ending.RESET)
        if fault is Fault.HALF_ANSWER:
            whole = answer.payload()
            half = whole[: len(whole) - len(answer.body) // 2]
            return Reply(payload=half, after=self.faults.latency, ending=Ending.CLOSE)
        return self._reply(self._wrong(version, fault))

    def _wrong(self, version: int, fault: Fault) -> Answer:
        if fault in _PAGES:
            return answers.page(_PAGES[fault])
        if fault is Fault.UNKNOWN_TEXT:
            return answers.refused(version, 400, "Gangguan 7X")
        later = (f"retry-after: {self.faults.retry_after}",)
        return answers.failed(
            version, _STATUS[fault], *(later if fault is Fault.RATE_LIMITED_AFTER else ())
        )

    def _refusal(self, request: Request, fields: Mapping[str, str], version: int) -> Answer | None:
        if not self._is_known(request, fields, version):
            return self._no(version, 401, "Access Denied, Invalid Token")
        for name in _REQUIRED:
            if not fields.get(name):
                return self._no(version, 422, f"The {name} field is invalid", name)
        if not _ADDRESS.fullmatch(fields["recipient"]):
            return self._no(version, 422, "Invalid recipient address", "recipient")
        return self._account_refusal(fields["from_email"], version)

    def _account_refusal(self, sender: str, version: int) -> Answer | None:
        if not self.account.may_send_as(sender):
            return self._no(version, 422, "Sender email not approved", "from_email")
        if self.account.quota_is_reached:
            return self._no(version, 403, "Daily limit reached")
        if self.account.credits <= 0:
            return self._no(version, 402, "Saldo tidak cukup")
        return None

    def _no(self, version: int, status: int, words: str, field: str | None = None) -> Answer:
        self.ledger.refused[words] += 1
        return answers.refused(
            version, status, words, field=field, is_strict=self._manners.is_strict
        )

    def _asked(self, request: Request) -> Answer:
        method, ask = _ASKED.get(request.path, ("", None))
        if ask is None:
            return answers.moved("/")
        version = 1 if request.path.startswith("/api/v1/") else 2
        if request.method != method:
            return answers.failed(version, 405)
        fields = read_soon(version, request.body)
        if not self._is_known(request, fields, version):
            return self._no(version, 401, "Access Denied, Invalid Token")
        return ask(self.account, fields)

    def _is_known(self, request: Request, fields: Mapping[str, str], version: int) -> bool:
        if version == 1:
            return fields.get("api_token") == self.account.token
        bearer = request.header(b"authorization").removeprefix("Bearer ")
        return (request.header(b"x-api-token") or bearer) == self.account.token

    def _letter(self, body: bytes, fields: Mapping[str, str], version: int) -> Letter:
        self.account.seen.add(fields["from_email"])
        return Letter(
            version=version,
            message=fields.get("message_id") or self._marked(version, body) or fields["subject"],
            sender=fields["from_email"],
            recipient=fields["recipient"],
            body=body,
        )

    def _marked(self, version: int, body: bytes) -> str | None:
        if self._manners.marker is None:
            return None
        fields = fields_of(version, body)
        found = self._manners.marker.search(f"{fields['subject']}\n{fields['content']}")
        return None if found is None else found[1]

    def _reply(
        self, answer: Answer, *, later: float = 0.0, if_lost: Callable[[], None] | None = None
    ) -> Reply:
        labelled = answer.as_json() if self._manners.always_json else answer
        return Reply(payload=labelled.payload(), after=self.faults.latency + later, if_lost=if_lost)


def _added(account: Account, fields: Mapping[str, str]) -> Answer:
    del account
    for name in ("list_id", "email"):
        if not fields.get(name):
            return answers.refused(1, 422, f"The {name} field is invalid")
    return answers.added()


_ASKED: dict[str, tuple[str, Callable[[Account, Mapping[str, str]], Answer]]] = {
    "/api/v1/ceksaldo": ("POST", lambda account, _: answers.balance(1, account.credits)),
    "/api/v1/viewlist": ("POST", lambda *_: answers.lists()),
    "/api/v1/addsubtolist": ("POST", _added),
    "/api/v2/credits": ("GET", lambda account, _: answers.balance(2, account.credits)),
    "/api/v2/senders": ("GET", lambda account, _: answers.senders(account.senders())),
}
