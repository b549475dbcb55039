"""Webhooks in SQLite, over the store's one writer and reader."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import apsw

from terkirim.domain.webhook import (
    Endpoint,
    Payload,
    WebhookAnswer,
    WebhookDelivery,
    WebhookEnd,
    WebhookState,
    WebhookTask,
)
from terkirim.ports.webhooks import DeliveryFilter, EndpointChange, Fresh, ReplayRange
from terkirim.store.queries import Queries
from terkirim.store.rows import to_json
from terkirim.store.sqlite import endpoints, publishing
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.times import micros
from terkirim.store.webhooks import (
    COUNTED,
    DELIVERY,
    DROPPED_AT_ONCE,
    answer_of,
    delivery_of,
    lowest_id,
    no_delivery,
)

_sql = Queries("terkirim.store.sqlite", "webhooks.sql")


class SqliteWebhooks:
    """`ports.Webhooks` over an open store."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def add_endpoint(self, endpoint: Endpoint, secret: str, *, who: str) -> None:
        adding = partial(endpoints.add, endpoint=endpoint, secret=secret, who=who)
        await self._store.write_alone(adding)

    async def endpoints(self) -> list[Endpoint]:
        return await self._store.read(endpoints.all_of)

    async def endpoint(self, endpoint_id: str) -> Endpoint:
        return await self._store.read(partial(endpoints.one, id_=endpoint_id))

    async def change_endpoint(self, endpoint_id: str, change: EndpointChange) -> Endpoint:
        changing = partial(endpoints.change, id_=endpoint_id, what=change)
        return await self._store.write_alone(changing)

    async def rotate_secret(
        self, endpoint_id: str, secret: str, *, old_until: datetime, who: str, now: datetime
    ) -> None:
        bound = {"id": endpoint_id, "secret": secret, "old_until": micros(old_until)}
        await self._store.write_alone(partial(endpoints.rotate, bound=bound, who=who, now=now))

    async def remove_endpoint(self, endpoint_id: str, *, who: str, now: datetime) -> None:
        change = EndpointChange(who=who, now=now, is_enabled=False)
        await self.change_endpoint(endpoint_id, change)  # nothing is added to it from now on
        dropping = partial(endpoints.drop_some, id_=endpoint_id, most=DROPPED_AT_ONCE)
        while await self._store.write_alone(dropping):
            pass
        await self._store.write_alone(partial(endpoints.remove, id_=endpoint_id, who=who, now=now))

    async def fresh(self, *, limit: int) -> Fresh:
        return await self._store.read(partial(publishing.fresh, most=limit))

    async def publish(self, fresh: Fresh, payloads: Sequence[Payload], *, now: datetime) -> bool:
        return await self._store.write_alone(
            partial(publishing.publish, what=fresh, payloads=payloads, now=micros(now))
        )

    async def publish_test(
        self, endpoint_id: str, payload: Payload, *, now: datetime, lease_for: timedelta
    ) -> WebhookTask:
        bound = {
            "payload": payload.id,
            "endpoint": endpoint_id,
            "now": micros(now),
            "until": micros(now + lease_for),
        }
        return await self._store.write_alone(
            partial(publishing.publish_test, payload=payload, bound=bound)
        )

    async def due_at_endpoints(self, *, now: datetime) -> Mapping[str, bool]:
        bound = {"now": micros(now)}
        return await self._store.read(
            lambda db: {id_: bool(fails) for id_, fails in db.execute(_sql["due_endpoints"], bound)}
        )

    async def take(
        self, room: Mapping[str, int], *, now: datetime, lease_for: timedelta
    ) -> list[WebhookTask]:
        taking = partial(publishing.take, room=room, now=micros(now), until=micros(now + lease_for))
        return await self._store.write_alone(taking)

    async def end(self, ends: Sequence[WebhookEnd], *, now: datetime) -> int:
        return await self._store.write_alone(partial(publishing.end, ends=ends, now=now))

    async def hold(self, *, limit: int) -> int:
        if not await self._store.read(lambda db: list(db.execute(_sql["has_to_hold"]))):
            return 0  # a look takes no lock, and is all that most rounds need
        return await self._changed("hold", most=limit)

    async def deliveries(self, which: DeliveryFilter) -> list[WebhookDelivery]:
        return await self._store.search(partial(_listed, which=which))

    async def delivery(self, endpoint_id: str, payload_id: str) -> WebhookDelivery:
        sql = f"{DELIVERY} WHERE d.payload_id = :payload AND d.endpoint_id = :endpoint"
        found = await self._deliveries(sql, payload=payload_id, endpoint=endpoint_id)
        if not found:
            raise no_delivery(payload_id)
        return found[0]

    async def deliveries_of(self, message_id: str) -> list[WebhookDelivery]:
        sql = f"{DELIVERY} WHERE p.message_id = :message ORDER BY p.id, d.endpoint_id"
        return await self._deliveries(sql, message=message_id)

    async def attempts(self, endpoint_id: str, payload_id: str) -> list[WebhookAnswer]:
        bound = {"endpoint": endpoint_id, "payload": payload_id}
        return await self._store.read(
            lambda db: [answer_of(row) for row in db.execute(_sql["attempts"], bound)]
        )

    async def replay(self, endpoint_id: str, payload_id: str, *, now: datetime) -> bool:
        bound = {"endpoint": endpoint_id, "payload": payload_id, "now": micros(now)}
        return bool(await self._changed("replay", **bound))

    async def replay_range(self, which: ReplayRange, *, now: datetime, limit: int) -> int:
        bound = {
            "endpoint": which.endpoint_id,
            "low": lowest_id(which.since),
            "high": lowest_id(which.until),
            "states": to_json(which.states),
            "now": micros(now),
            "most": limit,
        }
        return await self._changed("replay_range", **bound)

    async def waiting(self) -> Mapping[WebhookState, int]:
        bound = {"most": COUNTED}
        waiting, held = await self._store.search(lambda db: next(db.execute(_sql["counts"], bound)))
        return {WebhookState.WAITING: waiting, WebhookState.HELD: held}

    async def forget(self, *, before: datetime, limit: int) -> int:
        forgetting = partial(_forget, bound=lowest_id(before), most=limit)
        return await self._store.write_alone(forgetting)

    async def _deliveries(self, sql: str, **bound: Any) -> list[WebhookDelivery]:
        return await self._store.read(
            lambda db: [delivery_of(row) for row in db.execute(sql, bound)]
        )

    async def _changed(self, name: str, **bound: Any) -> int:
        return await self._store.write_alone(partial(_changes, sql=_sql[name], bound=bound))


def _changes(db: apsw.Connection, *, sql: str, bound: Mapping[str, Any]) -> int:
    before = db.total_changes()
    db.execute(sql, bound)
    return db.total_changes() - before


def _listed(db: apsw.Connection, *, which: DeliveryFilter) -> list[WebhookDelivery]:
    tests, bound = ["d.endpoint_id = :endpoint"], dict[str, Any](endpoint=which.endpoint_id)
    optional: tuple[tuple[str, str, Any], ...] = (
        ("d.payload_id < :after", "after", which.after),
        ("d.payload_id > :before", "before", which.before),
        ("d.state = :state", "state", which.state),
    )
    for test, name, value in optional:
        if value is not None:
            tests.append(test)
            bound[name] = value
    if which.state not in {None, WebhookState.DELIVERED}:
        tests.append("d.state <> 'delivered'")  # the words of their index
    order = "ASC" if which.before is not None else "DESC"
    sql = f"{DELIVERY} WHERE {' AND '.join(tests)} ORDER BY d.payload_id {order} LIMIT :most"
    rows = [delivery_of(row) for row in db.execute(sql, bound | {"most": which.limit})]
    return rows[::-1] if which.before is not None else rows


def _forget(db: apsw.Connection, *, bound: str, most: int) -> int:
    looking = {"bound": bound, "most": most}
    ids = [id_ for (id_,) in db.execute(_sql["old_payloads"], looking)]
    endpoints.drop(db, ids)
    db.execute(_sql["drop_payloads"], {"ids": to_json(ids)})
    return len(ids)
