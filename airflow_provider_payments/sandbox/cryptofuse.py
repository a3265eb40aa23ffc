"""CryptoFuse in the sandbox: OAuth 2.0 client credentials, offset pages, a detail that is read by POST."""

from __future__ import annotations

import base64
import binascii
import copy
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from airflow_provider_payments.sandbox import examples
from airflow_provider_payments.sandbox.api import Answer, Api, Built, Call, Problem, Row, only
from airflow_provider_payments.sandbox.cryptofuse_data import STATUSES, build_payment, detailed
from airflow_provider_payments.sandbox.data import Dice

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105
FILTER_STATUSES = ("waiting", "confirming", "confirmed", "sending", "completed", "expired", "failed")
CHAIN_NAMES = {"TRON": "TRX", "ETHEREUM": "ETH"}
"""The documented filter value TRON finds rows whose blockchain is TRX."""


class CryptoFuse(Api):
    """``rows`` are served as they stand, and also carry the fields that only the detail shows."""

    name = "cryptofuse"
    newest = datetime(2026, 1, 15, 11, 0, tzinfo=timezone.utc)
    time_field = "created_at"
    hidden = frozenset(
        {"transaction_hash", "order_description", "callback_url", "expiry_time", "is_fixed_rate", "is_fee_paid_by_user"}
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.token_seconds: float = 3600
        self.client = (CLIENT_ID, CLIENT_SECRET)
        self.tokens: dict[str, tuple[float, set[str]]] = {}
        """Issued access tokens: when each expires on the sandbox's clock, and its scopes. Clear it to revoke all."""
        self._issued = 0
        self.required_scopes = {"read", "write"}
        self.error_shape = "object"
        """``object`` as documented now, ``string`` as an older version documents, ``detail`` as its framework would."""
        self.total_is_filtered = False

    def connection(self, url: str) -> Row:
        host = f"{url}/cryptofuse"
        return {"conn_type": "cryptofuse", "host": host, "login": self.client[0], "password": self.client[1]}

    def respond(self, call: Call) -> Answer:
        if call.route == "/o/token/":
            only(call, "POST")
            return self._token(call)
        if call.route == "/payments/":
            self._check_token(call)
            only(call, "GET")
            return self._list(call)
        if call.route == "/payments/status/":
            self._check_token(call)
            only(call, "POST")
            return self._detail(call)
        raise Problem(404, "Not found.", "not_found")

    def _token(self, call: Call) -> Answer:
        """Answers in the words of OAuth 2.0 (RFC 6749, section 5)."""
        form = dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))
        if not call.header("Content-Type").startswith("application/x-www-form-urlencoded"):
            return Answer.json({"error": "invalid_request"}, 400)
        if _client(call, form) != self.client:
            return Answer.json({"error": "invalid_client"}, 401, WWW_Authenticate="Basic")
        if form.get("grant_type") != "client_credentials":
            return Answer.json({"error": "unsupported_grant_type"}, 400)
        scopes = form.get("scope", "read write").split()
        if not scopes or not {"read", "write"}.issuperset(scopes):
            return Answer.json({"error": "invalid_scope"}, 400)
        self._issued += 1
        token = f"sandbox-access-token-{self._issued}"
        self.tokens[token] = (self.clock.elapsed() + self.token_seconds, set(scopes))
        reply = {"access_token": token, "expires_in": int(self.token_seconds), "token_type": "Bearer"}
        return Answer.json({**reply, "scope": " ".join(scopes)}, Cache_Control="no-store")

    def _check_token(self, call: Call) -> None:
        scheme, _, token = call.header("Authorization").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem(401, "Authentication credentials were not provided.", "not_authenticated")
        expires, scopes = self.tokens.get(token, (0.0, set[str]()))
        if expires <= self.clock.elapsed():
            raise Problem(401, "The access token is invalid or has expired.", "invalid_token")
        if not scopes >= self.required_scopes:
            raise Problem(403, "The access token lacks a scope.", "insufficient_scope")

    def _list(self, call: Call) -> Answer:
        limit = call.number("limit", 20, 1, 100)
        offset = call.number("offset", 0, 0)
        filters = {
            name: call.query[name] for name in ("status", "currency", "blockchain", "token") if call.query.get(name)
        }
        call.one_of("status", FILTER_STATUSES)
        if "blockchain" in filters:
            filters["blockchain"] = CHAIN_NAMES.get(filters["blockchain"].upper(), filters["blockchain"])
        rows = self.having(filters)
        total = len(rows if self.total_is_filtered else self.rows)
        page = [self.shown(row) for row in rows[offset : offset + limit]]
        return Answer.json({"count": len(rows), "total": total, "offset": offset, "limit": limit, "results": page})

    def _detail(self, call: Call) -> Answer:
        wanted = call.json().get("transaction_id")
        if not isinstance(wanted, str):
            raise Problem(400, "This field is required.", "invalid_request", "transaction_id")
        row = next((row for row in self.rows if row["transaction_id"] == wanted), None)
        if row is None:
            raise Problem(404, "Transaction not found.", "not_found")
        return Answer.json(row)

    def refuse(self, problem: Problem) -> Answer:
        challenge = {"WWW_Authenticate": "Bearer"} if problem.status == 401 else {}
        if self.error_shape == "detail":
            return Answer.json({"detail": problem.message}, problem.status, **challenge)
        if self.error_shape == "string":
            flat = {"error": problem.code, "message": problem.message, "request_id": "sandbox-request"}
            return Answer.json(flat, problem.status, **challenge)
        message = "Invalid filter parameters" if problem.field else problem.message
        details = {problem.field: [problem.message]} if problem.field else {}
        error = {"code": problem.code, "message": message, "details": details}
        return Answer.json({"error": error}, problem.status, **challenge)

    def examples(self) -> list[Built]:
        """As the page prints them: the older one first."""
        paid, waiting = copy.deepcopy(examples.CRYPTOFUSE)
        done = {"status": "completed", "updated_at": "2026-01-15T11:20:00Z", "transaction_hash": "0x" + "ab" * 32}
        return [(detailed(paid, "ab" * 32), []), (detailed(waiting, None), [(1.0, done)])]

    def build(self, dice: Dice, created: datetime, index: int | None) -> Built:
        return build_payment(dice, created, dice.word(index, STATUSES))


def _client(call: Call, form: dict[str, str]) -> tuple[str, str]:
    """The client's id and secret, from HTTP Basic or from the form."""
    scheme, _, encoded = call.header("Authorization").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(client), unquote_plus(secret)
