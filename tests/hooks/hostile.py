"""What a broken or hostile API could send: an API's own examples with anything in any place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAYLOADS = Path(__file__).parents[1] / "payloads"
MARK = "@@MARK@@"
Place = tuple[str | int, ...]

#: JSON, and what only looks like it. Numbers of many digits take Python quadratic time, where it does not refuse them.
VALUES = [
    *(b"null", b"true", b"0", b"-1", b"-0.0", b"1e400", b"1E+1000000000", b"1E-1000000000", b"2.50e1"),
    *(b"0." + b"1" * 5000, b"9" * 700, b"9" * 5000, b"9007199254740993", b"99999999999999999999", b"-99999999999999"),
    *(b"NaN", b"Infinity", b"-Infinity", b"01", b"+1", b"1_000", b".5", b"", b"\xff", b"<html>", b"{", b'"'),
    *(
        b'""',
        b'" 5 "',
        b'"1_000"',
        b'"+5"',
        b'"0x10"',
        b'"1e5"',
        b'"1e999999999"',
        b'"."',
        b'"1."',
        b'"NaN"',
        b'"sNaN1"',
    ),
    *('"١٢"'.encode(), '"\uff11"'.encode(), '"²"'.encode(), b'"Infinity"', b'"' + b"1" * 5000 + b'"'),
    *(b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xed\xa0\x80"', b'"\xff"', b'"\\u0000"', b'"\x00"', b'"a\nb"'),
    *(b'"\\n\\r\\u2028\\u0085"', b'"\\u202e\\u200f"', b"\"=cmd|' /C calc'!A0\"", b'"\\"\\\\,;\\t"'),
    *(b'"0000-00-00T00:00:00Z"', b'"0000-01-01T00:00:00Z"', b'"10000-01-01T00:00:00Z"', b'"2026-02-30T00:00:00Z"'),
    *(b'"9999-12-31T23:59:59.999Z"', b'"9999-12-31T23:59:59-14:00"', b'"0001-01-02T00:00:00+14:00"'),
    *(b'"2026-01-01T00:00:00+99:99"', '"\uff12026-01-01T00:00:00.000Z"'.encode(), b"253402300800", b"1e15"),
    *(b"[]", b"{}", b"[null]", b"[[[]]]", b'{"a": {"a": 1}}', b'{"id": 1, "id": 2}'),
    *(b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b"[" * 600 + b"]" * 600),
]
#: These are slow to make, so they are not tried everywhere.
GIANTS = [b'"' + b"x" * 2_000_000 + b'"', b"9" * 1_000_000, b'"' + b"9" * 1_000_000 + b'"', b"1." + b"0" * 1_000_000]


def payloads(name: str) -> list[bytes]:
    """Return the example pages of an API."""
    return [path.read_bytes() for path in sorted((PAYLOADS / name).glob("*.json"))]


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Yield every place in a document."""
    yield at
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*at, key))


def fields(documents: list[Any]) -> list[tuple[Any, Place]]:
    """Return every field once, with the first document that has it: rows of a list are alike."""
    found: dict[Place, tuple[Any, Place]] = {}
    for document in documents:
        for at in places(document):
            found.setdefault(tuple(0 if isinstance(step, int) else step for step in at), (document, at))
    return [*found.values()]


def put(document: Any, at: Place, value: bytes | None) -> bytes:
    """Return the JSON of a document with something else in a place; None leaves the place out."""
    return json.dumps(_mark(document, at, value is None)).encode().replace(f'"{MARK}"'.encode(), value or b"")


def _mark(document: Any, at: Place, is_left_out: bool) -> Any:
    if not at:
        return MARK
    document = document.copy()
    if is_left_out and len(at) == 1:
        del document[at[0]]
    else:
        document[at[0]] = _mark(document[at[0]], at[1:], is_left_out)
    return document
