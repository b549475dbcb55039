"""Who gets an email: to, cc and bcc, each address once."""

from dataclasses import dataclass

from terkirim.content.addresses import read_address
from terkirim.content.fields import SET_HAS_NO_ORDER
from terkirim.domain import remarks
from terkirim.domain.email import MAX_RECIPIENTS, Address
from terkirim.domain.errors import InvalidEmail
from terkirim.domain.phrase import phrase

_MAX_REPLY_TO = 10
_KINDS = ("to", "cc", "bcc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """The addresses by kind; an address stands once in all three together."""

    to: tuple[Address, ...]
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    warnings: tuple[str, ...] = ()

    def each(self) -> list[tuple[str, str]]:
        """Return (kind, address) of every recipient, in the order in which they were given."""
        if len(self.to) == 1 and not self.cc and not self.bcc:
            return [("to", self.to[0].email)]
        return [
            *(("to", one.email) for one in self.to),
            *(("cc", one.email) for one in self.cc),
            *(("bcc", one.email) for one in self.bcc),
        ]


def read_recipients(to: object, cc: object, bcc: object) -> Recipients:
    """Return the recipients of an email, one message each.

    An address that is given twice gets one message, and a warning says so: upper and lower case
    count as the same, because no mailbox in use tells them apart.

    Raises:
        InvalidEmail: one is no address, there are none, or there are too many.
    """
    if (
        cc is None and bcc is None
    ):  # nearly all emails: one to one, as SDKs write it or as people do
        if isinstance(to, str) and to:
            return Recipients(to=(read_address(to, "to"),))
        if isinstance(to, list) and len(to) == 1:
            return Recipients(to=(read_address(to[0], "to"),))
    given = [
        (kind, _listed(kind, value)) for kind, value in zip(_KINDS, (to, cc, bcc), strict=True)
    ]
    _refuse_too_many(given)
    if not given[0][1]:
        raise _missing()
    return _each_once([(kind, _read_all(kind, values)) for kind, values in given])


def read_reply_to(value: object) -> tuple[Address, ...]:
    """Return the addresses that answers go to.

    Raises:
        InvalidEmail: one is no address, or there are too many.
    """
    if value is None:
        return ()
    values = _listed("reply_to", value)
    if len(values) > _MAX_REPLY_TO:
        raise InvalidEmail("reply_to", f"has {len(values)} addresses; at most {_MAX_REPLY_TO}")
    return _read_all("reply_to", values)


def _listed(kind: str, value: object) -> list[object]:
    if value is None or value == "":
        return []
    if isinstance(value, set | frozenset):
        raise InvalidEmail(kind, SET_HAS_NO_ORDER)
    return list(value) if isinstance(value, list | tuple) else [value]


def _read_all(kind: str, values: list[object]) -> tuple[Address, ...]:
    if len(values) == 1:
        return (read_address(values[0], kind),)
    return tuple(read_address(value, f"{kind}[{at}]") for at, value in enumerate(values))


def _refuse_too_many(given: list[tuple[str, list[object]]]) -> None:
    total = sum(len(values) for _, values in given)
    if total <= MAX_RECIPIENTS:
        return
    fullest = max(given, key=lambda one: len(one[1]))[0]
    problem = (
        f"the email has {total} recipients over to, cc and bcc; at most {MAX_RECIPIENTS} are "
        "taken: send several emails, or a batch"
    )
    raise InvalidEmail(fullest, problem)


def _each_once(given: list[tuple[str, tuple[Address, ...]]]) -> Recipients:
    seen: set[str] = set()
    warnings = []
    kept: dict[str, list[Address]] = {kind: [] for kind in _KINDS}
    for kind, addresses in given:
        for one in addresses:
            if one.email.lower() in seen:
                warnings.append(remarks.kept(remarks.GIVEN_TWICE, field=kind, address=one.email))
                continue
            seen.add(one.email.lower())
            kept[kind].append(one)
    to, cc, bcc = (tuple(kept[kind]) for kind in _KINDS)
    return Recipients(to=to, cc=cc, bcc=bcc, warnings=tuple(warnings))


def _missing() -> InvalidEmail:
    problem = phrase("is missing; give an address, or a list of them")
    return InvalidEmail("to", problem, kind="missing_required_field")
