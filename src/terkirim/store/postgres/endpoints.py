"""The endpoints of webhooks in PostgreSQL: each change with its activity, and what is wanted."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from terkirim.domain.webhook import Endpoint
from terkirim.ports.webhooks import EndpointChange
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.people import keep_activity
from terkirim.store.queries import Queries
from terkirim.store.rows import storable
from terkirim.store.times import micros
from terkirim.store.webhooks import (
    activity_about,
    endpoint_of,
    no_endpoint,
    wanted_by,
    what_changed,
)

_sql = Queries("terkirim.store.postgres", "webhooks.sql")


async def all_of(db: Database) -> list[Endpoint]:
    """Return all endpoints, oldest first."""
    return [endpoint_of(row) for row in await db.rows(_sql["endpoints"], id=None)]


async def one(db: Database, *, id_: str) -> Endpoint:
    """Return an endpoint.

    Raises:
        NotFound: there is none of this id.
    """
    for row in await db.rows(_sql["endpoints"], id=storable(id_)):
        return endpoint_of(row)
    raise no_endpoint(id_)


async def add(db: Database, *, endpoint: Endpoint, secret: str, who: str) -> None:
    """Store an endpoint; the first one is told of nothing that has happened before."""
    await db.rows(_sql["lock_endpoints"])
    await db.rows(_sql["begin_log"])
    added = await db.rows(
        _sql["add_endpoint"],
        id=endpoint.id,
        url=endpoint.url,
        types=[type_.value for type_ in endpoint.types],
        secret=secret,
        created_at=micros(endpoint.created_at),
    )
    if added:  # else its COMMIT was not answered, and is repeated
        await _want(db)
        await _note(db, "webhook endpoint added", endpoint, who=who, now=endpoint.created_at)


async def change(db: Database, *, id_: str, what: EndpointChange) -> Endpoint:
    """Change an endpoint and return it."""
    await db.rows(_sql["lock_endpoints"])
    await db.rows(
        _sql["change_endpoint"],
        id=storable(id_),
        url=what.url,
        types=None if what.types is None else [type_.value for type_ in what.types],
        is_enabled=what.is_enabled,
    )
    changed = await one(db, id_=id_)
    await _want(db)
    await _note(db, what_changed(what), changed, who=what.who, now=what.now)
    return changed


async def rotate(db: Database, *, bound: Mapping[str, Any], who: str, now: datetime) -> None:
    """Sign by another secret, and for a while by the one before it too."""
    endpoint = await one(db, id_=bound["id"])
    await db.rows(_sql["rotate_secret"], **bound)
    await _note(db, "webhook secret changed", endpoint, who=who, now=now)


async def remove(db: Database, *, id_: str, who: str, now: datetime) -> None:
    """Remove an endpoint of which few deliveries are left, if any."""
    await db.rows(_sql["lock_endpoints"])
    endpoint = await one(db, id_=id_)
    await drop_some(db, id_=id_, most=None)
    await db.rows(_sql["remove_endpoint"], id=id_)
    await _want(db)
    await _note(db, "webhook endpoint removed", endpoint, who=who, now=now)


async def drop_some(db: Database, *, id_: str, most: int | None) -> int:
    """Delete some deliveries of an endpoint; return how many. `most` None: all of them."""
    ids = [payload for (payload,) in await db.rows(_sql["some_deliveries"], id=id_, most=most)]
    await drop(db, ids, endpoint=id_)
    return len(ids)


async def drop(db: Database, payloads: Sequence[str], *, endpoint: str | None = None) -> None:
    """Delete deliveries of payloads with their attempts: to one endpoint, or to all."""
    for name in ("drop_attempts", "drop_deliveries"):
        await db.rows(_sql[name], ids=list(payloads), endpoint=endpoint)


async def _want(db: Database) -> None:
    """Write anew which types anybody wants; what nobody is told of any more is dropped."""
    wanted = wanted_by(await all_of(db))
    await db.rows(_sql["want"], types=wanted)
    if not wanted:
        await db.rows(_sql["forget_facts"])


async def _note(db: Database, what: str, endpoint: Endpoint, *, who: str, now: datetime) -> None:
    await keep_activity(db, activity=activity_about(what, endpoint, who=who, now=now))
