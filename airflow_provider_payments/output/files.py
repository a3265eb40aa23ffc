"""File formats: payments in, bytes out."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.payment import Payment


class PaymentWriter(Protocol):
    """Writes payments to a binary stream that somebody else opens and closes."""

    def write(self, payment: Payment) -> None:
        """Write one payment."""

    def finish(self) -> None:
        """Write what is left; the stream stays open."""


@dataclass(frozen=True)
class FileFormat:
    """A file format.

    :param name: as in ``file_format``; with a dot before it, the suffix of a path.
    :param open_writer: called with the stream to write to, and whether to include the API's own objects.
    """

    name: str
    open_writer: Callable[[BinaryIO, bool], PaymentWriter]


class JsonLinesWriter:
    """One JSON object a line, UTF-8. The same payments give the same bytes."""

    def __init__(self, stream: BinaryIO, include_raw: bool) -> None:
        self._stream = stream
        self._include_raw = include_raw

    def write(self, payment: Payment) -> None:
        """Write one line."""
        self._stream.write(payment.to_json(include_raw=self._include_raw) + b"\n")

    def finish(self) -> None:
        """Nothing is left."""


class GzipJsonLinesWriter(JsonLinesWriter):
    """JSON Lines in gzip, without name and time, so that the same payments give the same bytes here too."""

    def __init__(self, stream: BinaryIO, include_raw: bool) -> None:
        self._gzip = gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0)
        super().__init__(self._gzip, include_raw)  # type: ignore[arg-type]  # it has all that a BinaryIO needs here

    def finish(self) -> None:
        """Write gzip's trailer."""
        self._gzip.close()


FORMATS = {
    each.name: each for each in (FileFormat("jsonl", JsonLinesWriter), FileFormat("jsonl.gz", GzipJsonLinesWriter))
}


def choose_format(output_path: str, file_format: str | None) -> FileFormat:
    """Return the format that is named, or else the one of the path's suffix.

    :raises PaymentsConfigError: listing the known ones.
    """
    if not output_path.strip() or output_path.endswith("/"):
        raise PaymentsConfigError(f"output_path must name a file, not a directory: {output_path!r}.")
    if file_format is not None:
        if file_format not in FORMATS:
            raise PaymentsConfigError(f"Unknown file_format {file_format!r}. Known: {', '.join(FORMATS)}.")
        return FORMATS[file_format]
    for name, known in FORMATS.items():
        if output_path.endswith(f".{name}"):
            return known
    suffixes = ", ".join(f".{name}" for name in FORMATS)
    raise PaymentsConfigError(
        f"output_path {output_path!r} has no known suffix ({suffixes}). Use one of them, or name the file_format."
    )
