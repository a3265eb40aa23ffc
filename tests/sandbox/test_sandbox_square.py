from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests

from airflow_provider_payments.sandbox import Sandbox

KEY = {"Authorization": "Bearer sandbox_access_token"}
MAIN, TOKYO, CLOSED = "LSANDBOXMAIN01", "LSANDBOXTOKYO2", "LSANDBOXCLOSD3"
FIRST = "2013-01-01T00:00:00Z"
EXAMPLE = "sandboxPaymentExample0000001"


def get(sandbox: Sandbox, path: str = "payments", headers: dict[str, str] = KEY, **params: Any) -> requests.Response:
    return requests.get(f"{sandbox.url}/square/v2/{path}", params=params, headers=headers, timeout=30)


def error_of(reply: requests.Response) -> tuple[int, str, str, str]:
    (error,) = reply.json()["errors"]
    assert error["detail"]
    return reply.status_code, error["category"], error["code"], error.get("field", "")


def list_ids(sandbox: Sandbox, **params: Any) -> list[str]:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = get(sandbox, **{"begin_time": FIRST, **params}, **cursor).json()
        found += [row["id"] for row in page.get("payments", [])]
        if "cursor" not in page:
            return found
        cursor = {"cursor": page["cursor"]}


def ids_at(sandbox: Sandbox, location: str) -> list[str]:
    return [row["id"] for row in sandbox.square.rows if row["location_id"] == location]


def test_locations_are_on_one_page_with_the_inactive_one(sandbox: Sandbox) -> None:
    places = get(sandbox, "locations").json()["locations"]
    assert [(place["id"], place["status"], place["currency"]) for place in places] == [
        (MAIN, "ACTIVE", "USD"),
        (TOKYO, "ACTIVE", "JPY"),
        (CLOSED, "INACTIVE", "CAD"),
    ]


def test_without_a_location_the_list_is_of_the_main_one(sandbox: Sandbox) -> None:
    assert list_ids(sandbox) == ids_at(sandbox, MAIN) == list_ids(sandbox, location_id=MAIN)
    assert list_ids(sandbox, location_id=CLOSED) == ids_at(sandbox, CLOSED) != []
    assert error_of(get(sandbox, location_id="L0")) == (404, "INVALID_REQUEST_ERROR", "NOT_FOUND", "location_id")


def test_newest_first_and_the_documented_example_is_the_newest(sandbox: Sandbox) -> None:
    rows = get(sandbox, begin_time=FIRST).json()["payments"]
    assert rows[0]["id"] == EXAMPLE
    times = [datetime.fromisoformat(row["created_at"].replace("Z", "+00:00")) for row in rows]
    assert times == sorted(times, reverse=True)
    assert list_ids(sandbox, sort_order="ASC") == list_ids(sandbox)[::-1]
    assert sorted(list_ids(sandbox, sort_field="UPDATED_AT")) == sorted(list_ids(sandbox))


def test_times_have_as_many_digits_as_it_takes(sandbox: Sandbox) -> None:
    with Sandbox(payments={"square": 1000}) as large:
        assert {len(row["created_at"]) for row in large.square.rows} >= {20, 23, 24}


def test_the_list_begins_a_year_ago_and_ends_now(sandbox: Sandbox) -> None:
    now = sandbox.square.now
    old = sandbox.square.add(now - timedelta(days=366), location_id=MAIN)["id"]
    young = sandbox.square.add(now - timedelta(days=364), location_id=MAIN)["id"]
    shown = [row["id"] for row in get(sandbox, limit=100).json()["payments"]]
    assert young in shown
    assert old not in shown
    assert old in list_ids(sandbox)


def test_bounds_of_time(sandbox: Sandbox) -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    row = sandbox.square.add(moment, location_id=MAIN)
    at, later = "2026-01-01T12:00:00Z", "2026-01-01T13:00:00.001+01:00"
    assert list_ids(sandbox, begin_time=at, end_time=later) == [row["id"]]
    assert row["id"] in list_ids(sandbox, end_time=at)
    sandbox.square.counts_end_in = False
    assert row["id"] not in list_ids(sandbox, end_time=at)
    invalid = (400, "INVALID_REQUEST_ERROR", "INVALID_TIME_RANGE", "begin_time")
    assert error_of(get(sandbox, begin_time=at, end_time=at)) == invalid
    for wrong in ("yesterday", "2026-01-01", "2026-01-01T12:00:00 01:00", ""):
        assert error_of(get(sandbox, begin_time=wrong))[2:] == ("INVALID_TIME", "begin_time")


@pytest.mark.parametrize("limit", [1, 7, 100, 5000])
def test_cursors_lead_through_the_list(sandbox: Sandbox, limit: int) -> None:
    sandbox.square.page_length = lambda first, most: most
    assert list_ids(sandbox, limit=limit) == ids_at(sandbox, MAIN)
    pages = sum(call.status == 200 for call in sandbox.requests)
    assert pages == -(-len(ids_at(sandbox, MAIN)) // min(limit, 100))


def test_pages_may_be_short(sandbox: Sandbox) -> None:
    sandbox.square.page_length = lambda first, most: most - 1
    page = get(sandbox, begin_time=FIRST, limit=5).json()
    assert len(page["payments"]) == 4
    assert page["cursor"]
    assert list_ids(sandbox, limit=5) == ids_at(sandbox, MAIN)


def test_a_cursor_is_bound_to_its_query_and_expires(sandbox: Sandbox) -> None:
    asked = {"begin_time": FIRST, "limit": 3, "location_id": MAIN}
    cursor = get(sandbox, **asked).json()["cursor"]
    lost = (400, "INVALID_REQUEST_ERROR", "INVALID_CURSOR", "cursor")
    assert error_of(get(sandbox, **{**asked, "limit": 4}, cursor=cursor)) == lost
    assert error_of(get(sandbox, **{**asked, "location_id": TOKYO}, cursor=cursor)) == lost
    assert error_of(get(sandbox, **asked, cursor="foreign")) == lost
    assert len(get(sandbox, **asked, cursor=cursor).json()["payments"]) > 1
    sandbox.advance(299)
    assert get(sandbox, **asked, cursor=cursor).status_code == 200
    sandbox.advance(2)
    assert error_of(get(sandbox, **asked, cursor=cursor)) == lost


def test_an_empty_list_is_an_empty_object(sandbox: Sandbox) -> None:
    assert get(sandbox, begin_time="2031-01-01T00:00:00Z", end_time="2031-01-02T00:00:00Z").json() == {}


def test_what_is_added_takes_its_time_to_show(sandbox: Sandbox) -> None:
    sandbox.square.delay_seconds = 5
    row = sandbox.square.add(location_id=MAIN)
    assert row["id"] not in list_ids(sandbox)
    sandbox.advance(6)
    assert row["id"] in list_ids(sandbox)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"status": "COMPLETED"}, ("UNKNOWN_QUERY_PARAMETER", "status")),
        ({"sort_order": "down"}, ("INVALID_SORT_ORDER", "sort_order")),
        ({"sort_field": "AMOUNT"}, ("INVALID_ENUM_VALUE", "sort_field")),
        ({"limit": "many"}, ("EXPECTED_INTEGER", "limit")),
        ({"limit": 0}, ("VALUE_TOO_LOW", "limit")),
    ],
)
def test_what_it_does_not_understand(sandbox: Sandbox, params: dict[str, Any], expected: tuple[str, str]) -> None:
    assert error_of(get(sandbox, **params)) == (400, "INVALID_REQUEST_ERROR", *expected)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "sandbox_access_token"}])
@pytest.mark.parametrize("path", ["payments", f"payments/{EXAMPLE}", "locations"])
def test_refuses_a_wrong_token(sandbox: Sandbox, path: str, headers: dict[str, str]) -> None:
    assert error_of(get(sandbox, path, headers))[:3] == (401, "AUTHENTICATION_ERROR", "UNAUTHORIZED")


@pytest.mark.parametrize(("path", "scope"), [("payments", "PAYMENTS_READ"), ("locations", "MERCHANT_PROFILE_READ")])
def test_permissions(sandbox: Sandbox, path: str, scope: str) -> None:
    sandbox.square.permissions.remove(scope)
    reply = get(sandbox, path)
    assert error_of(reply)[:3] == (403, "AUTHENTICATION_ERROR", "INSUFFICIENT_SCOPES")
    assert scope in reply.json()["errors"][0]["detail"]
    other = {"payments": "locations", "locations": "payments"}[path]
    assert get(sandbox, other).status_code == 200


def test_the_reply_names_the_version(sandbox: Sandbox) -> None:
    assert get(sandbox).headers["Square-Version"] == "2026-08-19"
    assert get(sandbox, headers={**KEY, "Square-Version": "2024-01-18"}).headers["Square-Version"] == "2024-01-18"
    wrong = get(sandbox, headers={**KEY, "Square-Version": "latest"})
    assert error_of(wrong)[2] == "INVALID_SQUARE_VERSION_FORMAT"


def test_one_payment(sandbox: Sandbox) -> None:
    row = next(row for row in sandbox.square.rows if row["location_id"] == TOKYO)
    assert get(sandbox, f"payments/{row['id']}").json() == {"payment": row}
    reply = get(sandbox, "payments/nobody")
    assert error_of(reply)[:3] == (404, "INVALID_REQUEST_ERROR", "NOT_FOUND")
    assert reply.json()["errors"][0]["detail"] == "Could not find payment with id: nobody"


def test_filters(sandbox: Sandbox) -> None:
    rows = [row for row in sandbox.square.rows if row["location_id"] == MAIN]
    amount = rows[3]["total_money"]["amount"]
    assert list_ids(sandbox, total=amount) == [row["id"] for row in rows if row["total_money"]["amount"] == amount]
    assert list_ids(sandbox, card_brand="MASTERCARD") == []
    assert set(list_ids(sandbox, last_4="1111")) == {row["id"] for row in rows if "card" in row.get("card_details", {})}
    offline = {row["id"] for row in rows if row.get("is_offline_payment")}
    assert set(list_ids(sandbox, is_offline_payment="true")) == offline


def test_payments_come_to_an_end(sandbox: Sandbox) -> None:
    before = {row["id"]: dict(row) for row in sandbox.square.rows}
    sandbox.settle()
    ends = {(before[row["id"]]["status"], row["status"]) for row in sandbox.square.rows}
    assert ends >= {("APPROVED", "COMPLETED"), ("PENDING", "COMPLETED"), ("COMPLETED", "COMPLETED")}
    late = [row for row in sandbox.square.rows if "processing_fee" in row and "processing_fee" not in before[row["id"]]]
    assert late, "fees come later, and the status stays"


def test_the_awkward_rows_are_there(sandbox: Sandbox) -> None:
    with Sandbox(payments={"square": 400}) as large:
        rows = large.square.rows
    for row in rows:
        tip = row.get("tip_money", {"amount": 0})["amount"]
        assert row["total_money"]["amount"] == row["amount_money"]["amount"] + tip
    fees = [[part["amount_money"]["amount"] for part in row.get("processing_fee", [])] for row in rows]
    assert any(min(parts) < 0 for parts in fees if len(parts) > 1)
    back = [
        (row["refunded_money"]["amount"], row["total_money"]["amount"]) for row in rows if row.get("refunded_money")
    ]
    assert any(part < whole for part, whole in back)
    assert any(part == whole for part, whole in back)
    assert any("app_fee_money" in row for row in rows)
    assert any("card_payment_timeline" not in row.get("card_details", {}) for row in rows if row["status"] == "FAILED")
    assert {row["source_type"] for row in rows} == {"CARD", "BANK_ACCOUNT", "WALLET", "CASH", "EXTERNAL"}
    assert {row["status"] for row in rows} == {"COMPLETED", "APPROVED", "PENDING", "CANCELED", "FAILED"}
    assert {row["delay_action"] for row in rows} == {"CANCEL", "COMPLETE"}
