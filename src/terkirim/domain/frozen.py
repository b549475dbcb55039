"""How a record is declared that is made for every message: frozen, and fast to make."""

from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar, cast, dataclass_transform

import msgspec

T = TypeVar("T")

_NOT_OURS = frozenset({"__dict__", "__weakref__", "__annotations__"})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """Return the class as a frozen record with keyword-only fields, compared by value.

    A dataclass to whoever asks (`replace`, `fields`), a struct of msgspec in memory: quicker to
    make, and never looked at by the garbage collector, so that no cycle may go through it (see
    docs/decisions/0001-records-of-the-hot-path-are-structs.md).
    """
    own = {name: value for name, value in vars(cls).items() if name not in _NOT_OURS}
    declared = fields(cast("Any", dataclass(kw_only=True)(cls)))
    for one in declared:
        own.pop(one.name, None)
    struct = msgspec.defstruct(
        cls.__name__,
        [(one.name, one.type, _default(one)) for one in declared],
        namespace=own | {"__dataclass_fields__": vars(cls)["__dataclass_fields__"]},
        module=cls.__module__,
        kw_only=True,
        frozen=True,
        gc=False,
    )
    return cast("type[T]", struct)


def _default(one: Field[Any]) -> Any:
    if one.default_factory is not MISSING:
        return msgspec.field(default_factory=one.default_factory)
    return msgspec.NODEFAULT if one.default is MISSING else one.default
