"""Finds messages in SQLite: candidates by the best index there is, then each looked at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

import apsw

from terkirim.domain.search import Facts, Findings, Found, Search
from terkirim.policy.search import fits, terms_of, wanted
from terkirim.store.queries import Queries
from terkirim.store.rows import to_json
from terkirim.store.searching import (
    FIRST,
    INDEXED_AT_ONCE,
    LOOKED_AT_ONCE,
    PROBED,
    YOUNG,
    Listing,
    Looking,
    facts_of,
    floor,
    found_of,
    has_beginning,
    is_by_terms,
    is_common,
    listing_by_state,
)
from terkirim.store.sqlite.reading import messages_by_id
from terkirim.store.sqlite.store import SqliteStore

SPELT_OUT, GATHERED = 200, 2_000  # terms that a beginning may have
LAST_CHARACTER = "\U0010ffff"
_sql = Queries("terkirim.store.sqlite", "search.sql")


class Ids(Protocol):
    """Gives the next candidates: ids older than `high`, newest first."""

    def __call__(self, *, high: str, most: int) -> list[str]: ...


class SqliteSearch:
    """`ports.search.MessageSearch` over a store's connections."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def find(self, search: Search, *, limit: int, older_than: str | None = None) -> Findings:
        looking = Looking(search, limit=limit, older_than=older_than)
        return await self._store.search(partial(_find, search=search, looking=looking))

    async def index(self, *, now: datetime) -> int:
        young = floor(now - YOUNG)
        piece = await self._store.search(partial(_piece, young=young))
        if piece.docs or piece.gone:
            await self._store.write_alone(partial(_keep, piece=piece))
        return len(piece.docs) + len(piece.gone)


def _find(db: apsw.Connection, *, search: Search, looking: Looking) -> Findings:
    candidates = _candidates(db, search, looking)
    while True:
        ids = candidates(high=looking.high, most=looking.most)
        findings = looking.took(ids, _looked_at(db, search, ids))
        if findings is not None:
            return findings


def _candidates(db: apsw.Connection, search: Search, looking: Looking) -> Ids:
    """Return where to look: the narrowest of the indexes that hold all that is wanted."""
    low = looking.low
    if search.ids:
        return partial(_ids_given, db, search.ids, low)
    if is_by_terms(search) and not _is_common(db, search, low=low, high=looking.high):
        match = _match(db, wanted(search))
        if match:
            return partial(_ids_by_terms, db, match, low)
    return partial(_ids_of, db, listing_by_state(search) or Listing(), low)


def _is_common(db: apsw.Connection, search: Search, *, low: str, high: str) -> bool:
    """Return True where many of the next messages have a wanted beginning: no index is needed."""
    if not has_beginning(search):
        return False
    facts = _facts_of(db, _ids_of(db, Listing(), low, high=high, most=PROBED))
    return is_common(search, facts.values())


def _ids_of(db: apsw.Connection, listing: Listing, low: str, *, high: str, most: int) -> list[str]:
    bound = {**listing.bound, "low": low, "high": high, "most": most}
    return [id_ for (id_,) in db.execute(_sql[listing.name], bound)]


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
        ids = _ids_of(db, Listing(), max(low, seen), high=high, most=most)
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


def _looked_at(db: apsw.Connection, search: Search, ids: Sequence[str]) -> list[Found]:
    """Return those of the candidates that are what was asked for, whatever the index says."""
    bound = {
        "ids": to_json(ids),
        "states": None if search.states is None else to_json(sorted(search.states)),
        "is_sandbox": search.is_sandbox,
    }
    standing = [id_ for (id_,) in db.execute(_sql["ids_that_stand_so"], bound)]
    facts = {id_: one for id_, one in _facts_of(db, standing).items() if fits(search, one)}
    return found_of(ids, facts, messages_by_id(db, facts))


def _facts_of(db: apsw.Connection, ids: Sequence[str]) -> dict[str, Facts]:
    return facts_of(db.execute(_sql["emails_of_messages"], {"ids": to_json(ids)}))


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
