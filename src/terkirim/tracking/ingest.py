"""The door of callbacks: verify, keep raw, acknowledge. What they say is applied right after.

A refused callback costs a count in memory, and no row: ten thousand of them are one.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from terkirim.domain.errors import BadSignature, TerkirimError
from terkirim.ports import Clock
from terkirim.ports.tracking import CallbackLog, CallbackReader, RawCallback
from terkirim.tracking.signature import Doorkeeper, Shown

BODY_LIMIT = 64 * 1_024  # bytes
_KEY_BYTES = 16


class Unreadable(ValueError):  # noqa: N818 - what the callback is
    """A callback that is empty, too large, or in no form that anybody can read."""


class Intake:
    """Takes the callbacks of all providers; `kept` is called when there is one to apply."""

    def __init__(
        self,
        *,
        log: CallbackLog,
        readers: Sequence[CallbackReader],
        doorkeeper: Doorkeeper,
        clock: Clock,
        kept: Callable[[], None],
    ) -> None:
        self._log = log
        self._readers = {reader.provider: reader for reader in readers}
        self._doorkeeper = doorkeeper
        self._clock = clock
        self._kept = kept
        self._refused: Counter[str] = Counter()

    @property
    def is_open(self) -> bool:
        """Whether any callback can be let in: without a secret, none is."""
        return self._doorkeeper.is_open

    def admit(self, provider: str, shown: Shown) -> bool:
        """Return whether the secret was shown; False: `take` must check the body's signature.

        Raises:
            BadSignature: it is wrong, or callbacks are closed.
        """
        try:
            return self._doorkeeper.admit(shown)
        except BadSignature:
            self._refused[f"{provider}:refused"] += 1
            raise

    async def take(self, provider: str, body: bytes, *, signed: Shown | None = None) -> bool:
        """Keep a callback and return after the commit; False: it came before.

        Raises:
            BadSignature: `signed` is given, and its signature is wrong.
            Unreadable: nobody can read it; nothing is kept.
            StoreUnavailable: nothing was kept; it should be sent again.
        """
        if signed is not None:
            self._check_signature(provider, signed, body)
        reader = self._readers[provider]
        text, fields = self._read(reader, body)
        canonical = msgspec.json.encode((provider, fields), order="deterministic")
        is_new = await self._log.keep(
            RawCallback(
                key=blake2b(canonical, digest_size=_KEY_BYTES).hexdigest(),
                provider=provider,
                body=text,
                received_at=self._clock.now(),
                is_dated=reader.is_dated(fields),
            )
        )
        if is_new:
            self._kept()
        return is_new

    def too_large(self, provider: str) -> Unreadable:
        """Count a callback whose body was not read to its end; return what to say of it."""
        return self._unreadable(provider, f"the body has more than {BODY_LIMIT // 1_024} KB")

    async def flush(self) -> None:
        """Write the counts of what was refused since the last time."""
        if not self._refused:
            return
        counts, self._refused = self._refused, Counter()
        try:
            await self._log.count_refused(counts, now=self._clock.now())
        except TerkirimError:
            self._refused.update(counts)
            raise

    def _check_signature(self, provider: str, signed: Shown, body: bytes) -> None:
        try:
            self._doorkeeper.check_signature(signed, body)
        except BadSignature:
            self._refused[f"{provider}:refused"] += 1
            raise

    def _read(self, reader: CallbackReader, body: bytes) -> tuple[str, Mapping[str, Any]]:
        if len(body) > BODY_LIMIT:
            raise self.too_large(reader.provider)
        try:
            # A NUL can stand in a form; no database keeps one.
            return body.decode().replace("\0", "\ufffd"), reader.fields(body)
        except UnicodeDecodeError:
            raise self._unreadable(reader.provider, "the body is not UTF-8 text") from None
        except ValueError as error:
            raise self._unreadable(reader.provider, str(error)) from None

    def _unreadable(self, provider: str, why: str) -> Unreadable:
        self._refused[f"{provider}:unreadable"] += 1
        return Unreadable(why)
