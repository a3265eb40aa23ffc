from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from airflow_provider_payments.sandbox import Sandbox
from airflow_provider_payments.sandbox.gocardless import ACCESS_TOKEN, LIVE_TOKEN

HEADERS = {"Authorization": f"Bearer {ACCESS_TOKEN}", "GoCardless-Version": "2015-07-06"}
EXAMPLE = "PM0000SANDBOX1"


def get(sandbox: Sandbox, path: str = "", headers: dict[str, str] = HEADERS, **params: Any) -> requests.Response:
    """Filters are given with ``__`` for brackets: ``created_at__gte``."""
    named = {f"{name.replace('__', '[')}]" if "__" in name else name: value for name, value in params.items()}
    return requests.get(f"{sandbox.url}/gocardless/payments{path}", params=named, headers=headers, timeout=30)


def walk(sandbox: Sandbox, **params: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = get(sandbox, **params, **cursor).json()
        rows += page["payments"]
        after = page["meta"]["cursors"].get("after")
        if after is None:
            return rows
        cursor = {"after": after}


def reason(reply: requests.Response) -> str:
    error = reply.json()["error"]
    assert error["code"] == reply.status_code
    assert error["request_id"]
    return error["errors"][0]["reason"]


@pytest.mark.parametrize("path", ["", f"/{EXAMPLE}"])
@pytest.mark.parametrize(
    ("headers", "status", "word"),
    [
        ({"Authorization": HEADERS["Authorization"]}, 400, "missing_version_header"),
        ({**HEADERS, "GoCardless-Version": "2014-11-03"}, 400, "version_not_found"),
        ({"GoCardless-Version": "2015-07-06"}, 401, "unauthorized"),
        ({**HEADERS, "Authorization": ACCESS_TOKEN}, 401, "unauthorized"),
        ({**HEADERS, "Authorization": "Bearer wrong"}, 401, "unauthorized"),
        ({**HEADERS, "Authorization": f"Bearer {LIVE_TOKEN}"}, 401, "access_token_not_found"),
    ],
)
def test_refuses_what_is_missing_or_wrong(
    sandbox: Sandbox, path: str, headers: dict[str, str], status: int, word: str
) -> None:
    reply = get(sandbox, path, headers)
    assert (reply.status_code, reason(reply)) == (status, word)
    assert reply.json()["error"]["type"] == "invalid_api_usage"


def test_a_token_without_the_scope_is_refused(sandbox: Sandbox) -> None:
    sandbox.gocardless.can_read = False
    reply = get(sandbox)
    assert (reply.status_code, reason(reply)) == (403, "insufficient_permissions")


def test_cursors_are_ids_and_null_where_there_is_no_page(sandbox: Sandbox) -> None:
    ids = [row["id"] for row in sandbox.gocardless.rows]
    first = get(sandbox, limit=25).json()
    assert first["meta"] == {"cursors": {"before": None, "after": ids[24]}, "limit": 25}
    second = get(sandbox, limit=25, after=ids[24]).json()
    assert second["meta"]["cursors"] == {"before": ids[25], "after": ids[49]}
    last = get(sandbox, limit=25, after=ids[49]).json()
    assert last["meta"]["cursors"] == {"before": ids[50], "after": None}
    assert [row["id"] for page in (first, second, last) for row in page["payments"]] == ids
    # A page that is full may be the last one.
    assert get(sandbox, limit=10, after=ids[49]).json()["meta"]["cursors"]["after"] is None
    back = get(sandbox, limit=25, before=ids[50]).json()
    assert [row["id"] for row in back["payments"]] == ids[25:50]
    assert back["meta"]["cursors"] == {"before": ids[25], "after": ids[49]}
    assert get(sandbox, limit=25, before=ids[25]).json()["meta"]["cursors"]["before"] is None


def test_an_absent_cursor_is_the_other_way_to_say_so(sandbox: Sandbox) -> None:
    sandbox.gocardless.empty_cursor = "absent"
    assert get(sandbox, limit=500).json()["meta"]["cursors"] == {}
    assert set(get(sandbox, limit=5).json()["meta"]["cursors"]) == {"after"}
    assert len(walk(sandbox, limit=7)) == 60


def test_an_empty_page(sandbox: Sandbox) -> None:
    reply = get(sandbox, created_at__gte="2031-01-01T00:00:00Z").json()
    assert reply == {"payments": [], "meta": {"cursors": {"before": None, "after": None}, "limit": 50}}


def test_fifty_by_default_and_no_more_than_five_hundred(sandbox: Sandbox) -> None:
    assert len(get(sandbox).json()["payments"]) == 50
    assert len(get(sandbox, limit=500).json()["payments"]) == 60


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 501},
        {"limit": 0},
        {"limit": "all"},
        {"status": "canceled"},
        {"created_at__gte": "yesterday"},
        {"created_at__gte": "2026-03-01"},
        {"created_at__lt": "2026-03-01T00:00:00.000001Z"},
        {"charge_date__lt": "2026-03-01T00:00:00Z"},
        {"after": "null"},
        {"sort_field": "created_at"},
        {"sort_direction": "down"},
        {"offset": 5},
    ],
)
def test_refuses_other_values(sandbox: Sandbox, params: dict[str, Any]) -> None:
    reply = get(sandbox, **params)
    assert reply.status_code == 422
    error = reply.json()["error"]
    assert (error["type"], error["code"]) == ("validation_failed", 422)
    assert error["errors"][0]["field"].partition("[")[0] == next(iter(params)).partition("__")[0]
    assert "reason" not in error["errors"][0]


@pytest.mark.parametrize("params", [{"creditor": "CR1", "customer": "CU1"}, {"after": EXAMPLE, "before": EXAMPLE}])
def test_what_cannot_be_given_together(sandbox: Sandbox, params: dict[str, str]) -> None:
    assert get(sandbox, **params).status_code == 422


def test_bounds_of_time_are_exact(sandbox: Sandbox) -> None:
    rows = sandbox.gocardless.rows
    moment = rows[10]["created_at"]
    at = [row for row in rows if row["created_at"] == moment]
    newer = [row for row in rows if row["created_at"] > moment]

    def ids(found: list[dict[str, Any]]) -> list[str]:
        return [row["id"] for row in found]

    assert ids(walk(sandbox, created_at__gt=moment, limit=3)) == ids(newer)
    assert ids(walk(sandbox, created_at__gte=moment, limit=3)) == ids([*newer, *at])
    assert len(walk(sandbox, created_at__lt=moment)) == len(rows) - len(newer) - len(at)
    assert len(walk(sandbox, created_at__lte=moment)) == len(rows) - len(newer)
    shifted = datetime.fromisoformat(moment.replace("Z", "+00:00")).astimezone(timezone(timedelta(hours=2)))
    assert ids(walk(sandbox, created_at__gt=shifted.isoformat(timespec="milliseconds"))) == ids(newer)


def test_filters(sandbox: Sandbox) -> None:
    rows = sandbox.gocardless.rows
    for name in ("status", "currency", "scheme", "customer"):
        for value in {row[name] for row in rows}:
            assert [row["id"] for row in walk(sandbox, **{name: value})] == [
                row["id"] for row in rows if row[name] == value
            ]
    for name in ("mandate", "creditor", "subscription"):
        value = next(row["links"][name] for row in rows if name in row["links"])
        assert {row["links"][name] for row in walk(sandbox, **{name: value})} == {value}
    everything = walk(sandbox)
    dates = sorted(row["charge_date"] for row in everything if row["charge_date"])
    found = walk(sandbox, charge_date__gte=dates[5], charge_date__lt=dates[-5])
    assert [row["id"] for row in found] == [
        row["id"] for row in everything if row["charge_date"] and dates[5] <= row["charge_date"] < dates[-5]
    ]


def test_other_orders_and_newest_first_without(sandbox: Sandbox) -> None:
    created = [row["created_at"] for row in walk(sandbox)]
    assert created == sorted(created, reverse=True)
    amounts = [row["amount"] for row in walk(sandbox, sort_field="amount", sort_direction="asc", limit=7)]
    assert amounts == sorted(amounts)


def test_a_cursor_outlives_the_status_that_was_asked_for(sandbox: Sandbox) -> None:
    rows = [row for row in sandbox.gocardless.rows if row["status"] == "paid_out"]
    cursor = get(sandbox, status="paid_out", limit=3).json()["meta"]["cursors"]["after"]
    assert cursor == rows[2]["id"]
    rows[2]["status"] = "charged_back"
    after = get(sandbox, status="paid_out", limit=500, after=cursor).json()["payments"]
    assert [row["id"] for row in after] == [row["id"] for row in rows[3:]]


def test_one_payment_is_under_the_plural(sandbox: Sandbox) -> None:
    payment = get(sandbox, f"/{EXAMPLE}").json()
    assert set(payment) == {"payments"}
    assert payment["payments"] == get(sandbox).json()["payments"][0]
    assert not {"customer", "charge_days"} & set(payment["payments"])
    missing = get(sandbox, "/PM000")
    assert (missing.status_code, reason(missing)) == (404, "resource_not_found")


def test_charge_dates_are_null_or_to_come(sandbox: Sandbox) -> None:
    rows = {row["status"]: row for row in walk(sandbox)}
    assert rows["pending_customer_approval"]["charge_date"] is None
    for row in walk(sandbox, status="pending_submission"):
        assert row["charge_date"] > row["created_at"][:10]


def test_what_seemed_to_have_ended_has_not(sandbox: Sandbox) -> None:
    before = {row["id"]: row["status"] for row in walk(sandbox)}
    sandbox.advance(101)
    between = {row["id"]: row["status"] for row in walk(sandbox)}
    sandbox.settle()
    after = {row["id"]: row["status"] for row in walk(sandbox)}
    moves = {(before[each], after[each]) for each in before}
    assert {("paid_out", "failed"), ("failed", "paid_out"), ("charged_back", "paid_out")} <= moves
    assert before != between != after
    assert not {"pending_customer_approval", "pending_submission", "submitted"} & set(after.values())


def test_each_reply_tells_the_limit(sandbox: Sandbox) -> None:
    left = []
    for path in ("", "/PM000"):
        reply = get(sandbox, path)
        assert reply.headers["RateLimit-Limit"] == "1000"
        left.append(int(reply.headers["RateLimit-Remaining"]))
        wait = parsedate_to_datetime(reply.headers["RateLimit-Reset"]) - datetime.now(timezone.utc)
        assert timedelta(0) < wait <= timedelta(seconds=61)
    assert left == [999, 998]


def test_over_the_limit_only_a_date_says_how_long(sandbox: Sandbox) -> None:
    sandbox.gocardless.requests_per_minute = 2
    assert [get(sandbox).status_code for _ in range(3)] == [200, 200, 429]
    reply = get(sandbox)
    assert reason(reply) == "rate_limit_exceeded"
    assert "Retry-After" not in reply.headers
    assert (reply.headers["RateLimit-Remaining"], reply.headers["RateLimit-Reset"][-4:]) == ("0", " GMT")
    sandbox.advance(60)
    assert get(sandbox).status_code == 200


def test_its_own_errors_have_no_reasons(sandbox: Sandbox) -> None:
    sandbox.faults.fail_every = 1
    error = get(sandbox).json()["error"]
    assert error["type"] == "gocardless"
    assert error["code"] in (500, 503)
    assert "errors" not in error


def test_amounts_may_be_texts(sandbox: Sandbox) -> None:
    numbers = walk(sandbox)
    sandbox.gocardless.amounts_as_text = True
    for row, number in zip(walk(sandbox), numbers, strict=True):
        assert (row["amount"], row["amount_refunded"]) == (str(number["amount"]), str(number["amount_refunded"]))


def test_an_api_at_the_root_of_the_port() -> None:
    with Sandbox(payments=3, root="gocardless") as running:
        for url in (f"{running.url}/payments", f"{running.url}/gocardless/payments"):
            assert len(requests.get(url, headers=HEADERS, timeout=30).json()["payments"]) == 3
        assert requests.get(f"{running.url}/payments/{EXAMPLE}", headers=HEADERS, timeout=30).status_code == 200
        assert requests.get(f"{running.url}/spacepay/", timeout=30).json()["error"]["type"] == "not_found_error"
    with pytest.raises(ValueError, match="no API 'visa'"):
        Sandbox(root="visa")
