"""Records that were written to object storage, read back."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.output.formats import NO_PYARROW, choose_format, part_name
from airflow_provider_payments.output.location import StorageLocation
from airflow_provider_payments.payment import RECORD_FIELDS

AMOUNT_FIELDS = ("amount", "fee", "net_amount", "refunded_amount", "crypto_amount")
TIME_FIELDS = ("created_at", "updated_at", "completed_at", "expires_at", "listed_at")

#: The values of a record, in the order of RECORD_FIELDS: amounts as text or decimals, times as datetimes, flags as a
#: list, ``raw`` as JSON text; None is null.
Row = tuple[Any, ...]

_BATCH_ROWS = 1000
_TYPES: dict[str, Any] = {**dict.fromkeys(TIME_FIELDS, datetime | None), "is_final": bool, "flags": list[str]}
#: A line of an older version may lack a field, and one of a newer version have another.
_Line: Any = msgspec.defstruct(
    "_Line",
    [
        *((name, _TYPES.get(name, str | None), None) for name in RECORD_FIELDS[:-1]),
        ("raw", msgspec.Raw | msgspec.UnsetType, msgspec.UNSET),
    ],
    gc=False,
)


def read_records(manifest: Mapping[str, Any]) -> Iterator[Row]:
    """Return the records of an object, or of its parts one after the other.

    :param manifest: what the task that wrote it returned.
    :raises PaymentsConfigError: for records instead of a manifest, for CSV, which says too little of types, and for
        Parquet without ``pyarrow``.
    """
    if not isinstance(manifest, Mapping):
        raise PaymentsConfigError(
            f"A manifest is read, not a {type(manifest).__name__}: give the task that lists an output_path."
        )
    file_format = choose_format(manifest["path"], manifest.get("format")).name
    if file_format not in _READERS:
        raise PaymentsConfigError(f"{manifest['path']} cannot be read back: only {', '.join(_READERS)} can.")
    read = _READERS[file_format]()
    location = StorageLocation.parse(manifest["path"])
    numbers = range(manifest["parts"]) if "parts" in manifest else None
    parts = [location] if numbers is None else [location.child(part_name(number, file_format)) for number in numbers]

    def read_parts() -> Iterator[Row]:
        for part in parts:
            with part.fs.open(part.path, "rb") as stream:
                yield from read(stream)

    return read_parts()


_Read = Callable[[Any], Iterator[Row]]


def _json_lines() -> _Read:
    decode = msgspec.json.Decoder(_Line).decode

    def read(stream: Any) -> Iterator[Row]:
        for text in stream:
            *values, raw = msgspec.structs.astuple(decode(text))
            yield (*values, None if raw is msgspec.UNSET else bytes(raw).decode())

    return read


def _json_lines_gz() -> _Read:
    read = _json_lines()
    return lambda stream: read(io.BufferedReader(gzip.GzipFile(fileobj=stream)))


def _parquet() -> _Read:
    try:
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise PaymentsConfigError(NO_PYARROW) from None

    def read(stream: Any) -> Iterator[Row]:
        for batch in pq.ParquetFile(stream).iter_batches(batch_size=_BATCH_ROWS):
            columns = dict(zip(batch.schema.names, map(_to_list, batch.columns), strict=True))
            nothing = [None] * batch.num_rows
            yield from zip(*(columns.get(name, nothing) for name in RECORD_FIELDS), strict=True)

    return read


def _to_list(column: Any) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return values


_READERS: dict[str, Callable[[], _Read]] = {"jsonl": _json_lines, "jsonl.gz": _json_lines_gz, "parquet": _parquet}
