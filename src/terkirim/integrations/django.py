"""Django's e-mail backend: `EMAIL_BACKEND = "terkirim.integrations.django.EmailBackend"`.

Mail goes to a gateway over HTTP (TERKIRIM_URL, TERKIRIM_API_KEY), or into a database of the process
itself (TERKIRIM_DATABASE), which is opened at the first e-mail and sent from there.
"""

import mimetypes
import threading
from collections.abc import Callable, Iterable
from email.message import Message
from email.utils import formataddr, getaddresses
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from terkirim.blocking import SyncGateway
from terkirim.client.sync_face import Client
from terkirim.domain.errors import InvalidEmail, TerkirimError

Send = Callable[..., str]

_BODIES = {"text/html": "html", "text/plain": "text"}
_LETTER = "message/rfc822"
_OVERRIDES = frozenset({"from", "reply-to"})  # headers by which Django lets a field be replaced
_opening = threading.Lock()


class EmailBackend(BaseEmailBackend):  # type: ignore[misc]  # Django has no types
    """Puts each e-mail on disk and returns; `terkirim_id` of the e-mail is then its id.

    `url`, `api_key` and `database` beat the settings of the same names (in Django 6.1, they are
    `OPTIONS` of a mailer). With `fail_silently`, what the gateway refuses or cannot take is passed
    over, and not counted.
    """

    def __init__(
        self,
        fail_silently: bool = False,
        *,
        url: str | None = None,
        api_key: str | None = None,
        database: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fail_silently = fail_silently
        self._url = url
        self._api_key = api_key
        self._database = database

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        """Return how many e-mails are on disk; one without recipients is none.

        Raises:
            TerkirimError: the gateway refuses one, or cannot take it; those before it are on disk.
            ImproperlyConfigured: the settings name no gateway, or two.
        """
        return sum(map(self._is_sent, email_messages or ()))

    def _is_sent(self, message: EmailMessage) -> bool:
        if not message.recipients():
            return False
        send = self._way()
        try:
            message.terkirim_id = send(**fields_of(message))
        except TerkirimError:
            if not self.fail_silently:
                raise
            return False
        return True

    def _way(self) -> Send:
        url = self._url or getattr(settings, "TERKIRIM_URL", None)
        key = self._api_key or getattr(settings, "TERKIRIM_API_KEY", None)
        database = self._database or getattr(settings, "TERKIRIM_DATABASE", None)
        if bool(url) == bool(database):
            raise ImproperlyConfigured(
                "set TERKIRIM_URL (and TERKIRIM_API_KEY) for a gateway that is served, or "
                "TERKIRIM_DATABASE for one in this process: one of the two"
            )
        if url:
            client = _client(url, key)
            return lambda **fields: client.send_email(**fields).id
        with _opening:  # two at once would open it twice
            return _gateway(str(database)).send_email


def fields_of(message: EmailMessage) -> dict[str, Any]:
    """Return the fields of `send_email` that say what the message says.

    Raises:
        InvalidEmail: it has a part for which there is no field.
    """
    headers = {str(name): str(value) for name, value in message.extra_headers.items()}
    instead = {name.lower(): value for name, value in headers.items()}
    own = {name: value for name, value in headers.items() if name.lower() not in _OVERRIDES}
    answers_to = _texts(message.reply_to)
    if "reply-to" in instead:
        answers_to = [formataddr(one) for one in getaddresses([instead["reply-to"]])]
    return {
        "sender": instead.get("from", str(message.from_email)),
        "to": _texts(message.to),
        "cc": _texts(message.cc) or None,
        "bcc": _texts(message.bcc) or None,
        "reply_to": answers_to or None,
        "subject": str(message.subject),
        **_bodies(message),
        "headers": own or None,
        "attachments": [_attachment(message, one) for one in message.attachments] or None,
    }


def _texts(addresses: Iterable[object]) -> list[str]:
    return [str(address) for address in addresses if address]


def _bodies(message: EmailMessage) -> dict[str, str]:
    bodies: dict[str, str] = {}
    own = [(message.body, f"text/{message.content_subtype}")] if message.body else []
    for content, kind in (*own, *getattr(message, "alternatives", ())):
        field = _BODIES.get(kind)
        if field is None or field in bodies:
            problem = f"one text/plain and one text/html can be carried, no further `{kind}`"
            raise InvalidEmail("alternatives", problem)
        bodies[field] = str(content)
    return bodies


def _attachment(message: EmailMessage, one: Any) -> dict[str, Any]:
    if isinstance(one, Message):
        return _part(one)
    filename, content, kind = one
    charset = str(message.encoding or settings.DEFAULT_CHARSET)
    if kind == _LETTER:
        content = _letter(content)
    elif isinstance(content, str):
        content = content.encode(charset)
        kind = f"{kind}; charset={charset}" if kind.startswith("text/") else kind
    return {"filename": filename or _usual_name(kind), "content": content, "content_type": kind}


def _part(part: Message) -> dict[str, Any]:
    """Return a part that was built by hand, such as an image that the HTML shows."""
    kind = part.get_content_type()
    content = _letter(part.get_payload(0)) if kind == _LETTER else part.get_payload(decode=True)
    if not isinstance(content, bytes):
        raise InvalidEmail("attachments", f"a part of type `{kind}` cannot be carried")
    charset = part.get_content_charset()
    return {
        "filename": part.get_filename() or _usual_name(kind),
        "content": content,
        "content_type": f"{kind}; charset={charset}" if charset else kind,
        "content_id": part.get("Content-ID", "").strip("<> ") or None,
    }


def _letter(content: Any) -> bytes:
    """Return an e-mail that is attached to another as it would be written to a file."""
    if isinstance(content, EmailMessage):
        content = content.message()
    if isinstance(content, Message):
        return content.as_bytes()
    return content if isinstance(content, bytes) else str(content).encode()


def _usual_name(kind: str) -> str:
    return "attachment" + (mimetypes.guess_extension(kind.partition(";")[0]) or ".bin")


@lru_cache
def _client(url: str, key: str | None) -> Client:
    """Return the one client of the process: Django makes a backend for each call."""
    return Client(url, key)


@lru_cache
def _gateway(database: str) -> SyncGateway:
    return SyncGateway.open(database=database)
