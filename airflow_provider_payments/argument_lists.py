"""Arguments that hold several values: statuses, ids, filters. Read as :mod:`.arguments` says.

A list or a dict is also taken as text: in JSON, or in the words of Python that a template writes.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from airflow_provider_payments.arguments import (
    LONGEST_SHOWN,
    describe,
    is_none,
    optional,
    plain_text,
    refuse,
    whole_number,
)
from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.texts import is_unicode

#: Python refuses to write down numbers of thousands of digits.
_TOO_LONG = 10**100

#: What a task does about ids without a payment.
ON_MISSING = ("fail", "report")


def read_list(name: str, value: object, taken: str, example: str) -> list[Any]:
    """Read a list: any sequence, set or iterator, or a list as text.

    :param taken: what it is a list of.
    :param example: as it would stand in a DAG file.
    """
    items = _decode(plain_text(value)) if isinstance(value, str) else value
    try:
        # A data frame is a list of its columns' names.
        if not isinstance(items, str | bytes | bytearray | Mapping) and not hasattr(items, "columns"):
            return list(items)  # type: ignore[call-overload, no-any-return]
    except TypeError:
        pass
    raise refuse(name, value, f"a list of {taken}", example, is_private=True)


def _decode(text: str) -> object:
    """Return what a text says in JSON, or in Python's words as a template writes a list or a dict; else None."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_float=Decimal)
    except (ValueError, RecursionError):
        pass
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    # A number may be written in other ways than it is read: 0x1F would be 31.
    return value if repr(value) == text.strip() or _are_texts(value) else None


def _are_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def read_statuses(name: str, value: object, permitted: Sequence[str] = ()) -> list[str]:
    """Read a list of status words.

    :param permitted: the only words that are taken, of which there must be one; none given means any word, or none.
    """
    example = f"{name}={[*permitted] or ['succeeded']}"
    word = plain_text(value) if isinstance(value, str) else ""
    if re.fullmatch(r"[a-z]\w+", word) and len(word) <= LONGEST_SHOWN and (word in permitted or not permitted):
        raise PaymentsConfigError(f"{name} must be a list of words, not the text {word!r}. Write {name}=[{word!r}].")
    words = read_list(name, value, "words", example)
    for each in words:
        if not isinstance(each, str):
            raise PaymentsConfigError(f"{name} contains {describe(each)}, which is no word. Write {example}.")
        if permitted and plain_text(each) not in permitted:
            raise PaymentsConfigError(
                f"{name} contains {describe(each)}, and takes {', '.join(permitted)} only. Write some of {example}."
            )
    if permitted and not words:
        raise PaymentsConfigError(f"{name} is an empty list. Leave it out for all of {example}, or name some of them.")
    return [plain_text(word) for word in words]


def read_ids(name: str, value: object, *, takes_numbers: bool = True) -> list[str]:
    """Read a list of ids, each once; or of rows with an id only, which are what a query for ids returns.

    Spaces at the end of an id in a row do not count: ``CHAR`` columns have them.

    :param takes_numbers: as in :func:`read_id`.
    """
    example = f"{name}=['an-id'], or give the list that another task returned: {name}=that_task.output"
    rows = read_list(name, value, "ids", example)
    ids = [read_id(f"{name} contains", _only_column(name, each), takes_numbers=takes_numbers) for each in rows]
    # The order of a set differs from process to process.
    return list(dict.fromkeys(sorted(ids) if isinstance(value, set | frozenset) else ids))


def _only_column(name: str, row: object) -> object:
    """Return the only value of a row, without the spaces that ``CHAR`` columns add; anything else as it is."""
    if isinstance(row, str | bytes | bytearray) or not isinstance(row, Sequence | Mapping):
        return row
    values = [*(row.values() if isinstance(row, Mapping) else row)]
    if len(values) == 1:
        return values[0].rstrip(" ") if isinstance(values[0], str) else values[0]
    raise PaymentsConfigError(
        f"{name} contains {describe(row, is_private=True)} with {len(values)} values in the place of an id. Rows of a "
        "query are taken when they have one column, which is the id."
    )


def read_names(
    payment_ids: object, order_ids: object, *, takes_numbers: bool = True
) -> tuple[list[str] | None, list[str] | None]:
    """Read ids of payments or ids of orders, of which one is given, and the other None. The list may be empty.

    :param takes_numbers: as in :func:`read_id`.
    """
    if is_none(payment_ids) and is_none(order_ids):
        raise PaymentsConfigError(
            "payment_ids and order_ids are both None: name one of them. If it is the output of another task, that task "
            "has returned None: let it return an empty list where there is nothing to ask for."
        )
    if not is_none(payment_ids) and not is_none(order_ids):
        raise PaymentsConfigError("Name payment_ids or order_ids, and not both of them.")
    return (
        optional(partial(read_ids, takes_numbers=takes_numbers), "payment_ids", payment_ids),
        optional(partial(read_ids, takes_numbers=takes_numbers), "order_ids", order_ids),
    )


def read_id(what: str, value: object, *, takes_numbers: bool = True) -> str:
    """Read an id. It is a text; a whole number is taken for its digits, a UUID for its usual text.

    :param what: how an error begins, like "payment_id is".
    :param takes_numbers: whether a number can be meant: where templates are rendered natively, it cannot be told from
        what they make of the ids ``0x1F`` and ``1_000``.
    """
    number = whole_number(value)
    if number is not None:
        return _digits(what, number, takes_numbers=takes_numbers)
    if isinstance(value, UUID):  # of a database's column of such
        return str(value)
    if not isinstance(value, str):
        # A number with a fraction may have lost zeros, None is a task's that found nothing.
        raise PaymentsConfigError(f"{what} {describe(value)}, which is no id. Ids are texts.")
    if not value.strip():
        raise PaymentsConfigError(f"{what} an empty id.")
    return _require_one(what, plain_text(value))


def read_known_ids(value: object) -> dict[str, list[str]]:
    """Read the ids of payments that orders are known to have, by order."""
    if not isinstance(value, Mapping | type(None)):
        raise refuse("known_ids", value, "a dict of lists of ids", is_private=True)
    return {read_id("known_ids contains", name): read_ids("known_ids", ids) for name, ids in (value or {}).items()}


def read_filters(name: str, value: object, *, takes_numbers: bool = True) -> dict[str, str]:
    """Read filters, a mapping or a JSON object as text; the values as they go into a URL.

    :param takes_numbers: as in :func:`read_id`.
    """
    found = _decode(plain_text(value)) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        raise refuse(
            name, value, "a dict, or a JSON object as text", f"{name}={{'a_filter': 'a value'}}", is_private=True
        )
    filters = {}
    for key, each in found.items():
        if not isinstance(key, str):
            raise PaymentsConfigError(f"{name} contains {describe(key)} as a filter's name, which is a text.")
        filters[plain_text(key)] = _read_filter(f"Filter {plain_text(key)!r}", each, takes_numbers)
    return filters


def _read_filter(what: str, value: object, takes_numbers: bool) -> str:
    if is_none(value) or (isinstance(value, str) and not value.strip()):
        raise PaymentsConfigError(f"{what} has no value. Leave it out, or give it one.")
    if isinstance(value, bool):
        return str(bool(value)).lower()
    number = whole_number(value)
    if number is not None:
        return _digits(f"{what} is", number, takes_numbers=takes_numbers)
    if not isinstance(value, str):
        raise PaymentsConfigError(
            f"{what} must be one text, whole number, True or False, and is {describe(value, is_private=True)}. For "
            "several values, list once for each: ListPaymentsOperator.partial(…).expand(filters=[{…}, {…}])."
        )
    return _require_one(f"{what} is", plain_text(value))


def _digits(what: str, number: int, *, takes_numbers: bool) -> str:
    if abs(number) >= _TOO_LONG:
        raise PaymentsConfigError(
            f"{what} a number with more than 100 digits. Ids and filters of such a length are texts."
        )
    if takes_numbers:
        return str(number)
    raise PaymentsConfigError(
        f"{what} a number. Templates are rendered natively here (render_template_as_native_obj), which makes 31 of the "
        "text 0x1F and 1000 of 1_000, so it may not be what was meant. Keep it a text: '{{ params.x | string | tojson "
        "}}' in a template, str(x) in a task that returns it."
    )


def _require_one(what: str, text: str) -> str:
    """Refuse what a template makes of a value that is missing, and of a list in the place of one value."""
    if text.strip() == "None":
        raise PaymentsConfigError(f"{what} the text 'None', which templates make of a value that is missing.")
    if text.lstrip().startswith(("[", "(")) and isinstance(_decode(text), list | tuple):
        raise PaymentsConfigError(f"{what} a list as text, in the place of one value. Give the list itself.")
    if not is_unicode(text):
        raise PaymentsConfigError(f"{what} a text with half a surrogate pair, which is no Unicode.")
    return text
