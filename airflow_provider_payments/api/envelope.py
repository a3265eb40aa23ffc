"""APIs whose responses are envelopes: ``{"success": true, "statusCode": 200, "data": …, "errors": []}``.

What the envelope says counts: HTTP 2xx is no proof of success.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

import msgspec

from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.api.decoding import Decoder, decode_reply
from airflow_provider_payments.exceptions import PaymentsAuthError, PaymentsProtocolError
from airflow_provider_payments.http.auth import IssuedToken, TokenAuth
from airflow_provider_payments.http.error_body import UNREADABLE
from airflow_provider_payments.http.messages import Request, Response
from airflow_provider_payments.texts import decode_json
from airflow_provider_payments.times import parse_expiry


class Envelope(msgspec.Struct):
    """What an envelope says of its request: was it a success, and which HTTP status should the response have had?"""

    success: bool | None = None
    statusCode: int | None = None  # noqa: N815 - the API's name


class DetailEnvelope(msgspec.Struct):
    """One payment in its envelope."""

    data: msgspec.Raw


_parse_envelope = Decoder(Envelope).decode


class EnvelopeApi(PaymentsApi):
    """A payment API with such responses."""

    error_fields = ("success statusCode", "success errors", "errors.code", "errors.message")

    def check_body(self, request: Request, response: Response) -> None:
        envelope = decode_reply(self.error_mapper, request, response, lambda body: decode_json(body, _parse_envelope))
        self.error_mapper.raise_for_error(request, response, status=envelope.statusCode)
        if envelope.success is None and envelope.statusCode is None:
            raise self.error_mapper.unreadable(request, response, "it does not say whether it is a success")
        if envelope.success is not True:
            raise self.error_mapper.refuse(request, response)

    def unwrap_detail(self, body: bytes) -> bytes:
        return msgspec.json.decode(body, type=DetailEnvelope).data

    def session_auth(
        self,
        login: Request,
        *,
        secrets: tuple[str, ...],
        key_field: str,
        expiry_field: str,
        headers: Callable[[str], Mapping[str, str]],
    ) -> TokenAuth:
        """Return the way to authenticate with a session key that a login gives.

        :param login: the request that logs in.
        :param secrets: what it carries that must not show up in a message.
        :param key_field: name of the field with the key, in ``data`` of the response.
        :param expiry_field: name of the field beside that tells when the key expires; see
            :func:`~airflow_provider_payments.times.parse_expiry`.
        :param headers: returns the headers that carry a key.
        """
        login = replace(login, is_token_request=True)
        parse = partial(self._parse_session, login, key_field, expiry_field)
        return TokenAuth(token_request=login, parse_token=parse, headers=headers, permanent_secrets=secrets)

    def _parse_session(
        self, login: Request, key_field: str, expiry_field: str, response: Response, now: datetime
    ) -> IssuedToken:
        try:
            envelope, body = decode_json(response.body, _parse_envelope), decode_json(response.body)
            data = body.get("data") or body
            key, expiry = data.get(key_field), data.get(expiry_field)
        except (*UNREADABLE, AttributeError):  # a page of a proxy, say, which tells nothing of the password
            raise PaymentsProtocolError(f"{self.name}: the login's reply is not what the API documents.") from None
        self.error_mapper.raise_for_error(login, response, status=envelope.statusCode)
        if envelope.success is False:
            raise PaymentsAuthError(
                f"{self.name}: the login brought no session key. Check {self.credentials_to_check}."
            )
        if not isinstance(key, str) or not key:
            raise PaymentsProtocolError(f"{self.name}: the login's reply holds no session key.")
        return IssuedToken(key, parse_expiry(expiry, now))
