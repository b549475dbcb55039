"""What an answer of Mailketing means: the one table of it, from HTTP answer to outcome.

Failures often come with HTTP 200, and JSON with the type of HTML: success is what the body says,
never the status alone. What is not known is Deferred with its text kept, so that one new sentence
of the provider loses no message.
"""

import re
from collections.abc import Callable
from datetime import tzinfo
from http import HTTPStatus
from typing import NamedTuple

from terkirim.domain.ids import is_uuid7
from terkirim.domain.outcome import (
    ANSWER_LIMIT,
    Accepted,
    Deferred,
    Outcome,
    OutOfCredits,
    ProviderFault,
    QuotaReached,
    Rejected,
    SenderRefused,
    Unauthorised,
    Unclear,
)
from terkirim.policy.answers import AnswerKind, kind_of_text
from terkirim.ports import Clock
from terkirim.providers.http import Answer
from terkirim.providers.mailketing.content import MAX_ATTACHMENTS
from terkirim.providers.mailketing.reply import Claim, Reply, reply_in
from terkirim.providers.mailketing.times import next_midnight, retry_after

_SUCCESSES = range(200, 300)
_REDIRECTS = range(300, 400)
# A proxy gave up on a request that it had passed on: Cloudflare's 520 to 524, and 504.
_UNPROVEN = frozenset({504, 520, 521, 522, 523, 524})
_TRY_AGAIN = frozenset({408, 425, 429})  # and every 5xx that is not unproven
_WRONG_PATH = frozenset({404, 405})
_MALFORMED = frozenset({400, 422})
_MAIL_FIELDS = frozenset(
    {"recipient", "to", "email", "from_name", "subject", "content", "message_id"}
    | {f"attach{number}" for number in range(1, MAX_ATTACHMENTS + 1)}
)
_SENDER_FIELDS = frozenset({"from", "from_email", "sender", "domain"})
# "Invalid from email": an address is wrong, but every mail of that sender would meet the same.
_NAMES_SENDER = re.compile(r"\b(sender|pengirim|from[ _]?(email|address))\b", re.IGNORECASE)
_KEY_FIELDS = frozenset({"api_token", "token", "api_key"})
_MAILS_OWN = _MAIL_FIELDS | _SENDER_FIELDS
_ABOUT_ACCOUNT = frozenset({AnswerKind.TOKEN, AnswerKind.CREDITS, AnswerKind.QUOTA})


class Reader(NamedTuple):  # one per mail; a frozen dataclass takes six times as long to make
    """What an answer is read against. `address` is the base URL, without a password.

    `masked` takes the key out of a text. `zone` is where the provider's day begins. `message_id` is
    the mail's where the version repeats it, else None.
    """

    sender: str
    clock: Clock
    zone: tzinfo
    address: str
    masked: Callable[[str], str]
    message_id: str | None = None

    def kept(self, text: str) -> str:
        """Return the text as it may be stored and shown: no key, no NUL (PostgreSQL has none)."""
        return self.masked(text).replace("\x00", "\ufffd")


def outcome_of(answer: Answer, reader: Reader) -> Outcome | ProviderFault:
    """Return what the answer means; never Accepted unless the body says so."""
    reply = reply_in(answer.body) if answer.is_whole else None
    if answer.status in _UNPROVEN:
        return _unclear("a proxy gave up waiting for it", answer, reader)
    if answer.status in _REDIRECTS:
        return _misdirected(answer, reader)
    if reply is None:
        return _without_reply(answer, reader)
    if reply.claim is Claim.FAILURE or _is_bare_failure(reply, answer):
        return _failure(reply, answer, reader)
    if reply.claim is Claim.SUCCESS and answer.status in _SUCCESSES:
        return _accepted(reply, answer, reader)
    return _unclear("the answer contradicts itself or says nothing", answer, reader)


def kept_answer(answer: Answer, reader: Reader) -> str:
    """Return what is kept of the body: masked first and cut then, so that no half key is left."""
    return reader.kept(answer.body.decode(errors="replace"))[:ANSWER_LIMIT]


def _accepted(reply: Reply, answer: Answer, reader: Reader) -> Accepted | Unclear:
    """Accept unless the answer is another mail's: a late one, on a connection used again.

    An id of the provider's own making is no other mail's: ours are told by their form.
    """
    ref, own = reply.message_id, reader.message_id
    if ref is not None and own is not None and ref != own and is_uuid7(ref):
        return _unclear("the answer speaks of another message", answer, reader)
    return Accepted(
        None if ref is None else reader.kept(ref),
        code=str(answer.status),
        answer=kept_answer(answer, reader),
        credits=reply.credits,
    )


def _is_bare_failure(reply: Reply, answer: Answer) -> bool:
    return reply.claim is Claim.NONE and answer.status >= HTTPStatus.BAD_REQUEST


def _without_reply(answer: Answer, reader: Reader) -> Outcome | ProviderFault:
    """Read an answer that is not Mailketing's JSON: a page, a proxy's word, noise."""
    by_status = _by_status(answer, reader, "")
    if by_status is not None:
        return by_status
    if not answer.is_whole:
        return _unclear("the answer has no end", answer, reader)
    if answer.status < HTTPStatus.BAD_REQUEST:
        return _unclear("the answer is no JSON", answer, reader)
    if answer.status == HTTPStatus.FORBIDDEN and _is_page(answer):
        return _deferred("a challenge page", answer, reader, is_provider_down=True)
    return _unknown("no JSON", answer, reader)


def _failure(reply: Reply, answer: Answer, reader: Reader) -> Outcome | ProviderFault:
    """Read a failure in Mailketing's words: the account first, its state then, the mail last."""
    errors = {name: reader.kept(words) for name, words in reply.errors.items()}
    said = reader.kept(reply.text)
    text = said or _sentence(errors)
    return (
        _by_account(*_about_account(said, errors), answer, reader)
        or _by_status(answer, reader, text)
        or _by_field(errors, answer, reader)
        or _by_mail(kind_of_text(text), text, answer, reader)
        or _unknown(text, answer, reader)
    )


def _about_account(said: str, errors: dict[str, str]) -> tuple[AnswerKind | None, str]:
    """Return what is wrong with the account, and the words that say so.

    An account's fault may stand under any field but the mail's own: those words can quote the mail.
    """
    if errors.keys() & _KEY_FIELDS:
        return AnswerKind.TOKEN, said or _sentence(errors)
    beside = {name: words for name, words in errors.items() if name not in _MAILS_OWN}
    for words in (said, _sentence(beside)):
        kind = kind_of_text(words)
        if kind in _ABOUT_ACCOUNT:
            return kind, words
    return None, ""


def _by_account(
    kind: AnswerKind | None, text: str, answer: Answer, reader: Reader
) -> ProviderFault | None:
    code, kept = str(answer.status), kept_answer(answer, reader)
    match kind:
        case AnswerKind.TOKEN:
            return Unauthorised(text, code=code, answer=kept)
        case AnswerKind.CREDITS:
            return OutOfCredits(text, code=code, answer=kept)
        case AnswerKind.QUOTA:
            until = next_midnight(reader.clock.now(), reader.zone)
            return QuotaReached(text, until=until, code=code, answer=kept)
        case _:
            return None


def _by_status(answer: Answer, reader: Reader, text: str) -> Outcome | ProviderFault | None:
    status = answer.status
    if status == HTTPStatus.UNAUTHORIZED:
        return Unauthorised(_reason(text, answer), code="401", answer=kept_answer(answer, reader))
    if status == HTTPStatus.PAYMENT_REQUIRED:
        return OutOfCredits(_reason(text, answer), code="402", answer=kept_answer(answer, reader))
    if status not in _TRY_AGAIN and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    return _deferred(
        text,
        answer,
        reader,
        is_rate_limit=status == HTTPStatus.TOO_MANY_REQUESTS,
        is_provider_down=status >= HTTPStatus.INTERNAL_SERVER_ERROR,
    )


def _by_field(
    errors: dict[str, str], answer: Answer, reader: Reader
) -> Rejected | SenderRefused | None:
    """Read `errors`; a refused sender waits for its approval, whatever else is wrong."""
    if not errors.keys().isdisjoint(_SENDER_FIELDS):
        return _sender_refused(_sentence(errors), answer, reader)
    for name, words in errors.items():
        if name in _MAIL_FIELDS or answer.status in _MALFORMED:
            return _rejected(name, words, answer, reader)
    return None


def _by_mail(
    kind: AnswerKind | None, text: str, answer: Answer, reader: Reader
) -> Rejected | SenderRefused | None:
    match kind:
        case AnswerKind.SENDER:
            return _sender_refused(text, answer, reader)
        case AnswerKind.RECIPIENT if _NAMES_SENDER.search(text):
            return _sender_refused(text, answer, reader)
        case AnswerKind.RECIPIENT:
            return _rejected("recipient", text, answer, reader)
        case _:
            return None


def _rejected(field: str, words: str, answer: Answer, reader: Reader) -> Rejected:
    return Rejected(
        f"{field}: {words}" if words else f"{field} was refused",
        field=field,
        code=str(answer.status),
        answer=kept_answer(answer, reader),
    )


def _sender_refused(text: str, answer: Answer, reader: Reader) -> SenderRefused:
    return SenderRefused(
        text, sender=reader.sender, code=str(answer.status), answer=kept_answer(answer, reader)
    )


def _unclear(why: str, answer: Answer, reader: Reader) -> Unclear:
    return Unclear(
        _reason(why, answer), code=str(answer.status), answer=kept_answer(answer, reader)
    )


def _deferred(
    why: str,
    answer: Answer,
    reader: Reader,
    *,
    is_rate_limit: bool = False,
    is_provider_down: bool = False,
) -> Deferred:
    return Deferred(
        _reason(why, answer),
        retry_after=retry_after(answer, reader.clock.now()),
        code=str(answer.status),
        answer=kept_answer(answer, reader),
        is_rate_limit=is_rate_limit,
        is_provider_down=is_provider_down,
    )


def _unknown(text: str, answer: Answer, reader: Reader) -> Deferred:
    if answer.status in _WRONG_PATH:
        return _misdirected(answer, reader)
    return Deferred(
        _reason(f"unknown answer: {text}" if text else "unknown answer", answer),
        retry_after=retry_after(answer, reader.clock.now()),
        code=str(answer.status),
        answer=kept_answer(answer, reader),
        is_unknown_answer=True,
    )


def _misdirected(answer: Answer, reader: Reader) -> Deferred:
    """Blame the address: every mail would meet this, so the breaker shuts and the mail waits."""
    return Deferred(
        _reason(f"{reader.address} is not the base URL of the API", answer),
        code=str(answer.status),
        answer=kept_answer(answer, reader),
        is_provider_down=True,
        is_unknown_answer=True,
    )


def _reason(text: str, answer: Answer) -> str:
    return f"HTTP {answer.status}: {text}" if text else f"HTTP {answer.status}"


def _sentence(errors: dict[str, str]) -> str:
    return "; ".join(f"{name}: {words}" for name, words in errors.items())


def _is_page(answer: Answer) -> bool:
    return answer.body.lstrip()[:1] == b"<"
