"""PayPal in the sandbox, asked without any of the package's own code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import requests

from airflow_provider_payments.sandbox import Row, Sandbox

CLIENT = ("sandbox-client", "sandbox-client-secret")
GRANT = {"grant_type": "client_credentials"}
REPORTING = "https://uri.paypal.com/services/reporting/search/read"
NEWEST = datetime(2026, 7, 1, 9, 15, tzinfo=timezone.utc)
JUNE = {"start_date": "2026-06-05T00:00:00Z", "end_date": "2026-07-05T00:00:00+00:00"}
Get = Callable[..., requests.Response]


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    sandbox.paypal.now = datetime(2026, 7, 5, 12, 0, tzinfo=timezone.utc)
    return sandbox


def token(sandbox: Sandbox, **changes: Any) -> requests.Response:
    request = {"data": GRANT, "auth": CLIENT, **changes}
    return requests.post(f"{sandbox.url}/paypal/v1/oauth2/token", timeout=30, **request)


def get(sandbox: Sandbox, *, without: str = "", **params: Any) -> requests.Response:
    asked = {name: value for name, value in {**JUNE, **params}.items() if name != without}
    headers = {"Authorization": f"Bearer {token(sandbox).json()['access_token']}"}
    return requests.get(f"{sandbox.url}/paypal/v1/reporting/transactions", params=asked, headers=headers, timeout=30)


def rows(reply: requests.Response) -> list[Row]:
    return [row["transaction_info"] for row in reply.json().get("transaction_details", [])]


def test_a_token_tells_what_it_may_do_and_how_long(sandbox: Sandbox) -> None:
    told = token(sandbox).json()
    assert REPORTING in told["scope"].split(" ")
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 3600)
    sandbox.advance(3601)
    sandbox.paypal.tokens.pop("none", None)
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    reply = requests.get(f"{sandbox.url}/paypal/v1/reporting/transactions", params=JUNE, headers=headers, timeout=30)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"auth": (CLIENT[0], "wrong")}, 401, "invalid_client"),
        ({"auth": None}, 401, "invalid_client"),
        ({"data": {**GRANT, "client_id": CLIENT[0], "client_secret": CLIENT[1]}, "auth": None}, 401, "invalid_client"),
        ({"data": {"grant_type": "password"}}, 400, "unsupported_grant_type"),
        ({"data": {**GRANT, "scope": REPORTING}}, 400, "unsupported_grant_type"),
    ],
)
def test_refuses_other_token_requests(sandbox: Sandbox, changes: Row, status: int, error: str) -> None:
    reply = token(sandbox, **changes)
    assert (reply.status_code, reply.json()["error"]) == (status, error)


def test_a_token_without_the_permission_is_refused(sandbox: Sandbox) -> None:
    sandbox.paypal.scopes = ["openid"]
    reply = get(sandbox)
    assert (reply.status_code, reply.json()["name"]) == (403, "NOT_AUTHORIZED")
    assert reply.headers["PayPal-Debug-Id"] == reply.json()["debug_id"]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"without": "start_date"}, "start_date"),
        ({"without": "end_date"}, "end_date"),
        ({"start_date": "2026-06-01"}, "start_date"),
        ({"start_date": "2026-06-03T23:59:59Z"}, "end_date"),  # 31 days and a second
        ({"start_date": "2026-07-05T00:00:01Z"}, "end_date"),
        ({"start_date": "2023-06-01T00:00:00Z", "end_date": "2023-06-02T00:00:00Z"}, "start_date"),
        ({"page": 0}, "page"),
        ({"page_size": 501}, "page_size"),
        ({"page_size": 0}, "page_size"),
        ({"transaction_status": "X"}, "transaction_status"),
        ({"transaction_amount": "500"}, "transaction_amount"),
    ],
)
def test_refuses_what_is_documented_as_wrong(sandbox: Sandbox, params: Row, field: str) -> None:
    reply = get(sandbox, **params)
    assert (reply.status_code, reply.json()["name"]) == (400, "INVALID_REQUEST")
    assert reply.json()["details"][0]["field"] == field


def test_31_days_are_permitted(sandbox: Sandbox) -> None:
    assert get(sandbox, start_date="2026-06-04T00:00:00Z").status_code == 200


def test_pages_are_counted_from_1(sandbox: Sandbox) -> None:
    whole = rows(get(sandbox, page_size=500))
    pages = [get(sandbox, page_size=20, page=number) for number in (1, 2, 3, 4)]
    assert [each["transaction_id"] for page in pages for each in rows(page)] == [
        each["transaction_id"] for each in whole
    ]
    assert [len(rows(page)) for page in pages[:2]] == [20, 20]
    assert {(page.json()["total_items"], page.json()["total_pages"]) for page in pages} == {(len(whole), 3)}
    assert rows(get(sandbox))[0] == whole[0]
    moments = [each["transaction_initiation_date"][:19] for each in whole]
    assert moments == sorted(moments)


def test_an_empty_window_is_one_empty_page(sandbox: Sandbox) -> None:
    asked = {"start_date": "2026-07-02T00:00:00Z"}
    told = get(sandbox, **asked).json()
    assert ("transaction_details" in told, told["total_items"], told["total_pages"]) == (False, 0, 1)
    sandbox.paypal.omits_empty_list = False
    assert get(sandbox, **asked).json()["transaction_details"] == []


def test_more_rows_than_permitted_are_none(sandbox: Sandbox) -> None:
    number = len(rows(get(sandbox)))
    sandbox.paypal.most_rows = number - 1
    reply = get(sandbox)
    assert (reply.status_code, reply.json()["name"]) == (400, "RESULTSET_TOO_LARGE")
    assert (reply.json()["total_items"], reply.json()["maximum_items"]) == (number, number - 1)
    sandbox.paypal.most_rows = number
    assert get(sandbox).status_code == 200


def test_data_is_three_hours_late(sandbox: Sandbox) -> None:
    sandbox.paypal.now = NEWEST + timedelta(hours=2)
    told = get(sandbox, end_date="2026-07-01T11:00:00Z").json()
    assert told["last_refreshed_datetime"] == told["end_date"] == "2026-07-01T08:15:00Z"
    assert (
        max(row["transaction_info"]["transaction_initiation_date"] for row in told["transaction_details"])
        < "2026-07-01T09"
    )
    assert get(sandbox, end_date="2026-07-01T08:15:00Z").json()["end_date"] == "2026-07-01T08:15:00Z"


@pytest.mark.parametrize("status", [400, 404])
def test_a_start_of_which_there_is_no_data_yet(sandbox: Sandbox, status: int) -> None:
    sandbox.paypal.too_late_status = status
    reply = get(sandbox, start_date="2026-07-05T09:00:01Z", end_date="2026-07-05T10:00:00Z")
    assert (reply.status_code, reply.json()["message"]) == (status, "Data for the given start date is not available.")
    assert get(sandbox, start_date="2026-07-05T09:00:00Z", end_date="2026-07-05T10:00:00Z").status_code == 200


def test_bounds_count_in_unless_told_otherwise(sandbox: Sandbox) -> None:
    bounds = {"start_date": "2026-07-01T07:45:00Z", "end_date": "2026-07-01T09:15:00.000Z"}
    assert [each["transaction_event_code"] for each in rows(get(sandbox, **bounds))] == ["T0013", "T0113", "T0403"]
    sandbox.paypal.end_is_inclusive = False
    assert [each["transaction_event_code"] for each in rows(get(sandbox, **bounds))] == ["T0013", "T0113"]


def test_sections_are_those_that_were_asked_for(sandbox: Sandbox) -> None:
    def sections(**params: Any) -> set[str]:
        return set(get(sandbox, **params).json()["transaction_details"][0])

    assert sections() == {"transaction_info"}
    assert sections(fields="transaction_info,payer_info") == {"transaction_info", "payer_info"}
    everything = get(sandbox, fields="all").json()["transaction_details"]
    assert {"shipping_info", "cart_info", "store_info"} < set(everything[0])
    assert everything[0]["cart_info"] == {}


def test_the_balance_is_the_sum_of_all_that_moved_it(sandbox: Sandbox) -> None:
    totals: dict[str, Decimal] = {}
    whole = rows(get(sandbox, page_size=500))
    for each in whole:
        for amount in filter(None, (each["transaction_amount"], each.get("fee_amount"))):
            code = amount["currency_code"]
            totals[code] = totals.get(code, Decimal(0)) + Decimal(amount["value"])
        balance = each["ending_balance"]
        assert totals[balance["currency_code"]] == Decimal(balance["value"])
    assert len(totals) == 5
    assert all("ending_balance" not in each for each in rows(get(sandbox, transaction_status="S")))


def test_what_moved_no_balance_is_shown_where_it_is_asked_for(sandbox: Sandbox) -> None:
    usual, all_of_it = (rows(get(sandbox, balance_affecting_records_only=word)) for word in "YN")
    assert {each["transaction_status"] for each in usual} == {"S", "V"}
    assert {each["transaction_status"] for each in all_of_it} == set("DPSV")
    assert "T1300" in {each["transaction_event_code"] for each in all_of_it}
    shared = {each["transaction_id"] for each in all_of_it if each["transaction_event_code"] == "T1300"}
    assert shared & {each["transaction_id"] for each in usual}


@pytest.mark.parametrize(
    ("params", "is_wanted"),
    [
        ({"transaction_status": "V"}, lambda each: each["transaction_status"] == "V"),
        ({"transaction_type": "T1107"}, lambda each: each["transaction_event_code"] == "T1107"),
        ({"transaction_currency": "JPY"}, lambda each: each["transaction_amount"]["currency_code"] == "JPY"),
        ({"transaction_id": "12345678E01234567"}, lambda each: each["transaction_id"] == "12345678E01234567"),
        (
            {"transaction_amount": "[500 TO 100000]"},
            lambda each: 500 <= int(each["transaction_amount"]["value"].replace(".", "")) <= 100_000,
        ),
    ],
)
def test_filters(sandbox: Sandbox, params: Row, is_wanted: Callable[[Row], bool]) -> None:
    found = {each["transaction_id"] for each in rows(get(sandbox, **params))}
    assert found == {each["transaction_id"] for each in rows(get(sandbox, page_size=500)) if is_wanted(each)}
    assert found


def test_awkward_rows(sandbox: Sandbox) -> None:
    whole = rows(get(sandbox, page_size=500))
    assert {each["transaction_initiation_date"][19:] for each in whole} == {"Z", "+0000"}
    assert {len(each["transaction_id"]) for each in whole} == {17}
    assert any(each["transaction_id"].replace("E", "").isdigit() for each in whole)
    places = {
        each["transaction_amount"]["currency_code"]: len(each["transaction_amount"]["value"].partition(".")[2])
        for each in whole
    }
    assert places == {"USD": 2, "EUR": 2, "GBP": 2, "JPY": 0, "TND": 3}
    many = Sandbox(payments={"paypal": 400}).paypal.rows
    fees = [each for each in many if each.get("fee_amount")]
    assert any(each["fee_amount"]["currency_code"] != each["transaction_amount"]["currency_code"] for each in fees)
    reversed_ids = {each["transaction_id"] for each in many if each["status"] == "V"}
    assert reversed_ids & {each.get("paypal_reference_id") for each in many}


def test_throttles_with_a_page_and_without_saying_how_long(sandbox: Sandbox) -> None:
    sandbox.faults.throttle_every, sandbox.faults.retry_after = 2, None
    reply = get(sandbox)
    assert (reply.status_code, reply.headers["Content-Type"]) == (429, "text/html")
    assert "Retry-After" not in reply.headers
    sandbox.faults.retry_after = "7"
    reply = get(sandbox)
    assert (reply.json()["name"], reply.headers["Retry-After"]) == ("RATE_LIMIT_REACHED", "7")


def test_pending_payments_are_cleared_or_denied(sandbox: Sandbox) -> None:
    assert "P" in {row["status"] for row in sandbox.paypal.rows}
    sandbox.settle()
    assert {row["status"] for row in sandbox.paypal.rows} == {"S", "V", "D"}
