"""The errors go wherever a program sends them: through a pickle, a copy, another process."""

import copy
import importlib
import inspect
import pickle
import pkgutil
from datetime import timedelta
from functools import partial
from multiprocessing.reduction import ForkingPickler

import pytest

import terkirim
from terkirim.domain.credit import Preflight
from terkirim.domain.errors import InvalidEmail, TerkirimError
from terkirim.domain.phrase import Phrase, phrase

PREFLIGHT = Preflight(
    count=9,
    cost=9,
    balance=5,
    is_estimated=True,
    waiting=1,
    reserve=0,
    goes_out=4,
    is_enough=False,
)
SAMPLES = {
    str: "a sentence",
    int: 403,
    bool: True,
    timedelta | None: timedelta(seconds=3),
    str | None: "order-1",
    str | Phrase: phrase("give {count}", count=2),
    Preflight: PREFLIGHT,
}


def pickled(error, protocol=None):
    return pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - we have just written it


WAYS = {
    **{
        f"pickle {number}": partial(pickled, protocol=number)
        for number in range(pickle.HIGHEST_PROTOCOL + 1)
    },
    "another process": lambda error: ForkingPickler.loads(ForkingPickler.dumps(error)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def kinds_below(kind):
    below = kind.__subclasses__()
    return {*below}.union(*map(kinds_below, below))


def every_kind():
    for found in pkgutil.walk_packages(terkirim.__path__, "terkirim."):
        if not found.name.startswith(("terkirim.integrations.", "terkirim.__main__")):
            importlib.import_module(found.name)
    ours = [one for one in kinds_below(TerkirimError) if one.__module__.startswith("terkirim.")]
    return [TerkirimError, *sorted(ours, key=lambda kind: kind.__name__)]


def made(kind):
    """Return an error with every argument given; a new kind of argument needs a sample."""
    if not inspect.isfunction(kind.__init__):  # Python's own
        return kind("a sentence")
    taken = inspect.signature(kind).parameters.values()
    named = {one.name: SAMPLES[one.annotation] for one in taken if one.kind is one.KEYWORD_ONLY}
    return kind(*(SAMPLES[one.annotation] for one in taken if one.name not in named), **named)


@pytest.mark.parametrize("kind", every_kind(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_an_error_survives_with_all_that_it_says(kind, way):
    error = made(kind)
    error.add_note("of row 7")
    again = way(error)
    assert type(again) is kind
    assert (str(again), again.args) == (str(error), error.args)
    assert vars(again) == vars(error)
    assert again.__notes__ == ["of row 7"]


def test_what_is_derived_in_an_application_survives_too():
    again = pickled(OutOfStock("to", "bad", row=7))
    assert (again.field, again.problem, again.row) == ("to", "bad", 7)


class OutOfStock(InvalidEmail):
    def __init__(self, field, problem, *, row):
        super().__init__(field, problem)
        self.row = row
