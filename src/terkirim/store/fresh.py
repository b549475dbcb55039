"""Emails that this process has just stored: their first claim need not read them back."""

from datetime import datetime, timedelta

from terkirim.domain.email import Email, NewMessage

LIMIT = 16_000_000  # characters of content that are kept
KEPT_FOR = timedelta(seconds=30)
ROW = 1_000  # what the rest of a message counts as


class FreshEmails:
    """Kept from the transaction that stores a message to the claim that takes it.

    Only a shortcut: what is written in an email's rows never changes while it is queued, and what
    is not here is read from the database. While it is full the newest are not kept, as the oldest
    are claimed first; those that nobody claimed for a while go. Used in the writer's thread alone.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._kept: dict[str, tuple[Email, NewMessage, int]] = {}

    def keep(self, email: Email) -> None:
        """Remember an email's messages if they are due at once and there is room."""
        if email.scheduled_at is not None:
            return
        if self._size > self._limit:
            self._forget_before(email.created_at - KEPT_FOR)
        content = email.content
        size = ROW + len(content.html or "") + len(content.text or "")
        for message in email.messages:
            if self._size <= self._limit and message.id not in self._kept:
                self._kept[message.id] = (email, message, size)
                self._size += size

    def take(self, message_id: str) -> tuple[Email, NewMessage] | None:
        """Return the email and its message, and forget them."""
        found = self._kept.pop(message_id, None)
        if found is None:
            return None
        self._size -= found[2]
        return found[0], found[1]

    def _forget_before(self, oldest: datetime) -> None:
        while self._kept:
            message_id, (email, _, _) = next(iter(self._kept.items()))
            if email.created_at >= oldest:
                return
            self.take(message_id)
