"""Parquet: typed columns for warehouses. Needs ``pyarrow``, which the extra ``parquet`` brings."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation
from io import RawIOBase
from itertools import accumulate

import msgspec
import pyarrow as pa  # noqa: TID253 - only imported when a task writes Parquet
import pyarrow.compute as pc  # noqa: TID253
import pyarrow.json as pj  # noqa: TID253
import pyarrow.parquet as pq  # noqa: TID253

from airflow_provider_payments.payment import RECORD_FIELDS, RECORD_SCHEMA_VERSION, Payment, to_json_lines

#: Key of the record schema's version in the file's metadata.
VERSION_KEY = "airflow_provider_payments.record_schema_version"

_AMOUNTS = ("amount", "fee", "net_amount", "refunded_amount", "crypto_amount")
_TIMES = ("created_at", "updated_at", "completed_at", "expires_at", "listed_at")
_TYPES: dict[str, pa.DataType] = {
    "is_final": pa.bool_(),
    "flags": pa.list_(pa.string()),
    **dict.fromkeys(_AMOUNTS, pa.decimal128(38, 18)),
    **dict.fromkeys(_TIMES, pa.timestamp("us", tz="UTC")),
}
#: One column a field, in the record's order. What is not listed above is text: ``amount_minor`` for it has no limit.
SCHEMA = pa.schema(
    [pa.field(name, _TYPES.get(name, pa.string())) for name in RECORD_FIELDS],
    metadata={VERSION_KEY: str(RECORD_SCHEMA_VERSION)},
)
_WITHOUT_RAW = SCHEMA.remove(SCHEMA.get_field_index("raw"))
_READ = pa.schema([field.with_type(pa.string()) if field.name in _AMOUNTS else field for field in _WITHOUT_RAW])
_PARSE_OPTIONS = pj.ParseOptions(explicit_schema=_READ, unexpected_field_behavior="error")

# Exact, or not at all: more digits than the column has, or a rounding, is an error.
_STEP = Decimal(1).scaleb(-18)
_EXACT = Context(prec=38, traps=[Inexact, InvalidOperation])
#: An amount of so many characters has no more digits than the column, before the point and after it. Of longer ones,
#: pyarrow takes some that do not fit for others: 1E+30 would become 18960114910927365649.47.
_SHORT = 20

_REPETITIVE = [
    "provider",
    "connection_id",
    "kind",
    "status",
    "provider_status",
    "currency",
    "crypto_asset",
    "listed_at",
]
# Small enough that memory stays the same however many payments there are, and however large.
_BATCH_ROWS = 1024
_GROUP_ROWS = 8 * _BATCH_ROWS
_BYTES = 4 << 20


class ParquetWriter:
    """Parquet with zstd, in row groups of some megabytes."""

    def __init__(self, stream: RawIOBase, include_raw: bool) -> None:
        self.amounts_unfit = 0
        self._schema = SCHEMA if include_raw else _WITHOUT_RAW
        self._writer = pq.ParquetWriter(
            stream,
            self._schema,
            compression="zstd",
            use_dictionary=_REPETITIVE,
            write_statistics=[name for name in RECORD_FIELDS if name != "raw"],
        )
        self._include_raw = include_raw
        self._rows: list[Payment] = []
        self._bytes = 0
        self._group: list[pa.Table] = []

    def write(self, payments: Sequence[Payment]) -> None:
        """Add a row for each."""
        for payment in payments:
            self._rows.append(payment)
            self._bytes += len(payment.raw)
            if len(self._rows) == _BATCH_ROWS or self._bytes >= _BYTES:
                self._close_batch()
                if sum(each.num_rows for each in self._group) >= _GROUP_ROWS or self._bytes >= _BYTES:
                    self._close_group()

    def finish(self) -> None:
        """Write the last rows and the footer."""
        if self._rows:
            self._close_batch()
        if self._group:
            self._close_group()
        self._writer.close()

    def _close_batch(self) -> None:
        table = _read_columns(self._rows)
        if any((pc.max(pc.binary_length(table[name])).as_py() or 0) > _SHORT for name in _AMOUNTS):
            table = _read_columns([self._fit(payment) for payment in self._rows])
        table = table.cast(_WITHOUT_RAW)
        if self._include_raw:
            table = table.append_column(SCHEMA.field("raw"), _build_texts([payment.raw for payment in self._rows]))
        self._group.append(table)
        self._rows.clear()

    def _fit(self, payment: Payment) -> Payment:
        """Return a payment with the columns' decimals; with None for an amount that a column cannot hold."""
        amounts = {name: amount for name in _AMOUNTS if (amount := getattr(payment, name)) is not None}
        fitted = {name: _fit(amount) for name, amount in amounts.items()}
        self.amounts_unfit += None in fitted.values()
        return msgspec.structs.replace(payment, **fitted)

    def _close_group(self) -> None:
        self._writer.write_table(pa.concat_tables(self._group), row_group_size=_GROUP_ROWS)
        self._group.clear()
        self._bytes = 0


def _read_columns(payments: Sequence[Payment]) -> pa.Table:
    """Return the columns of payments, without ``raw``, and with amounts as text.

    They are read from the lines of JSON: pyarrow does so faster than it takes Python's objects, for which it would also
    load pandas, where that is installed.
    """
    lines = to_json_lines(payments, include_raw=False)
    options = pj.ReadOptions(use_threads=False, block_size=len(lines))
    return pj.read_json(pa.BufferReader(lines), options, _PARSE_OPTIONS)


def _build_texts(values: Sequence[bytes]) -> pa.Array:
    """Return a column of texts in UTF-8."""
    starts = array("i", accumulate(map(len, values), initial=0))
    buffers = [None, pa.py_buffer(starts), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(pa.binary(), len(values), buffers).cast(pa.string())


def _fit(amount: Decimal) -> Decimal | None:
    try:
        return amount.quantize(_STEP, context=_EXACT)
    except (Inexact, InvalidOperation):
        return None
