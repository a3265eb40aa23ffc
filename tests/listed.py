"""What two listings of the same payments have in common: all but when they began."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def unlisted(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The records of one output, without the time that is the same in all of them."""
    assert len({record["listed_at"] for record in records}) == 1
    return [{**record, "listed_at": None} for record in records]


def content(manifest: Mapping[str, Any]) -> bytes:
    """An object of text on this machine, unpacked, without the time that is in each of its rows."""
    path = Path(manifest["path"].removeprefix("file://"))
    found = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    assert found.count(manifest["listed_at"].encode()) == manifest["records"] > 0
    return found.replace(manifest["listed_at"].encode(), b"")
