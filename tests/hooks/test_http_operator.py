"""Airflow's own HTTP operator over our connections: authenticated, and as silent about secrets as ours."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from airflow.providers.http.operators.http import HttpOperator

from airflow_provider_payments.exceptions import PaymentsAuthError, PaymentsProtocolError
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.sandbox import Sandbox
from tests.hooks.facts import Facts

NOW, AGO = (f"{datetime.now(timezone.utc) - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (0, 30))
ENDPOINTS = {
    "hotpay": "/partners/processed_payments?limit=1",
    "cryptofuse": "/payments/?limit=1",
    "spacepay": "/v1/external/secretkey-auth/payments?limit=1",
    "satispay": "/g_business/v1/payments?limit=1",
    "jframework": "/api/v1/payments?PageSize=1",
    "stripe": "/v1/payment_intents?limit=1",
    "gocardless": "/payments?limit=1",
    "mollie": "/v2/payments?limit=1",
    "razorpay": "/v1/payments?count=1",
    "square": "/v2/payments?limit=1",
    "paypal": f"/v1/reporting/transactions?start_date={AGO}&end_date={NOW}&page_size=1",
}
Connect = Callable[..., PaymentsHook]


def run(conn_type: str, **changes: Any) -> Any:
    settings = {"http_conn_id": f"{conn_type}_default", "method": "GET", "endpoint": ENDPOINTS[conn_type], **changes}
    return HttpOperator(task_id="call", **settings).execute({})


def find_lists(body: Any) -> Iterator[list[Any]]:
    """Yield the lists of a page, in whatever envelope, and not those within their rows."""
    for value in body.values():
        if isinstance(value, list):
            yield value
        elif isinstance(value, dict):
            yield from find_lists(value)


def test_it_reads_a_page(sandbox: Sandbox, conn_type: str) -> None:
    body = json.loads(run(conn_type))
    assert len(next(find_lists(body))) == 1
    assert sandbox.requests[-1].path.endswith(ENDPOINTS[conn_type])


def test_parameters_of_the_operator_are_signed_too(sandbox: Sandbox) -> None:
    """With GET, the operator's ``data`` is the query."""
    body = json.loads(run("satispay", endpoint="g_business/v1/payments", data={"status": "CANCELED", "limit": 2}))
    assert {row["status"] for row in body["data"]} == {"CANCELED"}
    assert sandbox.requests[-1].query == {"status": "CANCELED", "limit": "2"}


def test_a_body_is_signed_too(sandbox: Sandbox) -> None:
    """Nothing in Satispay's list takes a body, so the signature is accepted and the method is not."""
    seen = run(
        "satispay",
        method="POST",
        data='{"a": 1}',
        headers={"Content-Type": "application/json"},
        extra_options={"check_response": False},
        response_filter=lambda response: response.status_code,
    )
    assert seen == 405


def test_its_own_headers_are_sent(sandbox: Sandbox) -> None:
    run("spacepay", headers={"X-Trace": "mine"})
    assert sandbox.requests[-1].header("X-Trace") == "mine"


def test_pagination_over_one_operator(sandbox: Sandbox) -> None:
    def next_page(response: Any) -> dict[str, Any] | None:
        told = response.json()["pagination"]
        offset = told["offset"] + told["limit"]
        return {"endpoint": f"{ENDPOINTS['spacepay']}&offset={offset}"} if offset < 3 else None

    bodies = run("spacepay", pagination_function=next_page, response_filter=lambda all_of: [r.json() for r in all_of])
    assert len({body["data"][0]["id"] for body in bodies}) == 3


def test_wrong_credentials_are_our_error(connect: Connect, facts: Facts, conn_type: str) -> None:
    connect(conn_type, **facts.wrong)
    with pytest.raises(PaymentsAuthError, match=conn_type):
        run(conn_type)


def test_a_redirect_is_not_followed(sandbox: Sandbox, conn_type: str) -> None:
    with Sandbox(payments=1) as elsewhere:
        target = f"{elsewhere.url}/{conn_type}{ENDPOINTS[conn_type]}"

        def redirect(call: Any) -> None:
            if "token" not in call.route:
                sandbox.faults.reply_with[conn_type].append((302, {"Location": target}, b""))

        sandbox.before_reply = redirect
        with pytest.raises(PaymentsProtocolError, match="redirect"):
            run(conn_type)
        assert elsewhere.requests == []


def test_a_refusal_logs_no_body(sandbox: Sandbox, conn_type: str, caplog: pytest.LogCaptureFixture) -> None:
    body = b'{"success": false, "statusCode": 400, "email": "somebody@example.com", "error": {"message": "No."}}'

    def refuse(call: Any) -> None:
        if "token" not in call.route:
            sandbox.faults.reply_with[conn_type].append((400, {}, body))

    sandbox.before_reply = refuse
    with caplog.at_level(logging.DEBUG), pytest.raises(Exception, match="HTTP 400") as caught:
        run(conn_type)
    assert "somebody" not in caplog.text
    assert "somebody" not in str(caught.value)


def test_unknown_extras_are_no_headers(connect: Connect, sandbox: Sandbox, conn_type: str) -> None:
    connect(conn_type, {"X-Surprise": "surprise", "client_secret": "surprise"})
    run(conn_type)
    assert not any("surprise" in repr(call.headers).lower() for call in sandbox.requests)
