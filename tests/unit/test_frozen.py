"""What a record of the hot path promises: a frozen dataclass to its readers."""

import copy
import gc
import pickle
from dataclasses import field, fields, replace

import pytest

from terkirim.domain.email import Content, Draft
from terkirim.domain.frozen import frozen


@frozen
class Point:
    """A place."""

    x: int
    y: int = 0

    @property
    def far(self) -> int:
        return self.x + self.y

    def __str__(self) -> str:
        return f"{self.x}|{self.y}"


def test_nothing_is_assigned_after_it_is_made():
    with pytest.raises(AttributeError):
        Point(x=1).x = 2
    with pytest.raises(AttributeError):
        Point(x=1).z = 2


def test_it_is_made_by_names_and_says_what_is_missing():
    with pytest.raises(TypeError, match="x"):
        Point(y=1)
    with pytest.raises(TypeError):
        Point(1, 2)
    with pytest.raises(TypeError, match="z"):
        Point(x=1, z=3)


def test_equal_values_are_equal_records_of_one_hash():
    assert Point(x=1) == Point(x=1, y=0)
    assert Point(x=1) != Point(x=2)
    assert len({Point(x=1), Point(x=1), Point(x=2)}) == 2


def test_it_is_changed_by_a_copy_and_keeps_what_the_class_defines():
    moved = replace(Point(x=1, y=2), y=5)
    assert (moved.far, str(moved), repr(moved)) == (6, "1|5", "Point(x=1, y=5)")
    assert [one.name for one in fields(Point)] == ["x", "y"]
    assert (Point.__doc__, Point.__module__, Point.__qualname__) == ("A place.", __name__, "Point")
    match moved:
        case Point(x=1, y=y):
            assert y == 5


def test_it_travels():
    content = Content(id="a", html="<p>b</p>")
    assert pickle.loads(pickle.dumps(content)) == content  # noqa: S301 - our own
    assert copy.deepcopy(content) == content


def test_the_garbage_collector_does_not_look_at_it():
    assert not gc.is_tracked(Draft(to=["a@example.com"]))


def test_a_default_that_is_made_is_nobody_elses():
    @frozen
    class Holder:
        all: list[int] = field(default_factory=list)

    Holder().all.append(1)
    assert Holder().all == []
