"""What databases give for ids, words and amounts, in the one form in which they are compared.

Drivers differ: an amount comes as a ``Decimal``, a float, an integer or a text, an id as a text, an integer or a
``UUID``. Here each becomes bytes, and two values are the same if their bytes are. None stays None, and is the same as
None only.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal

from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.money import format_amount, parse_amount
from airflow_provider_payments.texts import escape_controls

#: Amounts and their sums have fewer digits, so nothing is rounded.
_EXACT = Context(prec=1000)
#: ``Decimal`` itself also reads underscores, the digits of all scripts, and NaN.
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
#: Characters of a number; ``parse_amount`` takes less.
_LONGEST_NUMBER = 1000
#: Stands before what is no number.
_NO_NUMBER = b"?"
#: Characters that are shown of a value: it comes from a table, and might be anything.
_LONGEST_SHOWN = 80
_ZERO = b"0"


def pack_text(text: str) -> bytes:
    """Return the bytes of a text. Spaces at its end do not count: ``CHAR`` columns have them."""
    return text.rstrip(" ").encode("utf-8", "surrogatepass")


def pack_amount(amount: Decimal | None) -> bytes | None:
    """Return the bytes of an amount: 10.00 and 1E+1 have the same."""
    if amount is None:
        return None
    return str(_EXACT.normalize(amount)).encode() if amount else _ZERO


def with_decimals_of(amount: Decimal, other: Decimal) -> Decimal:
    """Return an amount with as many decimals as another one has; with more where it needs them."""
    normal = _EXACT.normalize(amount)
    exponent = min(int(normal.as_tuple().exponent), int(other.as_tuple().exponent), 0)
    return _EXACT.quantize(normal, Decimal((0, (1,), exponent)))


def pack_table_text(value: object) -> bytes | None:
    """Return the bytes of a table's id, status or currency. Numbers become texts: 7, also for 7.0 of a float column."""
    if isinstance(value, str):
        return pack_text(value)
    if value is None:
        return None
    if isinstance(value, float | Decimal):
        amount = read_amount(value)
        if amount is not None:
            return (format_amount(_EXACT.normalize(amount)) or "").encode()
    return pack_text(_as_text(value))


def read_amount(value: object) -> Decimal | None:
    """Read an amount of a table, exactly. None when it is null, no number, or one that no amount can be.

    A float is taken by its shortest text: 0.1 is 0.1, and what the column lost before is not known.
    """
    if isinstance(value, float):
        value = float.__repr__(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    elif not isinstance(value, Decimal):
        value = _as_text(value).strip()
    if isinstance(value, str) and (len(value) > _LONGEST_NUMBER or _NUMBER.fullmatch(value) is None):
        return None
    try:
        return parse_amount(value)
    except PaymentsProtocolError:
        return None


def pack_table_amount(value: object, amount: Decimal | None) -> bytes | None:
    """Return the bytes of a table's amount. What is no number has bytes that no amount has.

    :param value: as the driver gave it.
    :param amount: what :func:`read_amount` made of it.
    """
    if amount is None and value is not None:
        return _NO_NUMBER + pack_text(_as_text(value))
    return pack_amount(amount)


def show(value: bytes | None) -> str | None:
    """Return a text, or what is no number, as people see it: on one line, and not longer than 80 characters."""
    if value is None:
        return None
    text = escape_controls(value.decode("utf-8", "surrogatepass"))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def show_amount(value: bytes | None) -> str | None:
    """Return an amount as people see it."""
    if value is None or value.startswith(_NO_NUMBER):
        return show(value and value.removeprefix(_NO_NUMBER))
    return format_amount(Decimal(value.decode()))


def _as_text(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(Decimal(value))  # Python refuses to write long ones
    return str(value)
