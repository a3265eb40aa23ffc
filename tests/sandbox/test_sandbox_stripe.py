"""Stripe in the sandbox, asked by hand, and by Stripe's own client."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

from airflow_provider_payments.sandbox import Sandbox
from airflow_provider_payments.sandbox.api import Row
from airflow_provider_payments.sandbox.stripe_data import CURRENCIES

KEY = "rk_test_sandbox"
EXPANDED = {"expand[]": "data.latest_charge.balance_transaction"}


def get(sandbox: Sandbox, path: str = "payment_intents", key: str = KEY, **params: Any) -> requests.Response:
    headers = params.pop("headers", {})
    return requests.get(
        f"{sandbox.url}/stripe/v1/{path}",
        params=params,
        headers={"Authorization": f"Bearer {key}", **headers},
        timeout=30,
    )


def ids(reply: requests.Response) -> list[str]:
    return [row["id"] for row in reply.json()["data"]]


def assert_refused(reply: requests.Response, status: int, code: str | None, param: str | None = None) -> None:
    error = reply.json()["error"]
    assert (reply.status_code, error.get("code"), error.get("param")) == (status, code, param), error
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert reply.headers["Request-Id"].startswith("req_")


@pytest.fixture
def client(sandbox: Sandbox) -> stripe.StripeClient:
    """Stripe's own client, which knows nothing of this package."""
    return stripe.StripeClient(KEY, base_addresses={"api": f"{sandbox.url}/stripe"}, max_network_retries=0)


# Keys.


@pytest.mark.parametrize("auth", [None, (KEY, "")], ids=["bearer", "basic"])
def test_the_key_may_be_a_bearer_or_a_user_name(sandbox: Sandbox, auth: Any) -> None:
    headers = {} if auth else {"Authorization": f"Bearer {KEY}"}
    reply = requests.get(f"{sandbox.url}/stripe/v1/payment_intents", headers=headers, auth=auth, timeout=30)
    assert reply.status_code == 200
    assert reply.headers["Request-Id"]
    assert reply.headers["Stripe-Version"]


def test_wrong_keys(sandbox: Sandbox) -> None:
    assert_refused(get(sandbox, key="rk_test_wrong"), 401, None)
    assert_refused(get(sandbox, key="pk_test_sandbox"), 401, "secret_key_required")
    reply = requests.get(f"{sandbox.url}/stripe/v1/payment_intents", timeout=30)
    assert_refused(reply, 401, None)


@pytest.mark.parametrize(
    ("permission", "params"),
    [("payment_intent", {}), ("charge", {"expand[]": "data.latest_charge"}), ("balance", EXPANDED)],
)
def test_what_a_key_may_read(sandbox: Sandbox, permission: str, params: Row) -> None:
    assert get(sandbox, **params).status_code == 200
    sandbox.stripe.permissions.remove(permission)
    reply = get(sandbox, **params)
    assert_refused(reply, 403, None)
    assert f"Having the 'rak_{permission}_read' permission" in reply.json()["error"]["message"]


def test_accounts_and_versions(sandbox: Sandbox) -> None:
    reply = get(sandbox, headers={"Stripe-Account": "acct_sandbox", "Stripe-Version": "2024-06-20"})
    assert (reply.status_code, reply.headers["Stripe-Version"]) == (200, "2024-06-20")
    assert_refused(get(sandbox, headers={"Stripe-Account": "acct_other"}), 403, "account_invalid")
    assert_refused(get(sandbox, headers={"Stripe-Version": "newest"}), 400, None)


# Lists.


def test_newest_first_ten_by_default(sandbox: Sandbox) -> None:
    page = get(sandbox).json()
    assert (page["object"], page["url"], page["has_more"], len(page["data"])) == (
        "list",
        "/v1/payment_intents",
        True,
        10,
    )
    created = [row["created"] for row in get(sandbox, limit=100).json()["data"]]
    assert created == sorted(created, reverse=True)
    assert len(created) == len(sandbox.stripe.rows)
    charges = get(sandbox, "charges", limit=100).json()["data"]
    assert charges == sorted(charges, key=lambda each: (each["created"], each["id"]), reverse=True)


@pytest.mark.parametrize("resource", ["payment_intents", "charges"])
def test_cursors_go_both_ways(sandbox: Sandbox, resource: str) -> None:
    everything = ids(get(sandbox, resource, limit=100))
    after = get(sandbox, resource, limit=3, starting_after=everything[4])
    before = get(sandbox, resource, limit=3, ending_before=everything[4])
    assert (ids(after), after.json()["has_more"]) == (everything[5:8], True)
    assert (ids(before), before.json()["has_more"]) == (everything[1:4], True)
    first = get(sandbox, resource, limit=9, ending_before=everything[4])
    assert (ids(first), first.json()["has_more"]) == (everything[:4], False)
    assert ids(get(sandbox, resource, limit=100, starting_after=everything[-1])) == []


def test_a_cursor_stays_where_it_was(sandbox: Sandbox) -> None:
    first = ids(get(sandbox, limit=5))
    rest = ids(get(sandbox, limit=100, starting_after=first[-1]))
    sandbox.stripe.add()
    assert ids(get(sandbox, limit=100, starting_after=first[-1])) == rest


@pytest.mark.parametrize(
    ("operator", "is_within"), [("gte", "__ge__"), ("gt", "__gt__"), ("lte", "__le__"), ("lt", "__lt__")]
)
def test_four_ways_to_bound_times(sandbox: Sandbox, operator: str, is_within: str) -> None:
    rows = sandbox.stripe.rows
    moment = rows[12]["created"]
    found = ids(get(sandbox, limit=100, **{f"created[{operator}]": moment}))
    assert found == [row["id"] for row in rows if getattr(row["created"], is_within)(moment)]
    assert ids(get(sandbox, limit=100, created=moment)) == [row["id"] for row in rows if row["created"] == moment]


def test_filters(sandbox: Sandbox) -> None:
    row = next(row for row in sandbox.stripe.rows if row["customer"] and row["latest_charge"])
    assert row["id"] in ids(get(sandbox, limit=100, customer=row["customer"]))
    assert ids(get(sandbox, "charges", payment_intent=row["id"])) == [row["latest_charge"]["id"]]
    assert ids(get(sandbox, customer="cus_nobody")) == []


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"limit": 0}, "parameter_invalid_integer", "limit"),
        ({"limit": 101}, "parameter_invalid_integer", "limit"),
        ({"limit": "ten"}, "parameter_invalid_integer", "limit"),
        ({"created[gte]": "2026-01-01"}, "parameter_invalid_integer", "created[gte]"),
        ({"status": "succeeded"}, "parameter_unknown", "status"),
        ({"payment_intent": "pi_1"}, "parameter_unknown", "payment_intent"),
        ({"expand[]": "latest_charge"}, None, "expand"),
        ({"expand[]": "data.nothing"}, None, "expand"),
        ({"expand[]": "data.latest_charge.balance_transaction.source.payment_intent"}, None, None),
        ({"starting_after": "a", "ending_before": "b"}, None, None),
    ],
)
def test_parameters_that_it_refuses(sandbox: Sandbox, params: Row, code: str | None, param: str | None) -> None:
    assert_refused(get(sandbox, **params), 400, code, param)


def test_what_there_is_not(sandbox: Sandbox) -> None:
    assert_refused(get(sandbox, "payment_intents/pi_none"), 404, "resource_missing", "intent")
    assert_refused(get(sandbox, starting_after="pi_none"), 404, "resource_missing", "starting_after")
    assert_refused(get(sandbox, "payouts"), 404, None)


# Payments.


def test_ids_unless_expanded(sandbox: Sandbox) -> None:
    rows = {row["id"]: row for row in sandbox.stripe.rows}
    for shown in get(sandbox, limit=100).json()["data"]:
        charge = rows[shown["id"]]["latest_charge"]
        assert shown["latest_charge"] == (charge and charge["id"])
    for shown in get(sandbox, limit=100, **{"expand[]": "data.latest_charge"}).json()["data"]:
        charge = rows[shown["id"]]["latest_charge"]
        settled = charge and charge["balance_transaction"]
        assert shown["latest_charge"] == (charge and {**charge, "balance_transaction": settled and settled["id"]})
    for shown in get(sandbox, limit=100, **{"expand[0]": EXPANDED["expand[]"]}).json()["data"]:
        assert shown["latest_charge"] == rows[shown["id"]]["latest_charge"]
    row = next(row for row in rows.values() if row["latest_charge"])
    path = f"payment_intents/{row['id']}"
    assert get(sandbox, path).json()["latest_charge"] == row["latest_charge"]["id"]
    expanded = get(sandbox, path, **{"expand[]": "latest_charge"}).json()
    assert expanded["latest_charge"]["id"] == row["latest_charge"]["id"]


def test_the_awkward_payments_are_there(sandbox: Sandbox) -> None:
    rows = sandbox.stripe.rows
    charges = [row["latest_charge"] for row in rows if row["latest_charge"]]
    assert {row["currency"] for row in rows} == set(CURRENCIES)
    assert {row["status"] for row in rows} == {
        "requires_payment_method",
        "requires_confirmation",
        "requires_action",
        "processing",
        "requires_capture",
        "succeeded",
        "canceled",
    }
    assert any(0 < row["amount_received"] < row["amount"] for row in rows)
    assert any(charge["refunded"] and charge["captured"] for charge in charges)
    assert any(charge["refunded"] and not charge["captured"] for charge in charges)
    assert any(charge["disputed"] for charge in charges)
    assert any(charge["captured"] and charge["balance_transaction"] is None for charge in charges)
    assert any(c["balance_transaction"] and c["balance_transaction"]["currency"] != c["currency"] for c in charges)
    assert any(row["latest_charge"] is None and row["status"] == "requires_payment_method" for row in rows)
    seconds = [row["created"] for row in rows]
    assert any(seconds[at - 1] == seconds[at] for at in (7, 10))
    assert all(row["client_secret"].startswith(f"{row['id']}_secret_") for row in rows)
    for row in rows:
        assert row["amount"] % CURRENCIES[row["currency"]] == 0


def test_what_becomes_of_them(sandbox: Sandbox) -> None:
    paid = [row for row in sandbox.stripe.rows if row["status"] == "succeeded"]
    fresh = [row for row in paid if not row["latest_charge"]["balance_transaction"]]
    held = [row for row in sandbox.stripe.rows if row["status"] == "requires_capture"]
    abandoned = sum(row["status"] == "requires_payment_method" for row in sandbox.stripe.rows)
    assert fresh
    assert held
    assert abandoned
    sandbox.settle()
    assert all(row["latest_charge"]["balance_transaction"] for row in fresh)
    assert all(row["status"] == "succeeded" and row["amount_capturable"] == 0 for row in held)
    assert any(row["amount_received"] < row["amount"] for row in held)
    assert 0 < sum(row["status"] == "requires_payment_method" for row in sandbox.stripe.rows) <= abandoned + 5
    tried_again = [row for row in sandbox.stripe.rows if row.get("attempts")]
    for row in tried_again:
        assert len(ids(get(sandbox, "charges", payment_intent=row["id"]))) == 2


def test_too_many_requests(sandbox: Sandbox) -> None:
    sandbox.faults.throttle_every = 1
    reply = get(sandbox)
    assert_refused(reply, 429, "rate_limit")
    assert reply.headers["Stripe-Rate-Limited-Reason"] == "endpoint-rate"
    assert "Retry-After" not in reply.headers


# Stripe's own client.


def test_what_stripes_own_client_makes_of_refusals(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
        client.v1.payment_intents.retrieve("pi_none")
    sandbox.stripe.permissions.clear()
    with pytest.raises(stripe.PermissionError, match="rak_payment_intent_read"):
        client.v1.payment_intents.list()
    sandbox.faults.throttle_every = 1
    with pytest.raises(stripe.RateLimitError):
        client.v1.payment_intents.list()
