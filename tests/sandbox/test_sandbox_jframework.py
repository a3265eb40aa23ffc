from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import requests

from airflow_provider_payments.sandbox import Sandbox

BRAND = {"Brand-URL": "sandbox.example.com"}
KEY = {**BRAND, "Auth-Key": "sandbox-auth-key"}
USER = {"username": "sandbox-user", "password": "sandbox-password"}
EXAMPLE = "sApKpllz4sAplsmzha"


def get(sandbox: Sandbox, path: str = "", headers: dict[str, str] = KEY, **params: Any) -> requests.Response:
    url = f"{sandbox.url}/jframework/api/v1/payments{path}"
    return requests.get(url, params=params, headers=headers, timeout=30)


def items(sandbox: Sandbox, **params: Any) -> list[dict[str, Any]]:
    reply = get(sandbox, **params)
    assert reply.status_code == 200, reply.text
    rows: list[dict[str, Any]] = reply.json()["data"]["items"]
    return rows


def post(sandbox: Sandbox, path: str, payload: Any, headers: dict[str, str] = BRAND) -> requests.Response:
    return requests.post(f"{sandbox.url}/jframework/api/v1/users/auth{path}", json=payload, headers=headers, timeout=30)


def assert_refused(reply: requests.Response, status: int, code: str) -> None:
    envelope = reply.json()
    assert (reply.status_code, envelope["statusCode"], envelope["success"]) == (status, status, False)
    assert envelope["data"] is None
    assert [error["code"] for error in envelope["errors"]] == [code]
    assert set(envelope["errors"][0]) == {"code", "details", "correlationId"}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "BrandNotFound"),
        ({"Auth-Key": "sandbox-auth-key"}, "BrandNotFound"),
        ({**KEY, "Brand-URL": "other"}, "BrandNotFound"),
        (BRAND, "Unauthorized"),
        ({**BRAND, "Auth-Key": "wrong"}, "Unauthorized"),
    ],
)
def test_needs_both_headers(sandbox: Sandbox, headers: dict[str, str], code: str) -> None:
    assert_refused(get(sandbox, headers=headers), 401, code)


def test_a_session_key_works_until_it_expires(sandbox: Sandbox) -> None:
    sandbox.jframework.token_seconds = 50
    data = post(sandbox, "", USER).json()["data"]
    assert set(data) == {"authKey", "refreshAuthKey", "expiresIn"}
    expires = datetime.fromisoformat(data["expiresIn"].replace("Z", "+00:00"))
    assert timedelta(seconds=40) < expires - datetime.now(timezone.utc) <= timedelta(seconds=50)
    headers = {**BRAND, "Auth-Key": data["authKey"]}
    assert get(sandbox, headers=headers).status_code == 200
    sandbox.advance(51)
    assert_refused(get(sandbox, headers=headers), 401, "Unauthorized")


def test_a_refresh_key_works_once(sandbox: Sandbox) -> None:
    first = post(sandbox, "", USER).json()["data"]
    payload = {"refreshAuthKey": first["refreshAuthKey"]}
    second = post(sandbox, "/refresh-auth-key", payload).json()["data"]
    assert get(sandbox, headers={**BRAND, "Auth-Key": second["authKey"]}).status_code == 200
    assert_refused(post(sandbox, "/refresh-auth-key", payload), 401, "InvalidRefreshAuthKey")


def test_login_refuses_wrong_passwords_and_brands(sandbox: Sandbox) -> None:
    assert_refused(post(sandbox, "", {**USER, "password": "wrong"}), 401, "InvalidCredentials")
    assert_refused(post(sandbox, "", {}), 401, "InvalidCredentials")
    assert_refused(post(sandbox, "", USER, {}), 401, "BrandNotFound")


def test_the_fixed_key_can_be_removed_and_the_expiry_left_unset(sandbox: Sandbox) -> None:
    sandbox.jframework.keys.clear()
    assert_refused(get(sandbox), 401, "Unauthorized")
    sandbox.jframework.tells_expiry = False
    assert post(sandbox, "", USER).json()["data"]["expiresIn"] == "0001-01-01T00:00:00"


def test_begins_with_the_documented_reply(sandbox: Sandbox) -> None:
    envelope = get(sandbox, PageSize=1).json()
    assert (envelope["success"], envelope["statusCode"], envelope["errors"]) == (True, 200, [])
    assert envelope["message"] == "The request was successful."
    data = envelope["data"]
    assert (data["totalItems"], data["pageNumber"], data["pageSize"]) == (60, None, None)
    assert data["items"][0]["id"] == EXAMPLE
    assert data["items"][0]["createdDate"] == "2025-06-23T13:56:00.6372074+07:00"
    assert data["items"][0]["package"]["features"][0]["title"] == "Feature Title"
    assert "testMode" not in data["items"][0]


def test_pages_count_from_zero(sandbox: Sandbox) -> None:
    pages = [items(sandbox, PageSize=25, PageNumber=number) for number in range(4)]
    assert [len(page) for page in pages] == [25, 25, 10, 0]
    assert [row for page in pages for row in page] == items(sandbox)


def test_pages_can_count_from_one_or_be_ignored(sandbox: Sandbox) -> None:
    sandbox.jframework.first_page = 1
    assert items(sandbox, PageSize=25, PageNumber=0) == items(sandbox, PageSize=25, PageNumber=1)
    assert items(sandbox, PageSize=25, PageNumber=2) == items(sandbox)[25:50]
    sandbox.jframework.ignore_page_number = True
    assert items(sandbox, PageSize=25, PageNumber=2) == items(sandbox)[:25]


def test_a_page_size_can_be_lowered_without_a_word(sandbox: Sandbox) -> None:
    rows = items(sandbox)
    sandbox.jframework.max_page_size = 10
    assert items(sandbox, PageSize=25, PageNumber=2) == rows[20:30]


def test_default_order_is_by_id_and_not_by_time(sandbox: Sandbox) -> None:
    rows = items(sandbox)
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    times = [row["createdDate"] for row in rows]
    assert times != sorted(times, reverse=True)


@pytest.mark.parametrize("field", ["createdDate", "paymentDate", "amount", "id"])
def test_sorts(sandbox: Sandbox, field: str) -> None:
    rows = items(sandbox, SortDataField=field, SortOrder="asc")
    values = [row[field] for row in rows if row[field] is not None]
    assert values == sorted(values)
    down = items(sandbox, SortDataField=field, SortOrder="Descending")
    assert [row[field] for row in down] == [row[field] for row in reversed(rows)]


def test_parameter_names_are_read_in_any_case(sandbox: Sandbox) -> None:
    assert items(sandbox, pageSize=3, PAGENUMBER=1) == items(sandbox)[3:6]


@pytest.mark.parametrize(
    "params",
    [
        {"PageNumber": -1},
        {"PageSize": 0},
        {"PageSize": "all"},
        {"Status": "Done"},
        {"SortDataField": "user"},
        {"SortOrder": "up"},
        {"TestMode": "maybe"},
        {"CreatedDateFrom": "yesterday"},
    ],
)
def test_refuses_other_values(sandbox: Sandbox, params: dict[str, Any]) -> None:
    reply = get(sandbox, **params)
    assert (reply.status_code, reply.json()["success"]) == (400, False)


def test_a_plus_that_was_not_escaped_is_no_date(sandbox: Sandbox) -> None:
    assert get(sandbox, "?CreatedDateFrom=2025-06-23T13:56:00+07:00").status_code == 400
    assert get(sandbox, "?CreatedDateFrom=2025-06-23T13:56:00%2B07:00").status_code == 200


def test_filters_by_creation_with_both_ends(sandbox: Sandbox) -> None:
    rows = items(sandbox, SortDataField="createdDate", SortOrder="asc")
    window = {"CreatedDateFrom": rows[10]["createdDate"], "CreatedDateTo": rows[20]["createdDate"]}
    assert items(sandbox, SortDataField="createdDate", SortOrder="asc", **window) == rows[10:21]


def test_the_same_moment_in_another_zone_or_without_one(sandbox: Sandbox) -> None:
    for text in ("2025-06-23T06:56:00.6372074Z", "2025-06-23T13:56:00.6372074", "2025-06-23T06:56:00.637207Z"):
        assert [row["id"] for row in items(sandbox, CreatedDateFrom=text)] == [EXAMPLE]
    assert items(sandbox, CreatedDateFrom="2025-06-23T06:56:00.637208Z") == []


def test_filters(sandbox: Sandbox) -> None:
    rows = items(sandbox)
    for name, field in (("Status", "status"), ("CurrencyCode", "currencyCode"), ("PaymentType", "paymentType")):
        for value in {row[field] for row in rows} - {None}:
            assert items(sandbox, **{name: value}) == [row for row in rows if row[field] == value] != []
    assert [row["id"] for row in items(sandbox, UserId="Plamxinzg18snza")] == [EXAMPLE]
    assert EXAMPLE in [row["id"] for row in items(sandbox, PriceId="sApKpllz4sAplsmzha")]
    assert [row["id"] for row in items(sandbox, Keywords="inv-001", Status="Completed")] == [EXAMPLE]
    assert len(items(sandbox, TestMode="true")) + len(items(sandbox, TestMode="false")) == 60


def test_detail(sandbox: Sandbox) -> None:
    assert get(sandbox, f"/{EXAMPLE}").json()["data"]["invoiceNo"] == "INV-001"
    assert_refused(get(sandbox, "/nobody"), 404, "PaymentNotFound")


def test_quota_is_a_success_code_that_is_none(sandbox: Sandbox) -> None:
    sandbox.jframework.over_quota = True
    reply = get(sandbox)
    reply.raise_for_status()
    assert_refused(reply, 209, "FeatureUsageLimitExceeded")


def test_nulls_can_be_left_out_and_the_total_wrong(sandbox: Sandbox) -> None:
    sandbox.jframework.omit_nulls = True
    sandbox.jframework.extra_total = 5
    data = get(sandbox).json()["data"]
    assert data["totalItems"] == 65
    assert "pageNumber" not in data
    assert "code" not in data["items"][0]
    assert "null" not in get(sandbox).text


def test_amounts_are_json_numbers_without_float_dust(sandbox: Sandbox) -> None:
    text = get(sandbox).text
    numbers = re.findall(r'"amount(?:Fee|Gross|Net)?":([^,}]+)', text)
    assert all(re.fullmatch(r"\d+(\.\d{1,3})?", number) for number in numbers), numbers
    assert not any(number.endswith(".0") for number in numbers), "whole doubles are written without a fraction"
    assert any("." in number for number in numbers)
    assert any("." not in number for number in numbers)
    for row in json.loads(text, parse_float=Decimal)["data"]["items"]:
        assert row["amountGross"] - row["amountFee"] == row["amountNet"]


def test_data_has_all_ten_words_and_its_difficulties(sandbox: Sandbox) -> None:
    rows = items(sandbox)
    assert {row["status"] for row in rows} == {
        *("Completed", "Created", "Pending", "Reserved", "CanceledReversal"),
        *("Refunded", "Failed", "Denied", "Voided", "Deleted"),
    }
    assert {row["paymentDate"] is None for row in rows} == {True, False}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+07:00", row["createdDate"]) for row in rows)
    assert any(row["user"] is None for row in rows)
    assert any(not row["description"].isascii() for row in rows)
    assert any(len(row["description"]) > 1000 for row in rows)
