from __future__ import annotations

from typing import Any

import pytest
import requests

from airflow_provider_payments.sandbox import Sandbox

CLIENT = ("sandbox-client", "sandbox-client-secret")
GRANT = {"grant_type": "client_credentials", "scope": "read write"}
LIST_FIELDS = [
    "transaction_id",
    "blockchain",
    "currency",
    "status",
    "amount_usd",
    "amount_crypto",
    "address",
    "token",
    "order_id",
    "created_at",
    "updated_at",
]


def token(sandbox: Sandbox, **kwargs: Any) -> requests.Response:
    request = {"data": GRANT, "auth": CLIENT, **kwargs}
    return requests.post(f"{sandbox.url}/cryptofuse/o/token/", timeout=30, **request)


def bearer(sandbox: Sandbox) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(sandbox).json()['access_token']}"}


def get(sandbox: Sandbox, headers: dict[str, str] | None = None, **params: Any) -> requests.Response:
    url = f"{sandbox.url}/cryptofuse/payments/"
    return requests.get(url, params=params, headers=headers or bearer(sandbox), timeout=30)


def detail(sandbox: Sandbox, payload: Any) -> requests.Response:
    return requests.post(
        f"{sandbox.url}/cryptofuse/payments/status/", json=payload, headers=bearer(sandbox), timeout=30
    )


def test_issues_a_token_for_basic_and_for_form_credentials(sandbox: Sandbox) -> None:
    in_form = {**GRANT, "client_id": CLIENT[0], "client_secret": CLIENT[1]}
    for reply in (token(sandbox), token(sandbox, data=in_form, auth=None)):
        assert reply.status_code == 200
        assert reply.json()["token_type"] == "Bearer"
        assert reply.json()["expires_in"] == 3600
        assert reply.json()["scope"] == "read write"
        assert get(sandbox, {"Authorization": f"Bearer {reply.json()['access_token']}"}).status_code == 200


@pytest.mark.parametrize(
    ("request_parts", "status", "error"),
    [
        ({"auth": ("sandbox-client", "wrong")}, 401, "invalid_client"),
        ({"auth": None}, 401, "invalid_client"),
        ({"auth": None, "headers": {"Authorization": "Basic ###"}}, 401, "invalid_client"),
        ({"data": {"grant_type": "password"}}, 400, "unsupported_grant_type"),
        ({"data": {**GRANT, "scope": "admin"}}, 400, "invalid_scope"),
        ({"data": None, "json": GRANT}, 400, "invalid_request"),
    ],
)
def test_refuses_a_token(sandbox: Sandbox, request_parts: dict[str, Any], status: int, error: str) -> None:
    reply = token(sandbox, **request_parts)
    assert (reply.status_code, reply.json()) == (status, {"error": error})


@pytest.mark.parametrize("header", ["Bearer forged", "Bearer", "sandbox-access-token-1", ""])
def test_refuses_calls_without_a_token(sandbox: Sandbox, header: str) -> None:
    token(sandbox)
    reply = get(sandbox, {"Authorization": header})
    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert set(reply.json()["error"]) == {"code", "message", "details"}


def test_tokens_expire_and_can_be_revoked(sandbox: Sandbox) -> None:
    sandbox.cryptofuse.token_seconds = 50
    headers = bearer(sandbox)
    sandbox.advance(49)
    assert get(sandbox, headers).status_code == 200
    sandbox.advance(2)
    assert get(sandbox, headers).status_code == 401
    headers = bearer(sandbox)
    sandbox.cryptofuse.tokens.clear()
    assert get(sandbox, headers).status_code == 401


def test_the_list_needs_both_scopes(sandbox: Sandbox) -> None:
    narrow = token(sandbox, data={**GRANT, "scope": "read"}).json()
    assert narrow["scope"] == "read"
    assert get(sandbox, {"Authorization": f"Bearer {narrow['access_token']}"}).status_code == 403


@pytest.mark.parametrize(("method", "path"), [("POST", "o/token"), ("POST", "payments/status"), ("GET", "payments")])
def test_no_route_without_its_last_slash(sandbox: Sandbox, method: str, path: str) -> None:
    url = f"{sandbox.url}/cryptofuse/{path}"
    reply = requests.request(method, url, data=GRANT, headers=bearer(sandbox), allow_redirects=False, timeout=30)
    assert reply.status_code == 404


def test_pages_add_up_to_count(sandbox: Sandbox) -> None:
    headers = bearer(sandbox)
    pages = [get(sandbox, headers, offset=offset).json() for offset in (0, 20, 40, 60)]
    assert [len(page["results"]) for page in pages] == [20, 20, 20, 0]
    assert {(page["count"], page["total"], page["limit"]) for page in pages} == {(60, 60, 20)}
    assert len({row["transaction_id"] for page in pages for row in page["results"]}) == 60


def test_begins_with_the_documented_reply(sandbox: Sandbox) -> None:
    first, second = get(sandbox, limit=2).json()["results"]
    assert list(first) == list(second) == LIST_FIELDS
    assert first["transaction_id"] == "550e8400-e29b-41d4-a716-446655440000"
    assert (second["status"], second["amount_crypto"], second["order_id"]) == ("waiting", "50.025000", "ORDER-12346")


def test_a_limit_above_100_is_an_error_as_documented(sandbox: Sandbox) -> None:
    reply = get(sandbox, limit=101)
    assert reply.status_code == 400
    assert reply.json() == {
        "error": {
            "code": "invalid_request",
            "message": "Invalid filter parameters",
            "details": {"limit": ["Ensure this value is less than or equal to 100."]},
        }
    }


@pytest.mark.parametrize("params", [{"limit": 0}, {"offset": -1}, {"status": "partially_paid"}, {"status": "done"}])
def test_refuses_other_values(sandbox: Sandbox, params: dict[str, Any]) -> None:
    reply = get(sandbox, **params)
    assert reply.status_code == 400
    assert list(reply.json()["error"]["details"]) == list(params)


def test_errors_can_come_in_the_old_shape(sandbox: Sandbox) -> None:
    sandbox.cryptofuse.error_shape = "string"
    reply = get(sandbox, limit=101).json()
    assert (reply["error"], set(reply)) == ("invalid_request", {"error", "message", "request_id"})
    sandbox.cryptofuse.error_shape = "detail"
    assert get(sandbox, {"Authorization": "Bearer forged"}).json().keys() == {"detail"}


def test_filters_and_what_they_count(sandbox: Sandbox) -> None:
    everything = get(sandbox, limit=100).json()["results"]
    for name, value in (("status", "completed"), ("currency", "USDTTRC20"), ("token", "USDT")):
        reply = get(sandbox, None, limit=100, **{name: value}).json()
        assert reply["results"] == [row for row in everything if row[name] == value]
        assert (reply["count"], reply["total"]) == (len(reply["results"]), 60)
    sandbox.cryptofuse.total_is_filtered = True
    assert get(sandbox, status="sending").json()["total"] < 60


def test_the_blockchain_filter_says_tron_where_rows_say_trx(sandbox: Sandbox) -> None:
    rows = get(sandbox, blockchain="TRON", limit=100).json()["results"]
    assert {row["blockchain"] for row in rows} == {"TRX"}


def test_detail_is_read_by_post(sandbox: Sandbox) -> None:
    row = get(sandbox).json()["results"][0]
    reply = detail(sandbox, {"transaction_id": row["transaction_id"]}).json()
    assert row.items() <= reply.items()
    assert set(reply) - set(row) == {
        "transaction_hash",
        "order_description",
        "callback_url",
        "expiry_time",
        "is_fixed_rate",
        "is_fee_paid_by_user",
    }


@pytest.mark.parametrize(
    ("payload", "status"), [({"transaction_id": "nobody"}, 404), ({}, 400), ([], 400), ({"transaction_id": 5}, 400)]
)
def test_detail_refuses(sandbox: Sandbox, payload: Any, status: int) -> None:
    assert detail(sandbox, payload).status_code == status


def test_data_has_all_ten_words_and_exact_amounts(sandbox: Sandbox) -> None:
    rows = get(sandbox, limit=100).json()["results"]
    assert {row["status"] for row in rows} == {
        *("waiting", "confirming", "confirmed", "sending", "completed", "expired", "failed"),
        *("partially_completed", "partially_paid", "pending"),
    }
    assert {len(row["amount_usd"].partition(".")[2]) for row in rows} == {2}
    assert {len(row["amount_crypto"].partition(".")[2]) for row in rows} == {6, 8, 18}


def test_a_waiting_payment_goes_through_the_words_in_order(sandbox: Sandbox) -> None:
    known = "660e8400-e29b-41d4-a716-446655440001"
    waiting = [row for row in sandbox.cryptofuse.rows if row["status"] == "waiting" and row["transaction_id"] != known]
    seen: dict[str, list[str]] = {row["transaction_id"]: [] for row in waiting}
    for _ in range(70):
        sandbox.advance(5)
        get(sandbox)
        for row in waiting:
            if [row["status"]] != seen[row["transaction_id"]][-1:]:
                seen[row["transaction_id"]].append(row["status"])
    path = ["waiting", "confirming", "confirmed", "sending"]
    for words in seen.values():
        assert words[:-1] == path
        assert words[-1] in ("completed", "expired", "failed")
