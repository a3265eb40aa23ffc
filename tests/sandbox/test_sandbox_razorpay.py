from __future__ import annotations

import base64
import json
from collections import Counter
from typing import Any

import pytest
import requests

from airflow_provider_payments.sandbox import Sandbox
from airflow_provider_payments.sandbox.razorpay import KEY_IDS, KEY_SECRET

NA = {"source": "NA", "step": "NA", "reason": "NA", "metadata": {}}
INPUT = {"source": "business", "step": "payment_initiation", "reason": "input_validation_failed", "metadata": {}}


def basic(text: str, scheme: str = "Basic") -> dict[str, str]:
    return {"Authorization": f"{scheme} {base64.b64encode(text.encode()).decode()}"}


KEY = basic(f"{KEY_IDS[0]}:{KEY_SECRET}")


def get(sandbox: Sandbox, path: str = "/payments", headers: dict[str, str] = KEY, **params: Any) -> requests.Response:
    return requests.get(f"{sandbox.url}/razorpay/v1{path}", params=params, headers=headers, timeout=30)


def error(description: str, code: str = "BAD_REQUEST_ERROR", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "description": description, **more}}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic(f"{KEY_IDS[0]}:wrong"),
        basic(f"rzp_live_wrong:{KEY_SECRET}"),
        basic(f"{KEY_IDS[0]}:{KEY_SECRET}", "basic"),  # which Razorpay refuses, though HTTP permits it
        {"Authorization": f'"{KEY["Authorization"]}"'},
    ],
)
@pytest.mark.parametrize("path", ["/payments", "/payments/pay_1", "/orders/order_1/payments"])
def test_refuses_a_wrong_key_as_documented(sandbox: Sandbox, path: str, headers: dict[str, str]) -> None:
    reply = get(sandbox, path, headers)
    assert (reply.status_code, reply.json()) == (401, error("The api key provided is invalid", **NA))


@pytest.mark.parametrize("key_id", KEY_IDS)
def test_takes_keys_of_both_modes(sandbox: Sandbox, key_id: str) -> None:
    assert get(sandbox, headers=basic(f"{key_id}:{KEY_SECRET}")).json() == get(sandbox).json()


def test_refuses_an_address_and_an_account(sandbox: Sandbox) -> None:
    account = {**KEY, "X-Razorpay-Account": "acc_another"}
    assert get(sandbox, headers=account).json() == error(
        "The id provided does not exist or access is unauthorised", **NA
    )
    assert get(sandbox, headers={**KEY, "X-Razorpay-Account": "acc_sandbox0000001"}).status_code == 200
    sandbox.razorpay.denied_with = 400
    reply = get(sandbox)
    assert (reply.status_code, reply.json()) == (400, error("Access Denied", **NA))


def test_ten_by_default_and_count_is_the_pages_own(sandbox: Sandbox) -> None:
    pages = [get(sandbox, **asked).json() for asked in ({}, {"count": 25, "skip": 50}, {"count": 100, "skip": 60})]
    assert [page["count"] for page in pages] == [len(page["items"]) for page in pages] == [10, 10, 0]
    assert {page["entity"] for page in pages} == {"collection"}
    times = [row["created_at"] for row in get(sandbox, count=100).json()["items"]]
    assert times == sorted(times, reverse=True)
    assert len(times) == 60


@pytest.mark.parametrize(
    ("asked", "description", "field"),
    [
        ({"count": 0}, "The count must be at least 1.", "count"),
        ({"count": 101}, "The count may not be greater than 100.", "count"),
        ({"skip": -1}, "The skip must be at least 0.", "skip"),
        ({"from": "yesterday"}, "from must be an integer.", "from"),
        ({"from": 946684799}, "from must be between 946684800 and 4765046400", "from"),
        ({"to": 4765046401}, "to must be between 946684800 and 4765046400", "to"),
    ],
)
def test_refuses_what_makes_no_sense(sandbox: Sandbox, asked: dict[str, Any], description: str, field: str) -> None:
    reply = get(sandbox, **asked)
    assert (reply.status_code, reply.json()) == (400, error(description, **INPUT, field=field))


def test_what_is_not_there_is_400(sandbox: Sandbox) -> None:
    reply = get(sandbox, "/payments/pay_unknown")
    assert (reply.status_code, reply.json()) == (400, error("The id provided does not exist", **INPUT))
    reply = get(sandbox, "/refunds/of/mine")
    assert (reply.status_code, reply.json()) == (400, error("The requested URL was not found on the server", **NA))


def test_from_and_to(sandbox: Sandbox) -> None:
    times = sorted(row["created_at"] for row in sandbox.razorpay.rows)
    first, last = times[10], times[40]

    def listed() -> list[int]:
        return [row["created_at"] for row in get(sandbox, **{"from": first, "to": last}, count=100).json()["items"]]

    assert sorted(listed()) == [time for time in times if first <= time <= last]
    sandbox.razorpay.includes_bounds = False
    assert sorted(listed()) == [time for time in times if first < time < last]


def test_an_orders_payments_oldest_first(sandbox: Sandbox) -> None:
    page = get(sandbox, "/orders/order_sandbox0000002/payments").json()
    assert page["count"] == 2
    assert [row["status"] for row in page["items"]] == ["failed", "captured"]


def test_expansions(sandbox: Sandbox) -> None:
    assert "card" not in get(sandbox).json()["items"][0]
    assert get(sandbox, **{"expand[]": "card"}).json()["items"][0]["card"]["last4"] == "0153"
    reply = get(sandbox, **{"expand[]": "payer"})
    assert reply.status_code == 400
    assert reply.json()["error"]["field"] == "expand.0"


def test_ties_keep_their_places_or_not(sandbox: Sandbox) -> None:
    at = sandbox.razorpay.newest
    for _ in range(30):
        sandbox.razorpay.add(at)

    def listed() -> str:
        return json.dumps(get(sandbox, count=30).json())

    assert listed() == listed()
    sandbox.razorpay.shuffles_ties = True
    assert listed() != listed()


def test_payments_unlike_each_other() -> None:
    rows = Sandbox(payments=500).razorpay.rows
    assert len({row["id"] for row in rows}) == 500
    assert {row["status"] for row in rows} == {"captured", "created", "authorized", "pending", "failed", "refunded"}
    assert {row["currency"] for row in rows} == {"INR", "USD", "JPY", "KWD"}
    for row in rows:
        is_abroad = row["currency"] != "INR"
        assert ("base_amount" in row) == ("base_currency" in row) == row["international"] == is_abroad
        assert (row["fee"] is None) == (row["tax"] is None) == (not row["captured"])
        assert row["refund_status"] == {0: None, row["amount"]: "full"}.get(row["amount_refunded"], "partial")
        assert (row["error_code"] is not None) == (row["status"] == "failed")
    kinds = Counter(type(row["notes"]).__name__ + str(bool(row["notes"])) for row in rows)
    assert set(kinds) == {"listFalse", "dictFalse", "dictTrue"}
    assert any(row["fee"] == 0 for row in rows)
    assert any(row["status"] == "refunded" and not row["captured"] for row in rows)
    assert any(row["order_id"] is None for row in rows)


def test_payments_settle_and_some_that_failed_wake_up() -> None:
    sandbox = Sandbox(payments=3000)
    seen = {id(row): [row["status"]] for row in sandbox.razorpay.rows}
    for elapsed in range(1, 40):
        sandbox.razorpay.settle(elapsed / 10)
        for row in sandbox.razorpay.rows:
            if seen[id(row)][-1] != row["status"]:
                seen[id(row)].append(row["status"])
    lives = {tuple(life) for life in seen.values()}
    assert ("created", "authorized", "captured") in lives
    assert ("created", "failed", "authorized", "captured") in lives
    assert ("authorized", "refunded") in lives
    assert ("pending", "captured") in lives


def test_its_own_words_when_it_is_busy_or_down(sandbox: Sandbox) -> None:
    sandbox.faults.throttle_every = 1
    reply = get(sandbox)
    assert (reply.status_code, reply.json()) == (429, error("Too many requests", **NA))
    sandbox.faults.throttle_every, sandbox.faults.fail_every = 0, 1
    reply = get(sandbox)
    assert reply.status_code == 500
    assert reply.json()["error"]["code"] == "SERVER_ERROR"
    assert reply.json()["error"]["description"].startswith("We are facing some trouble")
