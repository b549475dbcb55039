"""A message in Mailketing's words: the form of v1, the JSON of v2, and the HTML both ask for."""

import html
import re

import msgspec

from terkirim.domain.email import OutgoingMessage

MAX_ATTACHMENTS = 3

_KEPT_AS_THEY_ARE = re.compile(r"(<(pre|textarea)\b.*?</\2\s*>)", re.IGNORECASE | re.DOTALL)
_ALL_BUT_THE_LAST_SPACE = re.compile(r" (?= )")
_LINE_BREAKS = re.compile(r"[\r\n\t]+")


def fields_of(message: OutgoingMessage, *, token: str, collapse: bool) -> dict[str, str]:
    """Return the fields of v1's `/send`; with `collapse`, newlines go where HTML ignores them."""
    content = html_of(message)
    fields = _fields(message, collapsed(content) if collapse else content)
    fields["api_token"] = token
    return fields


def json_of(message: OutgoingMessage) -> bytes:
    """Return the body of v2's `/send`, our id as its `message_id`.

    Raises:
        UnicodeEncodeError: a text has lone surrogates.
    """
    fields = _fields(message, html_of(message))
    fields["message_id"] = message.id
    return msgspec.json.encode(fields)


def html_of(message: OutgoingMessage) -> str:
    """Return the HTML body; plain text alone is written as HTML that looks the same."""
    if message.html is not None:
        return message.html
    return html_from_text(message.text or "")


def html_from_text(text: str) -> str:
    """Return the text as HTML: escaped, with its line breaks and its runs of spaces."""
    lines = html.escape(text.expandtabs(), quote=False).splitlines()
    return "<br>\n".join(_ALL_BUT_THE_LAST_SPACE.sub("&nbsp;", line) for line in lines)


def collapsed(content: str) -> str:
    """Return the HTML with newlines and tabs as single spaces, outside `pre` and `textarea`."""
    if _LINE_BREAKS.search(content) is None:
        return content
    parts = _KEPT_AS_THEY_ARE.split(content)
    # split: text, kept element, its name, text, ...
    texts = (_LINE_BREAKS.sub(" ", text) for text in parts[::3])
    kept = (*parts[1::3], "")
    return "".join(text + element for text, element in zip(texts, kept, strict=True))


def _fields(message: OutgoingMessage, content: str) -> dict[str, str]:
    sender = message.sender
    fields = {
        "from_name": sender.name or sender.email,
        "from_email": sender.email,
        "recipient": message.recipient,
        "subject": message.subject,
        "content": content,
    }
    for number, url in enumerate(message.attachment_urls[:MAX_ATTACHMENTS], start=1):
        fields[f"attach{number}"] = url
    return fields
