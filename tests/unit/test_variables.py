"""Variables: filled in, escaped where it is HTML, and no template that uses us up."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.content.drafts import DraftRules, checked
from terkirim.content.sandbox import MAX_STEPS
from terkirim.content.variables import (
    OUTPUT_LIMIT,
    TEMPLATE_LIMIT,
    VARIABLES_LIMIT,
    as_stored,
    missing_names,
    names_in,
    rendered,
)
from terkirim.domain.email import Carries, Draft
from terkirim.domain.errors import InvalidEmail

NOW = datetime(2026, 8, 17, tzinfo=UTC)
HOSTILE = {
    "name": "<b>&",
    "many": list(range(1_000)),
    "long": "x" * 10_000,
    "thing": {"items": 3},
    "empty": None,
}


def html(template: str, **variables) -> str:
    return rendered("Halo", template, None, variables)[1]


def refused(template: str, **variables) -> str:
    with pytest.raises(InvalidEmail) as caught:
        html(template, **(HOSTILE | variables))
    assert caught.value.field == "html"
    return caught.value.problem


def test_variables_are_escaped_in_html_and_only_there():
    assert rendered("{{ name }}", "<p>{{ name }}</p>", "{{ name }}\n", {"name": "<b>&"}) == (
        "<b>&",
        "<p>&lt;b&gt;&amp;</p>",
        "<b>&\n",
    )


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("{% if big %}a{% elif name %}b{% else %}c{% endif %}", "b"),
        ("{% for a in list %}{{ loop.index }}{{ a.x }},{% endfor %}", "17,28,"),
        ("{% for a in list %}{% if loop.last %}{{ a.x }}{% endif %}{% endfor %}", "8"),
        ("{% for one in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% for key, value in thing|items %}{{ key }}={{ value }};{% endfor %}", "items=3;"),
        ("{{ thing.items }} {{ thing['items'] }} {{ list[1].x }}", "3 3 8"),
        ("{{ empty or '' }}{% if empty %}x{% endif %}", ""),
        ("{{ nick|default('Kak') }} {{ nick is defined }}", "Kak False"),
        ("{{ name|upper ~ '!' }} {{ name[:2] }}", "BUDI! bu"),
        ("{{ 3 * 4 + 7 % 2 - 1 // 1 }} {{ 1.25|round(1) }}", "12 1.2"),
        ("{{ names|join(', ') }} {{ name|replace('u', 'o') }}", "a, b bodi"),
        ("{{ '<br>'|safe }}", "<br>"),
        ("{{ '<'|e|replace('&', '&'|safe) }}", "&lt;"),
        ("{% raw %}{{ name }}{% endraw %}{# gone #}\n", "{{ name }}\n"),
        ("{{ 'a' if name == 'budi' and not big else 'b' }}", "a"),
    ],
)  # fmt: skip
def test_the_language_of_letters(template, made):
    given_names = {
        "name": "budi",
        "big": False,
        "list": [{"x": 7}, {"x": 8}],
        "names": ["a", "b"],
        "thing": {"items": 3},
        "empty": None,
    }

    assert html(template, **given_names) == made


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ name.upper() }}", "but not calls"),
        ("{{ range(9) }}", "but not calls"),
        ("{{ ''.__class__ }}", "no attribute"),
        ("{{ name['__class__'] }}", "no attribute"),
        ("{{ name.upper }}", "no attribute"),
        ("{% for one in many %}{{ loop.cycle }}{% endfor %}", "no attribute"),
        ("{{ 'x' * 1000000000 }}", "numbers only"),
        ("{{ '%1000000000d' % 1 }}", "numbers only"),
        ("{{ [0] * 1000000000 }}", "numbers only"),
        ("{{ 2 ** 1000000000 }}", "`**`"),
        ("{{ 1e999|int }}", "too large"),
        ("{{ 1|round(1000000000) }}", "at most 20 digits"),
        ("{{ long|replace('x', long) }}", "too long a text"),
        ("{{ long|replace('', long) }}", "too long a text"),
        ("{{ many|join(long) }}", "too long a text"),
        ("{{ name|center(1000000000) }}", "no filter `center`"),
        ("{{ name|steps }}", "no filter `steps`"),
        ("{{ name is nonsense }}", "nonsense"),
        ("{{ name|join(*many) }}", "`*names`"),
        ("{% set a = name %}", "`set`"),
        ("{% set a %}x{% endset %}", "`set`"),
        ("{% macro a() %}{% endmacro %}", "`macro`"),
        ("{% include 'a' %}", "`include`"),
        ("{% import 'a' as a %}", "`import`"),
        ("{% from 'a' import a %}", "`import`"),
        ("{% extends 'a' %}", "`extends`"),
        ("{% block a %}{% endblock %}", "`block`"),
        ("{% filter upper %}a{% endfilter %}", "`filterblock`"),
        ("{% autoescape false %}a{% endautoescape %}", "`autoescape`"),
        ("{% for a in many recursive %}{% endfor %}", "`recursive`"),
        ("{{ {'a': 1} }}", "`dict`"),
        ("{{ " + "~".join(["name"] * 300) + " }}", "too long"),
        ("{% if name %}" * 60 + "{% endif %}" * 60, "nested too deeply"),
        ("{% for a in many %}" * 6 + "{% endfor %}" * 6, "nested too deeply"),
        ("{{ " + "(" * 9_000 + "1" + ")" * 9_000 + " }}", "nested too deeply"),
        ("{{ " + "9" * 9_000 + " }}", "too long"),
        ("{{ 1 // 0 }}", "division"),
        ("{{ name|int + 'a' }}", "cannot be rendered"),
        ("{{ absent }}", "'absent' is undefined"),
        ("{{ empty }}", "a value is null"),
        ("{{ thing.absent }}", "no attribute 'absent'"),
        ("x" * (TEMPLATE_LIMIT + 1), "at most"),
    ],
)  # fmt: skip
def test_what_could_use_us_up_or_is_no_letter_is_refused(template, said):
    assert said in refused(template)


def test_loops_together_take_a_bounded_number_of_steps():
    loop = "{% for a in many %}{% endfor %}"

    assert html(loop * (MAX_STEPS // 1_000), many=HOSTILE["many"]) == ""
    assert "more than 20,000 steps" in refused(loop * (MAX_STEPS // 1_000 + 1))
    assert "more than 20,000 steps" in refused(
        "{% for a in many %}{% for b in many %}{% endfor %}{% endfor %}"
    )


def test_the_output_is_bounded():
    repeated = OUTPUT_LIMIT // 10_000 + 1

    assert "grows beyond" in refused(
        "{% for a in many %}{{ long }}{% endfor %}", many=[0] * repeated
    )


def test_a_syntax_error_names_the_field_and_the_line():
    with pytest.raises(InvalidEmail, match=r"`text`: line 3 of the template: ") as caught:
        rendered("Halo", None, "a\nb\n{{ name", {})

    assert caught.value.field == "text"


def test_names_are_found_and_missing_ones_told():
    subject, body = "Halo {{ name }}", "{{ a.b }}{% for x in list %}{{ x }}{{ y }}{% endfor %}"

    assert names_in(body) == {"a", "list", "y"}
    assert missing_names(subject, body, None, {"a": 1}) == ["list", "name", "y"]
    assert (
        missing_names("{{ a|default(1) }}{% if b is defined %}{{ b }}{% endif %}", None, None, {})
        == []
    )


@pytest.mark.parametrize("value", ["a\r\nBcc: x@y.id", "a\nb", "a\0", "x" * 999])
def test_a_variable_cannot_break_the_subject(value):
    with pytest.raises(InvalidEmail) as caught:
        rendered("Halo {{ name }}", "<p>", None, {"name": value})

    assert caught.value.field == "subject"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"a": object()}, "JSON"),
        (["a"], "must be an object"),
        ({"a": "\ud800"}, "JSON"),
        ({"a": {"b": ["x\0"]}}, "NUL"),
        ({"a\0": 1}, "NUL"),
        ({"a": "x" * VARIABLES_LIMIT}, "at most 64,000"),
    ],
)
def test_variables_that_cannot_be_kept_are_refused(variables, said):
    with pytest.raises(InvalidEmail, match=said):
        as_stored(variables, "variables")


def test_a_backslash_before_u0000_is_no_nul():
    assert as_stored({"a": "\\u0000"}, "variables") == {"a": "\\u0000"}


def test_variables_that_refer_to_themselves_are_refused():
    endless: dict = {}
    endless["a"] = endless

    with pytest.raises(InvalidEmail, match="JSON"):
        as_stored(endless, "variables")


def check(variables, **changes):
    draft = {"sender": "t@x.id", "to": "a@x.id", "subject": "Halo {{ name }}", "html": "{{ name }}"}
    return checked(
        Draft(**draft | changes, variables=variables),
        ids=iter("123456").__next__,
        now=NOW,
        owner="key",
        rules=DraftRules(carries={"default": (Carries(),)}),
    ).email


def test_each_recipient_has_own_variables_over_the_shared_ones():
    email = check(
        {"*": {"name": "Kak", "shop": "X"}, "B@x.id": {"name": "Budi"}},
        to=["a@x.id", "b@x.id"],
    )

    assert email.content.is_template
    assert email.subject == "Halo {{ name }}"
    assert [one.variables for one in email.messages] == [
        {"name": "Kak", "shop": "X"},
        {"name": "Budi", "shop": "X"},
    ]


def test_the_same_letter_is_stored_under_the_same_id():
    first, second = (check({"*": {"name": name}}).content for name in "ab")

    assert first == second
    assert check({"*": {"name": "a"}}, html="{{ name }}!").content.id != first.id


def test_without_variables_nothing_is_rendered():
    email = check(None)

    assert not email.content.is_template
    assert email.messages[0].variables is None


@pytest.mark.parametrize(
    ("variables", "field", "said"),
    [
        ({"name": "Budi"}, "variables", "from a recipient's address"),
        ({"*": {"nama": "Budi"}}, "variables", "a@x.id lacks `name`"),
        ({"c@x.id": {"name": "Budi"}}, "variables", "none of this email's recipients"),
        ({7: {"name": "Budi"}}, "variables", "a number as a key"),
        ({"nobody": {"name": "Budi"}}, "variables", "@-sign"),
        ({"*": {"name": "a\nb"}}, "subject", "line break"),
        ({"*": {"name": b"\xff", "x": object()}}, "variables.a@x.id", "JSON"),
        ([], "variables", "from a recipient's address"),
    ],
)  # fmt: skip
def test_variables_that_do_not_fit_are_refused_before_anything_is_stored(variables, field, said):
    with pytest.raises(InvalidEmail) as caught:
        check(variables)

    assert caught.value.field == field
    assert said in caught.value.problem


@given(st.text("{}%#name|if for in'\"()~.[]* \n", max_size=40))
def test_any_text_is_rendered_or_refused_as_a_template(template):
    try:
        ending = html(template, **HOSTILE)
    except InvalidEmail as fault:
        ending = fault.problem

    assert isinstance(ending, str)
