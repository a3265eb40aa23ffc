"""All that a page of facts about one payment API is made of, in one import.

Only the hook comes from elsewhere, ``hooks.base``: it knows Airflow, and nothing here does. What only some companies
need, like the readers of the other ways to page, is loaded when it is named: each task begins with these imports.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_provider_payments.api.access_token import parse_access_token
from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.api.capabilities import LongPoll, OrderLookup
from airflow_provider_payments.api.credentials import Credentials, is_url_text
from airflow_provider_payments.api.decoding import Decoder, decode_reply
from airflow_provider_payments.api.envelope import EnvelopeApi
from airflow_provider_payments.api.withholding import make_withholder
from airflow_provider_payments.exceptions import (
    PaymentNotFound,
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsError,
    PaymentsProtocolError,
    PaymentsRequestError,
    PaymentsThrottled,
    PaymentsUnavailable,
)
from airflow_provider_payments.http.auth import Auth, HeaderAuth, IssuedToken, TokenAuth, client_credentials
from airflow_provider_payments.http.error_body import UNREADABLE
from airflow_provider_payments.http.messages import Request, Response, quote_segment
from airflow_provider_payments.http.options import TransportOptions
from airflow_provider_payments.listing.pages import Order
from airflow_provider_payments.listing.plan import ListPage, Partition, Stage
from airflow_provider_payments.listing.readers import MakeReader, Reader, StartingReader
from airflow_provider_payments.money import (
    CENTS,
    add,
    currency_decimals,
    parse_amount,
    parse_token_amount,
    parse_units,
    scale_units,
)
from airflow_provider_payments.payment import Payment, PaymentKind, PaymentStatus
from airflow_provider_payments.query import PaymentQuery
from airflow_provider_payments.status import after_refunds
from airflow_provider_payments.texts import decode_json, text_of
from airflow_provider_payments.times import (
    UTC,
    format_milliseconds,
    parse_expiry,
    parse_iso,
    parse_time,
    parse_unix_seconds,
    shift,
    to_utc,
    unix_milliseconds,
)

if TYPE_CHECKING:
    from airflow_provider_payments.api.discovery import Discovery
    from airflow_provider_payments.api.rsa_key import key_texts, load_private_key
    from airflow_provider_payments.http.signature import HttpSignature
    from airflow_provider_payments.listing.by_end_time import ByEndTimeReader
    from airflow_provider_payments.listing.by_time import ByTimeReader
    from airflow_provider_payments.listing.cursors import CursorReader
    from airflow_provider_payments.listing.ledger import LedgerReader
    from airflow_provider_payments.listing.offsets import OffsetReader
    from airflow_provider_payments.listing.page_numbers import PageNumberReader
    from airflow_provider_payments.listing.time_slices import SlicedReader
    from airflow_provider_payments.listing.tokens import TokenReader
    from airflow_provider_payments.listing.windows import WindowsReader
else:  # type checkers would take any name, if they saw __getattr__
    #: Module of each piece that is loaded when it is named. A test compares this with the imports above.
    _MODULES = {
        "ByEndTimeReader": "listing.by_end_time",
        "ByTimeReader": "listing.by_time",
        "CursorReader": "listing.cursors",
        "Discovery": "api.discovery",
        "HttpSignature": "http.signature",
        "LedgerReader": "listing.ledger",
        "OffsetReader": "listing.offsets",
        "PageNumberReader": "listing.page_numbers",
        "SlicedReader": "listing.time_slices",
        "TokenReader": "listing.tokens",
        "WindowsReader": "listing.windows",
        "key_texts": "api.rsa_key",
        "load_private_key": "api.rsa_key",
    }

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"airflow_provider_payments.{_MODULES[name]}"), name)
        globals()[name] = value
        return value


__all__ = [
    "CENTS",
    "UNREADABLE",
    "UTC",
    "Auth",
    "ByEndTimeReader",
    "ByTimeReader",
    "Credentials",
    "CursorReader",
    "Decoder",
    "Discovery",
    "EnvelopeApi",
    "HeaderAuth",
    "HttpSignature",
    "IssuedToken",
    "LedgerReader",
    "ListPage",
    "LongPoll",
    "MakeReader",
    "OffsetReader",
    "Order",
    "OrderLookup",
    "PageNumberReader",
    "Partition",
    "Payment",
    "PaymentKind",
    "PaymentNotFound",
    "PaymentQuery",
    "PaymentStatus",
    "PaymentsApi",
    "PaymentsAuthError",
    "PaymentsConfigError",
    "PaymentsError",
    "PaymentsProtocolError",
    "PaymentsRequestError",
    "PaymentsThrottled",
    "PaymentsUnavailable",
    "Reader",
    "Request",
    "Response",
    "SlicedReader",
    "Stage",
    "StartingReader",
    "TokenAuth",
    "TokenReader",
    "TransportOptions",
    "WindowsReader",
    "add",
    "after_refunds",
    "client_credentials",
    "currency_decimals",
    "decode_json",
    "decode_reply",
    "format_milliseconds",
    "is_url_text",
    "key_texts",
    "load_private_key",
    "make_withholder",
    "parse_access_token",
    "parse_amount",
    "parse_expiry",
    "parse_iso",
    "parse_time",
    "parse_token_amount",
    "parse_units",
    "parse_unix_seconds",
    "quote_segment",
    "scale_units",
    "shift",
    "text_of",
    "to_utc",
    "unix_milliseconds",
]
