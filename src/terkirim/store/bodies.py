"""The bodies that were stored a moment ago, so that a claim need not read them back."""

from collections import OrderedDict
from collections.abc import Iterable

from terkirim.domain.email import Content

LIMIT = 16_000_000  # characters in all


class RecentBodies:
    """The newest bodies, up to a size. A body never changes under its id, so none is ever stale."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._by_id: OrderedDict[str, Content] = OrderedDict()

    def keep(self, contents: Iterable[Content]) -> None:
        """Keep bodies, and let the oldest go where there is no more room."""
        for content in contents:
            if content.id not in self._by_id:
                self._by_id[content.id] = content
                self._size += _size(content)
        while self._size > self._limit:
            _, gone = self._by_id.popitem(last=False)
            self._size -= _size(gone)

    def find(self, ids: Iterable[str]) -> dict[str, Content]:
        """Return those of the bodies that are kept."""
        return {id_: self._by_id[id_] for id_ in ids if id_ in self._by_id}


def _size(content: Content) -> int:
    return len(content.html or "") + len(content.text or "")
