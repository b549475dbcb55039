"""What no provider on an email's route can carry: refused at the door, or warned of.

Which provider of the route then carries it is the dispatcher's affair.
"""

from collections.abc import Sequence
from typing import Literal

from terkirim.domain import remarks
from terkirim.domain.email import Carries
from terkirim.domain.errors import InvalidEmail
from terkirim.domain.phrase import Phrase
from terkirim.domain.remarks import filled, kept

NotCarried = Literal["refuse", "warn"]
Fault = tuple[str, Phrase]  # the field, and what is wrong with it


def not_carried(
    route: str,
    carries: Sequence[Carries],
    *,
    attachments: int,
    has_reply_to: bool,
    has_headers: bool,
    has_public_url: bool,
) -> tuple[list[Fault], list[str]]:
    """Return what must be refused, and warnings of what is only kept.

    One provider has to carry all of it: half by the one and half by the other is no email.
    """
    ways = _with_reachable_files(carries, has_public_url)
    warnings = []
    if has_headers and not any(way.headers for way in ways):
        warnings.append(kept(remarks.HEADERS_KEPT, route=route))
    if not has_reply_to and not attachments:
        return [], warnings
    if any(_carries_all(way, attachments, has_reply_to) for way in ways):
        return [], warnings
    faults: list[Fault] = []
    if has_reply_to and not any(way.reply_to for way in ways):
        faults.append(("reply_to", filled(remarks.NO_REPLY_TO, route=route)))
    if attachments and attachments > max((way.attachments for way in ways), default=0):
        faults.append(("attachments", _why_no_files(route, carries, attachments)))
    return faults or [_split(route)], warnings


def refused_or_warned(faults: Sequence[Fault], *, policy: NotCarried) -> list[str]:
    """Return the faults as warnings where the setting says so.

    Raises:
        InvalidEmail: `refuse` is the policy and there is a fault; the first one is named.
    """
    if faults and policy == "refuse":
        field, problem = faults[0]
        kind = "invalid_attachment" if field == "attachments" else "invalid_parameter"
        raise InvalidEmail(field, problem, kind=kind)
    return [kept(remarks.KEPT, field=field, problem=problem) for field, problem in faults]


def _with_reachable_files(carries: Sequence[Carries], has_public_url: bool) -> list[Carries]:
    return [
        Carries(reply_to=one.reply_to, headers=one.headers)
        if one.needs_public_url and not has_public_url
        else one
        for one in carries
    ]


def _carries_all(way: Carries, attachments: int, has_reply_to: bool) -> bool:
    return attachments <= way.attachments and (way.reply_to or not has_reply_to)


def _why_no_files(route: str, carries: Sequence[Carries], attachments: int) -> Phrase:
    possible = max((one.attachments for one in carries), default=0)
    if attachments <= possible:
        return remarks.NO_FILES_FROM_HERE
    if possible == 0:
        return filled(remarks.NO_FILES, route=route)
    return filled(remarks.TOO_MANY_FILES, count=attachments, route=route, most=possible)


def _split(route: str) -> Fault:
    return "attachments", filled(remarks.NOT_TOGETHER, route=route)
