"""The one way in: every door's drafts are checked here, and acknowledged only after the commit."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import msgspec

from terkirim.domain.email import Draft, Email
from terkirim.domain.errors import StoreUnavailable
from terkirim.domain.frozen import frozen
from terkirim.domain.idempotency import idempotency_key_in
from terkirim.ports import Clock, IdempotencyKey, Receipt, Submission, Submissions

LOOK_AT_DISK_EVERY = 1.0  # seconds


class Checks(Protocol):
    """Turns a draft into an email with its files, or raises InvalidEmail."""

    def __call__(
        self, draft: Draft, *, now: datetime, owner: str
    ) -> tuple[Email, Mapping[str, bytes]]:
        """Return the email and its attachments' bytes by SHA-256."""
        ...


@frozen
class Submitted:
    """What a door answers: the JSON text (the first one again, for a key used before) and facts."""

    answer: str
    is_repeat: bool
    emails: tuple[Email, ...]
    skipped: frozenset[str] = frozenset()
    suppressed: frozenset[str] = frozenset()


class Submit:
    """Checks drafts and puts them on disk, all of them or none."""

    def __init__(
        self,
        *,
        store: Submissions,
        check: Checks,
        clock: Clock,
        free_bytes: Callable[[], Any],
        min_free: int,
        afford: Callable[[Sequence[Email]], Awaitable[None]] | None = None,
    ) -> None:
        self._store = store
        self._afford = afford
        self.check = check
        self._clock = clock
        self._free_bytes = free_bytes
        self._min_free = min_free
        self._looked_at = -LOOK_AT_DISK_EVERY
        self._is_full = False

    async def __call__(
        self,
        drafts: Sequence[Draft],
        *,
        owner: str,
        answer: Callable[[Sequence[Email]], Any],
        answer_with: Callable[[str, Sequence[Email], frozenset[str]], str] | None = None,
        key: IdempotencyKey | None = None,
        is_forced: bool = False,
    ) -> Submitted:
        """Return after the commit. `is_forced`: take a broadcast that cannot be paid, too.

        `answer_with` changes the answer's text where messages are suppressed at birth; it is given
        their ids, and called where the database is.

        Raises:
            InvalidEmail: a field is wrong; nothing was stored.
            CannotBePaid: the credits do not last for this broadcast; nothing was stored.
            IdempotencyConflict: the key was used with another payload.
            StoreUnavailable: nothing was stored; try again later.
        """
        now = self._clock.now()
        checked = [self.check(draft, now=now, owner=owner) for draft in drafts]
        if self._clock.monotonic() - self._looked_at >= LOOK_AT_DISK_EVERY:
            await self._look_at_disk()
        if self._is_full:
            raise StoreUnavailable("the disk is nearly full: new mail is refused, free some space")
        emails = tuple([email for email, _ in checked])
        if self._afford is not None and not is_forced:
            await self._afford(emails)
        files: dict[str, bytes] = {}
        for _, own in checked:
            files.update(own)
        text = msgspec.json.encode(answer(emails)).decode()
        receipt: Receipt = await self._store.accept(
            Submission(
                emails=emails,
                now=now,
                idempotency=key,
                answer=text,
                answer_with=answer_with and partial(answer_with, text, emails),
                files=files,
            )
        )
        return Submitted(
            answer=receipt.answer,
            is_repeat=receipt.is_repeat,
            emails=emails,
            skipped=receipt.skipped,
            suppressed=receipt.suppressed,
        )

    async def _look_at_disk(self) -> None:
        """Refuse new mail while there is still room to settle what was acknowledged before."""
        self._looked_at = self._clock.monotonic()
        free = await self._free_bytes()
        self._is_full = free is not None and free < self._min_free


def idempotency_key(text: str, *, owner: str, route: str, payload: Any) -> IdempotencyKey:
    """Return a caller's key in its scope; the payload is compared as canonical JSON.

    What is wrong with the payload is none of its affair: the checks name the field.

    Raises:
        InvalidEmail: it is no key (kind `invalid_idempotency_key`).
    """
    key = idempotency_key_in(text)
    fingerprint = hashlib.sha256(_canonical(payload)).hexdigest()
    return IdempotencyKey(owner=owner, route=route, key=key, fingerprint=fingerprint)


def _canonical(payload: Any) -> bytes:
    try:
        return msgspec.json.encode(payload, order="deterministic")
    except UnicodeEncodeError:  # half a surrogate pair has no UTF-8; Python's JSON escapes it
        plain = msgspec.to_builtins(payload, str_keys=True)
        return json.dumps(plain, sort_keys=True).encode()
