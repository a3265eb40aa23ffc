"""File formats: payments in, bytes out."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from io import RawIOBase
from typing import Protocol

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.payment import RECORD_FIELDS, Payment, to_json_lines

NO_PYARROW = "Parquet needs pyarrow, which is not installed here. Install it: pip install pyarrow"


class PaymentWriter(Protocol):
    """Writes payments to a binary stream that somebody else opens and closes."""

    @property
    def amounts_unfit(self) -> int:
        """Payments with an amount that the format cannot hold."""

    def write(self, payments: Sequence[Payment]) -> None:
        """Write payments."""

    def finish(self) -> None:
        """Write what is left; the stream stays open."""


#: Called with the stream to write to, and whether to include the API's own objects.
OpenWriter = Callable[[RawIOBase, bool], PaymentWriter]


@dataclass(frozen=True)
class FileFormat:
    """A file format.

    :param name: as in ``file_format``; with a dot before it, the suffix of a path.
    """

    name: str
    open_writer: OpenWriter


class JsonLinesWriter:
    """One JSON object a line, UTF-8. The same payments give the same bytes."""

    amounts_unfit = 0

    def __init__(self, stream: RawIOBase, include_raw: bool) -> None:
        self._stream = stream
        self._include_raw = include_raw

    def write(self, payments: Sequence[Payment]) -> None:
        """Write a line for each."""
        self._stream.write(to_json_lines(payments, include_raw=self._include_raw))

    def finish(self) -> None:
        """Nothing is left."""


class CsvWriter:
    """CSV by RFC 4180, UTF-8, header first. The same payments give the same bytes.

    Null is nothing, and an empty text is a pair of quotes. Texts are exact: what looks like a formula stays so.
    """

    amounts_unfit = 0

    # The RFC has no null, so Python's csv writer quotes it like an empty text before 3.12. White space at the ends is
    # quoted because some readers strip it otherwise.
    _needs_quotes = re.compile(r'[",\r\n]|^\s|\s$|^$').search

    def __init__(self, stream: RawIOBase, include_raw: bool) -> None:
        self._stream = stream
        self._include_raw = include_raw
        names = [field for field in RECORD_FIELDS if include_raw or field != "raw"]
        self._stream.write(self._join(names) + b"\r\n")

    def write(self, payments: Sequence[Payment]) -> None:
        """Write a row for each."""
        self._stream.write(b"".join(map(self._to_line, payments)))

    def finish(self) -> None:
        """Nothing is left."""

    def _to_line(self, payment: Payment) -> bytes:
        line = self._join(payment.to_row())
        if not self._include_raw:
            return line + b"\r\n"
        raw = payment.raw_line
        if b'"' in raw:  # as in any object that is not empty
            return b'%s,"%s"\r\n' % (line, raw.replace(b'"', b'""'))
        return b"%s,%s\r\n" % (line, self._quote(raw.decode()).encode())

    def _join(self, row: Sequence[str | None]) -> bytes:
        cells = [*filter(None, row)]
        text = ",".join(cells)
        # Mostly no text needs quotes: then all are looked at together, for one by one takes ten times as long.
        if (
            text.count(",") < len(cells)
            and not ('"' in text or "\n" in text or "\r" in text)
            and [*map(str.strip, cells)] == cells
        ):
            return ",".join(["" if cell is None else cell or '""' for cell in row]).encode()
        return ",".join(["" if cell is None else self._quote(cell) for cell in row]).encode()

    def _quote(self, cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if self._needs_quotes(cell) else cell


class GzipWriter:
    """Another writer in gzip, without name and time, so that the same payments give the same bytes here too."""

    def __init__(self, open_writer: OpenWriter, stream: RawIOBase, include_raw: bool) -> None:
        # The default level, 9, takes three times as long and saves some percent.
        self._gzip = gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0, compresslevel=6)
        self._writer = open_writer(self._gzip, include_raw)  # type: ignore[arg-type]  # it has what a writer needs
        self.write = self._writer.write

    @property
    def amounts_unfit(self) -> int:
        """What the other writer says."""
        return self._writer.amounts_unfit

    def finish(self) -> None:
        """Write gzip's trailer."""
        self._writer.finish()
        self._gzip.close()


def _open_parquet(stream: RawIOBase, include_raw: bool) -> PaymentWriter:
    try:
        from airflow_provider_payments.output.parquet import ParquetWriter
    except ModuleNotFoundError:
        raise PaymentsConfigError(NO_PYARROW) from None
    return ParquetWriter(stream, include_raw)


FORMATS = {
    each.name: each
    for each in (
        FileFormat("jsonl", JsonLinesWriter),
        FileFormat("jsonl.gz", partial(GzipWriter, JsonLinesWriter)),
        FileFormat("csv", CsvWriter),
        FileFormat("csv.gz", partial(GzipWriter, CsvWriter)),
        FileFormat("parquet", _open_parquet),
    )
}


def find_format(path: str) -> FileFormat | None:
    """Return the format of a path's suffix; None when that is none of ours."""
    return next((known for name, known in FORMATS.items() if path.endswith(f".{name}")), None)


def choose_format(output_path: str, file_format: str | None) -> FileFormat:
    """Return the format that is named, or else the one of the path's suffix.

    :raises PaymentsConfigError: listing the known ones.
    """
    if file_format is not None:
        if file_format not in FORMATS:
            raise PaymentsConfigError(f"Unknown file_format {file_format!r}. Known: {', '.join(FORMATS)}.")
        return FORMATS[file_format]
    if found := find_format(output_path):
        return found
    suffixes = ", ".join(f".{name}" for name in FORMATS)
    raise PaymentsConfigError(
        f"output_path {output_path!r} has no known suffix ({suffixes}). Use one of them, or name the file_format."
    )


def part_name(number: int, file_format: str) -> str:
    """Return the name of an object of a folder.

    :param number: from 0 on.
    """
    return f"part-{number:05d}.{file_format}"
