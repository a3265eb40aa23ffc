"""One payment, in the schema that all payment companies share, and how it becomes a record."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, NoReturn

import msgspec

from airflow_provider_payments.money import format_amount
from airflow_provider_payments.times import format_time


def _assert_never(value: NoReturn) -> NoReturn:
    raise AssertionError(f"unhandled value: {value!r}")


class PaymentStatus(str, Enum):
    """What a payment's status word means, whichever company said it."""

    PENDING = "pending"  #: nothing received yet
    PROCESSING = "processing"  #: money seen, not final
    AUTHORIZED = "authorized"  #: money held, the merchant must act
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"  #: closed with less money than asked
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELED = "canceled"
    REFUNDED = "refunded"
    UNKNOWN = "unknown"  #: a word this provider does not know: neither pending nor final

    @property
    def is_final(self) -> bool:
        """Whether the payment has ended. An unknown status has not."""
        return self._stage == "final"

    @property
    def is_pending(self) -> bool:
        """Whether the payment is still on its way. An unknown status is not known to be."""
        return self._stage == "pending"

    @property
    def _stage(self) -> str:
        match self:
            case PaymentStatus.PENDING | PaymentStatus.PROCESSING | PaymentStatus.AUTHORIZED:
                return "pending"
            case (
                PaymentStatus.SUCCEEDED
                | PaymentStatus.PARTIAL
                | PaymentStatus.FAILED
                | PaymentStatus.EXPIRED
                | PaymentStatus.CANCELED
                | PaymentStatus.REFUNDED
            ):
                return "final"
            case PaymentStatus.UNKNOWN:
                return "unknown"
            case _:
                _assert_never(self)


class PaymentKind(str, Enum):
    """Which way the money goes, and whether its amount was asked for."""

    PAYMENT = "payment"
    DEPOSIT = "deposit"  #: the payer chose the amount
    REFUND = "refund"  #: money back to the payer, a payment of its own


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """One payment.

    Amounts are exact and in major units unless said otherwise; None means that the API does not tell. Times are UTC.

    :param provider: the connection type: ``hotpay``, ``cryptofuse``, …
    :param connection_id: the Airflow connection it was read through.
    :param id: unique together with ``provider`` and ``connection_id``.
    :param kind: payment, deposit or refund.
    :param status: the normalised status.
    :param provider_status: the API's own word, as spelled.
    :param flags: ``underpaid``, ``expired``, ``reversal_canceled``, ``provisional_id``, ``undated``.
    :param amount: what was asked, or paid where the API tells only that.
    :param currency: currency or token id of ``amount``.
    :param amount_minor: the integer that the API gave in smallest units, when it gives one.
    :param fee: the payment company's fee, in ``currency``.
    :param net_amount: ``amount`` less fees, in ``currency``.
    :param crypto_asset: the token that was paid in.
    :param crypto_amount: the amount in that token.
    :param crypto_network: the chain, in the API's own spelling.
    :param crypto_address: the address that was paid to.
    :param transaction_hash: the transaction on that chain.
    :param order_id: the merchant's own reference.
    :param description: the merchant's own text.
    :param payer_id: the API's id of who paid (of who got the money back, for refunds).
    :param raw: the API's object, as the JSON text it sent.
    """

    provider: str
    connection_id: str
    id: str
    kind: PaymentKind = PaymentKind.PAYMENT
    status: PaymentStatus
    provider_status: str
    flags: tuple[str, ...] = ()
    amount: Decimal | None = None
    currency: str | None = None
    amount_minor: int | None = None
    fee: Decimal | None = None
    net_amount: Decimal | None = None
    crypto_asset: str | None = None
    crypto_amount: Decimal | None = None
    crypto_network: str | None = None
    crypto_address: str | None = None
    transaction_hash: str | None = None
    order_id: str | None = None
    description: str | None = None
    payer_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    raw: bytes = b"null"

    def __repr__(self) -> str:
        # The raw object holds personal data, and a repr ends up in logs.
        return f"Payment(provider={self.provider!r}, id={self.id!r}, status={self.status.value!r})"

    @property
    def is_final(self) -> bool:
        """Whether the payment has ended."""
        return self.status.is_final

    @property
    def occurred_at(self) -> datetime | None:
        """The time that windows apply to: creation, or completion where the API does not tell the creation."""
        return self.created_at or self.completed_at

    def to_dict(self, *, include_raw: bool = True) -> dict[str, Any]:
        """Return the record as plain JSON values, in the order of :data:`RECORD_FIELDS`.

        :param include_raw: whether the API's own object is added under ``raw``. A number in it that a float cannot hold
            exactly is given as text; :meth:`to_json` keeps it as it is.
        """
        record = self._normalised()
        if include_raw:
            record["raw"] = json.loads(self.raw, parse_float=_exact_float)
        return record

    def to_json(self, *, include_raw: bool = True) -> bytes:
        """Return the record as one line of JSON, with the API's own object byte for byte."""
        record = self._normalised()
        if include_raw:
            record["raw"] = msgspec.Raw(self.raw_line)
        return msgspec.json.encode(record)

    def to_row(self) -> list[str | None]:
        """Return the record as a row of texts, without ``raw``; None is null. Flags are joined by ``;``."""
        return [_cell(value) for value in self._normalised().values()]

    @property
    def raw_line(self) -> bytes:
        """The API's own object on one line, and otherwise byte for byte."""
        # JSON allows line breaks between tokens only (never within a string), where they mean nothing.
        return self.raw.replace(b"\n", b" ").replace(b"\r", b" ")

    def _normalised(self) -> dict[str, Any]:
        return {
            "provider": self.provider,
            "connection_id": self.connection_id,
            "id": self.id,
            "kind": self.kind.value,
            "status": self.status.value,
            "provider_status": self.provider_status,
            "is_final": self.is_final,
            "flags": list(self.flags),
            "amount": format_amount(self.amount),
            "currency": self.currency,
            "amount_minor": None if self.amount_minor is None else str(self.amount_minor),
            "fee": format_amount(self.fee),
            "net_amount": format_amount(self.net_amount),
            "crypto_asset": self.crypto_asset,
            "crypto_amount": format_amount(self.crypto_amount),
            "crypto_network": self.crypto_network,
            "crypto_address": self.crypto_address,
            "transaction_hash": self.transaction_hash,
            "order_id": self.order_id,
            "description": self.description,
            "payer_id": self.payer_id,
            "created_at": format_time(self.created_at),
            "updated_at": format_time(self.updated_at),
            "completed_at": format_time(self.completed_at),
            "expires_at": format_time(self.expires_at),
        }


def _cell(value: Any) -> str | None:
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case _:
            return ";".join(value)


def _exact_float(text: str) -> float | str:
    number = float(text)
    return number if number not in (float("inf"), float("-inf")) and Decimal(repr(number)) == Decimal(text) else text


#: Raised when a field is added, or changes its meaning or type.
RECORD_SCHEMA_VERSION = 1

#: The record's fields, in the order of JSON objects and table columns.
RECORD_FIELDS: tuple[str, ...] = (
    *Payment(provider="", connection_id="", id="", status=PaymentStatus.UNKNOWN, provider_status="").to_dict(),
)
