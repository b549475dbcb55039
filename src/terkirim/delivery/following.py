"""What a caller asks of an open gateway about its mail, and what it may still do with it."""

import asyncio
from datetime import timedelta

from terkirim.domain.errors import WrongState
from terkirim.domain.message import REQUEUABLE, UNFINISHED, State
from terkirim.domain.record import EmailRow, MessageRow, Story
from terkirim.ports import Cancelled, Clock, RequeueFilter, Store

FIRST_LOOK = 0.02  # seconds; doubled from look to look
LAST_LOOK = 0.5
_RESTLESS = UNFINISHED - {State.HELD}  # what is held waits for a person: nothing comes of itself


class Following:
    """The part of a gateway that follows mail which was handed over.

    Every id may be an email's, and then stands for all of its messages, or one message's. Each
    method raises NotFound where there is neither, and StoreUnavailable where the database cannot be
    asked now.
    """

    store: Store
    clock: Clock

    async def get_email(self, email_or_message_id: str) -> EmailRow:
        """Return the email with its content and its messages."""
        return await self.store.email(email_or_message_id)

    async def get_message(self, message_id: str) -> Story:
        """Return one message with its attempts and events; an email's id leads to its first."""
        return await self.store.story(message_id)

    async def count_pending(self) -> int:
        """Return how many messages have not ended: waiting, scheduled, in the air or held."""
        backlog = await self.store.backlog(now=self.clock.now())
        return sum(backlog.by_state.values())

    async def wait_for(
        self, email_or_message_id: str, *, within: timedelta | float
    ) -> list[MessageRow]:
        """Return the messages once each has ended, or is held for a person to decide.

        `within` is a span, or seconds. Ended means that nothing more will be tried; it may be any
        end, so look at `state`.

        Raises:
            TimeoutError: one is still to be tried, or in the air; what waits goes on waiting.
        """
        seconds = within.total_seconds() if isinstance(within, timedelta) else within
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + seconds, FIRST_LOOK
        while True:
            messages = await self._messages_of(email_or_message_id)
            restless = [message for message in messages if message.state in _RESTLESS]
            if not restless:
                return messages
            left = deadline - loop.time()
            if left <= 0:
                raise TimeoutError(_sentence(restless[0], seconds))
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 2, LAST_LOOK)

    async def cancel(self, email_or_message_id: str) -> list[Cancelled]:
        """Stop what has not left, and say of each message whether that came in time."""
        return await self.store.cancel(email_or_message_id, now=self.clock.now())

    async def requeue(self, email_or_message_id: str) -> int:
        """Queue dead and held messages again, and those that the sandbox kept; return how many.

        Raises:
            WrongState: none of them is one of these, or their content is not kept any more.
        """
        messages = await self._messages_of(email_or_message_id)
        ids = tuple(message.id for message in messages)
        failed = RequeueFilter(message_ids=ids, states=tuple(REQUEUABLE))
        kept = RequeueFilter(message_ids=ids, is_sandbox=True)
        count = sum([await self.store.requeue(one, now=self.clock.now()) for one in (failed, kept)])
        if count == 0:
            state = messages[0].state
            raise WrongState(
                f"only dead, held and sandboxed messages are queued again, and it is {state}",
                state=state,
            )
        return count

    async def _messages_of(self, id_: str) -> list[MessageRow]:
        email = await self.store.email(id_, with_content=False)
        return [message for message in email.messages if id_ in {email.id, message.id}]


def _sentence(message: MessageRow, seconds: float) -> str:
    why = f" ({message.reason})" if message.reason else ""
    return f"the message to {message.recipient} is still {message.state} after {seconds:g} s{why}"
