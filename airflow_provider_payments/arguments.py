"""Arguments, as Airflow brings them, read into plain values of Python before the first request.

Templates, ``params``, XCom and ``expand_kwargs`` bring numbers, booleans and lists as text, subclasses of ``str`` and
``timedelta``, lazy proxies and lazy sequences. What means one thing only is taken. Anything else is a
``PaymentsConfigError`` that names the argument, and does not show what may be a secret or a payer's data.

Functions that are called ``read_…`` raise it; those called ``find_…`` return None instead.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from operator import index
from typing import Any, Concatenate, ParamSpec, TypeVar

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.texts import find_similar
from airflow_provider_payments.times import parse_duration, plain_duration

P = ParamSpec("P")
T = TypeVar("T")

#: Longer texts are not shown in errors: one in the wrong argument might be a secret.
LONGEST_SHOWN = 20
#: What templates make of a value that is missing.
MISSING = ("", "none", "null", "undefined", "nan", "nat")
_FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
#: Beyond this, no count and no number of seconds makes sense.
_TOO_MUCH = 10**12

#: What Airflow takes for the id of a connection, but for what URIs have.
_CONN_ID = re.compile(r"(?!.*://)[\w#!()\-.:/\\ ]{1,250}")
_NUMBER = re.compile(r"-?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})", re.ASCII)


def is_none(value: object) -> bool:
    """Whether a value, or what a proxy stands for, is None."""
    return isinstance(value, type(None))


def optional(
    read: Callable[Concatenate[str, object, P], T], name: str, value: object, *args: P.args, **options: P.kwargs
) -> T | None:
    """Read an argument that may be None."""
    return None if is_none(value) else read(name, value, *args, **options)


def whole_number(value: Any) -> int | None:
    """Return a whole number, Python's own or another library's, as Python's; None when it is none, like True."""
    try:
        return None if isinstance(value, bool) else index(value)
    except (TypeError, AttributeError):
        return None


def plain_text(value: str) -> str:
    """Return a text as Python's own class, which a subclass, a member of an enumeration and a proxy are not."""
    return str.__str__(value if issubclass(type(value), str) else value[:])


def refuse(name: str, value: object, taken: str, example: str = "", *, is_private: bool = False) -> PaymentsConfigError:
    """Return the error for an argument.

    :param taken: what is taken, after "must be".
    :param example: as it would stand in a DAG file.
    :param is_private: whether the value itself must not be shown.
    """
    message = f"{name} must be {taken}, and is {describe(value, is_private=is_private)}."
    if example:
        message += f" Write {example}."
    return PaymentsConfigError(message + explain_missing(value))


def explain_missing(value: object) -> str:
    """Return a sentence for an error on a text like "None": where it comes from."""
    if not isinstance(value, str) or plain_text(value).strip().lower() not in MISSING:
        return ""
    return (
        " Templates make such a text of a value that is missing, and of a name that is misspelled: give it one, or a "
        "default, like {{ params.x or '…' }}; or leave the argument out."
    )


def describe(value: object, *, is_private: bool = False) -> str:
    """Return what an error says of a value.

    :param is_private: whether only its type may be told.
    """
    # A proxy has the class of what it stands for, but a type and a text of its own.
    kind = f"a {value.__class__.__name__}"
    if isinstance(value, str):
        text = plain_text(value)
        if is_private and text.strip().lower() not in MISSING:
            return kind
        return repr(text) if len(text) <= LONGEST_SHOWN else f"a text of {len(text)} characters"
    if is_private:
        return kind
    number = whole_number(value)
    if number is not None:
        return repr(number) if abs(number) < _TOO_MUCH else kind
    if is_none(value) or isinstance(value, bool):
        return str(value)
    return repr(value) if isinstance(value, float | timedelta) else kind


def read_text(name: str, value: object, example: str) -> str:
    """Read a text, as it is."""
    if not isinstance(value, str) or plain_text(value).strip().lower() in MISSING:
        raise refuse(name, value, "a text", example)
    return plain_text(value)


def read_conn_id(name: str, value: object) -> str:
    """Read the id of a connection. A whole connection in its place, a URI or JSON, has secrets, and is not shown."""
    conn_id = read_text(name, value, f"{name}='my_connection'")
    if not _CONN_ID.fullmatch(conn_id):
        raise refuse(name, value, "the id of a connection", f"{name}='my_connection'", is_private=True)
    return conn_id


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a sentence with the known word that was probably meant, or nothing."""
    similar = find_similar(word.lower(), known, likeness=0.75)
    return f" Did you mean {similar!r}?" if similar else ""


def missing_connection(name: str, conn_id: str) -> PaymentsConfigError:
    """Return the error for an argument that names a connection which Airflow does not have, or cannot read."""
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    found = next((each for each in os.environ if each.upper() == variable), None)
    if found is None:
        missing = f"which does not exist. Create it under Admin, Connections, or as {variable}."
    elif found != variable:
        missing = f"which does not exist. The environment variable {found} must be in capitals: {variable}."
    else:  # Airflow passes over it in silence
        missing = (
            f"and Airflow cannot read the environment variable {variable}. Write JSON with double quotes, like "
            '{"conn_type": "stripe", "password": "…"}; it takes conn_type, host, login, password, schema, port (a '
            "number) and extra (an object)."
        )
    return PaymentsConfigError(f"{name} names the connection {conn_id!r}, {missing}")


def read_choice(name: str, value: object, permitted: Sequence[str]) -> str:
    """Read a text that is one of those permitted."""
    word = plain_text(value).strip() if isinstance(value, str) else ""
    if word not in permitted:
        raise refuse(name, value, f"one of {', '.join(permitted)}")
    return word


def read_flag(name: str, value: object) -> bool:
    """Read True or False, or 1 or 0; as text also ``true``, ``yes``, ``on`` and their opposites, in any case."""
    flag = find_flag(value)
    if flag is None:
        raise refuse(name, value, "True or False", f"{name}=False")
    return flag


def find_flag(value: object) -> bool | None:
    """Return True or False, as :func:`read_flag` reads it; None when it is neither."""
    number = None if isinstance(value, str) else find_number(value)
    word = plain_text(value) if isinstance(value, str) else str(value if number is None else number.normalize())
    return _FLAGS.get(word.strip().lower())


def read_whole_number(name: str, value: object, minimum: int = 0) -> int:
    """Read a whole number; as text as well."""
    number = find_number(value)
    if number is None or number != int(number) or not minimum <= number < _TOO_MUCH:
        raise refuse(name, value, f"a whole number of at least {minimum}", f"{name}={max(minimum, 5)}")
    return int(number)


def read_seconds(name: str, value: object, *, is_positive: bool = False) -> float:
    """Read a number of seconds, or a duration.

    :param is_positive: whether 0 is refused.
    """
    number = find_number(value)
    duration = _read_duration(value) if number is None else None
    if duration is not None:
        number = Decimal(repr(duration.total_seconds()))
    if number is None or not 0 <= number < _TOO_MUCH or (is_positive and number == 0):
        raise refuse(
            name, value, f"seconds or a timedelta, {'more than' if is_positive else 'at least'} 0", f"{name}=60"
        )
    return float(number)


def read_duration(name: str, value: object, *, is_positive: bool = False) -> timedelta:
    """Read a duration: a ``timedelta``, or text like ``P2D``, ``PT36H`` or ``2 days, 0:00:00``.

    A bare number is refused: it might mean days as well as seconds. 0 is not, which is the same in both.

    :param is_positive: whether 0 is refused.
    """
    duration = timedelta(0) if find_number(value) == 0 else _read_duration(value)
    example = f"{name}=timedelta(days=2), or as text {name}='P2D'"
    if duration is None:
        number = " and no bare number, which might mean seconds or days" if find_number(value) is not None else ""
        raise refuse(name, value, f"a timedelta{number}", example)
    if duration < timedelta(0) or (is_positive and not duration):
        is_what = "positive, like timedelta(days=7)" if is_positive else "a timedelta, and not negative"
        raise refuse(name, duration, is_what)
    return duration


def find_number(value: object) -> Decimal | None:
    """Return a finite number, or None when it is none. True and False are none."""
    if isinstance(value, str):
        text = plain_text(value).strip()
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    whole = whole_number(value)
    if whole is not None:
        return Decimal(whole)
    if not isinstance(value, float | Decimal):
        return None
    number = Decimal(str(value))
    return number if number.is_finite() else None


def _read_duration(value: object) -> timedelta | None:
    try:
        return parse_duration(plain_text(value)) if isinstance(value, str) else plain_duration(value)
    except (ValueError, TypeError):
        return None


def read_path(name: str, value: object) -> str:
    """Read a path: a URL as text, or an object that has one, like ``ObjectStoragePath``."""
    if not isinstance(value, str) and hasattr(value, "as_uri"):
        return str(value)
    example = f"{name}='s3://my_conn@my-bucket/payments.jsonl.gz'"
    if not isinstance(value, str) or plain_text(value).strip().lower() in MISSING[1:]:
        raise refuse(name, value, "a URL as text", example)
    return plain_text(value)
