from __future__ import annotations

from decimal import Decimal, getcontext
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.money import (
    add,
    currency_decimals,
    format_amount,
    parse_amount,
    parse_token_amount,
    parse_units,
    scale_units,
)
from airflow_provider_payments.status import PaymentStatus, after_refunds


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


@pytest.mark.parametrize(
    "text", ["0", "-0", "7", "-7", "7.00", "1E+3", "0.5", "NaN", "sNaN", "-Infinity", "9" * 78, "9" * 101]
)
@pytest.mark.parametrize("kind", [Decimal, str])
@pytest.mark.parametrize("decimals", [None, 0, 18, 101])
def test_token_amounts_are_units_that_are_scaled(kind: Any, text: str, decimals: int | None) -> None:
    def read(parse: Any) -> Any:
        try:
            return format_amount(parse(kind(text)))
        except PaymentsProtocolError as error:
            return str(error)

    wanted = read(lambda value: scale_units(parse_units(value), decimals))
    assert read(lambda value: parse_token_amount(value, decimals)) == wanted


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


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [("EUR", 2), ("usd", 2), ("JPY", 0), ("ISK", 0), ("KWD", 3), ("CLF", 4), ("HRK", 2), ("XXX", None), (None, None)],
)
def test_a_currency_has_the_decimals_of_its_smallest_unit(currency: str | None, decimals: int | None) -> None:
    assert currency_decimals(currency) == decimals


def test_an_api_may_count_otherwise() -> None:
    assert [currency_decimals(each, {"ISK": 2}) for each in ("isk", "ISK", "JPY")] == [2, 2, 0]


@pytest.mark.parametrize(
    ("status", "amount", "refunded", "outcome"),
    [
        ("succeeded", 1000, None, ("succeeded", ())),
        ("succeeded", 1000, 0, ("succeeded", ())),
        ("succeeded", 1000, 1, ("succeeded", ("partly_refunded",))),
        ("succeeded", 1000, 1000, ("refunded", ())),
        ("succeeded", Decimal("10.00"), Decimal("10.01"), ("refunded", ())),
        ("succeeded", None, 5, ("succeeded", ("partly_refunded",))),
        ("succeeded", 0, 5, ("succeeded", ("partly_refunded",))),
        ("failed", 1000, 1000, ("failed", ())),
        ("pending", 1000, 1, ("pending", ())),
    ],
)
def test_a_payment_is_refunded_once_all_of_it_went_back(
    status: str, amount: Any, refunded: Any, outcome: tuple[str, tuple[str, ...]]
) -> None:
    word, flags = after_refunds(PaymentStatus(status), amount, refunded)
    assert (word.value, flags) == outcome
