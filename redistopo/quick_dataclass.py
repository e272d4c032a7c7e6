"""`dataclass` of the standard library, declared in a quarter of its time.

Up to Python 3.12 the standard library compiles the source of six functions for each frozen class
(dataclasses.py, `_create_fn`), which was two fifths of the time in which a verb is imported. Here
only `__init__` is compiled; the others are closures over the names of the fields. For slots the
standard library creates each class a second time; here `slots` is for the type checker, which
refuses attributes that aren't declared.
"""

import dataclasses
import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["dataclass"]

_Methods = Mapping[str, Callable[..., Any]]


def _quick(
    *,
    frozen: bool = False,
    slots: bool = False,  # noqa: ARG001  for the type checker
    kw_only: bool = False,
    eq: bool = True,
    order: bool = False,
) -> Callable[[type], type]:
    """Declare a class as `dataclasses.dataclass` does, with those of its options that are used."""

    def declare(cls: type) -> type:
        # without a docstring the standard library writes one, from the signature that it inspects
        cls.__doc__ = cls.__doc__ or cls.__name__
        made: type = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only)(cls)
        fields = dataclasses.fields(made)
        added = {"__init__": _init(made, fields, frozen=frozen), "__repr__": _repr(fields)}
        added |= _comparison(fields, frozen=frozen) if eq else {}
        added |= _order(fields) if order else {}
        for name, method in added.items():
            # a class that defines __eq__ has None for __hash__ (data model, object.__hash__)
            if vars(made).get(name) is None:
                setattr(made, name, method)
        for name, method in (_FROZEN if frozen else {}).items():
            setattr(made, name, method)
        if eq and not frozen:
            made.__hash__ = None  # type: ignore[assignment]
        return made

    return declare


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _quick


class _Absent:
    """The default of a parameter whose value is made for each object."""

    def __repr__(self) -> str:
        return "<factory>"


_ABSENT = _Absent()


def _init(
    cls: type, fields: tuple[dataclasses.Field[Any], ...], *, frozen: bool
) -> Callable[..., None]:
    """Compile `__init__`. What isn't given to it, `field(init=False)`, is for `__post_init__`."""
    assign = "_set(self, {0!r}, {1})" if frozen else "self.{0} = {1}"
    known: dict[str, Any] = {"_set": object.__setattr__, "_absent": _ABSENT}
    parameters: dict[bool, list[str]] = {False: ["self"], True: []}
    body = []
    for one in fields:
        parameter = value = one.name
        if one.default is not dataclasses.MISSING:
            known[f"_default_{one.name}"] = one.default
            parameter = f"{one.name}=_default_{one.name}"
        elif one.default_factory is not dataclasses.MISSING:
            known[f"_make_{one.name}"] = one.default_factory
            parameter = f"{one.name}=_absent"
            value = f"_make_{one.name}() if {one.name} is _absent else {one.name}"
        if one.init:
            parameters[bool(one.kw_only)].append(parameter)
            body.append(assign.format(one.name, value))
    body.append("self.__post_init__()" if hasattr(cls, "__post_init__") else "pass")
    by_name = ["*", *parameters[True]] if parameters[True] else []
    source = f"def __init__({', '.join((*parameters[False], *by_name))}):\n " + "\n ".join(body)
    exec(source, known)  # noqa: S102  the names of fields are those of the class's body
    made: Callable[..., None] = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = {one.name: one.type for one in fields if one.init} | {"return": None}
    return made


def _repr(fields: tuple[dataclasses.Field[Any], ...]) -> Callable[[object], str]:
    names = tuple(one.name for one in fields if one.repr)

    def __repr__(self: object) -> str:  # noqa: N807
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({shown})"

    return __repr__


def _comparison(fields: tuple[dataclasses.Field[Any], ...], *, frozen: bool) -> _Methods:
    values = _values(fields)

    def __eq__(self: object, other: object) -> Any:  # noqa: N807
        return values(self) == values(other) if type(other) is type(self) else NotImplemented

    def __hash__(self: object) -> int:  # noqa: N807
        return hash(values(self))

    return {"__eq__": __eq__, "__hash__": __hash__} if frozen else {"__eq__": __eq__}


def _order(fields: tuple[dataclasses.Field[Any], ...]) -> _Methods:
    values = _values(fields)

    def comparing(compare: Callable[[Any, Any], bool]) -> Callable[[object, object], Any]:
        def method(self: object, other: object) -> Any:
            if type(other) is type(self):
                return compare(values(self), values(other))
            return NotImplemented

        return method

    return {f"__{name}__": comparing(getattr(operator, name)) for name in ("lt", "le", "gt", "ge")}


def _values(fields: tuple[dataclasses.Field[Any], ...]) -> Callable[[object], Any]:
    """What of an object is compared: a tuple, or the value of the only field."""
    names = tuple(one.name for one in fields if one.compare)
    return operator.attrgetter(*names) if names else lambda _: ()


def _refuse_value(_self: object, name: str, _value: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(_self: object, name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


_FROZEN: _Methods = {
    "__setattr__": _refuse_value,
    "__delattr__": _refuse_deletion,
}
