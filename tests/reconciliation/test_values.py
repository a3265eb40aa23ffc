"""What drivers give for the same value is the same, and nothing else is."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_payments.reconciliation.values import (
    pack_amount,
    pack_table_amount,
    pack_table_text,
    pack_text,
    read_amount,
    show,
    show_amount,
)

pytestmark = pytest.mark.without_airflow
LONG = "123456789012345678901.234"


class Float(float):
    """As numpy's is: a float that writes itself otherwise."""

    def __repr__(self) -> str:
        return f"np.float64({float(self)})"


def table_amount(value: Any) -> bytes | None:
    return pack_table_amount(value, read_amount(value))


@pytest.mark.parametrize(
    ("amount", "value"),
    [
        ("10.00", Decimal("10.000000000000000000")),
        ("10.00", "10"),
        ("10.00", 10),
        ("10.00", 10.0),
        ("10.00", " 1E+1 \n"),
        ("10.00", b"10.0"),
        ("10.00", memoryview(b"+10.")),
        ("0.10", 0.1),
        ("0.10", Float("0.1")),
        ("0.10", ".1"),
        ("0.00", 0),
        ("0", "-0.000"),
        ("0", Decimal("-0E+7")),
        ("-5.5", Decimal("-5.50")),
        (LONG, LONG),
        (LONG, Decimal(f"{LONG}000")),
        ("1" * 100, int("1" * 100)),
        ("0.000000000000000001", 1e-18),
        (None, None),
    ],
)
def test_the_same_amount(amount: str | None, value: Any) -> None:
    assert pack_amount(amount and Decimal(amount)) == table_amount(value)


@pytest.mark.parametrize(
    ("amount", "value", "is_shown"),
    [
        (LONG, f"{LONG[:-1]}5", f"{LONG[:-1]}5"),
        (LONG, Decimal(LONG).next_plus(), "123456789012345678901.2340001"),
        (LONG, float(LONG), "123456789012345680000"),
        ("0.30", 0.1 + 0.2, "0.30000000000000004"),
        ("0", None, None),
        (None, 0, "0"),
        (None, "", ""),
        ("10", "10,00", "10,00"),
        ("10", "€10", "€10"),
        ("10", "1_0", "1_0"),
        ("10", "\u0661\u0660", "\u0661\u0660"),
        ("10", "0x0a", "0x0a"),
        ("1", True, "True"),
        ("10", "NaN", "NaN"),
        ("10", float("nan"), "nan"),
        ("10", Decimal("sNaN"), "sNaN"),
        ("10", float("-inf"), "-inf"),
        ("10", "Infinity", "Infinity"),
        ("10", "1e999", "1e999"),
        ("10", "1e99999999999", "1e99999999999"),
        ("10", Decimal("1E+999999"), "1E+999999"),
        pytest.param("10", 10**5000, f"1{'0' * 78}…", id="huge integer"),
        pytest.param("10", "9" * 100_000, f"{'9' * 79}…", id="huge text"),
        ("10", [10], "[10]"),
        ("10", b"\xff", r"\xff"),
        ("10", "a\x00b\nc", r"a\x00b\nc"),
    ],
)
def test_another_amount_and_what_is_shown_of_it(amount: str | None, value: Any, is_shown: str | None) -> None:
    found = table_amount(value)
    assert found != pack_amount(amount and Decimal(amount))
    assert show_amount(found) == is_shown


def test_no_text_can_pass_for_an_amount() -> None:
    """Amounts are kept as text, too, and what is no number beside them."""
    assert {table_amount(text) for text in ("?10", "ten", "10 €")}.isdisjoint({pack_amount(Decimal(10)), None})
    assert show_amount(pack_amount(Decimal("1E+2"))) == "100"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("123", 123),
        ("123", Decimal(123)),
        ("123", Decimal("123.000")),
        ("1000", Decimal("1E+3")),
        ("123", 123.0),
        ("9007199254740993", 9007199254740993),
        ("pay_1", "pay_1      "),
        ("pay_1", b"pay_1"),
        ("4291f98b-d68c-4eb0-883e-6bc790a41c96", uuid.UUID("4291f98bd68c4eb0883e6bc790a41c96")),
        ("a\x00b", "a\x00b"),
        ("\ud800", "\ud800"),
        ("1.5", 1.5),
        ("nan", float("nan")),
        (str(10**300), 10**300),
        ("True", True),
    ],
)
def test_the_same_text(key: str, value: Any) -> None:
    assert pack_text(key) == pack_table_text(value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pay_1", "PAY_1"),
        ("pay_1", " pay_1"),
        ("pay_1", "pay_1\n"),
        ("007", 7),
        ("", None),
        ("None", None),
        ("\u00e9", "e\u0301"),
    ],
)
def test_another_text(key: str, value: Any) -> None:
    assert pack_text(key) != pack_table_text(value)


def test_texts_are_shown_on_one_line_and_cut() -> None:
    assert show(pack_table_text("a\x00\u202e\ud800")) == r"a\x00\u202e\ud800"
    assert show(pack_table_text("x" * 80)) == "x" * 80
    assert show(pack_table_text("x" * 81)) == "x" * 79 + "…"
    assert show(None) is None
