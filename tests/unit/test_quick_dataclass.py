"""`quick_dataclass.dataclass` beside the standard library's, on the same classes."""

import copy
import dataclasses
import inspect
import operator
import pickle
from collections.abc import Callable
from dataclasses import KW_ONLY, field
from typing import Any

import pytest

from redistopo.quick_dataclass import dataclass

Decorator = Callable[..., Callable[[type], type]]


def _classes(declare: Decorator) -> dict[str, Any]:
    """One class of each kind that the package has."""

    @declare(frozen=True, slots=True, kw_only=True)
    class Value:
        """A value."""

        name: str
        parts: tuple[int, ...] = ()
        extra: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    @declare(frozen=True, slots=True)
    class Mixed:
        first: int
        second: int = 2
        _: KW_ONLY
        third: int = 3

    @declare(frozen=True, slots=True, order=True)
    class Ordered:
        major: int
        minor: int = 0

    @declare(frozen=True, slots=True, kw_only=True)
    class Derived:
        given: tuple[int, ...]
        total: int = field(init=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "total", sum(self.given))

    @declare(slots=True, kw_only=True)
    class Changing:
        count: int = 0
        seen: list[int] = field(default_factory=list)

    @declare(slots=True, eq=False)
    class Identity:
        name: str

    @declare(frozen=True, slots=True, kw_only=True)
    class Empty:
        """Nothing in it."""

    @declare(frozen=True, slots=True)
    class Own:
        name: str

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

        def __repr__(self) -> str:
            return "own"

    made = (Value, Mixed, Ordered, Derived, Changing, Identity, Empty, Own)
    return {one.__name__: one for one in made}


OURS, THEIRS = _classes(dataclass), _classes(dataclasses.dataclass)

CALLS = {
    "Value": [{"name": "a"}, {"name": "a", "parts": (1,), "extra": {"x": 1}}, {}, {"nam": "a"}],
    "Mixed": [{"first": 1}, {"first": 1, "third": 4}, {"second": 1}],
    "Ordered": [{"major": 1}, {"major": 1, "minor": 2}, {"major": 2}],
    "Derived": [{"given": (1, 2)}, {"given": (3,)}, {"given": (3,), "total": 1}],
    "Changing": [{}, {"count": 1}, {"seen": [1]}],
    "Identity": [{"name": "a"}, {"name": "b"}],
    "Empty": [{}, {"name": "a"}],
    "Own": [{"name": "a"}, {"name": "b"}],
}


def _outcome(work: Callable[..., object], *given: Any, **named: Any) -> object:
    """What it returns, or how it fails: its text without the names of this file's functions."""
    try:
        return work(*given, **named)
    except (TypeError, AttributeError) as error:
        return type(error), str(error).rpartition(".")[2]


def _facts(kind: Any) -> dict[str, object]:
    """All that can be seen of a class and of its objects, as plain values."""
    names = [one.name for one in dataclasses.fields(kind)]
    known: dict[str, object] = {
        "fields": names,
        "signature": str(inspect.signature(kind)),
        "match": kind.__match_args__,
    }
    for number, given in enumerate(CALLS[kind.__name__]):
        made = _outcome(kind, **given)
        if not isinstance(made, kind):
            known[f"{number} refused"] = made
            continue
        again = kind(**given)
        known |= {
            f"{number} shown": repr(made),
            f"{number} equal": (made == again, made == object(), made != again),
            f"{number} hash": _outcome(lambda one, two: hash(one) == hash(two), made, again),
            f"{number} below": _outcome(operator.lt, made, again),
            f"{number} as dict": dataclasses.asdict(made),
            f"{number} copied": dataclasses.asdict(copy.deepcopy(made)),
        }
        for name in names[:1]:
            known[f"{number} set"] = _outcome(setattr, made, name, 1)
            known[f"{number} deleted"] = _outcome(delattr, made, name)
    return known


@pytest.mark.parametrize("name", CALLS)
def test_a_class_is_the_one_that_the_standard_library_makes(name: str) -> None:
    assert _facts(OURS[name]) == _facts(THEIRS[name])


def test_objects_are_replaced_and_compared_field_by_field() -> None:
    kind = OURS["Value"]
    one = kind(name="a", parts=(1,))
    assert dataclasses.replace(one, name="b") == kind(name="b", parts=(1,), extra={"not": 1})
    assert {one: 1}[kind(name="a", parts=(1,))] == 1
    assert one != kind(name="a", parts=(2,))
    assert kind(name="a").extra is not kind(name="a").extra
    assert sorted([OURS["Ordered"](2), OURS["Ordered"](1, 5), OURS["Ordered"](1)]) == [
        OURS["Ordered"](1), OURS["Ordered"](1, 5), OURS["Ordered"](2),
    ]  # fmt: skip
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.name = "b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """At the top of a module, where pickles find it."""

    name: str
    parts: tuple[int, ...] = ()


def test_a_frozen_object_goes_through_a_pickle() -> None:
    assert pickle.loads(pickle.dumps(Sent(name="a", parts=(1, 2)))) == Sent(name="a", parts=(1, 2))


def test_a_default_that_all_objects_would_share_is_refused() -> None:
    with pytest.raises(ValueError, match="mutable default"):

        @dataclass(slots=True)
        class _Shared:
            seen: list[int] = []  # noqa: RUF012
