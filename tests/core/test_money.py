from __future__ import annotations

from decimal import Decimal, getcontext
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.money import add, format_amount, parse_amount, parse_units, scale_units


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (None, None),
        ("12.50", "12.50"),
        (Decimal("0.1"), "0.1"),
        (0, "0"),
        (-3, "-3"),
        ("-0.00", "-0.00"),
        ("1e2", "100"),
        ("1E-18", "0.000000000000000001"),
        ("123456789012345678901234567890.123456789012345678", "123456789012345678901234567890.123456789012345678"),
        ("9" * 100, "9" * 100),
    ],
)
def test_amounts_keep_every_digit(value: Any, amount: str | None) -> None:
    assert format_amount(parse_amount(value)) == amount


@pytest.mark.parametrize(
    "value", ["", "abc", "1,50", "NaN", "sNaN", "Infinity", "-Infinity", "1E+101", "1E-101", "1E+999999999"]
)
def test_refuses_what_is_no_amount(value: str) -> None:
    with pytest.raises(PaymentsProtocolError, match="amount"):
        parse_amount(value)


@pytest.mark.parametrize(
    ("value", "units"),
    [
        (None, None),
        (250, 250),
        ("250", 250),
        (Decimal("250.00"), 250),
        ("-5", -5),
        ("1E+3", 1000),
        ("9" * 78, 10**78 - 1),
    ],
)
def test_units_are_whole(value: Any, units: int | None) -> None:
    assert parse_units(value) == units


@pytest.mark.parametrize("value", ["0.5", Decimal("250.01"), "1E-18", "1000000000000000000000000000000000000.5"])
def test_refuses_parts_of_units(value: Any) -> None:
    with pytest.raises(PaymentsProtocolError, match="not a whole number"):
        parse_units(value)


@pytest.mark.parametrize(
    ("units", "decimals", "amount"),
    [
        (250, 2, "2.50"),
        (5, 2, "0.05"),
        (0, 2, "0.00"),
        (-250, 2, "-2.50"),
        (7, 0, "7"),
        (1, 24, "0." + "0" * 23 + "1"),
        (10**50 + 1, 18, "1" + "0" * 32 + "." + "0" * 17 + "1"),
        (None, 2, None),
        (250, None, None),
    ],
)
def test_units_are_scaled_exactly(units: int | None, decimals: int | None, amount: str | None) -> None:
    assert format_amount(scale_units(units, decimals)) == amount


def test_sums_are_exact_beyond_the_default_precision() -> None:
    large, small = Decimal("1" + "0" * 40), Decimal("1E-24")
    assert getcontext().prec == 28
    assert large + small == large
    assert format_amount(add(large, small)) == "1" + "0" * 40 + "." + "0" * 23 + "1"


def test_sums_of_all_permitted_amounts_are_exact() -> None:
    assert add(add(Decimal("9E+100"), Decimal("1E-100")), Decimal("-9E+100")) == Decimal("1E-100")


def test_sums_do_not_drop_digits_of_a_very_long_amount() -> None:
    longest = parse_amount("1." + "1" * 199)
    assert longest is not None
    assert add(longest, Decimal(10) ** 99) - Decimal(10) ** 99 != 0
    with pytest.raises(PaymentsProtocolError):
        parse_amount("1." + "1" * 200)
