"""Responses become structs, and their rows payments.

What is not quite as documented is read, too, where that leaves no doubt of what is meant: see
:mod:`~airflow_provider_payments.api.lenient_types`. Of texts that are no Unicode, the rest is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from airflow_provider_payments.api.lenient_types import convert, lenient_type
from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.http.error_body import UNREADABLE
from airflow_provider_payments.http.errors import ErrorMapper
from airflow_provider_payments.http.messages import Request, Response
from airflow_provider_payments.listing.plan import ListPage
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.texts import mend_json, quote_text, require_utf8

T = TypeVar("T")


class Decoder:
    """Decodes JSON into a struct."""

    def __init__(self, kind: type[msgspec.Struct]) -> None:
        self._kind = kind
        self._decode = msgspec.json.Decoder(kind).decode

    def decode(self, text: bytes) -> Any:
        """Decode JSON as documented, or else leniently.

        :raises msgspec.ValidationError: naming the field and the two types, never the value.
        """
        try:
            return self._decode(text)
        except msgspec.ValidationError:
            return convert(msgspec.json.decode(text, type=lenient_type(self._kind)), self._kind, "$")


def decode_reply(error_mapper: ErrorMapper, request: Request, response: Response, decode: Callable[[bytes], T]) -> T:
    """Return what a function decodes a response's body to.

    :raises PaymentsProtocolError: naming request and response, when it cannot be decoded.
    """
    try:
        return decode(response.body)
    except (*UNREADABLE, PaymentsProtocolError) as error:
        trouble = error_mapper.unreadable(request, response, str(error))
    raise trouble  # and not from the other, whose frames have the body


class MendedRow(bytes):
    """A row in which U+FFFD stands for what was no Unicode.

    :param exact: the same with that visible, for ids that differ are to stay different.
    """

    exact: bytes

    def __new__(cls, mended: bytes, exact: bytes) -> MendedRow:
        """Make one of the two."""
        row = super().__new__(cls, mended)
        row.exact = exact
        return row


def split_body(body: bytes, split: Callable[[bytes], ListPage]) -> ListPage:
    """Take a response's body apart, mended where it needs to be.

    :param split: takes JSON apart.
    """
    try:
        require_utf8(body)  # fields that nobody reads are not checked otherwise, and go into files as they are
        return split(body)
    except (UnicodeDecodeError, msgspec.DecodeError):
        mended = mend_json(body)
        if mended == body:
            raise
    page, exact = split(mended), split(mend_json(body, is_visible=True))
    pairs = [(bytes(row), bytes(other)) for row, other in zip(page.rows, exact.rows, strict=True)]
    rows = [row if row == other else MendedRow(row, other) for row, other in pairs]
    return replace(page, rows=rows, rows_mended=sum(row != other for row, other in pairs))


def parse_rows(
    rows: Sequence[bytes | msgspec.Raw],
    decode: Callable[[bytes], Any],
    to_payment: Callable[[Any, bytes], Payment],
    *,
    id_field: str,
    unreadable: Callable[[str, Exception], PaymentsProtocolError],
) -> list[Payment]:
    """Return the payment of each row.

    :param decode: decodes a row's JSON.
    :param to_payment: returns the payment of a decoded row and its JSON.
    :param id_field: the row's field with the payment's id; a point leads into an object.
    :param unreadable: makes the error for a row that cannot be read, of which one it is and why.
    :raises PaymentsProtocolError: for such a row, and for a payment whose id is empty.
    """
    payments: list[Payment] = []
    try:
        _normalise(rows, decode, to_payment, payments)
    except (*UNREADABLE, PaymentsProtocolError) as error:
        row = len(payments)
        trouble = unreadable(f"{_describe_row(rows[row], id_field)} (row {row + 1} of {len(rows)})", error)
        del rows  # error trackers show the variables of frames, and these are somebody's payments
    else:
        return payments
    raise trouble


def _normalise(
    rows: Iterable[bytes | msgspec.Raw],
    decode: Callable[[bytes], Any],
    to_payment: Callable[[Any, bytes], Payment],
    payments: list[Payment],
) -> None:
    """Add the payment of each row to others. How many there are in the end tells which row cannot be read."""
    for row in rows:
        raw = bytes(row)  # a msgspec.Raw would keep the whole page in memory
        payment = to_payment(decode(raw), raw)
        if type(row) is MendedRow:
            payment = msgspec.structs.replace(payment, id=to_payment(decode(row.exact), raw).id)
        if not payment.id:
            raise PaymentsProtocolError("its id is empty, so nothing tells it apart from others")
        if payment.created_at is None and payment.completed_at is None:
            # It belongs to every window: repeated rather than lost.
            payment = msgspec.structs.replace(payment, flags=(*payment.flags, "undated"))
        payments.append(payment)


def _describe_row(row: bytes | msgspec.Raw, id_field: str) -> str:
    """Say which payment a row is that cannot be read."""
    with suppress(*UNREADABLE, KeyError, TypeError):
        for name in id_field.split("."):
            row = msgspec.json.decode(row, type=dict[str, msgspec.Raw])[name]
        payment_id = msgspec.json.decode(row, type=str | int)
        return f"payment {quote_text(str(payment_id))}"
    return "a payment"
