"""All that the doors need of webhooks, put together once."""

from collections.abc import Callable
from datetime import timedelta

from terkirim.policy.reach import Reach
from terkirim.ports import Clock
from terkirim.ports.webhooks import Webhooks
from terkirim.webhooks.courier import Courier, CourierSettings
from terkirim.webhooks.endpoints import EndpointDesk
from terkirim.webhooks.sender import Resolve, Sender


class Telling:
    """The endpoints, the log of deliveries, and the courier that makes them."""

    def __init__(
        self,
        *,
        book: Webhooks,
        reach: Reach,
        resolve: Resolve,
        clock: Clock,
        new_id: Callable[[], str],
        settings: CourierSettings,
    ) -> None:
        self.book = book
        self._sender = Sender(
            reach=reach, resolve=resolve, clock=clock, connections=settings.at_once + 1
        )
        self.courier = Courier(
            feed=book,
            queue=book,
            sender=self._sender,
            clock=clock,
            new_id=new_id,
            settings=settings,
        )
        self.desk = EndpointDesk(
            book=book, courier=self.courier, clock=clock, new_id=new_id, reach=reach
        )

    def start(self) -> None:
        """Begin to tell, in the running loop."""
        self.courier.start()

    async def stop(self, *, within: timedelta) -> None:
        """Tell nothing more; what is not told waits on disk for the next start."""
        await self.courier.stop(within=within)

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        await self._sender.close()
