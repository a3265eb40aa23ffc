"""Types that read more than is documented, where that leaves no doubt of what is meant.

An integer where a text is due is that text, and digits in quotes, or ``5.0``, are an integer where one is due.
Fractions, booleans, lists and objects there stay errors.

All of it is slow, and used only when a response could not be read as documented.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

#: An integer longer than this is not read out of a text.
_MOST_DIGITS = 100


@cache
def lenient_type(kind: Any) -> Any:
    """Return a type that takes what is meant as well: see :func:`convert`."""
    members = _members(kind)
    if len(members) > 1:
        # Where a text will do as well, nothing needs to be read out of it.
        loose = (each if each is int and str in members else lenient_type(each) for each in members)
        return Union[tuple(loose)]  # noqa: UP007 - of a number not known here
    if kind is str:
        return str | int
    if kind is int:
        return int | Decimal
    if get_origin(kind) is list:
        return list[lenient_type(get_args(kind)[0])]  # type: ignore[misc]
    if _is_struct(kind):
        fields = [
            (each.name, lenient_type(each.type))
            if each.default is msgspec.NODEFAULT
            else (each.name, lenient_type(each.type), each.default)
            for each in msgspec.structs.fields(kind)
        ]
        return msgspec.defstruct(f"Loose{kind.__name__}", fields, gc=False)
    return kind


def convert(value: Any, kind: Any, path: str) -> Any:
    """Return a value that was decoded as the lenient type as the type itself has it.

    :param path: where the value stands, for messages.
    :raises msgspec.ValidationError: naming the place and the two types, never the value.
    """
    members = _members(kind)
    if isinstance(value, int) and int not in members and str in members:
        return str(value)
    if isinstance(value, Decimal) and Decimal not in members and int in members:
        if not value.is_finite() or value != value.to_integral_value() or value.adjusted() > _MOST_DIGITS:
            raise msgspec.ValidationError(f"Expected `int`, got another number or text - at `{path}`")
        return int(value)
    if isinstance(value, msgspec.Struct):
        own = next(each for each in members if _is_struct(each))
        return own(
            **{
                each.name: convert(getattr(value, each.name), each.type, f"{path}.{each.name}")
                for each in msgspec.structs.fields(own)
            }
        )
    if isinstance(value, list) and any(get_origin(each) is list for each in members):
        (element,) = next(get_args(each) for each in members if get_origin(each) is list)
        return [convert(each, element, f"{path}[...]") for each in value]
    return value


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
