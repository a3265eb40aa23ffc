"""The rows of an output, in whichever format, with no more of each than a report needs."""

from __future__ import annotations

import csv
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import IO, Any, NamedTuple

import msgspec

from airflow_provider_payments.exceptions import PaymentsConfigError, PaymentsProtocolError
from airflow_provider_payments.money import format_amount, parse_amount
from airflow_provider_payments.output.formats import NO_PYARROW
from airflow_provider_payments.report.outputs import Output
from airflow_provider_payments.times import EPOCH, parse_iso

_MICROSECOND = timedelta(microseconds=1)
#: Half a surrogate pair, which no UTF-8 has, stands for U+0000, which Python 3.10's reader of CSV refuses.
_NUL = "\udc00"


class ReportRow(NamedTuple):
    """One payment as it was listed. Neither payer nor description nor ``raw`` is in it.

    :param listed_at: microseconds since 1970; None when the row does not tell.
    :param occurred_at: creation, or completion where the API does not tell the creation; as above.
    :param amount: decimal text.
    :param refunded_amount: decimal text.
    :param flags: joined by ``;``.
    """

    provider: str
    connection_id: str
    id: str
    listed_at: int | None
    occurred_at: int | None
    kind: str
    status: str
    provider_status: str
    flags: str
    currency: str
    amount: str | None
    refunded_amount: str | None


class _Record(msgspec.Struct, gc=False):
    provider: str
    connection_id: str
    id: str
    status: str
    kind: str = "payment"
    provider_status: str = ""
    flags: list[str] = []
    currency: str | None = None
    amount: str | None = None
    refunded_amount: str | None = None
    created_at: datetime | None = None
    completed_at: datetime | None = None
    listed_at: datetime | None = None


#: What is raised for a file that is not whole, or of somebody else.
_WRONG = (
    ValueError,  # pyarrow's, too
    TypeError,
    EOFError,
    csv.Error,
    zlib.error,
    gzip.BadGzipFile,
    msgspec.DecodeError,
    PaymentsProtocolError,
)
_FIELDS = _Record.__struct_fields__


def read_rows(output: Output) -> Iterator[ReportRow]:
    """Read an output's rows, and compare their number with the manifest's in the end.

    :raises PaymentsConfigError: when a file is not in the format that its name says, or has no such records.
    """
    for location, file_format in output.files:
        number = 0
        try:
            with location.fs.open(location.path, "rb") as file:
                stream: Any = gzip.GzipFile(fileobj=file) if file_format.endswith(".gz") else file
                for record in _READERS[file_format.removesuffix(".gz")](stream):
                    row = _to_row(record)
                    number += 1
                    output.connections.add(row[:2])
                    yield row
        except _WRONG as error:
            # Without the error's own words, which may have those of a payer.
            raise PaymentsConfigError(
                f"{location.path!r} is no whole output in the format {file_format!r}: it cannot be read after record "
                f"{number} ({type(error).__name__})."
            ) from None
        output.records += number
    output.check()


def _to_row(record: _Record) -> ReportRow:
    parse_amount(record.amount), parse_amount(record.refunded_amount)
    return ReportRow(
        record.provider,
        record.connection_id,
        record.id,
        _microseconds(record.listed_at),
        _microseconds(record.created_at or record.completed_at),
        record.kind,
        record.status,
        record.provider_status,
        ";".join(record.flags),
        record.currency or "",
        record.amount,
        record.refunded_amount,
    )


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // _MICROSECOND


def _read_json_lines(stream: IO[bytes]) -> Iterator[_Record]:
    decode = msgspec.json.Decoder(_Record).decode
    for line in stream:
        yield decode(line)


def _read_csv(stream: IO[bytes]) -> Iterator[_Record]:
    with io.TextIOWrapper(stream, encoding="utf-8", newline="") as text, _long_fields():
        rows = csv.reader((line.replace("\0", _NUL) for line in text), strict=True)
        header = next(rows, [])
        if "id" not in header:
            raise ValueError("no header")
        at = {name: header.index(name) for name in _FIELDS if name in header}
        for row in rows:
            if len(row) != len(header):
                raise ValueError("a row is not whole")
            values: dict[str, Any] = {name: row[index].replace(_NUL, "\0") for name, index in at.items() if row[index]}
            for name in ("created_at", "completed_at", "listed_at"):
                values[name] = parse_iso(values[name]) if name in values else None
            values["flags"] = values["flags"].split(";") if "flags" in values else []
            yield _Record(**values)


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let Python's reader of CSV take a ``raw`` of any length. It has one limit for the whole process."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read_parquet(stream: IO[bytes]) -> Iterator[_Record]:
    try:
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise PaymentsConfigError(NO_PYARROW) from None
    file = pq.ParquetFile(stream)
    names = [name for name in _FIELDS if name in file.schema_arrow.names]
    for batch in file.iter_batches(batch_size=1024, columns=names):
        for values in batch.to_pylist():
            values["amount"] = format_amount(values.get("amount"))
            values["refunded_amount"] = format_amount(values.get("refunded_amount"))
            yield _Record(**values)


_READERS = {"jsonl": _read_json_lines, "csv": _read_csv, "parquet": _read_parquet}
