"""The extra of a connection: JSON, in which everything may also be text, for a URI has nothing else."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_payments.arguments import find_flag, find_number
from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.http.redaction import Unpicklable
from airflow_provider_payments.texts import find_similar

if TYPE_CHECKING:
    from airflow_provider_payments.api.connection import Connection

#: From here on, of 1, a key is taken for another one that is misspelled.
_SIMILAR = 0.85
#: A name and its number, with white space around both.
_PAIR = re.compile(r"\s*([^\s=;]+)\s*=\s*([0-9]{1,2})\s*")


@dataclass(frozen=True)
class Extra(Unpicklable):
    """A connection's extra. Values that are null or empty text count as absent.

    :param extra: nothing of it may become a header by itself.
    :param asked: the keys that were asked for so far.
    """

    connection_id: str
    extra: Mapping[str, Any] = field(repr=False)
    asked: set[str] = field(repr=False, compare=False, kw_only=True, default_factory=set)

    def value(self, *keys: str) -> Any:
        """Return what stands under the first of some keys that has a value; text without the blanks around it.

        :param keys: a key, and older names of it.
        """
        self.asked.update(keys)
        for key in keys:
            value = self.extra.get(key)
            value = value.strip() if isinstance(value, str) else value
            if value is not None and value != "":
                return value
        return None

    def key_of(self, key: str, former: str) -> str:
        """Return the key that the extra has of a key and its former name.

        :raises PaymentsConfigError: when it has both, with different values.
        """
        value, other = self.value(key), self.value(former)
        if value is not None and other is not None and value != other:
            raise PaymentsConfigError(
                f"Connection {self.connection_id!r}: extra has {key!r} and, as {former!r}, its former name, another. "
                f"Keep {key!r}."
            )
        return former if value is None and other is not None else key

    def text(self, key: str, default: str = "") -> str:
        """Return a text."""
        value = self.value(key)
        if isinstance(value, bool | list | dict):
            raise self.wrong(key, "text")
        return default if value is None else str(value)

    def choice(self, key: str, *permitted: str) -> str:
        """Return a text that is one of those permitted; the first of them is the default."""
        value = self.value(key)
        choice = permitted[0] if value is None else value
        if not isinstance(choice, str) or choice not in permitted:
            raise self.wrong(key, f"one of {', '.join(permitted)}")
        return choice

    def number(self, key: str, default: int, *, minimum: int = 0) -> int:
        """Return a whole number."""
        return int(self.real_number(key, default, minimum=minimum, is_whole=True))

    def real_number(self, key: str, default: float, *, minimum: int = 0, is_whole: bool = False) -> float:
        """Return a number, which may have a fraction."""
        value = self.value(key)
        if value is None:
            return default
        number = find_number(value)
        if number is None or not minimum <= number < 1e9 or (is_whole and number != int(number)):
            raise self.wrong(key, f"a {'whole ' if is_whole else ''}number of at least {minimum}")
        return float(number)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a boolean."""
        value = self.value(key)
        flag = default if value is None else find_flag(value)
        if flag is None:
            raise self.wrong(key, "true or false")
        return flag

    def texts(self, key: str) -> Sequence[str]:
        """Return texts, each once: a list of them, or one text with commas in between. Empty where there is none."""
        value = self.structure(key)
        listed = value.split(",") if isinstance(value, str) else () if value is None else value
        are_texts = isinstance(listed, list) and all(isinstance(each, str) for each in listed)
        found = tuple(dict.fromkeys(text for each in listed if (text := each.strip()))) if are_texts else ()
        if value is not None and not found:
            raise self.wrong(key, "one or more texts: a list, or a text with commas in between")
        return found

    def structure(self, *keys: str) -> Any:
        """Return a value that may be a list or an object, also one that is written as JSON text."""
        value = self.value(*keys)
        if isinstance(value, str) and value[0] in "[{":
            try:
                return json.loads(value)
            except (ValueError, RecursionError):
                return value
        return value

    def file_text(self, key: str) -> str | None:
        """Return the text of the file whose path stands under a key; None where there is no path.

        :raises PaymentsConfigError: when the file cannot be read.
        """
        path = self.text(key)
        if not path:
            return None
        try:
            return Path(path).read_text()
        except (OSError, ValueError) as error:  # a NUL in the path, or a file that is no text
            raise PaymentsConfigError(
                f"Connection {self.connection_id!r}: the file of {key} cannot be read on this machine "
                f"({type(error).__name__})."
            ) from None

    def listed_numbers(self, key: str, maximum: int, expected: str) -> Mapping[str, int]:
        """Return whole numbers by name, written as one text: ``name=1, other name=2``.

        :param maximum: the largest permitted number, below 100.
        :param expected: what the value must be, for the error.
        """
        text = self.value(key) or ""
        listed = [pair for pair in text.split(",") if pair.strip()] if isinstance(text, str) else [""]
        pairs = [pair for pair in map(_PAIR.fullmatch, listed) if pair]
        numbers = {pair[1]: int(pair[2]) for pair in pairs}
        # One that cannot be read, and one that is there twice, would leave fewer.
        if len(numbers) < len(listed) or not _are_numbers(numbers, maximum):
            raise self.wrong(key, expected)
        return numbers

    def named_numbers(self, key: str, maximum: int, expected: str) -> Mapping[str, int]:
        """Return whole numbers by name, given as an object; also one that is written as text.

        :param maximum: the largest permitted number.
        :param expected: what the value must be, for the error.
        """
        value = self.structure(key) if self.value(key) else {}
        if isinstance(value, str):
            # The form of Airflow 2.11 has written objects as Python shows them, with earlier versions of this package.
            with suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
                value = ast.literal_eval(value)
        if not _are_numbers(value, maximum):
            raise self.wrong(key, expected)
        return cast("Mapping[str, int]", value)

    def refuse_misspelled(self) -> None:
        """Refuse a key that nobody asks for, and that is nearly one that somebody does.

        Other keys are of no concern: Airflow and other tools keep theirs there, too.

        :raises PaymentsConfigError: when there is one. Asked when all others have been read.
        """
        for key, value in self.extra.items():
            if key not in self.asked and value is not None and value != "":
                name = key.lower().replace("-", "_").replace(" ", "_")
                if similar := find_similar(name, sorted(self.asked), likeness=_SIMILAR):
                    raise PaymentsConfigError(
                        f"Connection {self.connection_id!r}: {key!r} in extra is no key that is known. Is it "
                        f"{similar!r}? If not, take it out."
                    )

    def wrong(self, key: str, expected: str) -> PaymentsConfigError:
        """Return the error for a key's value. The value is not shown: it may be a secret under the wrong key."""
        return PaymentsConfigError(f"Connection {self.connection_id!r}: {key!r} in extra must be {expected}.")


def _are_numbers(value: object, maximum: int) -> bool:
    # bool is an int to Python, and no number.
    return isinstance(value, dict) and all(type(each) is int and 0 <= each <= maximum for each in value.values())


def parse_extra(connection: Connection) -> Extra:
    """Read a connection's extra.

    :raises PaymentsConfigError: when it is not a JSON object.
    """
    conn_id = connection.conn_id or ""
    try:
        values = json.loads(connection.extra) if connection.extra else {}
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise PaymentsConfigError(f"Connection {conn_id!r}: extra is not a JSON object.")
    # Forms of Airflow before 2.3 saved fields with a prefix.
    prefix = f"extra__{connection.conn_type}__"
    former = {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}
    return Extra(conn_id, {**former, **{key: value for key, value in values.items() if not key.startswith(prefix)}})
