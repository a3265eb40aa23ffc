"""What the token endpoints of OAuth 2.0 reply (RFC 6749, section 5.1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.http.auth import IssuedToken
from airflow_provider_payments.http.error_body import UNREADABLE
from airflow_provider_payments.http.messages import Response
from airflow_provider_payments.texts import decode_json
from airflow_provider_payments.times import parse_expiry


class _Reply(msgspec.Struct):
    access_token: str
    expires_in: Any = None


_decode = msgspec.json.Decoder(_Reply).decode


def parse_access_token(provider: str, response: Response, now: datetime) -> IssuedToken:
    """Find the token, and when it expires, where the reply tells.

    :raises PaymentsProtocolError: when there is no token in it.
    """
    try:
        reply = decode_json(response.body, _decode)
    except UNREADABLE:
        raise PaymentsProtocolError(f"{provider}: the token endpoint's reply holds no access_token.") from None
    return IssuedToken(reply.access_token.strip(), parse_expiry(reply.expires_in, now))
