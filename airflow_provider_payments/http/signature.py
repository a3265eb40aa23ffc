"""Requests that are signed with an RSA key."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING, ClassVar

from airflow_provider_payments.http.auth import Auth, AuthFlow, utc_now
from airflow_provider_payments.http.messages import Request

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


@dataclass(frozen=True)
class HttpSignature(Auth):
    """RSA-SHA256 signatures as in "Signing HTTP Messages" (draft-cavage-http-signatures-10).

    Signs ``(request-target)`` (with the query), ``host``, ``date`` and ``digest``, in this order.

    :param key_id: the name under which the API knows the public key.
    :param private_key: the RSA key.
    :param private_secrets: texts of the key that must not show up in a message.
    """

    key_id: str = field(repr=False)
    private_key: RSAPrivateKey = field(repr=False)
    private_secrets: tuple[str, ...] = field(default=(), repr=False)
    now: Callable[[], datetime] = utc_now
    is_slow: ClassVar[bool] = True

    def auth_flow(self, request: Request) -> AuthFlow:
        yield self.sign(request)

    def sign(self, request: Request) -> Request:
        """Return the request with ``Host``, ``Date``, ``Digest`` and ``Authorization``."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        # format_datetime, for strftime follows the machine's language.
        date = format_datetime(self.now().astimezone(timezone.utc).replace(microsecond=0))
        digest = "SHA-256=" + base64.b64encode(hashlib.sha256(request.body).digest()).decode()
        message = signing_string(request, date=date, digest=digest)
        signature = base64.b64encode(self.private_key.sign(message, PKCS1v15(), SHA256())).decode()
        authorization = (
            f'Signature keyId="{self.key_id}", algorithm="rsa-sha256", '
            f'headers="(request-target) host date digest", signature="{signature}"'
        )
        return request.with_headers(
            {"Host": request.host, "Date": date, "Digest": digest, "Authorization": authorization}
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.private_secrets


def signing_string(request: Request, *, date: str, digest: str) -> bytes:
    """Return the bytes that are signed: lower-case names, single line feeds, none at the end."""
    return "\n".join(
        (
            f"(request-target): {request.method.lower()} {request.target}",
            f"host: {request.host}",
            f"date: {date}",
            f"digest: {digest}",
        )
    ).encode()
