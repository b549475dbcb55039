"""An index that keeps these terms finds what the plain comparison finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.search import AddressWish, Facts, Part, Search, Word
from terkirim.policy.search import fits, terms_of, wanted, words_of

FACTS = Facts(
    recipient="Budi@Example.com",
    sender="toko@example.id",
    subject="Pesanan É-42 sudah dikirim!",
    tags=(("Kind", "OTP"),),
)


def is_in_the_index(search, facts):
    terms = set(terms_of(facts))
    return all(
        any(
            term in terms or (is_start and any(one.startswith(term) for one in terms))
            for term, is_start in choices
        )
        for choices in wanted(search)
    )


@pytest.mark.parametrize(
    "search",
    [
        Search(),
        Search(to=(AddressWish("budi@example.com", Part.WHOLE),)),
        Search(to=(AddressWish("bu", Part.START), AddressWish("example.com", Part.DOMAIN))),
        Search(sender=(AddressWish("example.id", Part.START_OR_DOMAIN),)),
        Search(words=(Word("pesanan"), Word("e"), Word("42"), Word("dik", is_start=True))),
        Search(tags=("kind", "kind=otp")),
    ],
)
def test_what_fits_is_in_the_index(search):
    assert fits(search, FACTS)
    assert is_in_the_index(search, FACTS)


@pytest.mark.parametrize(
    "search",
    [
        Search(to=(AddressWish("budi@example.co", Part.WHOLE),)),
        Search(to=(AddressWish("example.id", Part.DOMAIN),)),
        Search(words=(Word("dik"),)),
        Search(words=(Word("kind"),)),
        Search(tags=("kind=sms",)),
        Search(sender=(AddressWish("budi", Part.START),)),
    ],
)
def test_what_does_not_fit_is_not(search):
    assert not fits(search, FACTS)
    assert not is_in_the_index(search, FACTS)


texts = st.text(max_size=30)
parts = st.sampled_from(list(Part))


@given(texts, texts, texts, parts)
def test_no_search_misses_in_the_index_what_it_would_find_without(text, domain, subject, part):
    facts = Facts(recipient=f"{text}@{domain}", sender=f"{domain}@{text}", subject=subject)
    wish = AddressWish(text.lower(), part)
    words = tuple(Word(word) for word in words_of(subject))
    for search in (Search(to=(wish,)), Search(sender=(wish,)), Search(words=words)):
        if fits(search, facts):
            assert is_in_the_index(search, facts)


@given(texts)
def test_a_term_is_one_word_to_any_tokenizer(text):
    facts = Facts(recipient=text, sender=text, subject=text, tags=((text, text),))
    for term in terms_of(facts):
        assert all(not c.isascii() or c.isalnum() for c in term)


def test_words_have_no_case_and_no_accents():
    assert words_of("  Café-ÉTÉ, «naïve» 2026 ") == ["cafe", "ete", "naive", "2026"]
