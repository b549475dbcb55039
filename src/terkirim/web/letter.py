"""What a message says, shown so that nothing in it can do anything; and as a call to copy."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from terkirim.compose import Gateway
from terkirim.content.variables import rendered
from terkirim.domain.errors import InvalidEmail
from terkirim.domain.phrase import Phrase
from terkirim.domain.record import EmailRow, Story
from terkirim.web.places import base_url
from terkirim.web.texts import escaped

# No scripts, no forms, no frames; styles and pictures that stand in the mail itself.
_FRAME = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:{images}; "
    "font-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
_REMOTE = " https: http:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Subject and bodies as this recipient gets them. `is_kept` False: retention took them.

    `fault`: why they could not be filled in; then they stand as they were handed over.
    """

    subject: str
    html: str | None = None
    text: str | None = None
    is_kept: bool = True
    fault: Phrase | None = None


async def letter_of(gateway: Gateway, story: Story) -> Letter:
    """Return the letter of one message, its variables filled in."""
    email, content = story.email, story.email.content
    if content is None:
        return Letter(subject=email.subject, is_kept=False)
    if not content.is_template:
        return Letter(subject=email.subject, html=content.html, text=content.text)
    variables = await gateway.desk.insight.variables(story.message.id)
    try:
        subject, html, text = rendered(email.subject, content.html, content.text, variables)
    except InvalidEmail as error:
        return Letter(
            subject=email.subject, html=content.html, text=content.text, fault=error.named
        )
    return Letter(subject=subject, html=html, text=text)


def frame_headers(*, with_images: bool) -> Mapping[str, str]:
    """Return what keeps a stranger's HTML harmless, whatever stands in it."""
    return {
        "content-security-policy": _FRAME.format(images=_REMOTE if with_images else ""),
        "x-frame-options": "SAMEORIGIN",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }


def curl_of(gateway: Gateway, story: Story) -> str:
    """Return a command that hands the same e-mail over again, with the key left to its reader."""
    url = base_url(gateway.settings)
    body = escaped(json.dumps(_fields(story.email), ensure_ascii=False, indent=2))
    return (
        f"curl {url}/v1/emails \\\n"
        '  -H "Authorization: Bearer $TERKIRIM_API_KEY" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )


def _fields(email: EmailRow) -> dict[str, Any]:
    content = email.content
    fields: dict[str, Any] = {
        "from": str(email.sender),
        "to": [str(one) for one in email.to],
        "cc": [str(one) for one in email.cc],
        "bcc": [str(one) for one in email.bcc],
        "reply_to": [str(one) for one in email.reply_to],
        "subject": email.subject,
        "html": None if content is None else content.html,
        "text": None if content is None else content.text,
        "headers": dict(email.headers),
        "tags": [{"name": name, "value": value} for name, value in email.tags],
    }
    return {name: value for name, value in fields.items() if value}
