from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import requests

from airflow_provider_payments.sandbox import Row, Sandbox
from airflow_provider_payments.sandbox.mollie import KEY, OTHER_KEY, TEST_KEY, TOKEN
from airflow_provider_payments.sandbox.mollie_data import OTHER_PROFILE, PROFILE

EXAMPLE = "tr_7UhSN1zuXS"
HAL = "application/hal+json"
STATUSES = {"open", "pending", "authorized", "paid", "canceled", "expired", "failed"}


def get(sandbox: Sandbox, path: str = "", key: str | None = KEY, **params: Any) -> requests.Response:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return requests.get(f"{sandbox.url}/mollie/v2/payments{path}", params=params, headers=headers, timeout=30)


def walk(sandbox: Sandbox, key: str = KEY, **params: Any) -> list[list[Row]]:
    """Follow the links, as they are, to the end."""
    pages: list[list[Row]] = []
    reply = get(sandbox, key=key, **params)
    while True:
        page = reply.json()
        assert page["count"] == len(page["_embedded"]["payments"])
        pages.append(page["_embedded"]["payments"])
        if page["_links"]["next"] is None:
            return pages
        url = page["_links"]["next"]["href"]
        reply = requests.get(url, headers={"Authorization": f"Bearer {key}"}, timeout=30)


def ids(rows: list[Row]) -> list[str]:
    return [row["id"] for row in rows]


def refusal(reply: requests.Response) -> tuple[int, str, str | None]:
    """What a refusal says, which is always of the same shape."""
    body = reply.json()
    assert reply.headers["Content-Type"] == HAL
    assert body["status"] == reply.status_code
    assert set(body) - {"field"} == {"status", "title", "detail", "_links"}
    assert body["_links"]["documentation"]["type"] == "text/html"
    return reply.status_code, body["detail"], body.get("field")


@pytest.mark.parametrize("path", ["", f"/{EXAMPLE}", "/tr_unknown"])
@pytest.mark.parametrize("key", [None, "", "live_wrong", KEY.lower(), KEY[:-1]])
def test_refuses_a_wrong_key_as_documented(sandbox: Sandbox, path: str, key: str | None) -> None:
    reply = get(sandbox, path, key)
    assert refusal(reply) == (401, "Missing authentication, or failed to authenticate", None)
    assert reply.json()["title"] == "Unauthorized Request"


def test_newest_first_and_the_documented_example_is_the_newest(sandbox: Sandbox) -> None:
    reply = get(sandbox)
    assert reply.headers["Content-Type"] == HAL
    rows = reply.json()["_embedded"]["payments"]
    assert rows[0]["id"] == EXAMPLE
    times = [datetime.fromisoformat(row["createdAt"]) for row in rows]
    assert times == sorted(times, reverse=True)
    assert all(row["createdAt"].endswith("+00:00") and len(row["createdAt"]) == 25 for row in rows)


@pytest.mark.parametrize("limit", [1, 7, 250])
@pytest.mark.parametrize("sort", ["desc", "asc"])
def test_links_lead_through_the_list_once(sandbox: Sandbox, limit: int, sort: str) -> None:
    pages = walk(sandbox, limit=limit, sort=sort)
    wanted = [row for row in sandbox.mollie.rows if (row["mode"], row["profileId"]) == ("live", PROFILE)]
    found = [row for page in pages for row in page]
    assert found == (wanted if sort == "desc" else wanted[::-1])
    assert {len(page) for page in pages[:-1]} <= {limit}


def test_a_link_names_the_first_payment_of_the_next_page(sandbox: Sandbox) -> None:
    first, second = walk(sandbox, limit=5)[:2]
    page = get(sandbox, limit=5, sort="desc").json()
    assert page["_links"]["previous"] is None
    assert page["_links"]["next"] == {
        "href": f"{sandbox.url}/mollie/v2/payments?limit=5&sort=desc&from={second[0]['id']}",
        "type": HAL,
    }
    again = get(sandbox, limit=5, **{"from": second[0]["id"]}).json()
    assert again["_embedded"]["payments"] == second
    assert again["_links"]["previous"]["href"].endswith(f"from={first[0]['id']}")


def test_the_last_page_may_be_full(sandbox: Sandbox) -> None:
    number = len(walk(sandbox, limit=250)[0])
    assert [len(page) for page in walk(sandbox, limit=number)] == [number]


def test_fifty_on_a_page_by_default() -> None:
    with Sandbox(payments={"mollie": 90}) as sandbox:
        assert get(sandbox).json()["count"] == 50


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 251}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"sort": "newest"}, "sort"),
        ({"from": "tr_nobody"}, "from"),
        ({"from": ""}, "from"),
        ({"status": "paid"}, "status"),
        ({"createdAt": "2026-01-01"}, "createdAt"),
        ({"profileId": PROFILE}, "profileId"),
        ({"testmode": "false"}, "testmode"),
    ],
)
def test_refuses_what_it_does_not_know(sandbox: Sandbox, params: dict[str, Any], field: str) -> None:
    status, detail, told = refusal(get(sandbox, **params))
    assert (status, told) == (400, field)
    assert detail == "Invalid cursor value" or field != "from"


def test_a_payment_of_another_website_is_no_cursor_and_not_found(sandbox: Sandbox) -> None:
    (other, *_), (test, *_) = walk(sandbox, OTHER_KEY)[0], walk(sandbox, TEST_KEY)[0]
    for row in (other, test):
        assert refusal(get(sandbox, **{"from": row["id"]}))[1] == "Invalid cursor value"
        wanted = (404, f"No payment exists with token {row['id']}.", None)
        assert refusal(get(sandbox, f"/{row['id']}")) == wanted
    assert get(sandbox, f"/{other['id']}", OTHER_KEY).json() == other


def test_a_key_shows_one_website_in_one_mode(sandbox: Sandbox) -> None:
    shown = {key: [row for page in walk(sandbox, key) for row in page] for key in (KEY, OTHER_KEY, TEST_KEY)}
    assert sum(map(len, shown.values())) == len(sandbox.mollie.rows)
    for key, about in ((KEY, ("live", PROFILE)), (OTHER_KEY, ("live", OTHER_PROFILE)), (TEST_KEY, ("test", PROFILE))):
        assert {(row["mode"], row["profileId"]) for row in shown[key]} == {about}


def test_an_access_token_says_which(sandbox: Sandbox) -> None:
    for params, key in (
        ({"profileId": PROFILE}, KEY),
        ({"profileId": OTHER_PROFILE, "testmode": "false"}, OTHER_KEY),
        ({"profileId": PROFILE, "testmode": "true"}, TEST_KEY),
    ):
        assert walk(sandbox, TOKEN, limit=5, **params) == walk(sandbox, key, limit=5)
    assert refusal(get(sandbox, key=TOKEN, profileId="pfl_unknown"))[0] == 404
    assert refusal(get(sandbox, key=TOKEN, profileId=PROFILE, testmode="yes"))[2] == "testmode"
    assert get(sandbox, f"/{EXAMPLE}", TOKEN).json()["id"] == EXAMPLE


def test_an_access_token_needs_a_website_or_sees_all(sandbox: Sandbox) -> None:
    assert refusal(get(sandbox, key=TOKEN)) == (400, "The profileId is required", "profileId")
    sandbox.mollie.requires_profile = False
    (rows,) = walk(sandbox, TOKEN, limit=250)
    assert {row["profileId"] for row in rows} == {PROFILE, OTHER_PROFILE}


def test_an_access_token_needs_a_permission(sandbox: Sandbox) -> None:
    sandbox.mollie.token_permissions.clear()
    assert refusal(get(sandbox, key=TOKEN, profileId=PROFILE))[0] == 403
    assert get(sandbox).status_code == 200


def test_every_reply_tells_the_limits(sandbox: Sandbox) -> None:
    for reply in (get(sandbox), get(sandbox, f"/{EXAMPLE}"), get(sandbox, "/nobody"), get(sandbox, key=None)):
        assert reply.headers["RateLimit"].startswith('"get-v2-payments";r=')
        assert "mollie-burst" in reply.headers["RateLimit-Policy"]
    sandbox.faults.throttle_every = 1
    reply = get(sandbox)
    said = (429, "You have exceeded the rate limit. Please slow down your requests.", None)
    assert (refusal(reply), reply.headers["Retry-After"]) == (said, "1")


def test_links_may_name_another_host(sandbox: Sandbox) -> None:
    sandbox.mollie.link_base = "https://api.mollie.com"
    assert (
        get(sandbox, limit=2).json()["_links"]["next"]["href"].startswith("https://api.mollie.com/v2/payments?limit=2&")
    )


def test_rows_have_what_mollie_always_tells_and_nothing_before_it_applies() -> None:
    rows = Sandbox(payments={"mollie": 400}).mollie.rows
    always = {"resource", "id", "mode", "createdAt", "amount", "description", "status", "profileId", "sequenceType"}
    assert {row["status"] for row in rows} == STATUSES
    for row in rows:
        assert always <= row.keys()
        assert row["id"].startswith("tr_")
        ended = {"paid": "paidAt", "canceled": "canceledAt", "expired": "expiredAt", "failed": "failedAt"}
        assert [word for word, name in ended.items() if name in row] == [row["status"]] * (row["status"] in ended)
        decimals = 0 if row["amount"]["currency"] in ("JPY", "ISK") else 2
        for name in ("amount", "amountRefunded", "amountRemaining", "amountCaptured", "amountChargedBack"):
            if name in row:
                assert row[name]["currency"] == row["amount"]["currency"]
                assert len(row[name]["value"].partition(".")[2]) == decimals
    assert len({row["id"] for row in rows}) == 400


def test_the_awkward_ones_are_there() -> None:
    rows = Sandbox(payments={"mollie": 200}).mollie.rows

    def value(row: Row, name: str) -> Decimal:
        return Decimal(row.get(name, {"value": "0"})["value"])

    paid = [row for row in rows if row["status"] == "paid"]
    assert any(value(row, "amountRefunded") > value(row, "amount") for row in paid)
    assert any(0 < value(row, "amountRefunded") < value(row, "amount") for row in paid)
    assert any(value(row, "amountRefunded") == value(row, "amount") for row in paid)
    assert any(0 < value(row, "amountCaptured") < value(row, "amount") for row in paid)
    assert any(value(row, "amountChargedBack") == value(row, "amount") for row in paid)
    assert any(value(row, "amountChargedBack") > 0 and value(row, "amountRefunded") > 0 for row in paid)
    assert {type(row["metadata"]).__name__ for row in rows} == {"NoneType", "str", "int", "list", "dict"}
    assert any(row["method"] is None for row in rows)
    assert any(one["createdAt"] == other["createdAt"] for one, other in pairwise(rows))
    assert any("settlementAmount" in row for row in rows)
    times = [
        datetime.fromisoformat(row["expiresAt"]) - datetime.fromisoformat(row["createdAt"])
        for row in rows
        if "expiresAt" in row
    ]
    assert timedelta(days=12) in times


def test_only_gets(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/mollie/v2/payments"
    reply = requests.post(url, json={}, headers={"Authorization": f"Bearer {KEY}"}, timeout=30)
    assert refusal(reply)[0] == 405
    assert refusal(requests.get(f"{sandbox.url}/mollie/v2/refunds", timeout=30))[0] == 404
