from __future__ import annotations

from typing import Any

import pytest
import requests

from airflow_provider_payments.sandbox import Sandbox

FIELDS = {"memo", "item_id", "timestamp", "amount", "token_id", "sender_id", "near_trx", "status"}
STATUSES = {
    "PENDING",
    "PROCESSING",
    "SUCCESS",
    "REFUNDED",
    "FAILED",
    "INCOMPLETE_DEPOSIT",
    "PENDING_DEPOSIT",
    "KNOWN_DEPOSIT_TX",
}


def get(sandbox: Sandbox, headers: dict[str, str] | None = None, **params: Any) -> requests.Response:
    token = sandbox.connections()["hotpay_default"]["password"]
    url = f"{sandbox.url}/hotpay/partners/processed_payments"
    return requests.get(url, params=params, headers=headers or {"Authorization": token}, timeout=30)


@pytest.mark.parametrize("header", [("Authorization", "{}"), ("Authorization", "Bearer {}"), ("Api-Key", "{}")])
def test_takes_the_token_in_each_form_seen_in_the_wild(sandbox: Sandbox, header: tuple[str, str]) -> None:
    token = sandbox.connections()["hotpay_default"]["password"]
    assert get(sandbox, {header[0]: header[1].format(token)}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"X": "y"}, {"Authorization": "wrong"}, {"Authorization": "Basic sandbox.hotpay.token"}, {"Api-Key": ""}],
)
def test_refuses_other_tokens(sandbox: Sandbox, headers: dict[str, str]) -> None:
    reply = get(sandbox, headers)
    assert reply.status_code == 401
    assert reply.json() == {"error": "Invalid or missing Authorization token"}


def test_can_insist_on_one_form(sandbox: Sandbox) -> None:
    sandbox.hotpay.auth_schemes = {"bearer"}
    assert get(sandbox).status_code == 401
    assert get(sandbox, {"Authorization": "Bearer sandbox.hotpay.token"}).status_code == 200


def test_count_is_that_of_the_page_and_the_last_page_is_short(sandbox: Sandbox) -> None:
    pages = [get(sandbox, limit=25, offset=offset).json() for offset in (0, 25, 50, 75)]
    assert [page["pagination"]["count"] for page in pages] == [25, 25, 10, 0]
    assert [page["pagination"]["offset"] for page in pages] == [0, 25, 50, 75]
    assert [row for page in pages for row in page["payments"]] == get(sandbox).json()["payments"]


def test_lowers_a_limit_that_is_too_large_and_says_so(sandbox: Sandbox) -> None:
    assert get(sandbox).json()["pagination"]["limit"] == 100
    assert get(sandbox, limit=5000).json()["pagination"]["limit"] == 1000
    sandbox.hotpay.max_limit = 7
    assert get(sandbox, limit=50).json()["pagination"] == {"limit": 7, "offset": 0, "count": 7}
    sandbox.hotpay.tells_limit = False
    assert get(sandbox, limit=50).json()["pagination"] == {"limit": 50, "offset": 0, "count": 7}


@pytest.mark.parametrize("params", [{"limit": "ten"}, {"limit": -1}, {"offset": -1}])
def test_refuses_what_is_no_number(sandbox: Sandbox, params: dict[str, Any]) -> None:
    assert get(sandbox, **params).status_code == 400


@pytest.mark.parametrize("name", ["memo", "item_id", "sender_id"])
def test_filters(sandbox: Sandbox, name: str) -> None:
    everything = get(sandbox).json()["payments"]
    wanted = everything[0][name]
    assert get(sandbox, None, **{name: wanted}).json()["payments"] == [row for row in everything if row[name] == wanted]
    assert get(sandbox, None, **{name: "nobody"}).json()["payments"] == []


def test_data_has_every_status_and_its_difficulties(sandbox: Sandbox) -> None:
    rows = get(sandbox).json()["payments"]
    assert set(rows[0]) == FIELDS
    assert {row["status"] for row in rows} == STATUSES
    assert all(row["amount"].isdigit() for row in rows)
    assert any(len(row["amount"]) > 22 for row in rows), "no amount of a token with 24 decimals"
    unfinished = [row for row in rows if row["status"] not in ("SUCCESS", "REFUNDED", "FAILED")]
    assert all(not row.get("near_trx") and not row.get("timestamp") for row in unfinished)
    finished = [row["near_trx"] for row in rows if row not in unfinished]
    assert len(set(finished)) < len(finished), "no transaction with several transfers"


def test_payment_id_is_shown_on_request_only_and_stays(sandbox: Sandbox) -> None:
    assert "payment_id" not in get(sandbox).json()["payments"][0]
    sandbox.hotpay.with_payment_id = True
    before = [row["payment_id"] for row in get(sandbox).json()["payments"]]
    sandbox.settle()
    assert [row["payment_id"] for row in get(sandbox).json()["payments"]] == before
    assert len(set(before)) == 60


def test_knows_no_other_route(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/hotpay/partners/processed_payments"
    headers = {"Authorization": "sandbox.hotpay.token"}
    assert requests.get(f"{url}/", headers=headers, timeout=30).status_code == 404
    assert requests.post(url, headers=headers, timeout=30).status_code == 405
