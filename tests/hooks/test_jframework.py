"""JFramework: an envelope that may contradict HTTP, pages of an unknown first number, keys that expire."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_payments.exceptions import (
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsProtocolError,
    PaymentsRequestError,
    PaymentsThrottled,
    PaymentsUnavailable,
)
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Call, Sandbox
from tests.listed import unlisted

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]
LOGIN = {"login": "sandbox-user", "password": "sandbox-password"}


def live_ids(sandbox: Sandbox) -> list[str]:
    return sorted(row["id"] for row in sandbox.jframework.rows if not row.get("testMode"))


def logins(sandbox: Sandbox) -> list[Call]:
    return [call for call in sandbox.requests if call.route == "/api/v1/users/auth"]


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"success": False, "statusCode": 209}, PaymentsRequestError),
        ({"success": False, "statusCode": 200}, PaymentsRequestError),
        ({"success": None, "statusCode": 200}, PaymentsRequestError),
        ({"success": True, "statusCode": 209}, PaymentsRequestError),
        ({"success": False, "statusCode": 401}, PaymentsAuthError),
        ({"success": False, "statusCode": 429}, PaymentsThrottled),
        ({"success": False, "statusCode": 500}, PaymentsUnavailable),
    ],
)
@pytest.mark.parametrize("status", [200, 209])
def test_the_envelope_is_believed(
    connect: Connect, collect: Collect, sandbox: Sandbox, told: dict[str, Any], error: type[Exception], status: int
) -> None:
    body = {**told, "data": None, "errors": [{"code": "Quota", "details": "Over the limit", "correlationId": "c-1"}]}
    sandbox.before_reply = lambda call: sandbox.faults.reply_with["jframework"].append(
        (status, {}, json.dumps(body).encode())
    )
    expected: Any = error if status == 200 else PaymentsRequestError
    with pytest.raises(expected, match=r"jframework.*Quota.*c-1.*Over the limit"):
        collect(connect("jframework", {"max_attempts": 1}))
    assert len(sandbox.requests) == 1


def test_over_quota_is_not_tried_again(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    sandbox.jframework.over_quota = True
    with pytest.raises(PaymentsRequestError, match="209") as caught:
        collect(connect("jframework"))
    assert caught.value.code == "FeatureUsageLimitExceeded"
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("page_size", [1, 7, 40, 100])
@pytest.mark.parametrize(("really", "told"), [(0, 0), (1, 0), (1, 1)])
def test_pages_that_count_from_0_or_1(
    connect: Connect, collect: Collect, sandbox: Sandbox, page_size: int, really: int, told: int
) -> None:
    sandbox.jframework.first_page = really
    hook = connect("jframework", {"page_size": page_size, "first_page": told})
    assert sorted(each.id for each in collect(hook)) == live_ids(sandbox)


def test_a_server_that_ignores_the_page_number(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    """That matters only where more payments than a page were created at one instant."""
    sandbox.jframework.ignore_page_number = True
    assert sorted(each.id for each in collect(connect("jframework", {"page_size": 5}))) == live_ids(sandbox)
    for row in sandbox.jframework.rows:
        row["createdDate"] = sandbox.jframework.rows[0]["createdDate"]
    with pytest.raises(PaymentsProtocolError, match="progress"):
        collect(connect("jframework", {"page_size": 5}))
    assert len(sandbox.requests) < 60
    assert sorted(each.id for each in collect(connect("jframework", {"page_size": 100}))) == live_ids(sandbox)


def test_a_server_that_lowers_the_page_size(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    sandbox.jframework.max_page_size = 7
    assert sorted(each.id for each in collect(connect("jframework", {"page_size": 20}))) == live_ids(sandbox)


def test_a_total_that_is_too_large_is_a_doubt(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.jframework.extra_total = 3
    listing = connect("jframework", {"page_size": 7}).list_payments()
    assert sorted(each.id for each in listing) == live_ids(sandbox)
    assert not listing.report.is_complete
    assert "Payments may be missing" in listing.report.doubts[0]


def test_nulls_may_be_left_out(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    told = unlisted([each.to_dict(include_raw=False) for each in collect(connect("jframework"))])
    sandbox.jframework.omit_nulls = True
    assert unlisted([each.to_dict(include_raw=False) for each in collect(connect("jframework"))]) == told


@pytest.mark.parametrize("data", [{"totalItems": 0}, {"items": None, "totalItems": 0}, {"items": [], "totalItems": 0}])
def test_a_page_without_items_is_empty(
    connect: Connect, collect: Collect, sandbox: Sandbox, data: dict[str, Any]
) -> None:
    body = json.dumps({"success": True, "statusCode": 200, "data": data}).encode()
    sandbox.before_reply = lambda call: sandbox.faults.reply_with["jframework"].append((200, {}, body))
    assert collect(connect("jframework")) == []


@pytest.mark.parametrize("data", [None, {}, {"items": []}])
def test_a_page_without_a_total_is_an_error(
    connect: Connect, collect: Collect, sandbox: Sandbox, data: dict[str, Any] | None
) -> None:
    body = json.dumps({"success": True, "statusCode": 200, "data": data}).encode()
    sandbox.before_reply = lambda call: sandbox.faults.reply_with["jframework"].append((200, {}, body))
    with pytest.raises(PaymentsProtocolError):
        collect(connect("jframework"))


def test_the_test_mode_is_asked_for_explicitly(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    for row in sandbox.jframework.rows[:5]:
        row["testMode"] = True
    hook = connect("jframework")
    assert sorted(each.id for each in collect(hook)) == live_ids(sandbox)
    test = {row["id"] for row in sandbox.jframework.rows if row.get("testMode")}
    for wanted in (True, "true"):
        assert {each.id for each in collect(hook, filters={"TestMode": wanted})} == test


def test_dates_are_sent_with_their_zone(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    assert collect(connect("jframework"), created_from="2025-06-22T00:00:00+02:00", created_to="2025-06-24T00:00:00Z")
    for call in sandbox.requests:
        assert call.query["CreatedDateFrom"].endswith("+00:00")
        assert "%2B00%3A00" in call.path
        assert (call.query["SortDataField"], call.query["SortOrder"]) == ("createdDate", "asc")


@pytest.mark.parametrize("tells_expiry", [True, False])
def test_a_user_logs_in_once(connect: Connect, collect: Collect, sandbox: Sandbox, tells_expiry: bool) -> None:
    sandbox.jframework.tells_expiry = tells_expiry
    hook = connect("jframework", {"page_size": 5}, **LOGIN)
    assert sorted(each.id for each in collect(hook)) == live_ids(sandbox)
    assert collect(hook)
    (call,) = logins(sandbox)
    assert call.header("Brand-URL") == "sandbox.example.com"
    assert json.loads(call.body) == {"username": "sandbox-user", "password": "sandbox-password"}


def test_a_session_that_ends_is_renewed(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    def end(call: Call) -> None:
        if len(sandbox.requests) == 4:
            sandbox.jframework.keys.clear()

    sandbox.before_reply = end
    hook = connect("jframework", {"page_size": 5}, **LOGIN)
    assert sorted(each.id for each in collect(hook)) == live_ids(sandbox)
    assert len(logins(sandbox)) == 2


def test_a_wrong_password(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    with pytest.raises(PaymentsAuthError, match="InvalidCredentials"):
        collect(connect("jframework", login="sandbox-user", password="wrong-password"))
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{}", PaymentsProtocolError),
        (b"[]", PaymentsProtocolError),
        (b'{"message": "scheduled maintenance"}', PaymentsProtocolError),
        (b'{"data": {"authKey": null}}', PaymentsProtocolError),
        (b'{"data": {"authKey": ""}}', PaymentsProtocolError),
        (b'{"success": false}', PaymentsAuthError),
        (b'{"success": false, "statusCode": 401}', PaymentsAuthError),
        (b'{"success": false, "statusCode": 209}', PaymentsRequestError),
        (b'{"success": false, "statusCode": 429}', PaymentsThrottled),
        (b'{"success": false, "statusCode": 503}', PaymentsUnavailable),
    ],
)
def test_a_login_without_a_key(
    connect: Connect, collect: Collect, sandbox: Sandbox, body: bytes, error: type[Exception]
) -> None:
    """Only a login that JFramework itself refuses says anything of the password."""
    sandbox.faults.reply_with["jframework"].append((200, {}, body))
    with pytest.raises(error):
        collect(connect("jframework", {"max_attempts": 1}, **LOGIN))


@pytest.mark.parametrize("body", [b"", b"x", b'{"data": {"authK', b"<html>Back soon</html>"])
def test_a_login_that_is_answered_by_something_else(
    connect: Connect, collect: Collect, sandbox: Sandbox, body: bytes
) -> None:
    """It says nothing of the password, so the task may try again."""
    sandbox.faults.reply_with["jframework"].append((200, {}, body))
    with pytest.raises(PaymentsProtocolError, match="login"):
        collect(connect("jframework", **LOGIN))


def test_a_key_that_expired_says_so(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    sandbox.jframework.keys.clear()
    with pytest.raises(PaymentsAuthError, match="expired"):
        collect(connect("jframework"))
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("brand", ["", None, "  "])
def test_the_brand_url_is_needed(connect: Connect, brand: str | None) -> None:
    with pytest.raises(PaymentsConfigError, match="brand_url"):
        connect("jframework", {"brand_url": brand}).resolve()


@pytest.mark.parametrize("first_page", [-1, "x", 1.5])
def test_a_first_page_that_makes_no_sense(connect: Connect, first_page: Any) -> None:
    with pytest.raises(PaymentsConfigError, match="first_page"):
        connect("jframework", {"first_page": first_page}).resolve()


def test_a_completed_payment_that_is_refunded_meanwhile_is_listed(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    rows = sandbox.jframework.rows
    for row in rows:
        row.update(status="Completed", testMode=False)
    staying = {row["id"] for row in rows[:-4]}
    leaving = rows[-4:]  # the oldest, which are listed first

    def refund(call: Call) -> None:
        if len(sandbox.requests) > 1 and leaving:
            leaving.pop()["status"] = "Refunded"

    sandbox.before_reply = refund
    found = [each.id for each in collect(connect("jframework", {"page_size": 4}), statuses=["succeeded"])]
    assert len(found) == len(set(found))
    assert staying <= set(found)


def test_personal_data_stays_in_raw(connect: Connect, collect: Collect) -> None:
    for payment in collect(connect("jframework")):
        assert "@" not in str(payment.to_dict(include_raw=False))


def test_a_refund_between_pages_hides_no_completed_payment(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    """One payment leaves the list as another enters: the total stays, and page numbers would skip what has moved."""
    rows = [row for row in sandbox.jframework.rows if not row.get("testMode") and row["status"] == "Completed"]
    assert len(rows) > 8
    rows.sort(key=lambda row: row["createdDate"])

    def move(call: Call) -> None:
        if "CreatedDateFrom" in call.query and rows[0]["status"] == "Completed":  # after the first page
            rows[0]["status"] = "Refunded"
            sandbox.jframework.add(status="Completed", testMode=False)

    sandbox.before_reply = move
    hook = connect("jframework", {"page_size": 3, "max_concurrency": 1})
    found = {payment.id for payment in collect(hook, statuses=["Completed"])}
    assert rows[0]["status"] == "Refunded"
    assert {row["id"] for row in rows[1:]} <= found
