"""CryptoFuse: tokens that expire, two names for one chain, and a read by POST."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from airflow_provider_payments.exceptions import (
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsProtocolError,
    PaymentsRequestError,
)
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Call, Sandbox

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]
BASIC = "Basic " + base64.b64encode(b"sandbox-client:sandbox-client-secret").decode()


def token_calls(sandbox: Sandbox) -> list[Call]:
    return [call for call in sandbox.requests if call.route == "/o/token/"]


@pytest.mark.parametrize(("client_auth", "header"), [(None, BASIC), ("basic", BASIC), ("body", "")])
def test_the_token_request(
    connect: Connect, collect: Collect, sandbox: Sandbox, client_auth: str | None, header: str
) -> None:
    assert collect(connect("cryptofuse", {"client_auth": client_auth}))
    (call,) = token_calls(sandbox)
    form = parse_qs(call.body.decode())
    assert call.header("Authorization") == header
    assert (form["grant_type"], form["scope"]) == (["client_credentials"], ["read write"])
    assert ("client_secret" in form) == (client_auth == "body")


def test_one_token_for_a_whole_walk_and_for_the_next(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    hook = connect("cryptofuse", {"page_size": 2})
    assert len(collect(hook)) == len(collect(hook)) == 40
    assert len(token_calls(sandbox)) == 1


@pytest.mark.parametrize("at", [2, 3, 7])
def test_a_token_that_is_revoked_is_renewed_once(connect: Connect, collect: Collect, sandbox: Sandbox, at: int) -> None:
    def revoke(call: Call) -> None:
        if len(sandbox.requests) == at:
            sandbox.cryptofuse.tokens.clear()

    sandbox.before_reply = revoke
    assert len(collect(connect("cryptofuse", {"page_size": 5, "max_concurrency": 4}))) == 40
    assert len(token_calls(sandbox)) == 2


def test_a_token_that_is_never_accepted(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    sandbox.before_reply = lambda call: sandbox.cryptofuse.tokens.clear()
    with pytest.raises(PaymentsAuthError, match="HTTP 401"):
        collect(connect("cryptofuse"))
    assert [call.route for call in sandbox.requests] == ["/o/token/", "/payments/"] * 2


def test_a_token_that_expires_is_renewed_before_use(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    sandbox.cryptofuse.tokens["short"] = (float("inf"), {"read", "write"})
    sandbox.faults.reply_with["cryptofuse"].append((200, {}, b'{"access_token": "short", "expires_in": 0.000001}'))
    assert len(collect(connect("cryptofuse", {"page_size": 20, "max_concurrency": 1}))) == 40
    assert len(token_calls(sandbox)) == 2
    assert {call.status for call in sandbox.requests} == {200}


@pytest.mark.parametrize("lifetime", [b'"3600"', b"3600.5", b'" 3600 "', b'"2036-01-01T00:00:00Z"', b"2082758400"])
def test_a_lifetime_in_whatever_form_is_kept_to(
    connect: Connect, collect: Collect, sandbox: Sandbox, lifetime: bytes
) -> None:
    sandbox.cryptofuse.tokens["long"] = (float("inf"), {"read", "write"})
    body = b'{"access_token": "long", "token_type": "bearer", "expires_in": %s}' % lifetime
    sandbox.faults.reply_with["cryptofuse"].append((200, {}, body))
    hook = connect("cryptofuse", {"page_size": 20, "max_concurrency": 1})
    assert len(collect(hook)) == 40
    assert hook.resolve()[0].auth._token.expires_at is not None
    assert len(token_calls(sandbox)) == 1


@pytest.mark.parametrize(
    "lifetime",
    [b"null", b"0", b"-1", b'"0"', b'"soon"', b'"2020-01-01T00:00:00Z"', b"1577836800", b"true", b"[]", None],
)
def test_a_lifetime_that_says_nothing_is_until_the_api_says_no(
    connect: Connect, collect: Collect, sandbox: Sandbox, lifetime: bytes | None
) -> None:
    """Taken at its word, a key that lives 0 seconds would be asked for before each request."""
    sandbox.cryptofuse.tokens["some"] = (float("inf"), {"read", "write"})
    told = b"" if lifetime is None else b', "expires_in": ' + lifetime
    sandbox.faults.reply_with["cryptofuse"].append((200, {}, b'{"access_token": "some"%s}' % told))

    def revoke(call: Call) -> None:
        if len(sandbox.requests) == 3:
            sandbox.cryptofuse.tokens.pop("some")

    sandbox.before_reply = revoke
    assert len(collect(connect("cryptofuse", {"page_size": 20, "max_concurrency": 1}))) == 40
    assert len(token_calls(sandbox)) == 2


@pytest.mark.parametrize("client_auth", ["basic", "body"])
@pytest.mark.parametrize("secret", ["a+b", "a%b", "100%41", "a:b", "a b", "é€ключ", "&=?/#", "%2B", "~-._*'()"])
def test_a_client_secret_may_have_any_character(
    connect: Connect, collect: Collect, sandbox: Sandbox, client_auth: str, secret: str
) -> None:
    sandbox.cryptofuse.client = (f"id:{secret}", secret)
    assert collect(connect("cryptofuse", {"client_auth": client_auth}))


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"{}", PaymentsProtocolError),
        (200, b"<html>", PaymentsProtocolError),
        (200, b'{"access_token": null}', PaymentsProtocolError),
        (400, b'{"error": "invalid_scope"}', PaymentsAuthError),
        (401, b'{"error": "invalid_client"}', PaymentsAuthError),
        (404, b'{"detail": "Not found."}', PaymentsRequestError),
    ],
)
def test_a_token_endpoint_that_gives_none(
    connect: Connect, collect: Collect, sandbox: Sandbox, status: int, body: bytes, error: type[Exception]
) -> None:
    sandbox.faults.reply_with["cryptofuse"].append((status, {}, body))
    with pytest.raises(error, match="cryptofuse"):
        collect(connect("cryptofuse"))
    assert len(sandbox.requests) == 1


def test_the_code_of_a_refused_client_is_told(connect: Connect, collect: Collect) -> None:
    with pytest.raises(PaymentsAuthError, match=r"invalid_client.*connection"):
        collect(connect("cryptofuse", password="wrong-secret"))


def test_a_scope_that_does_not_suffice(connect: Connect, collect: Collect) -> None:
    with pytest.raises(PaymentsAuthError, match="HTTP 403"):
        collect(connect("cryptofuse", {"scope": "read"}))


@pytest.mark.parametrize("path", ["/o/token/", "o/token/", "", None])
@pytest.mark.parametrize("key", ["auth_path", "token_path"])  # the latter is the former name
def test_the_token_path(connect: Connect, collect: Collect, key: str, path: str | None) -> None:
    assert collect(connect("cryptofuse", {key: path}))


@pytest.mark.parametrize("key", ["auth_path", "token_path"])
def test_a_wrong_token_path(connect: Connect, collect: Collect, key: str) -> None:
    with pytest.raises(PaymentsConfigError, match=f"'{key}' in extra"):
        connect("cryptofuse", {key: "/o/to ken/"}).resolve()
    with pytest.raises(PaymentsConfigError, match="Keep 'auth_path'"):
        connect("cryptofuse", {"auth_path": "/o/token/", "token_path": "/oauth/"}).resolve()


@pytest.mark.parametrize("missing", ["login", "password"])
def test_id_and_secret_are_needed(connect: Connect, missing: str) -> None:
    with pytest.raises(PaymentsConfigError, match=missing):
        connect("cryptofuse", **{missing: ""}).resolve()


def test_client_auth_has_two_ways(connect: Connect) -> None:
    with pytest.raises(PaymentsConfigError, match="basic, body"):
        connect("cryptofuse", {"client_auth": "post"}).resolve()


@pytest.mark.parametrize("chain", ["TRON", "TRX"])
def test_both_names_of_the_chain_find_its_payments(
    connect: Connect, collect: Collect, sandbox: Sandbox, chain: str
) -> None:
    wanted = {row["transaction_id"] for row in sandbox.cryptofuse.rows if row["blockchain"] == "TRX"}
    hook = connect("cryptofuse", {"page_size": 9})
    assert {each.id for each in collect(hook, filters={"blockchain": chain})} == wanted
    assert {each.id for each in collect(hook, filters={"blockchain": chain, "token": "USDT"})} == wanted
    assert {each.crypto_network for each in collect(hook, filters={"blockchain": "ETH"})} == {"ETH"}


def test_our_pending_is_more_than_theirs(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    found = {each.provider_status for each in collect(connect("cryptofuse"), statuses=["pending"])}
    assert found == {"waiting", "pending"}
    assert {row["status"] for row in sandbox.cryptofuse.rows} > found


def test_a_status_that_the_list_can_filter_is_asked_for(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    assert collect(connect("cryptofuse"), statuses=["succeeded", "expired"])
    assert {call.query.get("status") for call in sandbox.requests[1:]} == {"completed", "expired"}


def test_the_detail_is_a_post_that_may_be_repeated(connect: Connect, ask: Any, sandbox: Sandbox) -> None:
    row = sandbox.cryptofuse.rows[0]
    sandbox.faults.throttle_every, sandbox.faults.retry_after = 2, "0.01"
    found = ask(connect("cryptofuse").get_payment, row["transaction_id"])
    assert (found.transaction_hash, found.description) == (row["transaction_hash"], row["order_description"])
    assert {(call.method, call.route) for call in sandbox.requests[1:]} == {("POST", "/payments/status/")}


@pytest.mark.parametrize("shape", ["object", "string", "detail"])
def test_every_shape_of_an_error_is_read(connect: Connect, collect: Collect, sandbox: Sandbox, shape: str) -> None:
    sandbox.cryptofuse.error_shape = shape
    with pytest.raises(PaymentsRequestError, match="cryptofuse") as caught:
        collect(connect("cryptofuse", {"page_size": 100}), filters={"currency": "x"}) or _too_large(connect, collect)
    assert ("is not a valid" in str(caught.value)) or ("less than or equal" in str(caught.value)) or (shape == "object")
    assert caught.value.code == (None if shape == "detail" else "invalid_request")


def _too_large(connect: Connect, collect: Collect) -> None:
    """A larger limit than the API permits, which the connection would not let through."""
    hook = connect("cryptofuse")
    api, config = hook.resolve()
    with hook.sync_client(config) as client:
        client.send(api.list_request({"limit": "101"}))


@pytest.mark.parametrize("amount", ["1,5", "NaN", "", "1e999999999"])
def test_an_amount_that_is_no_number_is_an_error(
    connect: Connect, collect: Collect, sandbox: Sandbox, amount: str
) -> None:
    sandbox.cryptofuse.rows[3]["amount_usd"] = amount
    with pytest.raises(PaymentsProtocolError, match="cryptofuse"):
        collect(connect("cryptofuse"))
