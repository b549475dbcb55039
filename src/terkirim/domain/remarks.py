"""Remarks that are kept in English with what they are about, and told in their reader's language.

Programs read them as they stand; `retold` finds the sentence again, with what was filled in.
"""

import re
from functools import lru_cache
from typing import Any

from terkirim.domain.phrase import Phrase, in_english, phrase

HEADERS_KEPT = phrase(
    "`headers`: no provider on the route `{route}` carries them; "
    "they are kept on the record and not sent"
)
TEXT_KEPT = phrase(
    "`text`: no provider on the route `{route}` carries it beside `html`; "
    "it is kept on the record and not sent"
)
CONTENT_IDS_KEPT = phrase(
    "`attachments.content_id`: no provider on the route `{route}` carries it; it is kept on the "
    "record, and the file goes beside the letter, not inside it"
)
KEPT = phrase("`{field}`: {problem}; kept on the record, not sent")
NO_REPLY_TO = phrase("no provider on the route `{route}` carries it; leave it out")
NO_FILES = phrase("no provider on the route `{route}` carries attachments; leave them out")
NO_FILES_FROM_HERE = phrase(
    "they travel as links to this gateway, and it has no public address; "
    "set TERKIRIM_PUBLIC_URL to where the outside reaches it"
)
TOO_MANY_FILES = phrase("there are {count}; the route `{route}` carries at most {most}")
NOT_TOGETHER = phrase("no one provider on the route `{route}` carries them with `reply_to`")
GIVEN_TWICE = phrase("`{field}`: {address} was given twice and gets one message")
OF_NO_MESSAGE = phrase("its kind is {kind}, which says nothing of a message")
NO_READER = phrase("callbacks of {provider} are not read here")
UNREADABLE = phrase("it could not be read: {error}")
UNAPPLIED = phrase("it could not be applied: {error}")
WITHOUT_KIND = phrase("it names no kind, and says nothing of a message")
ENDPOINT_GONE = phrase("it answered 410: gone")
FAILED_TOO_LONG = phrase("no success for {days} days, {failures} failures; the last one: {last}")
_ALL = (
    HEADERS_KEPT, TEXT_KEPT, CONTENT_IDS_KEPT, KEPT, NO_REPLY_TO, NO_FILES, NO_FILES_FROM_HERE,
    TOO_MANY_FILES, NOT_TOGETHER, GIVEN_TWICE, OF_NO_MESSAGE, NO_READER, UNREADABLE, UNAPPLIED,
    WITHOUT_KIND, ENDPOINT_GONE, FAILED_TOO_LONG,
)  # fmt: skip
_PLACE = re.compile(r"\\\{(\w+)\\\}")


def filled(remark: Phrase, /, **values: Any) -> Phrase:
    """Return a remark with its values."""
    return Phrase(remark.text, values)


def kept(remark: Phrase, /, **values: Any) -> str:
    """Return a remark as it is kept."""
    return in_english(filled(remark, **values))


def retold(text: str) -> Phrase:
    """Return the remark that a kept text is; one that is not known is said as it stands."""
    for remark, pattern in _patterns():
        if found := pattern.fullmatch(text):
            values = {name: _inner(name, value) for name, value in found.groupdict().items()}
            return Phrase(remark.text, values)
    return Phrase("{text}", {"text": text})


def _inner(name: str, value: str) -> str | Phrase:
    return retold(value) if name == "problem" else value


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[Phrase, re.Pattern[str]], ...]:
    return tuple(
        (one, re.compile(_PLACE.sub(r"(?P<\1>.+)", re.escape(one.text)), re.DOTALL)) for one in _ALL
    )
