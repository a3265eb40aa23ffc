"""One payment, in the schema that all payment companies share, and how it becomes a record."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, NoReturn

import msgspec

from airflow_provider_payments.exceptions import PaymentsProtocolError, refuse_xcom
from airflow_provider_payments.money import format_amount
from airflow_provider_payments.status import PaymentKind as PaymentKind
from airflow_provider_payments.status import PaymentStatus as PaymentStatus
from airflow_provider_payments.times import UTC


class Payment(msgspec.Struct, frozen=True, gc=False):  # it holds plain values only, so no cycles
    """One payment.

    Amounts are exact and in major units unless said otherwise; None means that the API does not tell. Times are UTC.
    Made by the thousand, by :attr:`~airflow_provider_payments.api.base.PaymentsApi.new_payment`.

    :param provider: the connection type: ``hotpay``, ``cryptofuse``, …
    :param connection_id: the Airflow connection it was read through.
    :param id: unique together with ``provider`` and ``connection_id``.
    :param status: the normalised status.
    :param provider_status: the API's own status, as spelled.
    :param kind: payment, deposit or refund.
    :param flags: ``underpaid``, ``expired``, ``reversal_canceled``, ``provisional_id``, ``undated``,
        ``partly_refunded``, ``partly_captured``, ``disputed``, ``charged_back``, ``reversed``, ``test``.
    :param amount: what was received once money has been received, where the API tells it; else what was asked.
    :param currency: currency or token id of ``amount``.
    :param amount_minor: the integer that the API gave in smallest units, when it gives one.
    :param fee: the payment company's fee, in ``currency``.
    :param net_amount: ``amount`` less fees, in ``currency``.
    :param refunded_amount: what has gone back to the payer so far, refunds and chargebacks together, in ``currency``.
    :param crypto_asset: the token that was paid in.
    :param crypto_amount: the amount in that token.
    :param crypto_network: the chain, in the API's own spelling.
    :param crypto_address: the address that was paid to.
    :param transaction_hash: the transaction on that chain.
    :param order_id: the merchant's own reference.
    :param description: the merchant's own text.
    :param payer_id: the API's id of who paid (of who got the money back, for refunds).
    :param raw: the API's object, as the JSON text it sent.
    :param listed_at: when the listing that read it began. Of two sightings of a payment, the later is right. None
        until :func:`stamp` sets it.
    """

    provider: str
    connection_id: str
    id: str
    status: PaymentStatus
    provider_status: str
    kind: PaymentKind = PaymentKind.PAYMENT
    flags: tuple[str, ...] = ()
    amount: Decimal | None = None
    currency: str | None = None
    amount_minor: int | None = None
    fee: Decimal | None = None
    net_amount: Decimal | None = None
    refunded_amount: Decimal | None = None
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
    listed_at: datetime | None = None

    def __eq__(self, other: object) -> bool:
        # Sightings of the same payment in the same state are equal, whenever they were.
        return isinstance(other, Payment) and _state(self) == _state(other)

    def __hash__(self) -> int:
        return hash((self.provider, self.connection_id, self.id))

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
            exactly, or that has hundreds of digits, is given as text; :meth:`to_json` keeps it as it is.
        """
        record: dict[str, Any] = msgspec.to_builtins(self._to_record())
        record["flags"] = list(self.flags)
        if include_raw:
            try:
                record["raw"] = json.loads(self.raw, parse_float=_exact_float, parse_int=_short_int)
            except RecursionError:
                raise PaymentsProtocolError(f"{self.provider}: a payment is nested too deeply for XCom.") from None
        return record

    def to_json(self, *, include_raw: bool = True) -> bytes:
        """Return the record as one line of JSON, with the API's own object byte for byte."""
        return _ENCODER.encode(self._to_record(include_raw))

    def to_row(self) -> list[str | None]:
        """Return the record as a row of texts, without ``raw``; None is null. Flags are joined by ``;``."""
        record = msgspec.to_builtins(self._to_record())
        record["is_final"] = "true" if self.is_final else "false"
        record["flags"] = ";".join(self.flags)
        return [*record.values()]

    def serialize(self) -> NoReturn:
        """Refuse what Airflow asks of a value that a task returns: see :func:`refuse_xcom`."""
        refuse_xcom(type(self).__name__)

    @property
    def raw_line(self) -> bytes:
        """The API's own object on one line, and otherwise byte for byte."""
        # JSON allows line breaks between tokens only (never within a string), where they mean nothing.
        raw = self.raw
        return raw.replace(b"\n", b" ").replace(b"\r", b" ") if _LF in raw or _CR in raw else raw

    def _to_record(self, include_raw: bool = False) -> Record:
        # Written to be fast: every payment of a file comes here, and most fields of most payments are None.
        amount, minor, fee, net = self.amount, self.amount_minor, self.fee, self.net_amount
        refunded, crypto = self.refunded_amount, self.crypto_amount
        created, updated = self.created_at, self.updated_at
        completed, expires, listed = self.completed_at, self.expires_at, self.listed_at
        return Record(
            self.provider,
            self.connection_id,
            self.id,
            self.kind,
            self.status,
            self.provider_status,
            self.status.is_final,
            self.flags,
            None if amount is None else format_amount(amount),
            self.currency,
            None if minor is None else str(minor),
            None if fee is None else format_amount(fee),
            None if net is None else format_amount(net),
            None if refunded is None else format_amount(refunded),
            self.crypto_asset,
            None if crypto is None else format_amount(crypto),
            self.crypto_network,
            self.crypto_address,
            self.transaction_hash,
            self.order_id,
            self.description,
            self.payer_id,
            created if created is None or created.tzinfo is UTC else created.astimezone(UTC),
            updated if updated is None or updated.tzinfo is UTC else updated.astimezone(UTC),
            completed if completed is None or completed.tzinfo is UTC else completed.astimezone(UTC),
            expires if expires is None or expires.tzinfo is UTC else expires.astimezone(UTC),
            listed if listed is None or listed.tzinfo is UTC else listed.astimezone(UTC),
            msgspec.Raw(self.raw_line) if include_raw else msgspec.UNSET,
        )


class Record(msgspec.Struct, gc=False):
    """A payment as it is written: these fields, in this order, with amounts as decimal text, and times in UTC."""

    provider: str
    connection_id: str
    id: str
    kind: PaymentKind
    status: PaymentStatus
    provider_status: str
    is_final: bool
    flags: tuple[str, ...]
    amount: str | None
    currency: str | None
    amount_minor: str | None
    fee: str | None
    net_amount: str | None
    refunded_amount: str | None
    crypto_asset: str | None
    crypto_amount: str | None
    crypto_network: str | None
    crypto_address: str | None
    transaction_hash: str | None
    order_id: str | None
    description: str | None
    payer_id: str | None
    created_at: datetime | None
    updated_at: datetime | None
    completed_at: datetime | None
    expires_at: datetime | None
    listed_at: datetime | None
    raw: msgspec.Raw | msgspec.UnsetType


_LF, _CR = b"\n\r"  # a single byte is found fastest as a number
_ENCODER = msgspec.json.Encoder()
_set = msgspec.structs.force_setattr

#: The least that Python's own limit can be set to.
_LONGEST_INT = 640


def stamp(payments: Iterable[Payment], listed_at: datetime | None) -> None:
    """Set when the listing of payments began, before anybody else has seen them: making them anew takes longer."""
    for payment in payments:
        _set(payment, "listed_at", listed_at)


def to_json_lines(payments: Iterable[Payment], *, include_raw: bool = True) -> bytes:
    """Return :meth:`Payment.to_json` of each payment, with a line feed after each."""
    return _ENCODER.encode_lines([payment._to_record(include_raw) for payment in payments])


def _state(payment: Payment) -> tuple[Any, ...]:
    return msgspec.structs.astuple(payment)[:-1]  # without listed_at, the last field


def _exact_float(text: str) -> float | str:
    number = float(text)
    return number if number not in (float("inf"), float("-inf")) and Decimal(repr(number)) == Decimal(text) else text


def _short_int(text: str) -> int | str:
    # Python refuses to read or write longer ones: they would take it too long.
    return int(text) if len(text) <= _LONGEST_INT else text


#: Raised when a field is added, or changes its meaning or type.
RECORD_SCHEMA_VERSION = 2

#: The record's fields, in the order of JSON objects and table columns.
RECORD_FIELDS: tuple[str, ...] = Record.__struct_fields__
