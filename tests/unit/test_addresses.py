"""Addresses as people write them, and the fast path against the library."""

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from hypothesis import assume, example, given
from hypothesis import strategies as st

from terkirim.content.addresses import _UNCHANGED, ADDRESS_LIMIT, normalised, read_address
from terkirim.domain.email import Address
from terkirim.domain.errors import InvalidEmail

_ATOMS = st.lists(st.text("abz019!#$%&'*+-/=?^_`{|}~", min_size=1, max_size=9), min_size=1)
_LABELS = st.lists(st.text("abxnz019-", min_size=1, max_size=9), min_size=1, max_size=4)
_ENDS = st.sampled_from(["id", "co.id", "test", "example", "xn--p1ai", "arpa", "c1"])
_PLAUSIBLE = st.builds(
    lambda atoms, labels, end: f"{'.'.join(atoms)}@{'.'.join(labels)}.{end}", _ATOMS, _LABELS, _ENDS
)
_LOCAL = st.text("abz019.!#$%&'*+-/=?^_`{|}~ A@é", max_size=70)
_DOMAIN = st.lists(
    st.text("abxn019-Zé", max_size=66) | st.sampled_from(["id", "co", "test", "local"]), max_size=5
).map(".".join)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("budi@contoh.co.id", Address("budi@contoh.co.id")),
        ("  budi@contoh.co.id ", Address("budi@contoh.co.id")),
        ("<budi@contoh.co.id>", Address("budi@contoh.co.id")),
        ("Budi Santoso <budi@contoh.co.id>", Address("budi@contoh.co.id", "Budi Santoso")),
        ('"Budi, S.E." <budi@contoh.co.id>', Address("budi@contoh.co.id", "Budi, S.E.")),
        ("Budi, S.E. <budi@contoh.co.id>", Address("budi@contoh.co.id", "Budi, S.E.")),
        (r'"Budi \"B\" \\" <budi@contoh.co.id>', Address("budi@contoh.co.id", 'Budi "B" \\')),
        ('"x <y@z.id>" <budi@contoh.co.id>', Address("budi@contoh.co.id", "x <y@z.id>")),
        ("budi@x.id <budi@contoh.co.id>", Address("budi@contoh.co.id", "budi@x.id")),
        ("Jürgen <j@contoh.co.id>", Address("j@contoh.co.id", "Jürgen")),
        ("Budi@Contoh.CO.ID", Address("Budi@contoh.co.id")),
        ("Info@contoh.co.id", Address("info@contoh.co.id")),
        ("budi@bücher.example", Address("budi@xn--bcher-kva.example")),
        ("budi@xn--bcher-kva.example", Address("budi@xn--bcher-kva.example")),
        ("budi@contoh.test", Address("budi@contoh.test")),
        (Address("Budi@CONTOH.id", "B"), Address("Budi@contoh.id", "B")),
    ],
)
def test_an_address_is_read_as_it_travels(written, read):
    assert read_address(written, "to") == read


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "before and after an @-sign"),
        ("budi", "before and after an @-sign"),
        ("@contoh.id", "before and after an @-sign"),
        ("budi@", "no domain"),
        ("budi@contoh", "period"),
        ("budi@test", "no full domain"),
        ("budi@mail.local", "special-use"),
        ("budi@127.0.0.1", "top-level"),
        ("budi@[127.0.0.1]", "bracketed"),
        ('"budi s"@contoh.id', "Quoting"),
        ("budi@contoh..id", "two periods"),
        ("budi santoso@contoh.id", "SPACE"),
        ("jürgen@contoh.id", "outside ASCII"),
        ("a@b.id, c@d.id", "as a list"),
        ("a@b.id;c@d.id", "as a list"),
        ("a@b.id, C <c@d.id>", "as a list"),
        ("a <b <c@d.id>", "double quotes"),
        ('"a" b <c@d.id> x', "after close quote"),
        ("c@d.id>", "without a `<`"),
        (f"{'x' * 65}@contoh.id", "too long"),
        (f"{'x' * 250}@contoh.id", "at most 254"),
        (f"{'x' * 100_000}@contoh.id", "100,010 characters"),
        ("budi@contoh.id\r\nBcc: x@y.id", "line break"),
        ("Budi\n <budi@contoh.id>", "line break"),
        ("budi\0@contoh.id", "NUL"),
        ("budi\ud800@contoh.id", "surrogate"),
        ("Budi\x1b <budi@contoh.id>", "U+001B"),
        (None, "not null"),
        (7, "not a number"),
        (True, "not true or false"),
        ({"email": "budi@contoh.id"}, "not an object"),
        (["budi@contoh.id"], "not a list"),
        (b"budi@contoh.id", "not bytes"),
        (Address("budi@contoh.id", "a\nb"), "line break"),
        (Address("budi"), "@-sign"),
    ],
)
def test_what_is_no_address_is_refused_with_the_cure(written, said):
    with pytest.raises(InvalidEmail, match=r"^`cc`") as caught:
        read_address(written, "cc")

    assert caught.value.field == "cc"
    assert said in caught.value.problem


@given(_PLAUSIBLE)
@example("a" * 64 + "@" + "b" * 63 + ".id")
@example("a@contoh.test")
@example("info@contoh.id")
def test_what_the_fast_path_takes_the_library_returns_unchanged(address):
    assume(_UNCHANGED.match(address) and len(address) <= ADDRESS_LIMIT and "--" not in address)

    assert _by_the_library(address) == address


@given(_LOCAL, _DOMAIN)
@example("a" * 65, "contoh.id")
@example("a", "xn--bcher-kva.id")
@example("a", "ab--c.id")
@example("a", "b.c1")
@example("a", ".".join(["b" * 50] * 5) + ".id")
def test_what_the_library_refuses_is_refused(local, domain):
    try:
        read = normalised(f"{local}@{domain}", "to")
    except InvalidEmail:
        return

    assert read == _by_the_library(f"{local}@{domain}")


@given(st.emails())
def test_every_address_is_read_as_the_library_reads_it(address):
    wanted = _by_the_library(address)
    if wanted is None:
        with pytest.raises(InvalidEmail):
            normalised(address, "to")
    else:
        assert normalised(address, "to") == wanted


@pytest.mark.parametrize("domain", [one for one in SPECIAL_USE_DOMAIN_NAMES if one != "test"])
def test_names_that_never_reach_the_internet_are_left_to_the_library(domain):
    assert not _UNCHANGED.match(f"budi@mail.{domain}")


def _by_the_library(address):
    try:
        found = validate_email(
            address,
            check_deliverability=False,
            allow_smtputf8=False,
            strict=True,
            test_environment=True,
        )
    except EmailNotValidError:
        return None
    return found.ascii_email
