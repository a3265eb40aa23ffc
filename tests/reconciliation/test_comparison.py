"""Payments beside rows: every difference is found and counted, and nothing else."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.payment import Payment, PaymentStatus
from airflow_provider_payments.reconciliation.comparison import Comparison
from airflow_provider_payments.reconciliation.difference import Difference

pytestmark = pytest.mark.without_airflow
MakePayment = Callable[..., Payment]
Row = list[Any]
LONG = "123456789012345678901.234"


def row_of(payment: Payment) -> Row:
    return [payment.id, payment.status.value, payment.amount, payment.currency]


def compare(payments: Sequence[Payment], rows: Sequence[Row], max_examples: int = 20) -> Difference:
    with Comparison(max_examples) as comparison:
        comparison.add_payments(payments)
        comparison.add_rows(rows)
        found = comparison.compare()
    assert comparison.api.records == len(payments) == found.matched + found.different + found.missing
    assert comparison.table.records == len(rows) == found.matched + found.different + found.extra
    return found


def counts(found: Difference) -> dict[str, int]:
    return {
        name: number for name in ("missing", "extra", "different", "duplicates") if (number := getattr(found, name))
    }


@pytest.fixture
def payments(make_payment: MakePayment) -> list[Payment]:
    return [make_payment(f"pay_{number:03}", LONG, currency="EUR") for number in range(200)]


def test_an_equal_table_in_another_order(payments: list[Payment]) -> None:
    found = compare(payments, [row_of(payment) for payment in reversed(payments)])
    assert not found
    assert found.matched == 200
    assert found.examples == {"missing": [], "extra": [], "different": [], "duplicates": []}


def test_rows_dropped_doubled_and_added(payments: list[Payment]) -> None:
    rows = [row_of(payment) for payment in payments if payment.id not in ("pay_007", "pay_008")]
    rows += [rows[0], rows[0], rows[5], ["pay_x", "succeeded", 1, "EUR"]]
    found = compare(payments, rows)
    assert found
    assert counts(found) == {"missing": 2, "extra": 4, "duplicates": 3}
    assert found.matched == 198
    assert found.examples["missing"] == ["pay_007", "pay_008"]
    assert found.examples["extra"] == ["pay_000", "pay_005", "pay_x"]
    assert found.examples["duplicates"] == ["pay_000", "pay_005"]


@pytest.mark.parametrize(
    ("field", "value", "is_shown"),
    [
        ("status", "refunded", ("succeeded", "refunded")),
        ("status", None, ("succeeded", None)),
        ("status", "Succeeded", ("succeeded", "Succeeded")),
        ("amount", Decimal(f"{LONG[:-1]}5"), (LONG, f"{LONG[:-1]}5")),
        ("amount", None, (LONG, None)),
        ("amount", "much", (LONG, "much")),
        ("currency", "USD", ("EUR", "USD")),
        ("currency", "", ("EUR", "")),
        ("currency", None, ("EUR", None)),
    ],
)
def test_each_field_that_differs(payments: list[Payment], field: str, value: Any, is_shown: tuple[Any, Any]) -> None:
    rows = [row_of(payment) for payment in payments]
    rows[50][("id", "status", "amount", "currency").index(field)] = value
    found = compare(payments, rows)
    assert counts(found) == {"different": 1}
    api, table = is_shown
    assert found.examples["different"] == [{"id": "pay_050", "field": field, "api": api, "table": table}]


def test_a_payment_that_differs_in_all_fields_counts_once(payments: list[Payment]) -> None:
    rows = [row_of(payment) for payment in payments]
    rows[3][1:] = ["failed", 0, "USD"]
    found = compare(payments, rows)
    assert counts(found) == {"different": 1}
    assert [each["field"] for each in found.examples["different"]] == ["status", "amount", "currency"]
    assert "1 payments are different (pay_003: status succeeded, in the table failed" in found.explain("mollie")


def test_of_several_rows_one_that_is_the_same_is_enough(payments: list[Payment]) -> None:
    """As in a table where each load adds rows: the others are too many, but the payment is not different."""
    rows = [row_of(payment) for payment in payments]
    for status in ("pending", "authorized", "refunded"):
        rows.append([payments[9].id, status, *rows[9][2:]])
    assert counts(compare(payments, rows)) == {"extra": 3, "duplicates": 3}
    del rows[9]
    found = compare(payments, rows)
    assert counts(found) == {"extra": 2, "duplicates": 2, "different": 1}


def test_rows_without_an_id_are_extra(payments: list[Payment]) -> None:
    rows = [row_of(payment) for payment in payments[:-1]] + [[None, "succeeded", 1, "EUR"]] * 3
    found = compare(payments, rows, max_examples=2)
    assert counts(found) == {"missing": 1, "extra": 3}
    assert found.examples["extra"] == [None, None]


def test_nothing_on_one_side(payments: list[Payment]) -> None:
    assert counts(compare(payments, [])) == {"missing": 200}
    assert counts(compare([], [row_of(payment) for payment in payments])) == {"extra": 200}
    assert counts(compare([], [])) == {}


@pytest.mark.parametrize("most", [0, 1, 5, 1000])
def test_examples_are_the_first_by_id(payments: list[Payment], most: int) -> None:
    rows = [[payment.id, "failed", 0, "USD"] for payment in payments[:50]]
    rows += [[f"{number:03}", "failed", 0, "USD"] for number in range(50)] * 2
    random.Random(1).shuffle(rows)
    found = compare(payments, rows, most)
    assert counts(found) == {"missing": 150, "extra": 100, "duplicates": 50, "different": 50}
    assert found.examples["missing"] == [payment.id for payment in payments[50:]][:most]
    assert found.examples["extra"] == [f"{number:03}" for number in range(50)][:most]
    assert (
        found.examples["different"][:3]
        == [
            {"id": "pay_000", "field": name, "api": api, "table": table}
            for name, api, table in (
                ("status", "succeeded", "failed"),
                ("amount", LONG, "0"),
                ("currency", "EUR", "USD"),
            )
        ][:most]
    )
    assert len(found.examples["different"]) == min(most, 150)


def test_sums_are_exact_by_currency(make_payment: MakePayment) -> None:
    payments = [make_payment(n, LONG, currency="EUR", status=status) for n, status in enumerate(PaymentStatus)]
    payments += [make_payment("a", None), make_payment("b", "0.10", currency=None), make_payment("c", "-0.30")]
    rows = [row_of(payment) for payment in payments] + [["x", "succeeded", "much", "USD"], [None, "failed", 2.5, "USD"]]
    with Comparison(0) as comparison:
        comparison.add_payments(payments)
        comparison.add_rows(rows)
    total = str(sum(Fraction(LONG) for _ in PaymentStatus) * 1000)
    amounts = {"": "0.10", "EUR": f"{total[:-3]}.{total[-3:]}", "USD": "-0.30"}
    assert comparison.api.amounts() == amounts
    assert comparison.table.amounts() == {**amounts, "USD": "2.20"}


def test_equal_sums_look_equal(make_payment: MakePayment) -> None:
    """Columns like NUMERIC(38, 18) have zeros at the end."""
    with Comparison(0) as comparison:
        comparison.add_payments(
            [make_payment(1, "10.50"), make_payment(2, "0.50"), make_payment(3, "7", currency="JPY")]
        )
        comparison.add_rows([[n, "", Decimal(f"{n}.0000"), "USD"] for n in (5, 6)])
        comparison.add_rows([[3, "", Decimal("7.0010"), "JPY"], [4, "", Decimal("1E+2"), "EUR"], [5, "", 1, None]])
        comparison.add_rows([[6, "", 1, ""], [7, "", 1, "x" * 90], [8, "", 2, "x" * 91]])
    assert comparison.api.amounts() == {"JPY": "7", "USD": "11.00"}
    assert comparison.table.amounts(like=comparison.api) == {
        **{"": "1", "'": "1", "EUR": "100", "JPY": "7.001", "USD": "11.00"},
        **{f"{'x' * 79}…": "1", f"{'x' * 79}…'": "2"},
    }


def test_amounts_that_are_unknown_are_counted(make_payment: MakePayment) -> None:
    with Comparison(0) as comparison:
        comparison.add_payments([make_payment(1, None), make_payment(2)])
        comparison.add_rows([[1, "", None, "USD"], [2, "", "much", "USD"], [3, "", 1, "USD"]])
    assert (comparison.api.amounts_unknown, comparison.table.amounts_unknown) == (1, 2)


def test_a_column_that_is_no_currency(payments: list[Payment]) -> None:
    with Comparison(0) as comparison, pytest.raises(PaymentsConfigError, match="right column"):
        comparison.add_rows([[number, "succeeded", 1, f"currency {number}"] for number in range(10_001)])


def test_undated_payments_are_told_of(make_payment: MakePayment) -> None:
    with Comparison(0) as comparison:
        comparison.add_payments(
            [make_payment(1, flags=("undated",)), make_payment(2, flags=("test",)), make_payment(3)]
        )
        (warning,) = comparison.warnings()
    assert warning.startswith("1 payments have no time")


def as_some_driver(dice: random.Random, value: Any) -> Any:
    """Spell an amount in one of the ways in which drivers do."""
    if value is None:
        return None
    ways = [value, str(value), f"{value:f}00" if "." in str(value) else str(value), Decimal(str(value) + "E+0")]
    if Fraction(str(value)) == Fraction(repr(float(value))):
        ways.append(float(value))
    return dice.choice(ways)


def compare_plainly(payments: Sequence[Payment], rows: Sequence[Row]) -> dict[str, Any]:
    """Compare in memory, in the plainest way."""

    def plain(row: Sequence[Any]) -> tuple[Any, ...]:
        return row[1], None if row[2] is None else Fraction(str(row[2])), row[3]

    of_api = {payment.id: plain(row_of(payment)) for payment in payments}
    of_table = defaultdict(list)
    for row in rows:
        of_table[str(row[0])].append(plain(row))
    both = [key for key in of_api if key in of_table]
    matched = [key for key in both if of_api[key] in of_table[key]]
    missing = sorted(key for key in of_api if key not in of_table)
    return {
        "matched": len(matched),
        "missing": len(missing),
        "different": len(both) - len(matched),
        "extra": sum(len(found) - (key in of_api) for key, found in of_table.items()),
        "duplicates": sum(len(found) - 1 for found in of_table.values()),
        "missing ids": missing,
        "extra ids": sorted(key for key, found in of_table.items() if len(found) > (key in of_api)),
        "different ids": sorted(set(both) - set(matched)),
    }


@pytest.mark.parametrize("seed", range(50))
def test_like_a_plain_comparison(make_payment: MakePayment, seed: int) -> None:
    dice = random.Random(seed)
    amounts = [None, "0", "1", "1.0", "10.25", LONG, f"{LONG[:-1]}5", "-3", "0.1"]
    keys = [dice.choice((str(number), f"é{number}", f"{number}\x00")) for number in range(dice.choice((3, 40, 300)))]

    def about() -> tuple[Any, ...]:
        amount = dice.choice(amounts)
        return dice.choice([*PaymentStatus][:3]), amount and Decimal(amount), dice.choice(("EUR", "USD", None))

    payments = []
    for key in keys:
        status, amount, currency = about()
        payments.append(make_payment(key, amount and str(amount), status=status, currency=currency))
    rows = []
    for payment in payments:
        for _ in range(dice.choices((0, 1, 2, 3), (1, 12, 1, 1))[0]):
            key, status, amount, currency = row_of(payment)
            if dice.random() < 0.1:
                status, amount, currency = about()
                status = status.value
            number: Any = int(key) if key.isdecimal() and dice.random() < 0.5 else key
            rows.append([number, status, as_some_driver(dice, amount), currency])
    rows += [[f"more {dice.randrange(20)}", "failed", 1, "EUR"] for _ in range(dice.randrange(10))]
    dice.shuffle(rows)
    dice.shuffle(payments)
    found = compare(payments, rows, max_examples=5000)
    expected = compare_plainly(payments, rows)
    assert {
        **{name: getattr(found, name) for name in ("matched", "missing", "different", "extra", "duplicates")},
        "missing ids": found.examples["missing"],
        "extra ids": found.examples["extra"],
        "different ids": sorted({each["id"].replace("\\x00", "\x00") for each in found.examples["different"]}),
    } == {
        name: [key.replace("\x00", "\\x00") for key in value] if name in ("missing ids", "extra ids") else value
        for name, value in expected.items()
    }


@pytest.mark.parametrize("is_one_id", [False, True], ids=["many ids", "one id"])
def test_memory_is_flat(make_payment: MakePayment, is_one_id: bool) -> None:
    """Python's own; SQLite's is bounded by its cache."""
    page = [make_payment(number) for number in range(1000)]

    def run(pages: int) -> int:
        tracemalloc.start()
        try:
            with Comparison(5) as comparison:
                for number in range(pages):
                    keys = (payment.id if is_one_id else f"{payment.id}-{number}" for payment in page)
                    comparison.add_rows([["1" if is_one_id else key, "pending", 7, "EUR"] for key in keys])
                comparison.compare()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    run(1)
    assert run(30) < run(3) + 100_000


KILLED = """
import os, sys, time
from airflow_provider_payments.reconciliation.comparison import Comparison
comparison = Comparison(5)
for number in range(200):
    comparison.add_rows([[f"pay_{number}_{row}" * 4, "pending", 7, "EUR"] for row in range(1000)])
files = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if name.isdecimal()
         and os.path.islink(f"/proc/self/fd/{name}")] if os.path.isdir("/proc/self/fd") else []
print("ON DISK", any(file.startswith(sys.argv[1]) for file in files) or not files, flush=True)
time.sleep(600)
"""


def test_nothing_is_left_of_a_comparison_that_is_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "SQLITE_TMPDIR": str(tmp_path), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            said = next(line for line in process.stdout if line.startswith("ON DISK"))
        finally:
            process.send_signal(signal.SIGKILL)
    assert said == "ON DISK True\n"
    assert list(tmp_path.iterdir()) == []


def test_what_was_found_is_plain_json(payments: list[Payment]) -> None:
    rows = [["pay_000", "a\x00\ud800", float("nan"), "E\x00"], [None, b"\xff", 10**5000, object()]]
    with Comparison(20) as comparison:
        comparison.add_payments(payments)
        comparison.add_rows(rows)
        found = comparison.compare()
    text = json.dumps([found.examples, comparison.table.amounts()], allow_nan=False)
    assert "\\u0000" not in text
    assert "\\ud800" not in text.replace("\\\\ud800", "")
    assert "\x00" not in found.explain("mollie")
