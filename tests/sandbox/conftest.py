"""A running sandbox, and clients that sign and log in without any of the package's own code."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from airflow_provider_payments.sandbox import Sandbox

Get = Callable[..., requests.Response]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(payments=60, settle_seconds=100) as running:
        yield running


class Signer(requests.auth.AuthBase):
    """Signs what is sent: documented order of lines, LF between them, none at the end."""

    def __init__(self, connection: dict[str, Any], **changes: str) -> None:
        key = serialization.load_pem_private_key(connection["password"].encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self.key = key
        self.key_id = changes.get("key_id", connection["login"])
        self.names = changes.get("names", "(request-target) host date digest")
        self.date = changes.get("date", "")
        self.signed_target = changes.get("signed_target", "")

    @staticmethod
    def message(values: dict[str, str], names: str) -> bytes:
        return "\n".join(f"{name}: {values[name]}" for name in names.split()).encode()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        values = {
            "(request-target)": f"{str(request.method).lower()} {self.signed_target or request.path_url}",
            "host": urlsplit(str(request.url)).netloc,
            "date": self.date or format_datetime(datetime.now(timezone.utc)),
            "digest": "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode(),
        }
        signed = self.key.sign(self.message(values, self.names), padding.PKCS1v15(), hashes.SHA256())
        request.headers["Host"] = values["host"]
        request.headers["Date"] = values["date"]
        request.headers["Digest"] = values["digest"]
        request.headers["Authorization"] = (
            f'Signature keyId="{self.key_id}", algorithm="rsa-sha256", headers="{self.names}", '
            f'signature="{base64.b64encode(signed).decode()}"'
        )
        return request


@pytest.fixture
def sign(sandbox: Sandbox) -> Callable[..., Signer]:
    return lambda **changes: Signer(sandbox.connections()["satispay_default"], **changes)
