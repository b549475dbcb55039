"""Turns what a door took (`Draft`) into an email that can be stored, or says what is wrong.

Every door ends here, so that a fault has the same sentence wherever it is met. No clock, no I/O.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

from terkirim.content.addresses import ADDRESS_LIMIT, NAME_LIMIT, normalised, read_address
from terkirim.content.attachments import NO_FILES, Files, read_attachments
from terkirim.content.carried import NotCarried, Wanted, not_carried, refused_or_warned
from terkirim.content.fields import chosen, shown
from terkirim.content.headers import read_headers, read_tags
from terkirim.content.recipients import Recipients, read_recipients, read_reply_to
from terkirim.content.texts import body, line, spoken_type
from terkirim.content.times import read_expires_in, read_scheduled_at
from terkirim.content.variables import as_stored, missing_names, rendered
from terkirim.domain.email import (
    DEFAULT_ROUTE,
    Address,
    Carries,
    Content,
    Draft,
    Email,
    IfUnclear,
    NewMessage,
    Priority,
    Stream,
)
from terkirim.domain.errors import InvalidEmail
from terkirim.domain.frozen import frozen

EVERYBODY = "*"  # the key of variables that all recipients share
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_REFERENCE_LIMIT = 256  # characters of a campaign's or row's name
_SENDERS_KEPT = 1_024
_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRules:
    """What the gateway's settings say of submissions.

    `carries` has an entry for each route that may be named, with its providers in their order.
    """

    carries: Mapping[str, tuple[Carries, ...]]
    default_sender: Address | None = None
    if_unclear: IfUnclear = IfUnclear.RESEND
    has_public_url: bool = False
    not_carried: NotCarried = "refuse"
    max_content: int = 10_000_000  # bytes of HTML, and of text
    max_attachments: int = 30_000_000  # bytes of all attachments of an email, decoded


@frozen
class Checked:
    """An email that can be stored, and its attachments' bytes by SHA-256 in hex."""

    email: Email
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class _Letter:
    subject: str
    html: str | None
    text: str | None


def checked(
    draft: Draft, *, ids: Callable[[], str], now: datetime, owner: str, rules: DraftRules
) -> Checked:
    """Return the draft as an email with one message per recipient.

    An email to one recipient and its message have the same id; `ids` makes a new one at each call.

    Raises:
        InvalidEmail: the first thing that is wrong; nothing is guessed.
    """
    sender = _sender(draft.sender, rules.default_sender)
    recipients = read_recipients(draft.to, draft.cc, draft.bcc)
    letter = _letter(draft, rules.max_content)
    variables = _variables(draft.variables, recipients, letter)
    files = read_attachments(draft.attachments, limit=rules.max_attachments)
    reply_to = read_reply_to(draft.reply_to)
    headers = read_headers(draft.headers)
    scheduled_at = read_scheduled_at(draft.scheduled_at, now=now)
    lives_for = read_expires_in(draft.expires_in)
    route = _route(draft.route, rules.carries)
    campaign, row = _references(draft)
    email_id = ids()
    email = Email(
        id=email_id,
        owner=owner,
        sender=sender,
        to=recipients.to,
        cc=recipients.cc,
        bcc=recipients.bcc,
        reply_to=reply_to,
        subject=letter.subject,
        content=_content(letter, email_id, is_template=draft.variables is not None),
        messages=_messages(recipients, variables, email_id=email_id, ids=ids),
        created_at=now,
        headers=headers,
        tags=read_tags(draft.tags),
        attachments=files.attachments,
        route=route,
        priority=_choice(draft.priority, "priority", Priority, Priority.NORMAL),
        stream=_choice(draft.stream, "stream", Stream, Stream.TRANSACTIONAL),
        if_unclear=_choice(draft.if_unclear, "if_unclear", IfUnclear, rules.if_unclear),
        scheduled_at=scheduled_at,
        expires_at=None if lives_for is None else (scheduled_at or now) + lives_for,
        campaign=campaign,
        row=row,
        warnings=recipients.warnings
        + _warnings(
            route,
            rules,
            files,
            has_reply_to=bool(reply_to),
            has_headers=bool(headers),
            has_text=letter.html is not None and letter.text is not None,
        ),
    )
    return Checked(email=email, files=files.contents)


def _sender(value: object, default: Address | None) -> Address:
    if value is None or value == "":
        if default is None:
            problem = "is missing; give it, or set MAILKETING_FROM_EMAIL as the default sender"
            raise InvalidEmail("from", problem, kind="missing_required_field")
        return default
    if isinstance(value, str) and len(value) <= ADDRESS_LIMIT + NAME_LIMIT:
        return _sender_written(value)
    return read_address(value, "from")


@lru_cache(maxsize=_SENDERS_KEPT)
def _sender_written(text: str) -> Address:
    return read_address(text, "from")


def _letter(draft: Draft, limit: int) -> _Letter:
    if draft.subject is None or draft.subject == "":
        raise InvalidEmail("subject", "is missing", kind="missing_required_field")
    letter = _Letter(
        subject=line(draft.subject, "subject"),
        html=body(draft.html, "html", limit=limit),
        text=body(draft.text, "text", limit=limit),
    )
    if letter.html is None and letter.text is None:
        problem = "is missing; give `html` or `text`, or both"
        raise InvalidEmail("html", problem, kind="missing_required_field")
    return letter


def _content(letter: _Letter, email_id: str, *, is_template: bool) -> Content:
    if not is_template:
        return Content(id=email_id, html=letter.html, text=letter.text)
    shared = hashlib.sha256(repr((letter.html, letter.text)).encode()).hexdigest()
    return Content(id=shared, html=letter.html, text=letter.text, is_template=True)


def _messages(
    recipients: Recipients,
    variables: Mapping[str, Mapping[str, Any]],
    *,
    email_id: str,
    ids: Callable[[], str],
) -> tuple[NewMessage, ...]:
    each = recipients.each()
    if len(each) == 1:
        ((kind, address),) = each
        only = NewMessage(
            id=email_id, recipient=address, kind=kind, variables=variables.get(address)
        )
        return (only,)
    return tuple(
        NewMessage(id=ids(), recipient=address, kind=kind, variables=variables.get(address))
        for kind, address in each
    )


def _variables(
    value: object, recipients: Recipients, letter: _Letter
) -> Mapping[str, Mapping[str, Any]]:
    """Return each recipient's variables as they will be stored; empty for literal content."""
    if value is None:
        return _NOTHING
    addresses = [address for _, address in recipients.each()]
    variables = _merged(value, addresses)
    for address, given in variables.items():
        _try_out(letter, given, address)
    return variables


def _merged(value: object, addresses: list[str]) -> dict[str, dict[str, Any]]:
    if not isinstance(value, Mapping) or not all(
        isinstance(one, Mapping) for one in value.values()
    ):
        problem = (
            "must be an object from a recipient's address (or `*` for all) to names and values, "
            f'for example {{"{addresses[0]}": {{"name": "Budi"}}}}'
        )
        raise InvalidEmail("variables", problem)
    own = {_addressed(key, addresses): one for key, one in value.items() if key != EVERYBODY}
    shared = value.get(EVERYBODY, _NOTHING)
    return {
        address: as_stored({**shared, **own.get(address, _NOTHING)}, f"variables.{address}")
        for address in addresses
    }


def _addressed(key: object, addresses: list[str]) -> str:
    if not isinstance(key, str):
        problem = f"has {spoken_type(key)} as a key; addresses are texts"
        raise InvalidEmail("variables", problem)
    wanted = normalised(key.strip(), "variables").lower()
    for address in addresses:
        if address.lower() == wanted:
            return address
    problem = f"`{shown(key)}` is none of this email's recipients"
    raise InvalidEmail("variables", problem)


def _try_out(letter: _Letter, variables: Mapping[str, Any], address: str) -> None:
    """Render once before anything is stored: what fails now would fail at every attempt."""
    missing = missing_names(letter.subject, letter.html, letter.text, variables)
    if missing:
        names = ", ".join(f"`{shown(name)}`" for name in missing)
        raise InvalidEmail("variables", f"{address} lacks {names}")
    rendered(letter.subject, letter.html, letter.text, variables)


def _choice(value: object, field: str, choices: type[_Choice], default: _Choice) -> _Choice:
    return default if value is None else choices(chosen(value, field, choices))


def _route(value: object, known: Mapping[str, object]) -> str:
    return DEFAULT_ROUTE if value is None else chosen(value, "route", known)


def _references(draft: Draft) -> tuple[str | None, str | None]:
    """Return campaign and row, which together are sent once for ever."""
    if draft.campaign is None and draft.row is None:
        return None, None
    for field, value in (("campaign", draft.campaign), ("row", draft.row)):
        if value is None or value == "":
            problem = "is missing; `campaign` and `row` are given together"
            raise InvalidEmail(field, problem, kind="missing_required_field")
        line(value, field, limit=_REFERENCE_LIMIT)
    return draft.campaign, draft.row


def _warnings(
    route: str,
    rules: DraftRules,
    files: Files,
    *,
    has_reply_to: bool,
    has_headers: bool,
    has_text: bool,
) -> tuple[str, ...]:
    if files is NO_FILES and not (has_reply_to or has_headers or has_text):
        return ()
    wanted = Wanted(
        attachments=len(files.attachments),
        has_reply_to=has_reply_to,
        has_headers=has_headers,
        has_text=has_text,
        has_content_ids=any(one.content_id is not None for one in files.attachments),
    )
    faults, warnings = not_carried(
        route, rules.carries[route], wanted, has_public_url=rules.has_public_url
    )
    return (*refused_or_warned(faults, policy=rules.not_carried), *warnings)
