"""Rows into a table of PostgreSQL by ``COPY``, with psycopg2 or psycopg 3."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any


def copy_rows(cursor: Any, table: str, columns: Sequence[str], batches: Iterable[list[list[Any]]]) -> None:
    """Copy rows into a table.

    :param columns: the columns that a row has values of.
    :param batches: the rows, some at a time.
    """
    null = uuid.uuid4().hex  # no text of anybody's
    sql = f"COPY {table} ({', '.join(columns)}) FROM STDIN WITH (FORMAT csv, NULL '{null}')"
    chunks = (_to_csv(rows, null) for rows in batches)
    if hasattr(cursor, "copy_expert"):
        reader = _ChunkFile(chunks)
        try:
            cursor.copy_expert(sql, reader)
        except Exception:
            if reader.error:  # psycopg2 tells of it, and raises an error of its own
                raise reader.error from None
            raise
    else:  # psycopg 3
        with cursor.copy(sql) as copy:
            for chunk in chunks:
                copy.write(chunk)


def _to_csv(rows: list[list[Any]], null: str) -> bytes:
    text = io.StringIO(newline="")
    # Only characters of the line's end are quoted, and Postgres takes neither \r nor \n without.
    csv.writer(text, lineterminator="\r\n").writerows(
        [[null if cell is None else cell for cell in row] for row in rows]
    )
    return text.getvalue().encode()


class _ChunkFile:
    """As much of a file as psycopg2 reads."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._chunk = io.BytesIO()
        self.error: Exception | None = None

    def read(self, size: int) -> bytes:
        if not (found := self._chunk.read(size)):
            try:
                self._chunk = io.BytesIO(next(self._chunks, b""))
            except Exception as error:
                self.error = error
                raise
            found = self._chunk.read(size)
        return found
