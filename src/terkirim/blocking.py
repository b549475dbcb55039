"""`SyncGateway`: the gateway for code without an event loop, in a loop and thread of its own.

It adds nothing to the gateway: every method asks the one in the thread, and waits for its answer.
"""

import asyncio
import concurrent.futures.thread  # noqa: F401 - its end of the process must be registered before ours
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Self, TypeVar, Unpack, cast

import uvloop

from terkirim.compose import Gateway
from terkirim.domain.email import Addresses, EmailOptions
from terkirim.domain.record import EmailRow, MessageRow, Story
from terkirim.logs import Logger
from terkirim.ports import Cancelled
from terkirim.settings import Settings

T = TypeVar("T")
Opening = Callable[[], AbstractAsyncContextManager[Gateway]]

_log = Logger("terkirim.blocking")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    loop: asyncio.AbstractEventLoop
    gateway: Gateway
    stop: asyncio.Event
    calls: set[asyncio.Task[Any]] = field(default_factory=set)

    async def answer(self, question: Callable[[Gateway], Coroutine[Any, Any, T]]) -> T:
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self.calls.add(task)
        try:
            return await question(self.gateway)
        finally:
            self.calls.discard(task)


class SyncGateway:
    """A gateway for Django, Flask and scripts; it may be used by many threads.

    Open one for each process, after it was forked, and keep it: `with SyncGateway.open(...)`, or
    `close()` at the end. A process that ends with it open finishes what is in the air first.
    """

    def __init__(self, opening: Opening) -> None:
        self._pid = os.getpid()
        self._entrance = threading.Lock()
        self._is_closed = False
        became: Future[_Opened] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(opening, became), name="terkirim-gateway", daemon=True
        )
        self._thread.start()
        self._opened = became.result()
        # `atexit` is too late: by then no thread can be given work, and closing needs some. While
        # it is open its thread keeps it alive; once it is closed it may go.
        threading._register_atexit(  # type: ignore[attr-defined]  # noqa: SLF001 - see above
            partial(_close_at_exit, weakref.ref(self))
        )

    @classmethod
    def open(cls, settings: Settings | None = None, *, work: bool = True, **given: Any) -> Self:
        """Open the database and begin to send; `given` names single settings.

        With `work=False` mail is taken and kept, and another process sends it.

        Raises:
            ConfigError: a setting is wrong, or the database cannot be used as it is.
        """
        return cls(partial(Gateway.open, settings, work=work, **given))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish what is in the air within the grace period, and close; safe to call twice."""
        if self._pid != os.getpid():
            return  # what is open is the parent's
        with self._entrance:
            if not self._is_closed:
                self._is_closed = True
                self._opened.loop.call_soon_threadsafe(self._opened.stop.set)
        self._thread.join()

    @property
    def is_sandbox(self) -> bool:
        """True while the default route ends in the sandbox: nothing is really sent."""
        return self._opened.gateway.is_sandbox

    def send_email(
        self,
        *,
        to: Addresses,
        subject: str,
        html: str | None = None,
        text: str | None = None,
        idempotency_key: str | None = None,
        **options: Unpack[EmailOptions],
    ) -> str:
        """Put one e-mail on disk and return its id; it is sent from there. See `Gateway`."""
        return self._answer(
            lambda gateway: gateway.send_email(
                to=to,
                subject=subject,
                html=html,
                text=text,
                idempotency_key=idempotency_key,
                **options,
            )
        )

    def get_email(self, email_or_message_id: str) -> EmailRow:
        """Return the email with its content and its messages."""
        return self._answer(lambda gateway: gateway.get_email(email_or_message_id))

    def get_message(self, message_id: str) -> Story:
        """Return one message with its attempts and events; an email's id leads to its first."""
        return self._answer(lambda gateway: gateway.get_message(message_id))

    def count_pending(self) -> int:
        """Return how many messages have not ended: waiting, scheduled, in the air or held."""
        return self._answer(lambda gateway: gateway.count_pending())

    def wait_for(self, email_or_message_id: str, *, within: timedelta | float) -> list[MessageRow]:
        """Return the messages once each has ended, or is held. See `Gateway`.

        Raises:
            TimeoutError: one is still to be tried, or in the air; what waits goes on waiting.
        """
        return self._answer(lambda gateway: gateway.wait_for(email_or_message_id, within=within))

    def cancel(self, email_or_message_id: str) -> list[Cancelled]:
        """Stop what has not left, and say of each message whether that came in time."""
        return self._answer(lambda gateway: gateway.cancel(email_or_message_id))

    def requeue(self, email_or_message_id: str) -> int:
        """Queue dead and held messages again, and those that the sandbox kept; return how many.

        Raises:
            WrongState: none of them is one of these, or their content is not kept any more.
        """
        return self._answer(lambda gateway: gateway.requeue(email_or_message_id))

    def _run(self, opening: Opening, became: "Future[_Opened]") -> None:
        try:
            uvloop.run(_stay_open(opening, became))
        except BaseException as error:  # noqa: BLE001 - it belongs to the thread that opened
            if became.done():
                _log.exception("the gateway broke")
            else:
                became.set_exception(error)

    def _answer(self, question: Callable[[Gateway], Coroutine[Any, Any, T]]) -> T:
        if self._pid != os.getpid():
            raise RuntimeError(
                f"this gateway was opened in process {self._pid}, before a fork: open one in each "
                "process, after it was forked (gunicorn: in `post_fork`, or without `--preload`)"
            )
        with self._entrance:
            if self._is_closed:
                raise RuntimeError("the gateway is closed")
            future = asyncio.run_coroutine_threadsafe(
                self._opened.answer(question), self._opened.loop
            )
        try:
            return future.result()
        except BaseException:  # Ctrl-C: a caller that hears of no id must not have sent
            future.cancel()
            raise


def _close_at_exit(gateway: "weakref.ref[SyncGateway]") -> None:
    still_open = gateway()
    if still_open is not None:
        still_open.close()


async def _stay_open(opening: Opening, became: "Future[_Opened]") -> None:
    stop = asyncio.Event()
    async with opening() as gateway:
        opened = _Opened(loop=asyncio.get_running_loop(), gateway=gateway, stop=stop)
        became.set_result(opened)
        await stop.wait()
    # Calls that came before the end are answered now, or hear that the database is closed.
    while opened.calls:
        await asyncio.wait(opened.calls)
