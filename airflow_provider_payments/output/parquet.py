"""Parquet: typed columns for warehouses. Needs ``pyarrow``, which the extra ``parquet`` brings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from io import RawIOBase
from operator import attrgetter
from typing import Any

import pyarrow as pa  # noqa: TID253 - only imported when a task writes Parquet
import pyarrow.parquet as pq  # noqa: TID253

from airflow_provider_payments.payment import RECORD_FIELDS, RECORD_SCHEMA_VERSION, Payment
from airflow_provider_payments.times import UTC

#: Key of the record schema's version in the file's metadata.
VERSION_KEY = "airflow_provider_payments.record_schema_version"

_AMOUNTS = ("amount", "fee", "net_amount", "refunded_amount", "crypto_amount")
_TIMES = ("created_at", "updated_at", "completed_at", "expires_at", "listed_at")
_AMOUNT = pa.decimal128(38, 18)
_TYPES: dict[str, pa.DataType] = {
    "is_final": pa.bool_(),
    "flags": pa.list_(pa.string()),
    **dict.fromkeys(_AMOUNTS, _AMOUNT),
    **dict.fromkeys(_TIMES, pa.timestamp("us", tz="UTC")),
}
#: One column a field, in the record's order. What is not listed above is text: ``amount_minor`` for it has no limit.
SCHEMA = pa.schema(
    [pa.field(name, _TYPES.get(name, pa.string())) for name in RECORD_FIELDS],
    metadata={VERSION_KEY: str(RECORD_SCHEMA_VERSION)},
)

# Exact, or not at all: more digits than the column has, or a rounding, is an error.
_STEP = Decimal(1).scaleb(-18)
_EXACT = Context(prec=38, traps=[Inexact, InvalidOperation])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

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
        self._schema = SCHEMA if include_raw else SCHEMA.remove(SCHEMA.get_field_index("raw"))
        self._writer = pq.ParquetWriter(
            stream,
            self._schema,
            compression="zstd",
            use_dictionary=_REPETITIVE,
            write_statistics=[name for name in RECORD_FIELDS if name != "raw"],
        )
        self._rows: list[Payment] = []
        self._bytes = 0
        self._group: list[pa.RecordBatch] = []

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
        unfit: set[int] = set()
        columns = [_build_column(field, [*map(attrgetter(field.name), self._rows)], unfit) for field in self._schema]
        self.amounts_unfit += len(unfit)
        self._group.append(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        self._rows.clear()

    def _close_group(self) -> None:
        self._writer.write_table(pa.Table.from_batches(self._group), row_group_size=_GROUP_ROWS)
        self._group.clear()
        self._bytes = 0


def _build_column(field: pa.Field, values: list[Any], unfit: set[int]) -> pa.Array:
    """Return a column of a batch.

    :param values: of the field, one for each row.
    :param unfit: numbers of the rows with an amount that a column cannot hold; those of this column are added.
    """
    if field.name in _AMOUNTS:
        return _build_amounts(values, unfit)
    if field.name in _TIMES:
        # The same instants. pyarrow would ask each time for its zone, which takes four times as long.
        spans = [None if value is None else value - _EPOCH for value in values]
        return pa.array(spans, pa.duration("us")).view(field.type)
    if field.name == "amount_minor":
        values = [None if value is None else str(value) for value in values]
    return pa.array(values, field.type)


def _build_amounts(values: list[Decimal | None], unfit: set[int]) -> pa.Array:
    try:
        return pa.array(values, _AMOUNT)  # which refuses whatever it would have to round
    except pa.ArrowInvalid:  # it also refuses zeros that mean nothing
        fitted = [*map(_fit, values)]
        unfit |= {row for row, value in enumerate(values) if value is not None and fitted[row] is None}
        return pa.array(fitted, _AMOUNT)


def _fit(amount: Decimal | None) -> Decimal | None:
    """Return an amount with the column's decimals; None if the column cannot hold it."""
    try:
        return None if amount is None else amount.quantize(_STEP, context=_EXACT)
    except (Inexact, InvalidOperation):
        return None
