"""Cuts messages into blocks for an index that says in which blocks a term is. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

BLOCK = 200  # messages; PostgreSQL keeps 255 places of a term, and a block may get late ones
BLOCK_BYTES = 400_000  # of distinct terms; PostgreSQL keeps 1 MB with their places

Doc = tuple[str, Sequence[str]]  # a message's id, and its terms


@dataclass(slots=True)
class Block:
    """Messages that stand one after the other: their ids, and the places of each term, from 1."""

    ids: list[str] = field(default_factory=list)
    places: dict[str, list[int]] = field(default_factory=dict)
    size: int = 0

    def add(self, id_: str, terms: Iterable[str]) -> None:
        """Add the next message; its terms are distinct."""
        self.ids.append(id_)
        for term in terms:
            places = self.places.get(term)
            if places is None:
                places = self.places[term] = []
                self.size += len(term.encode())
            places.append(len(self.ids))

    def is_full(self, most: int) -> bool:
        """Return True where the next message needs a block of its own."""
        return len(self.ids) >= most or self.size >= BLOCK_BYTES

    @property
    def vector(self) -> str:
        """The terms with their places, as a tsvector is written; no term has a quote in it."""
        return " ".join(
            f"'{term}':{','.join(map(str, places))}" for term, places in self.places.items()
        )


def blocks_of(docs: Iterable[Doc], *, most: int) -> Iterator[Block]:
    """Give the messages in blocks; only the last one may be less than full."""
    block = Block()
    for id_, terms in docs:
        block.add(id_, terms)
        if block.is_full(most):
            yield block
            block = Block()
    if block.ids:
        yield block
