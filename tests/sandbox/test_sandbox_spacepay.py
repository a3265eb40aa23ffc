from __future__ import annotations

from typing import Any

import pytest
import requests

from airflow_provider_payments.sandbox import Sandbox

KEY = {"X-SpacePay-Secret-Key": "sk_test_sandbox"}
EXAMPLE = "4291f98b-d68c-4eb0-883e-6bc790a41c96"


def get(sandbox: Sandbox, path: str = "", headers: dict[str, str] = KEY, **params: Any) -> requests.Response:
    url = f"{sandbox.url}/spacepay/v1/external/secretkey-auth/payments{path}"
    return requests.get(url, params=params, headers=headers, timeout=30)


@pytest.mark.parametrize("path", ["", f"/{EXAMPLE}"])
@pytest.mark.parametrize(
    "headers", [{"X-SpacePay-Secret-Key": "wrong"}, {}, {"Authorization": "Bearer sk_test_sandbox"}]
)
def test_refuses_a_wrong_key_as_documented(sandbox: Sandbox, path: str, headers: dict[str, str]) -> None:
    reply = get(sandbox, path, headers)
    assert reply.status_code == 401
    assert reply.json() == {
        "error": {
            "type": "authentication_error",
            "message": "Invalid or missing X-SpacePay-Secret-Key header",
            "code": "invalid_api_key",
        }
    }


def test_pages_until_has_more_is_false(sandbox: Sandbox) -> None:
    pages = [get(sandbox, limit=25, offset=offset).json() for offset in (0, 25, 50, 75)]
    assert [len(page["data"]) for page in pages] == [25, 25, 10, 0]
    assert [page["pagination"]["hasMore"] for page in pages] == [True, True, False, False]
    assert pages[1]["pagination"] == {
        "total": 60,
        "limit": 25,
        "offset": 25,
        "hasMore": True,
        "totalPages": 3,
        "currentPage": 2,
    }
    assert len({row["id"] for page in pages for row in page["data"]}) == 60


def test_newest_first_and_the_documented_example_is_the_newest(sandbox: Sandbox) -> None:
    rows = get(sandbox).json()["data"]
    times = [row["createdAt"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert rows[0]["id"] == EXAMPLE
    assert rows[0]["quotes"][0]["expectedAmountAsset"] == "668082370801162"
    assert "updatedAt" not in rows[0]


def test_sorts(sandbox: Sandbox) -> None:
    rows = get(sandbox).json()["data"]
    assert get(sandbox, sortOrder="ASC").json()["data"] == rows[::-1]
    for order in ("ASC", "DESC"):
        found = get(sandbox, sortBy="amountInCents", sortOrder=order).json()["data"]
        cents = [row.get("amountInCents") or 0 for row in found]
        assert cents == sorted(cents, reverse=order == "DESC")


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "all"},
        {"offset": -1},
        {"status": "canceled"},
        {"type": "refund"},
        {"sortBy": "id"},
        {"sortOrder": "asc"},
    ],
)
def test_refuses_other_values(sandbox: Sandbox, params: dict[str, Any]) -> None:
    reply = get(sandbox, **params)
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"
    assert next(iter(params)) in reply.json()["error"]["message"]


def test_filters(sandbox: Sandbox) -> None:
    rows = get(sandbox).json()["data"]
    for name, values in {"status": {row["status"] for row in rows}, "type": {"payment", "deposit"}}.items():
        for value in values:
            reply = get(sandbox, **{name: value}).json()
            assert reply["data"] == [row for row in rows if row[name] == value]
            assert reply["pagination"]["total"] == len(reply["data"]) > 0


def test_search_covers_the_documented_places_and_not_the_order_id(sandbox: Sandbox) -> None:
    row = get(sandbox).json()["data"][0]
    for text in (EXAMPLE, row["depositAddress"]["address"].upper(), row["receipt"]["transactionHash"]):
        assert [found["id"] for found in get(sandbox, search=text).json()["data"]] == [EXAMPLE]
    sender = next(
        row["receipt"]["txSenderAddress"] for row in sandbox.spacepay.rows if "txHash" in (row.get("receipt") or {})
    )
    assert get(sandbox, search=sender).json()["pagination"]["total"] == 1
    assert get(sandbox, search="copycat").json()["pagination"]["total"] == 60
    assert get(sandbox, search="order_123").json()["data"] == []


def test_detail_is_a_bare_object(sandbox: Sandbox) -> None:
    reply = get(sandbox, f"/{EXAMPLE}").json()
    assert reply["id"] == EXAMPLE
    assert reply["updatedAt"] == "2025-10-10T21:45:00.000Z"
    missing = get(sandbox, "/00000000-0000-4000-8000-000000000000")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "payment_not_found")


def test_errors_can_come_in_the_framework_shape(sandbox: Sandbox) -> None:
    sandbox.spacepay.error_shape = "string"
    assert get(sandbox, "/nobody").json() == {
        "statusCode": 404,
        "message": "Payment not found",
        "error": "payment_not_found",
    }


def test_data_has_every_status_and_its_difficulties(sandbox: Sandbox) -> None:
    rows = get(sandbox).json()["data"]
    words = {"pending", "processing", "completed", "failed", "expired", "cancelled"}
    assert {row["status"] for row in rows} == words
    deposits = [row for row in rows if row["type"] == "deposit"]
    unpaid = [row.get("amountInCents", "absent") for row in deposits if row["status"] != "completed"]
    assert {None, 0, "absent"} <= set(unpaid)
    assert all(row["amountInCents"] for row in deposits if row["status"] == "completed")
    assert {bool(row.get("receipt")) for row in rows if row["status"] == "completed"} == {True}
    assert {bool(row.get("receipt")) for row in rows if row["status"] != "completed"} == {False}
    shapes = {next(iter(row["receipt"])) for row in rows if row.get("receipt")}
    assert shapes == {"transactionHash", "txHash"}
    assert any(row["orderId"] is None for row in rows)
    assert any(row["orderId"] and not row["orderId"].isascii() for row in rows)


def test_a_row_that_comes_in_between_moves_the_pages(sandbox: Sandbox) -> None:
    def arrive(_call: object) -> None:
        if len(sandbox.requests) == 2:
            sandbox.spacepay.add(status="pending")

    sandbox.before_reply = arrive
    first = [row["id"] for row in get(sandbox, limit=30, offset=0).json()["data"]]
    second = get(sandbox, limit=30, offset=30).json()
    assert second["data"][0]["id"] == first[-1]
    assert second["pagination"]["total"] == 61
