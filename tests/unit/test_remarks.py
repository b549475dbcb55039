"""A remark that is kept in English is told in its reader's language, whatever was filled in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain import remarks
from terkirim.domain.phrase import Phrase, in_english
from terkirim.domain.remarks import filled, kept, retold
from terkirim.language import speak

REMARKS = [one for name, one in vars(remarks).items() if name.isupper() and type(one) is Phrase]
VALUES = {
    "route": "default",
    "field": "reply_to",
    "problem": filled(remarks.NO_REPLY_TO, route="default"),
    "count": 4,
    "most": 3,
    "address": "budi@example.com",
    "kind": "`gosok`",
    "provider": "mailketing",
    "error": "KeyError",
    "days": 3,
    "failures": 28,
    "last": "HTTP 500",
}


@pytest.mark.parametrize("remark", REMARKS, ids=lambda one: one.text[:30])
def test_a_kept_remark_is_told_in_both_languages(remark):
    text = kept(remark, **VALUES)
    assert speak("en")(retold(text)) == text
    told = speak("id")(retold(text))
    assert told != text
    assert "{" not in told


def test_what_is_inside_of_a_remark_is_told_too():
    text = kept(remarks.KEPT, field="reply_to", problem=filled(remarks.NO_REPLY_TO, route="x"))
    told = speak("id")(retold(text))
    assert told == (
        "`reply_to`: tidak ada penyedia di rute `x` yang membawanya; jangan diisi; "
        "tersimpan di catatan, tidak ikut terkirim"
    )


@given(st.text())
def test_any_other_text_stays_as_it_is(text):
    assert in_english(retold(text)) == text
    assert isinstance(speak("id")(retold(text)), str)
