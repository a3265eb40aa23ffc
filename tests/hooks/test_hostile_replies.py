"""Any bytes give records or one of our errors: never another exception, a hang, or gigabytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.exceptions import PaymentsError, PaymentsProtocolError
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.http.auth import advance
from airflow_provider_payments.http.messages import Request, Response
from airflow_provider_payments.http.retry import parse_retry_after
from airflow_provider_payments.output.stats import PaymentStats
from airflow_provider_payments.payment import Payment, to_json_lines
from tests.hooks.hostile import GIANTS, VALUES, Place, fields, payloads, places, put
from tests.listing.drift import build_api

pytestmark = pytest.mark.without_airflow

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
ERRORS: dict[str, Any] = {
    "hotpay": {"error": "no"},
    "cryptofuse": {"error": {"code": "a", "message": "b", "request_id": "r"}},
    "spacepay": {"statusCode": 1, "message": "x", "error": "y"},
    "satispay": {"code": 36, "message": "x", "wlt": "z"},
    "jframework": {"success": False, "statusCode": 400, "errors": [{"code": "c", "details": "d"}]},
    "stripe": {"error": {"type": "t", "code": "a", "message": "b", "param": "p"}},
    "gocardless": {"error": {"type": "invalid_api_usage", "code": 400, "errors": [{"reason": "r", "message": "m"}]}},
    "mollie": {"status": 400, "title": "t", "detail": "d", "field": "f", "_links": {}},
    "razorpay": {"error": {"code": "BAD_REQUEST_ERROR", "description": "d", "field": "f", "metadata": {}}},
    "square": {"errors": [{"category": "INVALID_REQUEST_ERROR", "code": "c", "detail": "d", "field": "f"}]},
    "paypal": {"name": "n", "message": "m", "debug_id": "d", "details": [{"field": "f", "issue": "i"}], "links": []},
}
KEYS: dict[str, Any] = {
    "cryptofuse": {"access_token": "abc", "expires_in": 3600, "token_type": "Bearer"},
    "jframework": {"success": True, "statusCode": 200, "data": {"authKey": "k", "expiresIn": "2030-01-01T00:00:00Z"}},
    "paypal": {"scope": "https://example.com/a b", "access_token": "abc", "token_type": "Bearer", "expires_in": 31668},
}
STATUSES = [200, 204, 209, 301, 400, 401, 403, 404, 429, 500, 503, 999]


@pytest.fixture(scope="module")
def apis() -> dict[str, PaymentsApi]:
    return {name: build_api(name, 100, 2) for name in ERRORS}


def read(api: PaymentsApi, body: bytes) -> list[Payment]:
    """Read a page as a listing does, and write its payments as a task does."""
    request, response = api.list_request({}), Response(200, body=body)
    api.raise_for_error(request, response)
    payments = api.parse_payments(api.parse_page(request, response).rows)
    tally = PaymentStats()
    tally.add(payments)
    tally.summary()
    to_json_lines(payments)
    for payment in payments:
        assert json.loads(json.dumps(payment.to_dict())) == payment.to_dict()
        payment.to_row()
    return payments


def parse_detail(api: PaymentsApi, body: bytes) -> None:
    request = api.detail_request("an-id")
    if request is not None:
        api.raise_for_error(request, Response(200, body=body))
        api.parse_detail(request, Response(200, body=body)).to_dict()


def choose(documents: list[Any], is_each: bool) -> list[tuple[Any, Place]]:
    """Return every place of some documents, or every field once."""
    return [(document, at) for document in documents for at in places(document)] if is_each else fields(documents)


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.exhaustive)], ids=["fields", "places"])
def is_each(request: pytest.FixtureRequest) -> bool:
    """Whether rows are tried that are like one before."""
    return request.param  # type: ignore[no-any-return]


@pytest.mark.parametrize("conn_type", ERRORS)
def test_anything_in_any_place_of_a_page(conn_type: str, is_each: bool, apis: dict[str, PaymentsApi]) -> None:
    readable = 0
    for document, at in choose([json.loads(payload) for payload in payloads(conn_type)], is_each):
        for value in [*VALUES, None] if at else VALUES:
            with suppress(PaymentsError):
                readable += bool(read(apis[conn_type], put(document, at, value)))
    assert readable > 100  # fields that nobody reads may hold anything


@pytest.mark.parametrize("value", GIANTS, ids=["text", "integer", "text of digits", "decimal"])
@pytest.mark.parametrize("conn_type", ERRORS)
def test_giants_in_the_places_of_a_payment(conn_type: str, value: bytes, apis: dict[str, PaymentsApi]) -> None:
    document = json.loads(payloads(conn_type)[0])
    row = next(at for at in places(document) if at and at[-1] == 0)
    for at in places(document):
        if at[: len(row)] == row and len(at) == len(row) + 1:
            with suppress(PaymentsError):
                read(apis[conn_type], put(document, at, value))


@pytest.mark.parametrize("conn_type", ERRORS)
def test_any_bytes(conn_type: str, apis: dict[str, PaymentsApi]) -> None:
    examples = payloads(conn_type)

    @settings(max_examples=80)
    @given(
        st.sampled_from(examples),
        st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=20)), max_size=5),
    )
    def holds(body: bytes, cuts: list[tuple[float, int, bytes]]) -> None:
        for where, length, patch in cuts:
            start = int(where * len(body))
            body = body[:start] + patch + body[start + length :]
        for reading in (read, parse_detail):
            with suppress(PaymentsError):
                reading(apis[conn_type], body)

    @settings(max_examples=40)
    @given(st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda value: json.dumps(value).encode()))
    def holds_for_anything(body: bytes) -> None:
        for reading in (read, parse_detail):
            with pytest.raises(PaymentsError):
                reading(apis[conn_type], body)
            if apis[conn_type].detail_request("an-id") is None:
                break

    holds()
    holds_for_anything()


@pytest.mark.parametrize("conn_type", ERRORS)
def test_anything_in_any_place_of_one_payment(conn_type: str, is_each: bool, apis: dict[str, PaymentsApi]) -> None:
    api = apis[conn_type]
    documents = []
    for payload in payloads(conn_type):
        (row, *_) = api.parse_page(api.list_request({}), Response(200, body=payload)).rows
        data: Any = json.loads(bytes(row))
        documents.append({"success": True, "statusCode": 200, "data": data} if conn_type == "jframework" else data)
    for document, at in choose(documents, is_each):
        for value in VALUES:
            with suppress(PaymentsError):
                parse_detail(api, put(document, at, value))


@pytest.mark.parametrize("third", [0, *(pytest.param(each, marks=pytest.mark.exhaustive) for each in (1, 2))])
@pytest.mark.parametrize("conn_type", ERRORS)
def test_anything_in_any_place_of_an_error(conn_type: str, third: int, apis: dict[str, PaymentsApi]) -> None:
    """Anything in any place; and it comes with every third status, with others the next time."""
    api = apis[conn_type]
    request = api.list_request({})
    for at in places(ERRORS[conn_type]):
        for number, value in enumerate([*VALUES, *GIANTS], third):
            body = put(ERRORS[conn_type], at, value)
            for status in STATUSES[number % 3 :: 3] if len(value) < 10_000 else STATUSES[5:6]:
                if status == 200 and conn_type != "jframework":
                    continue
                headers = {"location": "http://[", "retry-after": "9" * 400, "content-type": "\x00"}
                with pytest.raises(PaymentsError) as caught:
                    api.raise_for_error(request, Response(status, headers, body))
                assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("conn_type", KEYS)
def test_anything_in_any_place_of_a_key(conn_type: str) -> None:
    for at in places(KEYS[conn_type]):
        for value in [*VALUES, *GIANTS, b'"k\\r\\nX-Evil: 1"', '"ключ"'.encode(), b"1e300", b"-1e300"]:
            api = build_api(conn_type, 100, 2, login="user")
            flow = api.auth.auth_flow(api.list_request({}))
            assert advance(flow).is_token_request  # type: ignore[union-attr]
            with suppress(PaymentsError):
                request = advance(flow, Response(200, body=put(KEYS[conn_type], at, value)))
                assert request is not None
                headers = [*request.headers, *request.headers.values()]
                assert all(text.isascii() and text.isprintable() for text in headers)


def test_a_key_that_no_header_can_carry_is_not_shown() -> None:
    api = build_api("cryptofuse", 100, 2)
    flow = api.auth.auth_flow(api.list_request({}))
    advance(flow)
    with pytest.raises(PaymentsProtocolError, match="does not fit into a header") as caught:
        advance(flow, Response(200, body=b'{"access_token": "s3cret\\r\\nX-Evil: 1"}'))
    assert "s3cret" not in str(caught.value)


@given(st.text() | st.from_regex(r"[0-9]{1,400}|.{3}, \d\d .{3} \d{4,6} \d\d:\d\d:\d\d .{1,5}", fullmatch=True))
def test_any_retry_after(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0


# The same through both clients, over a real socket.

BODIES = {
    "nothing": b"",
    "nul": b"\x00" * 1000,
    "deep": b"[" * 100_000,
    "number": b"9" * 1_000_000,
    "text": b'"' + b"x" * 1_000_000 + b'"',
    "surrogate": b'{"data": "\\ud800"}',
    "html": "<html>é</html>".encode("latin-1"),
}


IN_TURN = [
    pytest.param(conn_type, status, body, marks=() if at == number % len(ERRORS) else [pytest.mark.exhaustive])
    for number, (status, body) in enumerate(product([200, 404], BODIES))
    for at, conn_type in enumerate(ERRORS)
]
"""Every body with both statuses at one company; and at all of them for ``make test-all``, for each reads them above."""


@pytest.mark.parametrize(("conn_type", "status", "body"), IN_TURN)
def test_hostile_bodies_over_the_wire(
    conn_type: str,
    status: int,
    body: str,
    connect: Callable[..., PaymentsHook],
    reply_to_list: Callable[..., None],
    collect: Callable[..., list[Payment]],
) -> None:
    hook = connect(conn_type, {"max_attempts": 1})  # some of it may be a gateway's, and is tried again
    reply_to_list(conn_type, status, BODIES[body])
    with pytest.raises(PaymentsError) as caught:
        collect(hook)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    "headers", [{"Content-Encoding": "gzip"}, {"Content-Encoding": "deflate"}, {"Content-Type": "x" * 5000}]
)
def test_hostile_headers_over_the_wire(
    headers: dict[str, str],
    connect: Callable[..., PaymentsHook],
    reply_to_list: Callable[..., None],
    collect: Callable[..., list[Payment]],
) -> None:
    hook = connect("hotpay", {"max_attempts": 1})
    reply_to_list("hotpay", 200, b"no gzip", headers)
    with pytest.raises(PaymentsError):
        collect(hook)


def test_requests_are_made_of_what_was_given(apis: dict[str, PaymentsApi]) -> None:
    for api in apis.values():
        for text in ("../../x", "a/b?c#d", "a\r\nX-Evil: 1", "\x00", "ключ", "%2e%2e", ".."):
            for request in (api.detail_request(text), api.list_request({"memo": text})):
                assert isinstance(request, Request | None)
                assert request is None or (request.url.isascii() and request.url.isprintable())
                assert request is None or not {".", ".."} & set(request.url.partition("?")[0].split("/"))
