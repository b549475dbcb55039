"""What no provider on an email's route can carry: refused at the door, or warned of.

Which provider of the route then carries it is the dispatcher's affair.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from terkirim.domain import remarks
from terkirim.domain.email import Carries
from terkirim.domain.errors import InvalidEmail
from terkirim.domain.phrase import Phrase
from terkirim.domain.remarks import filled, kept

NotCarried = Literal["refuse", "warn"]
Fault = tuple[str, Phrase]  # the field, and what is wrong with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of an email not every provider can say; `has_text` is one beside the HTML."""

    attachments: int = 0
    has_reply_to: bool = False
    has_headers: bool = False
    has_text: bool = False
    has_content_ids: bool = False


def not_carried(
    route: str, carries: Sequence[Carries], wanted: Wanted, *, has_public_url: bool
) -> tuple[list[Fault], list[str]]:
    """Return what must be refused, and warnings of what is only kept.

    One provider has to carry files and answers together: half by the one and half by the other is
    no email.
    """
    ways = _with_reachable_files(carries, has_public_url)
    return _faults(route, carries, ways, wanted), _only_kept(route, ways, wanted)


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
        replace(one, attachments=0) if one.needs_public_url and not has_public_url else one
        for one in carries
    ]


def _faults(
    route: str, carries: Sequence[Carries], ways: Sequence[Carries], wanted: Wanted
) -> list[Fault]:
    if not wanted.has_reply_to and not wanted.attachments:
        return []
    if any(_carries_all(way, wanted) for way in ways):
        return []
    faults: list[Fault] = []
    if wanted.has_reply_to and not any(way.reply_to for way in ways):
        faults.append(("reply_to", filled(remarks.NO_REPLY_TO, route=route)))
    if wanted.attachments and not _files_go(ways, wanted):
        faults.append(("attachments", _why_no_files(route, carries, wanted.attachments)))
    return faults or [_split(route)]


def _only_kept(route: str, ways: Sequence[Carries], wanted: Wanted) -> list[str]:
    found = []
    if wanted.has_headers and not any(way.headers for way in ways):
        found.append(remarks.HEADERS_KEPT)
    if wanted.has_text and not any(way.text for way in ways):
        found.append(remarks.TEXT_KEPT)
    # Of files that do not go at all, their own fault says enough.
    is_outside = _files_go(ways, wanted) and not any(way.content_ids for way in ways)
    if wanted.has_content_ids and is_outside:
        found.append(remarks.CONTENT_IDS_KEPT)
    return [kept(remark, route=route) for remark in found]


def _files_go(ways: Sequence[Carries], wanted: Wanted) -> bool:
    return wanted.attachments <= max((way.attachments for way in ways), default=0)


def _carries_all(way: Carries, wanted: Wanted) -> bool:
    return wanted.attachments <= way.attachments and (way.reply_to or not wanted.has_reply_to)


def _why_no_files(route: str, carries: Sequence[Carries], attachments: int) -> Phrase:
    possible = max((one.attachments for one in carries), default=0)
    if attachments <= possible:
        return remarks.NO_FILES_FROM_HERE
    if possible == 0:
        return filled(remarks.NO_FILES, route=route)
    return filled(remarks.TOO_MANY_FILES, count=attachments, route=route, most=possible)


def _split(route: str) -> Fault:
    return "attachments", filled(remarks.NOT_TOGETHER, route=route)
