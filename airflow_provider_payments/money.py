"""Amounts, from the wire to an exact :class:`~decimal.Decimal`.

Nothing here rounds. An amount that is not a finite number, or minor units that are not whole, raise
:class:`~airflow_provider_payments.exceptions.PaymentsProtocolError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal, InvalidOperation

from airflow_provider_payments.exceptions import PaymentsProtocolError

# Sums must not round at the 28 digits of the default context.
_EXACT = Context(prec=400)
_scale = _EXACT.scaleb

_LARGEST_EXPONENT = 100  # "1E+999999999" is a valid number, and a gigabyte when written out

# By decimals: made for each amount, they would take a fifth of its time.
_EXPONENTS = {decimals: Decimal(-decimals) for decimals in range(_LARGEST_EXPONENT + 1)}

_LARGEST_PLAIN = 10**_LARGEST_EXPONENT

_MOST_DIGITS = 200  # so that sums stay exact within the context above

_ONE = Decimal(1)

#: Decimals of a currency whose amounts an API gives in cents.
CENTS = 2

_CODES_BY_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
        "CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG "
        "HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR "
        "MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD "
        "SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD "
        "XCG YER ZAR ZMW ZWG "
        # Withdrawn, and still in old payments.
        "ANG CUC HRK LTL LVL EEK MRO SLL STD VEF ZWL"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
#: Decimals of each currency, by ISO 4217.
CURRENCY_DECIMALS = {code: decimals for decimals, codes in _CODES_BY_DECIMALS.items() for code in codes.split()}
_NONE: Mapping[str, int] = {}


def parse_amount(value: Decimal | int | str | None) -> Decimal | None:
    """Read an amount in major units ("12.50" is twelve and a half)."""
    if value is None:
        return None
    try:
        amount = value if type(value) is Decimal else Decimal(value)
    except InvalidOperation:
        raise PaymentsProtocolError("An amount is not a decimal number.") from None
    if (
        not amount.is_finite()
        or abs(amount.adjusted()) > _LARGEST_EXPONENT
        # A short text has few digits, and is made in a fraction of the time.
        or (len(str(amount)) > _MOST_DIGITS and len(amount.as_tuple().digits) > _MOST_DIGITS)
    ):
        raise PaymentsProtocolError("An amount is not a finite number of reasonable size.")
    return amount


def parse_units(value: Decimal | int | str | None) -> int | None:
    """Read a whole number of smallest units: cents, or a token's smallest unit."""
    # The common shapes first, for speed.
    if type(value) is int:
        if -_LARGEST_PLAIN < value < _LARGEST_PLAIN:
            return value
    elif value is not None and (text := str(value)).isdecimal() and len(text) <= _LARGEST_EXPONENT:
        return int(text)
    amount = parse_amount(value)
    if amount is None:
        return None
    units = int(amount)
    if units != amount:
        raise PaymentsProtocolError("An amount in smallest units is not a whole number.")
    return units


def scale_units(units: Decimal | int | None, decimals: int | None) -> Decimal | None:
    """Turn smallest units into major units: ``scale_units(250, 2)`` is 2.50. None when either is unknown."""
    if units is None or decimals is None:
        return None
    exponent = _EXPONENTS.get(decimals)
    if exponent is None:
        raise PaymentsProtocolError("The decimals of a token are not a number of reasonable size.")
    return _scale(units, exponent)


def parse_token_amount(value: Decimal | int | str | None, decimals: int | None) -> Decimal | None:
    """Read a whole number of a token's smallest units as major units: :func:`parse_units` and :func:`scale_units`."""
    # What APIs send, a whole number as text, without an int on the way, which takes twice the time.
    if (
        type(value) is Decimal
        and value.same_quantum(_ONE)
        and not value.is_signed()
        and value.adjusted() < _LARGEST_EXPONENT
    ):
        units: Decimal | int | None = value
    else:
        units = parse_units(value)
    return scale_units(units, decimals)


def currency_decimals(currency: str | None, exceptions: Mapping[str, int] = _NONE) -> int | None:
    """Return how many decimals a currency's smallest unit has; None when the currency is not known.

    :param currency: the ISO 4217 code, in any case.
    :param exceptions: where an API counts otherwise than ISO 4217, by code in capitals.
    """
    code = (currency or "").upper()
    return exceptions[code] if code in exceptions else CURRENCY_DECIMALS.get(code)


#: Adds two amounts exactly.
add = _EXACT.add


def format_amount(amount: Decimal | None) -> str | None:
    """Write an amount as plain digits, never with an exponent; digits after the point are kept as the API gave them."""
    if amount is None:
        return None
    text = str(amount)  # three times as fast, and the same as long as it needs no exponent
    return format(amount, "f") if "E" in text else text
