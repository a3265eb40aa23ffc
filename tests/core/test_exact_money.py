"""Amounts, from the bytes of each API's reply to every format and back: no digit is lost, and no float is anywhere."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NoReturn

import pyarrow.parquet as pq
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.http.messages import Response
from airflow_provider_payments.output.formats import FORMATS
from airflow_provider_payments.output.stats import PaymentStats
from airflow_provider_payments.payment import Payment
from tests.listing.drift import build_api

AMOUNTS = ("amount", "fee", "net_amount", "refunded_amount", "crypto_amount")
CURRENCIES = {"JPY": 0, "EUR": 2, "KWD": 3, "CLF": 4}
TOKENS = {f"token-{decimals}": decimals for decimals in range(25)}


@dataclass(frozen=True)
class Money:
    """An amount as an API writes it, and what it is."""

    json: str
    value: Fraction | None


def number(text: str) -> Money:
    return Money(text, Fraction(Decimal(text)))


def in_quotes(money: Money) -> Money:
    return money if money.value is None else Money(f'"{money.json}"', money.value)


NULL = Money("null", None)
SIGNS = st.sampled_from(["", "", "-"])
WHOLE = st.integers(0, 10**78 - 1).map(str) | st.integers(0, 10_000).map(str)
DECIMALS = st.builds(
    lambda sign, whole, digits, exponent: number(f"{sign}{whole}{'.' if digits else ''}{digits}{exponent}"),
    SIGNS,
    WHOLE,
    st.text("0123456789", max_size=24),
    st.sampled_from(["", "", "E-18", "e5", "E+2", "e-0"]),
)
OF_CURRENCIES = st.sampled_from(list(CURRENCIES.values())).flatmap(
    lambda places: st.integers(-(10**12), 10**12).map(lambda units: number(format(Decimal(units).scaleb(-places), "f")))
)
#: Integers, also as "100.0", "1E+3" and in quotes.
UNITS = st.builds(
    lambda sign, whole, tail: number(f"{sign}{whole}{tail}"), SIGNS, WHOLE, st.sampled_from(["", "", ".0", "e3", "E+2"])
)
ANY_DECIMAL = DECIMALS | OF_CURRENCIES | st.just(NULL)
ANY_UNITS = UNITS | st.just(NULL)

Row = tuple[str, dict[str, Fraction | None]]
"""A row as the API sends it, and the amounts that the payment must have."""


def scaled(money: Money, decimals: int) -> Fraction | None:
    return None if money.value is None else money.value / 10**decimals


def hotpay(amount: Money, token: str) -> Row:
    value = scaled(amount, TOKENS[token])
    row = f'{{"payment_id": "1", "status": "SUCCESS", "amount": {amount.json}, "token_id": "{token}"}}'
    return row, {"amount": value, "crypto_amount": value, "amount_minor": amount.value}


def cryptofuse(amount: Money, crypto: Money) -> Row:
    row = (
        f'{{"transaction_id": "1", "status": "completed", "amount_usd": {amount.json}, "amount_crypto": {crypto.json}}}'
    )
    return row, {"amount": amount.value, "crypto_amount": crypto.value, "amount_minor": None}


def spacepay(amount: Money, asset: Money, decimals: int, is_settled: bool) -> Row:
    token = f'{{"symbol": "T", "decimals": {decimals}}}'
    quote = f'"quotes": [{{"token": {token}, "expectedAmountAsset": {asset.json}}}]'
    receipt = f'"receipt": {{"settledToken": {token}, "settledAmountAsset": {asset.json}}}'
    about = receipt if is_settled else quote
    row = f'{{"id": "1", "status": "completed", "currency": "USD", "amountInCents": {amount.json}, {about}}}'
    expected = {"amount": scaled(amount, 2), "crypto_amount": scaled(asset, decimals), "amount_minor": amount.value}
    return row, expected


def satispay(amount: Money) -> Row:
    row = f'{{"id": "1", "status": "ACCEPTED", "currency": "EUR", "amount_unit": {amount.json}}}'
    return row, {"amount": scaled(amount, 2), "amount_minor": amount.value}


def jframework(amount: Money, fee: Money, net: Money) -> Row:
    amounts = f'"amount": {amount.json}, "amountFee": {fee.json}, "amountNet": {net.json}'
    row = f'{{"id": "1", "status": "Completed", "currencyCode": "KWD", {amounts}}}'
    return row, {"amount": amount.value, "fee": fee.value, "net_amount": net.value, "amount_minor": None}


def stripe(amount: Money, received: Money, fee: Money, net: Money, currency: tuple[str, int]) -> Row:
    settled = f'{{"currency": "{currency[0]}", "fee": {fee.json}, "net": {net.json}}}'
    about = f'"currency": "{currency[0]}", "amount": {amount.json}, "amount_received": {received.json}'
    charge = f'"latest_charge": {{"id": "ch", "balance_transaction": {settled}}}'
    row = f'{{"id": "1", "status": "succeeded", {about}, {charge}}}'
    paid = amount if received.value is None else received
    expected = {"amount": scaled(paid, currency[1]), "amount_minor": paid.value, "fee": scaled(fee, currency[1])}
    return row, {**expected, "net_amount": scaled(net, currency[1])}


def mollie(amount: Money, captured: Money, refunded: Money, charged_back: Money) -> Row:
    parts = {"": amount, "Captured": captured, "Refunded": refunded, "ChargedBack": charged_back}
    row = ", ".join(f'"amount{name}": {{"currency": "KWD", "value": {money.json}}}' for name, money in parts.items())
    back = [abs(money.value) for money in (refunded, charged_back) if money.value is not None]
    received = abs(captured.value) if captured.value else amount.value
    expected = {"amount": received, "refunded_amount": sum(back) if len(back) == 2 else None, "amount_minor": None}
    return f'{{"id": "1", "status": "paid", {row}}}', expected


def razorpay(amount: Money, fee: Money, refunded: Money, currency: tuple[str, int]) -> Row:
    code, decimals = currency
    amounts = f'"amount": {amount.json}, "fee": {fee.json}, "amount_refunded": {refunded.json}'
    row = f'{{"id": "1", "status": "failed", "currency": "{code}", {amounts}}}'
    is_net = amount.value is not None and fee.value is not None
    return row, {
        "amount": scaled(amount, decimals),
        "amount_minor": amount.value,
        "fee": scaled(fee, decimals),
        "net_amount": (amount.value - fee.value) / 10**decimals if is_net else None,  # type: ignore[operator]
        "refunded_amount": scaled(refunded, decimals),
    }


def paypal(code: str, amount: Money, fee: Money, currency: str) -> Row:
    amounts = f'{{"currency_code": "TND", "value": {amount.json}}}, "fee_amount": {{"currency_code": "{currency}", '
    about = f'"transaction_event_code": "{code}", "transaction_status": "S", "transaction_amount": {amounts}'
    row = f'{{"transaction_info": {{"transaction_id": "1", {about}"value": {fee.json}}}}}}}'
    is_told = amount.value is not None and fee.value is not None and currency == "TND"
    sign = -1 if code == "T1202" and amount.value else 1  # of a refund, what went out is positive
    return row, {
        "amount": None if amount.value is None else sign * amount.value,
        "fee": -fee.value if fee.value is not None and currency == "TND" else None,
        "net_amount": sign * ((amount.value or 0) + (fee.value or 0)) if is_told else None,
        "amount_minor": None,
    }


_JFRAMEWORK = build_api("jframework", 100, 1)
QUOTED_UNITS = ANY_UNITS | ANY_UNITS.map(in_quotes)
QUOTED = ANY_DECIMAL | ANY_DECIMAL.map(in_quotes)
ROWS: dict[str, tuple[st.SearchStrategy[Row], str]] = {
    "hotpay": (st.builds(hotpay, QUOTED_UNITS, st.sampled_from(list(TOKENS))), '{"payments": [%s]}'),
    "cryptofuse": (st.builds(cryptofuse, QUOTED, QUOTED), '{"count": 1, "results": [%s]}'),
    "spacepay": (
        st.builds(spacepay, QUOTED_UNITS, QUOTED_UNITS, st.integers(0, 24), st.booleans()),
        '{"data": [%s], "pagination": {"total": 1}}',
    ),
    "satispay": (st.builds(satispay, QUOTED_UNITS), '{"has_more": false, "data": [%s]}'),
    "jframework": (
        st.builds(jframework, QUOTED, QUOTED, QUOTED),
        '{"success": true, "statusCode": 200, "data": {"totalItems": 1, "items": [%s]}}',
    ),
    "stripe": (
        st.builds(
            stripe,
            QUOTED_UNITS,
            QUOTED_UNITS,
            QUOTED_UNITS,
            QUOTED_UNITS,
            st.sampled_from([("usd", 2), ("jpy", 0), ("isk", 2), ("ugx", 2), ("kwd", 3), ("mga", 0)]),
        ),
        '{"has_more": false, "data": [%s]}',
    ),
    "mollie": (
        st.builds(mollie, QUOTED, QUOTED, QUOTED, QUOTED),
        '{"_embedded": {"payments": [%s]}, "_links": {"next": null}}',
    ),
    "razorpay": (
        st.builds(
            razorpay, QUOTED_UNITS, QUOTED_UNITS, QUOTED_UNITS, st.sampled_from([("INR", 2), ("JPY", 0), ("KWD", 3)])
        ),
        '{"entity": "collection", "count": 1, "items": [%s]}',
    ),
    "paypal": (
        st.builds(paypal, st.sampled_from(["T0006", "T1202"]), QUOTED, QUOTED, st.sampled_from(["TND", "TND", "USD"])),
        '{"transaction_details": [%s], "total_items": 1}',
    ),
}


def write(name: str, payments: Sequence[Payment]) -> tuple[bytes, int]:
    stream = io.BytesIO()
    writer = FORMATS[name].open_writer(stream, True)  # type: ignore[arg-type]
    writer.write(payments)
    writer.finish()
    return stream.getvalue(), writer.amounts_unfit


def refuse_float(text: str) -> NoReturn:
    raise AssertionError(f"a number that readers turn into a float: {text}")


def as_fraction(text: object) -> Fraction | None:
    assert text is None or isinstance(text, str | Decimal)
    assert not isinstance(text, str) or "E" not in text.upper()
    return None if text in (None, "") else Fraction(Decimal(text))  # type: ignore[arg-type]


def fits(value: Fraction | None) -> bool:
    """Whether decimal128(38, 18) holds it."""
    return value is None or ((value * 10**18).denominator == 1 and abs(value * 10**18) < 10**38)


@pytest.mark.parametrize("name", ROWS)
def test_amounts_are_exact_in_every_format(name: str) -> None:
    api = build_api(name, 100, 1, token_decimals=TOKENS)
    rows, page = ROWS[name]

    payments: list[Payment] = []
    expectations: list[dict[str, Fraction | None]] = []

    @settings(max_examples=150)
    @given(rows)
    def holds(row: Row) -> None:
        text, expected = row
        request, response = api.list_request({}), Response(200, body=(page % text).encode())
        (payment,) = api.parse_payments(api.parse_page(request, response).rows)
        record = payment.to_dict(include_raw=False)
        assert {name: as_fraction(record[name]) for name in expected} == expected
        assert not any(isinstance(value, float) for value in record.values())
        line, _ = write("jsonl", [payment])
        assert text.encode() in line
        written = json.loads(line.replace(text.encode(), b"null"), parse_float=refuse_float, parse_int=refuse_float)
        assert written == {**record, "raw": None}
        payments.append(payment)
        expectations.append(expected)

    holds()
    # One file of all of them: making one takes longer than all the rest.
    rows_of_csv = [*csv.DictReader(io.StringIO(write("csv", payments)[0].decode(), newline=""))]
    for payment, expected, row_of_csv in zip(payments, expectations, rows_of_csv, strict=True):
        record = payment.to_dict(include_raw=False)
        assert {name: row_of_csv[name] or None for name in expected} == {name: record[name] for name in expected}
    check_parquet(payments, expectations)


def check_parquet(payments: Sequence[Payment], expectations: Sequence[dict[str, Fraction | None]]) -> None:
    """An amount that the column cannot hold is null there, and counted; the integer beside it stays."""
    content, amounts_unfit = write("parquet", payments)
    for row, expected in zip(pq.read_table(io.BytesIO(content)).to_pylist(), expectations, strict=True):
        for name in expected:
            held = expected[name] if name == "amount_minor" or fits(expected[name]) else None
            assert as_fraction(row[name]) == held, name
    unfit = [any(not fits(expected[name]) for name in expected if name in AMOUNTS) for expected in expectations]
    assert amounts_unfit == sum(unfit)


@given(st.lists(st.tuples(st.sampled_from(list(CURRENCIES)), DECIMALS), min_size=1, max_size=30))
@example([("KWD", number("0.1"))] * 10)
@example([("EUR", number("1" + "0" * 77)), ("EUR", number("1E-24")), ("EUR", number("-1" + "0" * 77))])
def test_totals_are_exact(paid: list[tuple[str, Money]]) -> None:
    payments, totals = [], dict[str, Fraction]()
    for currency, money in paid:
        body = f'{{"id": "1", "status": "Completed", "currencyCode": "{currency}", "amount": {money.json}}}'
        payments += _JFRAMEWORK.parse_payments([body.encode()])
        totals[currency] = totals.get(currency, Fraction(0)) + (money.value or 0)
    tally = PaymentStats()
    tally.add(payments)
    told = tally.summary()["succeeded_amounts"]
    assert {currency: as_fraction(total) for currency, total in told.items()} == totals


@pytest.mark.parametrize("name", ["hotpay", "spacepay", "satispay", "razorpay"])
def test_parts_of_a_smallest_unit_are_an_error(name: str) -> None:
    api = build_api(name, 100, 1, token_decimals=TOKENS)
    make: dict[str, Callable[[Money], Row]] = {
        "hotpay": lambda money: hotpay(money, "token-6"),
        "spacepay": lambda money: spacepay(money, NULL, 6, False),
        "satispay": satispay,
        "razorpay": lambda money: razorpay(NULL, money, NULL, ("INR", 2)),
    }

    @given(DECIMALS)
    def holds(money: Money) -> None:
        assume(money.value is not None and money.value.denominator > 1)
        with pytest.raises(PaymentsProtocolError, match="whole number"):
            api.parse_payments([make[name](money)[0].encode()])

    holds()


@pytest.mark.parametrize("decimals", [-1, 101, 10**6, 10**20])
def test_decimals_without_measure_are_an_error(decimals: int) -> None:
    row = spacepay(number("5"), number("5"), 6, True)[0].replace('"decimals": 6', f'"decimals": {decimals}')
    with pytest.raises(PaymentsProtocolError, match="decimals"):
        build_api("spacepay", 100, 1).parse_payments([row.encode()])
