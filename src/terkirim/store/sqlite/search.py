"""Finds messages in SQLite: candidates by the best index there is, then each looked at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

import apsw

from terkirim.domain.ids import uuid7
from terkirim.domain.message import UNFINISHED, State
from terkirim.domain.search import Facts, Findings, Found, Search
from terkirim.policy.search import fits, terms_of, wanted
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json, tuples_of
from terkirim.store.sqlite.reading import messages_by_id
from terkirim.store.sqlite.store import SqliteStore

LOOKED_AT_ONCE = 3_000  # messages that one search looks at: some 30 ms
FIRST_PIECE, GROWTH = 60, 4
INDEXED_AT_ONCE = 500  # messages in one transaction, so that no accept waits long behind it
YOUNG = timedelta(seconds=20)  # no accept takes longer from its id to its commit
PROBED, COMMON = 300, 30  # a thirtieth of so many messages
SPELT_OUT, GATHERED = 200, 2_000  # terms that a beginning may have
LAST_CHARACTER = "\U0010ffff"
LAST, FIRST = "g", ""  # no id sorts behind the one, or before the other
_SELDOM = frozenset({State.BOUNCED, State.COMPLAINED, State.SUPPRESSED, State.CANCELLED})
_sql = Queries("terkirim.store.sqlite", "search.sql")


class Ids(Protocol):
    """Gives the next candidates: ids older than `high`, newest first."""

    def __call__(self, *, high: str, most: int) -> list[str]: ...


class SqliteSearch:
    """`ports.search.MessageSearch` over a store's connections."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def find(self, search: Search, *, limit: int, older_than: str | None = None) -> Findings:
        finding = partial(_find, search=search, limit=limit, high=older_than or LAST)
        return await self._store.search(finding)

    async def index(self, *, now: datetime) -> int:
        young = _floor(now - YOUNG)
        piece = await self._store.search(partial(_piece, young=young))
        if piece.docs or piece.gone:
            await self._store.write_alone(partial(_keep, piece=piece))
        return len(piece.docs) + len(piece.gone)


def _find(db: apsw.Connection, *, search: Search, limit: int, high: str) -> Findings:
    low = FIRST if search.after is None else _floor(search.after)
    if search.before is not None:
        high = min(high, _floor(search.before))
    candidates = _candidates(db, search, low=low, high=high)
    found: list[Found] = []
    left, most = LOOKED_AT_ONCE, max(FIRST_PIECE, limit + 1)
    while left > 0:
        ids = candidates(high=high, most=min(most, left))
        for one in _looked_at(db, search, ids):
            found.append(one)
            if len(found) == limit:
                is_last = one.message.id == ids[-1] and len(ids) < most
                return Findings(rows=tuple(found), looked_to=None if is_last else one.message.id)
        if len(ids) < min(most, left):
            return Findings(rows=tuple(found))
        left, most, high = left - len(ids), most * GROWTH, ids[-1]
    return Findings(rows=tuple(found), looked_to=high)


def _candidates(db: apsw.Connection, search: Search, *, low: str, high: str) -> Ids:
    """Return where to look: the narrowest of the indexes that hold all that is wanted."""
    if search.ids:
        return partial(_ids_given, db, search.ids, low)
    by_state = _by_state(search)
    if by_state is None or search.to or search.tags:
        match = "" if _is_common(db, search, low=low, high=high) else _match(db, wanted(search))
        if match:
            return partial(_ids_by_terms, db, match, low)
    name, bound = by_state or ("ids_all", {})
    return partial(_ids_of, db, name, bound | {"low": low})


def _is_common(db: apsw.Connection, search: Search, *, low: str, high: str) -> bool:
    """Return True where many of the next messages have a wanted beginning: no index is needed."""
    if not any(is_start for choices in wanted(search) for _, is_start in choices):
        return False
    facts = _facts_of(db, _ids_of(db, "ids_all", {"low": low}, high=high, most=PROBED))
    return sum(fits(search, one) for one in facts.values()) * COMMON > len(facts)


def _by_state(search: Search) -> tuple[str, dict[str, Any]] | None:
    states = search.states or frozenset(State)
    if states <= UNFINISHED:
        return "ids_unfinished", {}
    if states == {State.DEAD}:
        return "ids_dead", {}
    if len(states) == 1 and states <= _SELDOM:
        return "ids_seldom", {"state": next(iter(states)).value}
    return ("ids_sandbox", {}) if search.is_sandbox else None


def _ids_of(
    db: apsw.Connection, name: str, bound: dict[str, Any], *, high: str, most: int
) -> list[str]:
    return [id_ for (id_,) in db.execute(_sql[name], bound | {"high": high, "most": most})]


def _ids_given(
    db: apsw.Connection, ids: Sequence[str], low: str, *, high: str, most: int
) -> list[str]:
    found = db.execute(_sql["ids_given"], {"ids": to_json(ids), "most": LOOKED_AT_ONCE})
    return [id_ for (id_,) in found if low < id_ < high][:most]


def _ids_by_terms(db: apsw.Connection, match: str, low: str, *, high: str, most: int) -> list[str]:
    """Return what is not indexed yet, all of it, and then what the index says."""
    seen, last = next(db.execute(_sql["mark"]))
    ids: list[str] = []
    if high > seen:
        ids = _ids_of(db, "ids_all", {"low": max(low, seen)}, high=high, most=most)
        if len(ids) == most:
            return ids
    bound = {
        "match": match,
        "high": last + 1 if high > seen else _doc_of(db, high, last),
        "low": 0 if low == FIRST else _doc_of(db, low, last) - 1,
        "most": most - len(ids),
    }
    return ids + [id_ for (id_,) in db.execute(_sql["ids_by_terms"], bound)]


def _doc_of(db: apsw.Connection, id_: str, last: int) -> int:
    """Return the first doc whose id is not smaller; docs stand in the order of ids."""
    low, high = 0, last + 1
    while low < high:
        middle = (low + high) // 2
        row = next(db.execute(_sql["doc_between"], {"doc": middle}), None)
        if row is None or row[1] >= id_:
            high = middle
        else:
            low = int(row[0]) + 1
    return low


def _match(db: apsw.Connection, terms: Sequence[Sequence[tuple[str, bool]]]) -> str:
    """Return what the index is asked, in its own language; terms have no quotes in them.

    What nearly every message has is left out: it is found soon without an index.
    """
    asked = [[_spelt(db, term, is_start) for term, is_start in choices] for choices in terms]
    return " AND ".join(f"({' OR '.join(one)})" for one in asked if all(one))


def _spelt(db: apsw.Connection, term: str, is_start: bool) -> str:
    """Return a term quoted; a beginning as all terms that go on from it, "" for too many.

    The index gives whole terms from the newest on, but must first gather all that a beginning has.
    """
    if not is_start:
        return f'"{term}"'
    bound = {"start": term, "end": term + LAST_CHARACTER, "most": GATHERED + 1}
    found = [one for (one,) in db.execute(_sql["vocabulary"], bound)]
    if len(found) > GATHERED:
        return ""
    return (
        f'"{term}" *' if len(found) > SPELT_OUT else " OR ".join(f'"{t}"' for t in found or [term])
    )


def _looked_at(db: apsw.Connection, search: Search, ids: Sequence[str]) -> Iterator[Found]:
    """Give those of the candidates that are what was asked for, whatever the index says."""
    bound = {
        "ids": to_json(ids),
        "states": None if search.states is None else to_json(sorted(search.states)),
        "is_sandbox": search.is_sandbox,
    }
    standing = [id_ for (id_,) in db.execute(_sql["ids_that_stand_so"], bound)]
    facts = _facts_of(db, standing)
    kept = {id_ for id_ in standing if id_ in facts and fits(search, facts[id_])}
    rows = {row.id: row for row in messages_by_id(db, kept)}
    for id_ in ids:
        if id_ in kept:
            fact = facts[id_]
            yield Found(message=rows[id_], subject=fact.subject, sender=fact.sender, tags=fact.tags)


def _facts_of(db: apsw.Connection, ids: Sequence[str]) -> dict[str, Facts]:
    found = db.execute(_sql["emails_of_messages"], {"ids": to_json(ids)})
    return {
        id_: Facts(
            recipient=recipient,
            sender=sender,
            subject=subject,
            tags=tuples_of(from_json(tags)) if tags else (),
        )
        for id_, recipient, sender, subject, tags in found
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """What the index is to learn next: `docs` have numbers from `doc` + 1 on; `gone` leave it."""

    seen: str
    doc: int
    docs: list[tuple[str, str]]
    gone: list[str]
    gone_docs: list[int]


def _piece(db: apsw.Connection, *, young: str) -> _Piece:
    seen, doc = next(db.execute(_sql["mark"]))
    bound = {"seen": seen, "young": young, "most": INDEXED_AT_ONCE}
    ids = [id_ for (id_,) in db.execute(_sql["unindexed"], bound)]
    facts = _facts_of(db, ids)
    docs = [(id_, " ".join(terms_of(facts[id_])) if id_ in facts else "") for id_ in ids]
    gone = [id_ for (id_,) in db.execute(_sql["gone"], {"most": INDEXED_AT_ONCE})]
    return _Piece(seen=seen, doc=doc, docs=docs, gone=gone, gone_docs=_docs_of(db, gone, doc))


def _docs_of(db: apsw.Connection, ids: Sequence[str], last: int) -> list[int]:
    docs = []
    for id_ in ids:
        row = next(db.execute(_sql["doc_between"], {"doc": _doc_of(db, id_, last)}), None)
        if row is not None and row[1] == id_:
            docs.append(int(row[0]))
    return docs


def _keep(db: apsw.Connection, *, piece: _Piece) -> None:
    """Write a piece, unless another node was faster: then its part is looked for again."""
    if piece.docs:
        last = piece.docs[-1][0]
        before = db.total_changes()
        moved = {"seen": last, "doc": piece.doc + len(piece.docs), "before": piece.seen}
        db.execute(_sql["move_mark"], moved)
        if db.total_changes() > before:
            numbers = range(piece.doc + 1, piece.doc + 1 + len(piece.docs))
            rows = list(zip(numbers, piece.docs, strict=True))
            db.executemany(_sql["add_doc"], [(doc, id_) for doc, (id_, _) in rows])
            db.executemany(_sql["add_terms"], [(doc, terms) for doc, (_, terms) in rows])
    if piece.gone:
        docs = to_json(piece.gone_docs)
        db.execute(_sql["drop_terms"], {"docs": docs})
        db.execute(_sql["drop_docs"], {"docs": docs})
        db.execute(_sql["drop_gone"], {"ids": to_json(piece.gone)})


def _floor(at: datetime) -> str:
    """Return the smallest id of an instant."""
    return uuid7(max(int(at.timestamp() * 1_000), 0), 0)
