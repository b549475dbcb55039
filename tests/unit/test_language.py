"""What people read is said in their language, whole, and as its writers write it."""

import string
from datetime import timedelta
from importlib import resources
from io import StringIO
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from terkirim.domain.errors import InvalidEmail
from terkirim.domain.phrase import in_english
from terkirim.language import LANGUAGES, phrase, phrases, speak
from terkirim.language.catalogue import catalogue, translations_in
from terkirim.language.voice import Voice

SOURCE = Path(str(resources.files("terkirim")))
KEYWORDS = {
    "say": None, "many": (1, 2), "phrase": None, "phrases": (1, 2), "_setting": (2,),
}  # fmt: skip
SOURCES, OPTIONS = parse_mapping_cfg(
    StringIO(resources.files("terkirim.language").joinpath("sources.cfg").read_text("utf-8"))
)
FILE = resources.files("terkirim.language").joinpath("id.po")


def spoken_in_the_code():
    """Return each text in the code with its form for several, None where it has none."""
    found = extract_from_dir(str(SOURCE), SOURCES, OPTIONS, keywords=KEYWORDS)
    texts = [text for _, _, text, _, _ in found]
    return dict(text if isinstance(text, tuple) else (text, None) for text in texts)


def names_in(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_each_sentence_of_the_code_is_translated_and_no_translation_is_left_over():
    in_code, translated = set(spoken_in_the_code()), set(catalogue("id"))
    assert in_code - translated == set(), "run `make language`, and translate these in id.po"
    assert translated - in_code == set(), "run `make language`: nobody says these any more"


def test_a_translation_keeps_the_names_of_its_source():
    in_code = spoken_in_the_code()
    for source, translated in catalogue("id").items():
        wanted = names_in(source) | names_in(in_code[source] or "")
        assert names_in(translated) == wanted, source


def test_no_translation_is_a_guess():
    with FILE.open("rb") as file:
        read = read_po(file)
    assert [one.id for one in read if one.fuzzy and one.id] == []
    assert read.num_plurals == 1


def test_the_catalogue_reads_as_gettexts_own_tools_read_it():
    with FILE.open("rb") as file:
        entries = [one for one in read_po(file) if one.id]
    theirs = {
        one.id[0] if isinstance(one.id, tuple) else one.id: one.string[0]
        if isinstance(one.string, tuple)
        else one.string
        for one in entries
    }
    assert catalogue("id") == theirs


def test_a_text_over_several_lines_with_escapes_is_read_whole():
    text = '# note\nmsgid ""\n"say \\"{a}\\"\\n"\n"then"\nmsgstr ""\n"kata \\"{a}\\"\\n"\n"lalu"\n'
    assert translations_in(text) == {'say "{a}"\nthen': 'kata "{a}"\nlalu'}


@pytest.mark.parametrize(
    ("language", "said"), [("id", "1.204 hari, -12,5"), ("en", "1,204 days, -12.5")]
)
def test_numbers_are_written_as_the_language_writes_them(language, said):
    say = speak(language)
    days = say.many("{count} day", "{count} days", count=1_204)
    assert f"{days}, {say.number(-12.5)}" == said


@pytest.mark.parametrize(
    ("seconds", "indonesian", "english"),
    [
        (0, "0 detik", "0 seconds"),
        (0.4, "0 detik", "0 seconds"),
        (1, "1 detik", "1 second"),
        (18, "18 detik", "18 seconds"),
        (90, "1 menit 30 detik", "1 minute 30 seconds"),
        (3_600, "1 jam", "1 hour"),
        (3_605, "1 jam", "1 hour"),
        (86_400 + 3_600, "1 hari 1 jam", "1 day 1 hour"),
        (-(3 * 86_400 + 4 * 3_600 + 59), "3 hari 4 jam", "3 days 4 hours"),
        (1_204 * 86_400, "1.204 hari", "1,204 days"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(seconds, indonesian, english):
    span = timedelta(seconds=seconds)
    assert (speak("id").span(span), speak("en").span(span)) == (indonesian, english)


def test_values_stand_in_the_text_as_people_write_them():
    say = Voice("id", {"{n} of {name} in {span}, {code}": "{n} dari {name} dalam {span}, {code}"})
    said = say(
        "{n} of {name} in {span}, {code}",
        n=1_000,
        name="{x} 1000",
        span=timedelta(minutes=2),
        code="1000",
    )
    assert said == "1.000 dari {x} 1000 dalam 2 minutes, 1000"


def test_a_phrase_is_said_later_in_any_language_and_may_hold_another():
    inner = phrases("{count} day", "{count} days", count=2)
    outer = phrase("every {span}: {on}", span=inner, on=True)
    assert [speak(language)(outer) for language in ("id", "en")] == [
        "every 2 hari: True",
        "every 2 days: True",
    ]


def test_a_phrase_in_english_is_what_an_english_voice_says():
    inner = phrases("{count} day", "{count} days", count=1_200)
    for said in (inner, phrase("{n} of {name}: {on}", n=5_000, name="{x} 1000", on=inner)):
        assert in_english(said) == speak("en")(said)
    assert in_english(phrases("{count} day", "{count} days", count=1)) == "1 day"


def test_a_refusal_names_its_field_in_every_language_and_is_english_as_an_error():
    refused = InvalidEmail("to", phrases("{count} day", "{count} days", count=2))
    assert str(refused) == in_english(refused.named) == "`to`: 2 days"
    assert speak("id")(refused.named) == "`to`: 2 hari"
    assert in_english(InvalidEmail("", "the body is no JSON").named) == "the body is no JSON"


def test_a_text_without_a_translation_is_said_in_english():
    say = Voice("id", {})
    assert say("no {thing}", thing="word") == "no word"
    assert say.many("{count} cow", "{count} cows", count=1) == "1 cow"


def test_a_language_that_nobody_speaks_is_refused():
    assert set(LANGUAGES) == {"id", "en"}
    with pytest.raises(ValueError, match="id, en"):
        speak("fr")
