"""Messages are cut into blocks that PostgreSQL can keep, and no place in them is lost."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from terkirim.store.blocks import BLOCK, BLOCK_BYTES, blocks_of

terms = st.lists(st.sampled_from(["tani", "dtoko", "whalo", "wébé"]), unique=True)


@given(st.lists(terms, max_size=40), st.integers(1, 9))
def test_each_term_of_each_message_has_its_place(of_messages, most):
    docs = [(f"id{n}", one) for n, one in enumerate(of_messages)]
    blocks = list(blocks_of(docs, most=most))
    assert [id_ for block in blocks for id_ in block.ids] == [id_ for id_, _ in docs]
    assert all(block.is_full(most) for block in blocks[:-1])
    for block in blocks:
        assert len(block.ids) <= most
        for place, id_ in enumerate(block.ids, start=1):
            had = {term for term, places in block.places.items() if place in places}
            assert had == set(dict(docs)[id_])


def test_terms_stand_in_quotes_with_their_places():
    (block,) = blocks_of([("a", ["x", "y"]), ("b", ["y"])], most=BLOCK)
    assert block.vector == "'x':1 'y':1,2"


def test_messages_with_very_many_words_fill_a_block_sooner():
    numbers = count()
    docs = [
        (f"id{n}", [f"w{next(numbers):04}" + "ñ" * 36 for _ in range(60)]) for n in range(BLOCK)
    ]
    blocks = list(blocks_of(docs, most=BLOCK))
    assert len(blocks) == 3
    assert all(len(block.vector.encode()) < 2 * BLOCK_BYTES for block in blocks)
