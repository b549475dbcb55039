"""Reads addresses as people write them and returns them as they travel."""

import re
import unicodedata

from terkirim.content.fields import shown
from terkirim.content.texts import line, spoken_type
from terkirim.domain.email import Address
from terkirim.domain.errors import InvalidEmail
from terkirim.domain.phrase import Phrase, phrase

ADDRESS_LIMIT = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets
NAME_LIMIT = 320
_EXAMPLE = "budi@example.co.id"
_SEVERAL = phrase("holds more than one address; give them as a list")
# How the library's sentences begin, so that they can be said in another language too.
_WORDS_OF_THE_LIBRARY = (
    phrase("The email address contains invalid characters before the @-sign"),
    phrase("The email address contains unsafe characters"),
    phrase("The part after the @-sign contains invalid characters"),
    phrase("The part after the @-sign is not valid. It should have a period."),
    phrase("The part after the @-sign is not valid IDNA"),
    phrase("The part after the @-sign is not valid. It is not within a valid top-level domain."),
    phrase(
        "The part after the @-sign is a special-use or reserved name that cannot be used with "
        "email."
    ),
    phrase("An email address cannot have two periods in a row."),
    phrase("An email address cannot start with a period."),
    phrase("An email address cannot have a period immediately before the @-sign."),
    phrase("An email address cannot have a period immediately after the @-sign."),
    phrase("An email address cannot end with a period."),
    phrase("An email address cannot have a hyphen immediately after the @-sign."),
    phrase("An email address cannot end with a hyphen."),
    phrase("An email address cannot have a period and a hyphen next to each other."),
    phrase("Quoting the part before the @-sign is not allowed here."),
    phrase("A bracketed IP address after the @-sign is not allowed here."),
    phrase("After the @-sign, periods cannot be separated by so many characters"),
    phrase("The email address is too long before the @-sign"),
    phrase("The email address is too long after the @-sign"),
)

# Addresses that the library would return unchanged: lower-case, plain dot-atoms, an ordinary
# domain. It needs 73 µs for each, this 1 µs; a property test holds the two together.
_ATOM = r"[a-z0-9_!#$%&'*+\-/=?^`{|}~]+"
_LABEL = r"[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?"
_UNCHANGED = re.compile(
    rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+"
    r"(?!(?:arpa|invalid|local|localhost|onion)\Z)[a-z](?:[a-z0-9\-]{0,61}[a-z])?\Z"
)
_QUOTED_NAME = re.compile(r'"((?:[^"\\]|\\.)*)"\Z')
_ESCAPED = re.compile(r"\\(.)")


def read_address(value: object, field: str, *, kind: str = "validation_error") -> Address:
    """Return the one address in `a@b`, `<a@b>`, `Name <a@b>` or `"Name, quoted" <a@b>`.

    Raises:
        InvalidEmail: it is none of these; the sentence says what would be right.
    """
    if isinstance(value, Address):
        return Address(
            normalised(value.email, field, kind=kind),
            line(value.name, field, limit=NAME_LIMIT, kind=kind),
        )
    if not isinstance(value, str):
        wanted = f"must be a text with an address, for example {_EXAMPLE}, not {spoken_type(value)}"
        raise InvalidEmail(field, wanted, kind=kind)
    text = line(value, field, limit=ADDRESS_LIMIT + NAME_LIMIT, kind=kind).strip()
    if not text.endswith(">"):
        return Address(normalised(text, field, kind=kind))
    before, bracket, inside = text[:-1].rpartition("<")
    if not bracket:
        problem = phrase("ends in `>` without a `<` before the address")
        raise InvalidEmail(field, problem, kind=kind)
    name = _name(before.strip(), field, kind)
    return Address(normalised(inside.strip(), field, kind=kind), name)


def normalised(text: str, field: str, *, kind: str = "validation_error") -> str:
    """Return a bare address as it goes on the wire: the domain in lower-case ASCII (IDNA).

    Names under `.test` are taken, so that trials need no real address; other names that never
    reach the Internet (`.local`, `.invalid`, ...) are refused.

    Raises:
        InvalidEmail: it is no address that mail can be sent to.
    """
    if len(text) <= ADDRESS_LIMIT and _UNCHANGED.match(text) and "--" not in text:
        return text
    if (fault := _plain_fault(text)) is not None:
        problem = phrase("`{text}` {fault}", text=shown(text), fault=fault)
        raise InvalidEmail(field, problem, kind=kind)
    return _by_the_library(text, field, kind)


def _plain_fault(text: str) -> Phrase | None:
    """Return what is wrong at first sight, in words that name the cure, else None."""
    if len(text) > ADDRESS_LIMIT:
        return phrase(
            "is {length} characters long; an address has at most {limit}",
            length=len(text),
            limit=ADDRESS_LIMIT,
        )
    local, at, domain = text.rpartition("@")
    if not at or not local:
        return phrase(
            "needs something before and after an @-sign; it should look like {example}",
            example=_EXAMPLE,
        )
    if not domain:
        return phrase(
            "has no domain after the @-sign; it should look like {example}", example=_EXAMPLE
        )
    if "," in text or ";" in text:
        return _SEVERAL
    if not local.isascii():
        return phrase(
            "has letters outside ASCII before the @-sign, which providers do not take; "
            "ask for an address without them"
        )
    return None


def _by_the_library(text: str, field: str, kind: str) -> str:
    # Imported late: it brings IDNA tables, and the fast path above answers for nearly all.
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(
            unicodedata.normalize("NFC", text),
            check_deliverability=False,
            allow_smtputf8=False,
            strict=True,
            test_environment=True,
        )
    except EmailNotValidError as error:
        problem = phrase(
            "`{text}` is no address: {why} It should look like {example}",
            text=shown(text),
            why=_in_words(str(error)),
            example=_EXAMPLE,
        )
        raise InvalidEmail(field, problem, kind=kind) from None
    address = found.ascii_email
    if address is None or "." not in address.rpartition("@")[2]:
        problem = phrase(
            "`{text}` has no full domain after the @-sign; it should look like {example}",
            text=shown(text),
            example=_EXAMPLE,
        )
        raise InvalidEmail(field, problem, kind=kind)
    return address


def _in_words(text: str) -> Phrase:
    """Return a sentence of the library: its beginning as one of ours, what it names as it is."""
    for one in _WORDS_OF_THE_LIBRARY:
        if text.startswith(one.text):
            return phrase("{says}{rest}", says=one, rest=text.removeprefix(one.text))
    return phrase("{says}", says=text)


def _name(text: str, field: str, kind: str) -> str:
    quoted = _QUOTED_NAME.match(text)
    if quoted is not None:
        return line(_ESCAPED.sub(r"\1", quoted.group(1)), field, limit=NAME_LIMIT, kind=kind)
    if "@" in text and ("," in text or ";" in text):
        raise InvalidEmail(field, _SEVERAL, kind=kind)
    if "<" in text or ">" in text:
        problem = phrase(
            "`{text}` stands before the address; put such a name in double quotes", text=shown(text)
        )
        raise InvalidEmail(field, problem, kind=kind)
    return line(text, field, limit=NAME_LIMIT, kind=kind)
