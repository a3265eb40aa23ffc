"""The payments of an API beside the rows of a table, in flat memory: sorted by id on disk, and read together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.money import add, format_amount
from airflow_provider_payments.payment import Payment, PaymentStatus
from airflow_provider_payments.reconciliation.difference import Difference
from airflow_provider_payments.reconciliation.values import (
    pack_amount,
    pack_table_amount,
    pack_table_text,
    pack_text,
    read_amount,
    show,
    show_amount,
    with_decimals_of,
)
from airflow_provider_payments.scratch import open_scratch_database

#: What is compared, besides the id.
FIELDS = ("status", "amount", "currency")
#: No payment company has so many; whatever else is in that column would fill the memory and the XCom.
_MOST_CURRENCIES = 10_000

_API, _TABLE = 0, 1
_STATUSES = {status: pack_text(status.value) for status in PaymentStatus}
_ZERO = Decimal(0)

#: Its id, its side, and its values in the order of :data:`FIELDS`.
_Row = tuple[bytes, int, bytes | None, bytes | None, bytes | None]


class Totals:
    """Counts the rows of one side, and sums their amounts by currency, exactly."""

    def __init__(self) -> None:
        self.records = 0
        self.amounts_unknown = 0
        self._sums: dict[bytes | None, Decimal] = {}

    def add(self, amount: Decimal | None, currency: bytes | None) -> None:
        """Count a row."""
        if amount is None:
            self.amounts_unknown += 1
        else:
            self._sums[currency] = add(self._sums.get(currency, _ZERO), amount)

    @property
    def currencies(self) -> int:
        """How many there are."""
        return len(self._sums)

    def amounts(self, like: Totals | None = None) -> dict[str, str | None]:
        """Return the sums. The key of those without a currency is empty.

        :param like: whose decimals to write: columns of a database have zeros at the end, and equal sums look equal.
        """
        sums: dict[str, str | None] = {}
        for currency, amount in sorted(self._sums.items(), key=lambda item: item[0] or b""):
            other = like._sums.get(currency, _ZERO) if like else amount
            sums[_unused(show(currency) or "", sums)] = format_amount(with_decimals_of(amount, other))
        return sums


class Comparison:
    """Takes payments and rows in any order, and then compares them.

    They are kept in a scratch database.

    :param max_examples: how many examples of each kind are kept.
    """

    def __init__(self, max_examples: int) -> None:
        self.api = Totals()
        self.table = Totals()
        self._max_examples = max_examples
        self._undated = 0
        self._nameless = 0
        self._database = open_scratch_database()
        self._database.execute("CREATE TABLE sides (id BLOB, side INTEGER, status BLOB, amount BLOB, currency BLOB)")

    def __enter__(self) -> Comparison:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add_payments(self, payments: Sequence[Payment]) -> None:
        """Take payments that the API lists."""
        self._insert(map(self._read_payment, payments))
        self.api.records += len(payments)
        self._undated += sum("undated" in payment.flags for payment in payments if payment.flags)

    def add_rows(self, rows: Sequence[Sequence[object]]) -> None:
        """Take rows of the table: id, status, amount, currency, as the driver gives them.

        :raises PaymentsConfigError: when there are too many currencies to be any.
        """
        self._insert(row for row in map(self._read_row, rows) if row)
        self.table.records += len(rows)
        if self.table.currencies > _MOST_CURRENCIES:
            raise PaymentsConfigError(
                f"The rows of the query have more than {_MOST_CURRENCIES} currencies. Is 'currency' the right column?"
            )

    def compare(self) -> Difference:
        """Compare what was taken."""
        found = Difference(extra=self._nameless)
        found.examples["extra"] += [None] * min(self._nameless, self._max_examples)
        rows = self._database.execute("SELECT id, side, status, amount, currency FROM sides ORDER BY 1, 2, 3, 4, 5")
        for key, group in groupby(rows, itemgetter(0)):
            self._compare(key, group, found)
        return found

    def warnings(self) -> list[str]:
        """Return what a person should know of what was taken."""
        undated = (
            f"{self._undated} payments have no time, so they are in every window (flag 'undated'): "
            "the query has to choose rows without a time, too."
        )
        nothing = "Nothing was compared: neither the list nor the query has a payment in this window."
        return [undated] * bool(self._undated) + [nothing] * (not self.api.records and not self.table.records)

    def _insert(self, rows: Iterable[_Row]) -> None:
        self._database.executemany("INSERT INTO sides VALUES (?, ?, ?, ?, ?)", rows)

    def _read_payment(self, payment: Payment) -> _Row:
        amount, currency = payment.amount, payment.currency
        packed = None if currency is None else pack_text(currency)
        self.api.add(amount, packed)
        return pack_text(payment.id), _API, _STATUSES[payment.status], pack_amount(amount), packed

    def _read_row(self, row: Sequence[object]) -> _Row | None:
        key, status, value, currency = row
        amount, packed, name = read_amount(value), pack_table_text(currency), pack_table_text(key)
        self.table.add(amount, packed)
        if name is None:
            self._nameless += 1  # each by itself: rows without an id have none in common
            return None
        return name, _TABLE, pack_table_text(status), pack_table_amount(value, amount), packed

    def _compare(self, key: bytes, group: Iterator[_Row], found: Difference) -> None:
        """Compare what has one id: the payment comes first. There may be a million such rows."""
        payments = rows = 0
        wanted: Sequence[bytes | None] = ()
        other: Sequence[bytes | None] = ()
        is_matched = False
        for row in group:
            if row[1] == _API:
                payments += 1
                wanted = row[2:]
            else:
                other = row[2:] if rows == 0 else other
                rows += 1
                is_matched = is_matched or row[2:] == wanted
        if payments and rows:
            found.matched += is_matched
            found.different += not is_matched
            if not is_matched:
                self._show(found.examples["different"], _explain(key, wanted, other))
            payments, rows, repeated = payments - 1, rows - 1, rows - 1
        else:
            repeated = max(rows - 1, 0)
        for name, number in (("missing", payments), ("extra", rows), ("duplicates", repeated)):
            if number:
                setattr(found, name, getattr(found, name) + number)
                self._show(found.examples[name], [show(key)])

    def _show(self, examples: list[Any], more: list[Any]) -> None:
        examples += more[: self._max_examples - len(examples)]


def _unused(key: str, keys: Collection[str]) -> str:
    """Return a key that is not there: of long ones only the beginning is shown, and empty is not null."""
    while key in keys:
        key += "'"
    return key


def _explain(key: bytes, payment: Sequence[bytes | None], row: Sequence[bytes | None]) -> list[dict[str, str | None]]:
    return [
        {"id": show(key), "field": name, "api": shown(one), "table": shown(other)}
        for name, one, other, shown in zip(FIELDS, payment, row, (show, show_amount, show), strict=True)
        if one != other
    ]
