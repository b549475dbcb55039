"""What a message is found by: its terms for an index, and whether it fits a search. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from terkirim.domain.search import AddressWish, Facts, Part, Search, Word

WORD_LIMIT, WORDS_LIMIT = 40, 60
TERM_LIMIT = 256  # characters: PostgreSQL keeps no term of more than 2,046 bytes
_ASCII_WORD = re.compile(r"[0-9a-z]+")
_SEPARATOR = re.compile(r"[\x00-\x7f](?<![0-9A-Za-z])")  # what is ASCII, and no letter or digit
# The first letter of a term says what it is of.
_TO, _TO_DOMAIN, _FROM, _FROM_DOMAIN, _WORD, _TAG = "tdfgwk"


def words_of(text: str) -> list[str]:
    """Return the words of a text as they are compared: no case, no accents, no punctuation."""
    if text.isascii():
        return [word[:WORD_LIMIT] for word in _ASCII_WORD.findall(text.lower())[:WORDS_LIMIT]]
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c if c.isalnum() else "" if unicodedata.combining(c) else " " for c in plain)
    return [word[:WORD_LIMIT] for word in kept.split()[:WORDS_LIMIT]]


def terms_of(facts: Facts) -> list[str]:
    """Return the terms under which an index keeps a message."""
    recipient, sender = facts.recipient.lower(), facts.sender.lower()
    terms = [
        _term(_TO, recipient),
        _term(_TO_DOMAIN, _domain(recipient)),
        _term(_FROM, sender),
        _term(_FROM_DOMAIN, _domain(sender)),
        *(_term(_WORD, word) for word in words_of(facts.subject)),
        *(_term(_TAG, name.lower()) for name, _ in facts.tags),
        *(_term(_TAG, f"{name}={value}".lower()) for name, value in facts.tags),
    ]
    return list(dict.fromkeys(terms))


def wanted(search: Search) -> list[tuple[tuple[str, bool], ...]]:
    """Return what an index is asked: of each entry one term must be there, or its start (True)."""
    return [
        *(tuple(_address_terms(wish, _TO, _TO_DOMAIN)) for wish in search.to),
        *(tuple(_address_terms(wish, _FROM, _FROM_DOMAIN)) for wish in search.sender),
        *(((_term(_WORD, word.text), word.is_start),) for word in search.words),
        *(((_term(_TAG, tag.lower()), False),) for tag in search.tags),
    ]


def fits(search: Search, facts: Facts) -> bool:
    """Return whether a message is what was asked for, as far as its e-mail says."""
    recipient, sender = facts.recipient.lower(), facts.sender.lower()
    if not all(_is_at(wish, recipient) for wish in search.to):
        return False
    if not all(_is_at(wish, sender) for wish in search.sender):
        return False
    words = words_of(facts.subject) if search.words else []
    if not all(_is_among(word, words) for word in search.words):
        return False
    names = {name.lower() for name, _ in facts.tags}
    pairs = {f"{name}={value}".lower() for name, value in facts.tags}
    return all(tag.lower() in names | pairs for tag in search.tags)


def _address_terms(wish: AddressWish, whole: str, domain: str) -> Iterator[tuple[str, bool]]:
    if wish.part is Part.WHOLE:
        yield _term(whole, wish.text), False
    if wish.part in {Part.START, Part.START_OR_DOMAIN}:
        yield _term(whole, wish.text), True
    if wish.part in {Part.DOMAIN, Part.START_OR_DOMAIN}:
        yield _term(domain, wish.text), False


def _is_at(wish: AddressWish, address: str) -> bool:
    if wish.part is Part.WHOLE:
        return address == wish.text
    if wish.part is Part.DOMAIN:
        return _domain(address) == wish.text
    if address.startswith(wish.text):
        return True
    return wish.part is Part.START_OR_DOMAIN and _domain(address) == wish.text


def _is_among(wish: Word, words: list[str]) -> bool:
    return wish.text in words or (wish.is_start and any(w.startswith(wish.text) for w in words))


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


@lru_cache(maxsize=4_096)
def _term(kind: str, text: str) -> str:
    """Return a term that no index takes apart: letters and digits only, and foreign characters."""
    return kind + _SEPARATOR.sub(lambda found: f"z{ord(found[0]):x}z", text[:TERM_LIMIT])
