"""Checking Satispay's HTTP signature: RSA-SHA256 over the request as it was on the wire."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import time
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from airflow_provider_payments.sandbox.api import Call, Problem

REQUIRED = {"(request-target)", "host", "date", "digest"}


def check_signature(call: Call, key_id: str, key: rsa.RSAPublicKey, max_skew: timedelta) -> None:
    """Return if the call is signed with the key and fresh; otherwise say what is wrong with it."""
    scheme, _, rest = call.header("Authorization").partition(" ")
    fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    if scheme.lower() != "signature" or not {"keyId", "algorithm", "headers", "signature"} <= set(fields):
        raise Problem(403, "Invalid authorization header", "45")
    if fields["algorithm"] != "rsa-sha256":
        raise Problem(403, f"Invalid authorization header: algorithm {fields['algorithm']}", "45")
    if fields["keyId"] != key_id:
        raise Problem(401, "Shop not found or unauthorized: unknown keyId", "34")
    names = fields["headers"].split(" ")
    if not set(names) >= REQUIRED:
        raise Problem(403, f"Invalid authorization header: not signed: {sorted(REQUIRED - set(names))}", "45")
    _check_date(call, max_skew)
    digest = base64.b64encode(hashlib.sha256(call.body).digest()).decode()
    if call.header("Digest") != f"SHA-256={digest}":
        raise Problem(401, "Unauthorized: the digest is not that of the body", "34")
    lines = [f"{name}: {_value(call, name)}" for name in names]
    try:
        signature = base64.b64decode(fields["signature"], validate=True)
        key.verify(signature, "\n".join(lines).encode(), padding.PKCS1v15(), hashes.SHA256())
    except (binascii.Error, InvalidSignature):
        raise Problem(401, "Unauthorized: the signature does not match the request", "34") from None


def _check_date(call: Call, max_skew: timedelta) -> None:
    try:
        date = parsedate_to_datetime(call.header("Date"))
    except (TypeError, ValueError):
        raise Problem(403, "Invalid date header", "45") from None
    if date.tzinfo is None:  # "-0000" in RFC 5322: UTC, place unknown
        date = date.replace(tzinfo=timezone.utc)
    # A long poll is checked a second time when it is answered, and must not have become too old by waiting.
    received = datetime.now(timezone.utc) - timedelta(seconds=time.monotonic() - call.received_at)
    if abs(received - date) > max_skew:
        raise Problem(401, "Unauthorized: the date is too far from now", "34")


def _value(call: Call, name: str) -> str:
    if name == "(request-target)":
        return f"{call.method.lower()} {call.path}"
    values = [value for key, value in call.headers if key.lower() == name]
    if not values:
        raise Problem(403, f"Invalid authorization header: there is no header {name}", "45")
    return ", ".join(values)
