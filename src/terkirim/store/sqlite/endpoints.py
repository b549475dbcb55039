"""The endpoints of webhooks in SQLite: each change with its activity, and what is wanted."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import apsw

from terkirim.domain.webhook import Endpoint
from terkirim.ports.webhooks import EndpointChange
from terkirim.store.queries import Queries
from terkirim.store.rows import to_json
from terkirim.store.sqlite.people import keep_activity
from terkirim.store.times import micros
from terkirim.store.webhooks import (
    activity_about,
    endpoint_of,
    no_endpoint,
    wanted_by,
    what_changed,
)

_sql = Queries("terkirim.store.sqlite", "webhooks.sql")


def all_of(db: apsw.Connection) -> list[Endpoint]:
    """Return all endpoints, oldest first."""
    return [endpoint_of(row) for row in db.execute(_sql["endpoints"], {"id": None})]


def one(db: apsw.Connection, *, id_: str) -> Endpoint:
    """Return an endpoint.

    Raises:
        NotFound: there is none of this id.
    """
    for row in db.execute(_sql["endpoints"], {"id": id_}):
        return endpoint_of(row)
    raise no_endpoint(id_)


def add(db: apsw.Connection, *, endpoint: Endpoint, secret: str, who: str) -> None:
    """Store an endpoint; the first one is told of nothing that has happened before."""
    db.execute(_sql["begin_log"])
    bound = {
        "id": endpoint.id,
        "url": endpoint.url,
        "types": to_json(endpoint.types),
        "secret": secret,
        "created_at": micros(endpoint.created_at),
    }
    db.execute(_sql["add_endpoint"], bound)
    _want(db)
    _note(db, "webhook endpoint added", endpoint, who=who, now=endpoint.created_at)


def change(db: apsw.Connection, *, id_: str, what: EndpointChange) -> Endpoint:
    """Change an endpoint and return it."""
    bound = {
        "id": id_,
        "url": what.url,
        "types": None if what.types is None else to_json(what.types),
        "is_enabled": None if what.is_enabled is None else int(what.is_enabled),
    }
    db.execute(_sql["change_endpoint"], bound)
    changed = one(db, id_=id_)
    _want(db)
    _note(db, what_changed(what), changed, who=what.who, now=what.now)
    return changed


def rotate(db: apsw.Connection, *, bound: Mapping[str, Any], who: str, now: datetime) -> None:
    """Sign by another secret, and for a while by the one before it too."""
    endpoint = one(db, id_=bound["id"])
    db.execute(_sql["rotate_secret"], bound)
    _note(db, "webhook secret changed", endpoint, who=who, now=now)


def remove(db: apsw.Connection, *, id_: str, who: str, now: datetime) -> None:
    """Remove an endpoint of which few deliveries are left, if any."""
    endpoint = one(db, id_=id_)
    drop_some(db, id_=id_, most=-1)
    db.execute(_sql["remove_endpoint"], {"id": id_})
    _want(db)
    _note(db, "webhook endpoint removed", endpoint, who=who, now=now)


def drop_some(db: apsw.Connection, *, id_: str, most: int) -> int:
    """Delete some deliveries of an endpoint; return how many. `most` -1: all of them."""
    bound = {"id": id_, "most": most}
    ids = [payload for (payload,) in db.execute(_sql["some_deliveries"], bound)]
    drop(db, ids, endpoint=id_)
    return len(ids)


def drop(db: apsw.Connection, payloads: Sequence[str], *, endpoint: str | None = None) -> None:
    """Delete deliveries of payloads with their attempts: to one endpoint, or to all."""
    bound = {"ids": to_json(payloads), "endpoint": endpoint}
    for name in ("drop_attempts", "drop_deliveries"):
        db.execute(_sql[name], bound)


def _want(db: apsw.Connection) -> None:
    """Write anew which types anybody wants; what nobody is told of any more is dropped."""
    wanted = wanted_by(all_of(db))
    db.execute(_sql["want_nothing"])
    db.execute(_sql["want"], {"types": to_json(wanted)})
    if not wanted:
        db.execute(_sql["forget_facts"])


def _note(db: apsw.Connection, what: str, endpoint: Endpoint, *, who: str, now: datetime) -> None:
    keep_activity(db, activity_about(what, endpoint, who=who, now=now))
