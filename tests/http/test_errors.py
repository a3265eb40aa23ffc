from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from airflow_provider_payments.exceptions import (
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsError,
    PaymentsProtocolError,
    PaymentsRequestError,
    PaymentsThrottled,
    PaymentsUnavailable,
)
from airflow_provider_payments.http.errors import ErrorBody, ErrorMapper, parse_error_body
from airflow_provider_payments.http.messages import Request, Response

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
REQUEST = Request("GET", "https://api.example.com/v1/payments?memo=private", {"X-Key": "s3cret"})
ASKING = Request("POST", "https://api.example.com/o/token/", is_token_request=True)


def response(status: int, body: Any = None, **headers: str) -> Response:
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, data)


def error_mapper(*secrets: str) -> ErrorMapper:
    return ErrorMapper("somepay", throttle_codes=((403, "70"),), secrets=lambda: secrets, now=lambda: NOW)


def verdict(request: Request, answer: Response, *secrets: str, status: int | None = None) -> PaymentsError:
    with pytest.raises(PaymentsError) as caught:
        error_mapper(*secrets).raise_for_error(request, answer, status=status)
    return caught.value


SHAPES: dict[str, tuple[Any, tuple[str | None, str | None, str | None]]] = {
    "CryptoFuse": (
        {"error": {"code": "invalid_parameter", "message": "limit too large", "details": {"limit": ["at most 100"]}}},
        ("invalid_parameter", "limit too large", None),
    ),
    "CryptoFuse v0.9": (
        {"error": "deprecated_endpoint", "message": "Use the new one", "request_id": "req_1"},
        ("deprecated_endpoint", "Use the new one", "req_1"),
    ),
    "OAuth 2.0": (
        {"error": "invalid_client", "error_description": "Client authentication failed"},
        ("invalid_client", "Client authentication failed", None),
    ),
    "Django REST framework": ({"detail": "Token expired"}, (None, "Token expired", None)),
    "SpacePay": (
        {"error": {"type": "authentication_error", "message": "Invalid key", "code": "invalid_api_key"}},
        ("invalid_api_key", "Invalid key", None),
    ),
    "SpacePay, flat": (
        {"message": "Invalid key", "code": "invalid_api_key", "requestId": "r1"},
        ("invalid_api_key", "Invalid key", "r1"),
    ),
    "NestJS": (
        {"statusCode": 404, "message": "Payment not found", "error": "Not Found"},
        ("Not Found", "Payment not found", None),
    ),
    "Satispay": (
        {"code": 36, "message": "Invalid status", "wlt": "trace-1"},
        ("36", "Invalid status", "trace-1"),
    ),
    "Satispay, code as text": (
        {"code": "70", "message": "try again later", "wlt": ""},
        ("70", "try again later", None),
    ),
    "JFramework": (
        {
            "success": False,
            "statusCode": 404,
            "message": None,
            "data": None,
            "errors": [{"code": "PaymentNotFound", "details": "No such payment", "correlationId": "c1"}],
        },
        ("PaymentNotFound", "No such payment", "c1"),
    ),
    "JFramework, numbers": (
        {"success": False, "message": "outer", "errors": [{"code": 6601404, "message": "inner"}]},
        ("6601404", "inner", None),
    ),
    "JFramework, no errors": ({"success": False, "message": "outer", "errors": []}, (None, "outer", None)),
    "JFramework, null": ({"success": False, "errors": None, "data": None}, (None, None, None)),
    "Stripe": (
        {"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such payment_intent"}},
        ("resource_missing", "No such payment_intent", None),
    ),
    "Stripe, without a code": (
        {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}},
        ("invalid_request_error", "Invalid API Key provided", None),
    ),
    "GoCardless": (
        {
            "error": {
                "message": "Rate limit exceeded",
                "type": "invalid_api_usage",
                "request_id": "r3",
                "code": 429,
                "errors": [{"reason": "rate_limit_exceeded", "message": "Wait"}],
            }
        },
        ("rate_limit_exceeded", "Wait", "r3"),
    ),
    "GoCardless, fields": (
        {
            "error": {
                "message": "Validation failed",
                "type": "validation_failed",
                "code": 422,
                "errors": [{"field": "limit", "message": "must be at most 500"}],
            }
        },
        ("422", "must be at most 500", None),
    ),
    "GoCardless, strange errors": ({"error": {"code": 400, "errors": "many"}}, ("400", None, None)),
    "Mollie": (
        {"status": 404, "title": "Not Found", "detail": "No payment exists with token tr_0.", "_links": {}},
        (None, "No payment exists with token tr_0.", None),
    ),
    "Razorpay": (
        {"error": {"code": "BAD_REQUEST_ERROR", "description": "The id provided does not exist", "reason": "x"}},
        ("BAD_REQUEST_ERROR", "The id provided does not exist", None),
    ),
    "HOT Pay": (b"", (None, None, None)),
    "HTML": (b"<html>Bad gateway</html>", (None, None, None)),
    "a list": ([1, 2], (None, None, None)),
    "a text": (b'"no"', (None, None, None)),
    "errors as texts": ({"errors": ["bad_limit"]}, ("bad_limit", None, None)),
    "errors of errors": ({"errors": [[1]]}, (None, None, None)),
    "nothing": ({}, (None, None, None)),
    "nulls": ({"error": None, "code": None, "message": None}, (None, None, None)),
    "invalid UTF-8": (b'{"message": "\xff"}', (None, "\ufffd", None)),
    "cut": (b'{"message": "half', (None, None, None)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_reads_every_shape_of_complaint(shape: str) -> None:
    body, (code, message, request_id) = SHAPES[shape]
    assert parse_error_body(response(400, body)) == ErrorBody(code, message, request_id)


@pytest.mark.parametrize("header", ["x-request-id", "request-id", "x-satispay-cid", "x-correlation-id"])
def test_finds_the_request_id_in_a_header(header: str) -> None:
    answer = Response(500, {header: "r9"}, b"{}")
    assert parse_error_body(answer).request_id == "r9"
    assert "request id r9" in str(verdict(REQUEST, answer))


def test_nesting_without_end_is_no_complaint() -> None:
    assert parse_error_body(response(500, b"[" * 200_000)) == ErrorBody()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (response(400, {"code": 36}), PaymentsRequestError),
        (response(401, {"error": "invalid_api_key"}), PaymentsAuthError),
        (response(407), PaymentsUnavailable),
        *((response(status), PaymentsUnavailable) for status in (408, 420, 421, 425, 430, 460, 499)),
        *((response(status), PaymentsUnavailable) for status in (507, 509, 511, 520, 522, 527, 529, 530, 598, 999)),
        (response(408, retry_after="5"), PaymentsThrottled),
        (response(502, retry_after="5"), PaymentsThrottled),
        (response(409), PaymentsRequestError),
        (response(423), PaymentsRequestError),
        (response(403, {"code": 45}), PaymentsAuthError),
        (response(403, {"code": 70}), PaymentsThrottled),
        (response(403, {"code": "70"}), PaymentsThrottled),
        (response(400, {"code": 70}), PaymentsRequestError),
        (response(404, {"code": 41}), PaymentsRequestError),
        (response(405), PaymentsRequestError),
        (response(410), PaymentsRequestError),
        (response(429), PaymentsThrottled),
        (response(500), PaymentsUnavailable),
        (response(502, b"<html>"), PaymentsUnavailable),
        (response(503), PaymentsUnavailable),
        (response(503, retry_after="5"), PaymentsThrottled),
        (response(503, retry_after="soon"), PaymentsUnavailable),
        (response(209, {"success": False}), PaymentsRequestError),
        (response(202), PaymentsUnavailable),
        (response(204), PaymentsUnavailable),
        (Response(400, {}, b"<html>blocked</html>"), PaymentsUnavailable),
        (Response(404, {}, b"\n<!DOCTYPE html>"), PaymentsUnavailable),
        (Response(404, {}, b"{}"), PaymentsUnavailable),  # it does not say that there is no such payment
        (Response(413, {"retry-after": "7"}, b""), PaymentsThrottled),
        (response(304), PaymentsProtocolError),
        (response(302, location="https://elsewhere.example/"), PaymentsProtocolError),
    ],
)
def test_who_must_act(answer: Response, kind: type[PaymentsError]) -> None:
    error = verdict(REQUEST, answer)
    assert type(error) is kind
    assert f"somepay answered GET /v1/payments with HTTP {answer.status}" in str(error)
    assert "private" not in str(error)


def test_success_is_no_error() -> None:
    error_mapper().raise_for_error(REQUEST, response(200, {"code": 70}))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, PaymentsAuthError), (401, PaymentsAuthError), (404, PaymentsRequestError), (500, PaymentsUnavailable)],
)
def test_refused_credentials(status: int, kind: type[PaymentsError]) -> None:
    error = verdict(ASKING, response(status, {"error": "invalid_client"}))
    assert type(error) is kind
    assert "POST /o/token/" in str(error)
    assert "invalid_client" in str(error)


@pytest.mark.parametrize(
    ("retry_after", "seconds"), [(None, None), ("7", 7), ("Fri, 20 Nov 2026 12:00:30 GMT", 30), ("soon", None)]
)
@pytest.mark.parametrize(("status", "body"), [(429, None), (403, {"code": 70})])
def test_throttling_tells_how_long(status: int, body: Any, retry_after: str | None, seconds: float | None) -> None:
    error = verdict(REQUEST, response(status, body, **({"retry_after": retry_after} if retry_after else {})))
    assert isinstance(error, PaymentsThrottled)
    assert error.retry_after == seconds


def test_what_the_body_says_of_the_status_counts() -> None:
    envelope = {"success": False, "statusCode": 404, "errors": [{"code": "PaymentNotFound", "details": "none"}]}
    error = verdict(REQUEST, response(200, envelope), status=404)
    assert isinstance(error, PaymentsRequestError)
    assert (error.status, error.code) == (404, "PaymentNotFound")
    error_mapper().raise_for_error(REQUEST, response(200, {"statusCode": 200}), status=200)


def test_a_refusal_with_http_200_is_a_refusal() -> None:
    error = error_mapper().refuse(
        REQUEST, response(200, {"success": False, "errors": [{"code": "Quota", "details": "over"}]})
    )
    assert (error.status, error.code) == (200, "Quota")
    assert str(error) == "somepay answered GET /v1/payments with HTTP 200 (code Quota): over."


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://elsewhere.example:1/path?token=s3cret", "https://elsewhere.example:1"),
        ("/payments/?token=s3cret", "the same host"),
        ("", "the same host"),
        ("http://[broken", "redirect"),
    ],
)
def test_redirects_say_where_to_and_no_more(location: str, shown: str) -> None:
    error = verdict(REQUEST, response(301, location=location))
    assert isinstance(error, PaymentsProtocolError)
    assert shown in str(error)
    assert "s3cret" not in str(error)


SECRETS = ("sk_live_abcdef", "a+b/c=")


@pytest.mark.parametrize("place", ["message", "code", "request_id"])
@pytest.mark.parametrize("secret", SECRETS)
def test_echoed_secrets_are_blotted_out(place: str, secret: str) -> None:
    answer = response(401, {"code": "c", "message": "m", "request_id": "r", place: f"<{secret}>"})
    for error in (verdict(REQUEST, answer, *SECRETS), error_mapper(*SECRETS).refuse(REQUEST, answer)):
        assert secret not in str(error)
        assert "<***>" in str(error)
        assert secret not in str(getattr(error, "code", ""))


def test_a_secret_that_begins_like_another_is_blotted_out_whole() -> None:
    assert error_mapper("abcd", "abcdefgh").redact("key abcdefgh") == "key ***"


@pytest.mark.parametrize("place", ["message", "code", "request_id"])
def test_a_secret_at_the_cut_is_blotted_out(place: str) -> None:
    said = "x" * 195 + "sk_live_abcdef"
    assert "sk_l" not in str(verdict(REQUEST, response(400, {place: said}), *SECRETS))


def test_no_secrets_blot_nothing() -> None:
    assert error_mapper("", "abc").redact("abc is too short to be a secret") == "abc is too short to be a secret"


def test_messages_are_short() -> None:
    error = verdict(REQUEST, response(400, {"code": "c" * 5000, "message": "m" * 5000, "request_id": "r" * 5000}))
    assert len(str(error)) < 800


def test_a_secret_that_is_repeated_in_html_is_blotted_out() -> None:
    secret = "ab&cd<ef'gh-0123456789"
    for said in ("ab&amp;cd&lt;ef&#x27;gh-0123456789", "ab&amp;cd&lt;ef'gh-0123456789"):
        error = verdict(REQUEST, response(400, {"message": f"key {said} unknown"}), secret)
        assert "key *** unknown" in str(error)


def test_an_unreadable_reply_is_described_and_not_shown() -> None:
    answer = Response(200, {"content-type": "text/html; charset=utf-8"}, b"<html>Jane Doe</html>")
    error = error_mapper("s3cret").unreadable(REQUEST, answer, "invalid s3cret character")
    assert str(error) == (
        "somepay: the reply to GET /v1/payments is not what the API documents: invalid *** character "
        "(21 bytes of text/html)"
    )


def test_a_refusal_of_something_in_between_is_described_and_not_shown() -> None:
    page = Response(403, {"content-type": "text/html\x1b[31m; charset=utf-8"}, b"<html>Jane Doe</html>")
    error = verdict(REQUEST, page)
    assert type(error) is PaymentsUnavailable
    assert str(error) == (
        "somepay answered GET /v1/payments with HTTP 403. That is not how somepay words an error (21 bytes of "
        r"text/html\x1b[31m), so it may come from a proxy or a firewall in between, and pass. If it stays, look there "
        "first, and then check the credentials of the connection."
    )


def test_a_404_of_something_in_between_may_be_a_wrong_host() -> None:
    error = verdict(REQUEST, Response(404, {"content-type": "text/html"}, b"<html>"))
    assert type(error) is PaymentsUnavailable
    assert str(error).endswith("If it stays, look there first, and then check the connection's host.")


@pytest.mark.parametrize(
    ("body", "is_own"),
    [
        ({"code": 36}, True),
        ({"code": None}, True),
        ({}, True),
        ({"message": "Forbidden"}, False),
        ({"code": 403, "title": "Forbidden", "type": "about:blank"}, False),
        (["code"], False),
        ("code", False),
        (b"", False),
        (b"<html>", False),
        (b'{"code": ', False),
    ],
)
def test_an_error_in_the_apis_own_words(body: Any, is_own: bool) -> None:
    assert ErrorMapper("somepay", error_fields=("code",)).is_own_error(response(401, body)) is is_own


def test_an_unreachable_api_is_described_by_its_place() -> None:
    error = error_mapper().unreachable(REQUEST, OSError("connection to https://key:s3cret@proxy failed"))
    assert type(error) is PaymentsUnavailable
    assert str(error) == "somepay: no reply from https://api.example.com to GET /v1/payments: OSError."


def test_an_untrusted_certificate_is_the_connections_matter() -> None:
    error = error_mapper().unreachable(REQUEST, OSError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"))
    assert type(error) is PaymentsConfigError
    assert "verify" in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"ratelimit_reset": "Fri, 20 Nov 2026 12:00:30 GMT"}, 30),
        ({"ratelimit_reset": "30"}, 30),
        ({"ratelimit_reset": "30", "retry_after": "7"}, 7),
        ({"ratelimit_reset": "1795176030"}, None),  # a second since 1970, not seconds from now
        ({"ratelimit_reset": "soon"}, None),
        ({"ratelimit_reset": "Fri, 20 Nov 2026 11:59:59 GMT"}, None),  # by a clock that is behind ours
        ({"ratelimit_reset": "0"}, None),
    ],
)
def test_throttling_tells_when_the_limit_is_reset(headers: dict[str, str], seconds: float | None) -> None:
    error = verdict(REQUEST, response(429, **headers))
    assert isinstance(error, PaymentsThrottled)
    assert error.retry_after == seconds
    assert verdict(REQUEST, response(400, ratelimit_reset="30")).__class__ is PaymentsRequestError  # it comes with all


@pytest.mark.parametrize(
    ("fields", "is_own"), [(("detail",), False), (("code", "detail title"), True), (("title _links", "detail"), False)]
)
def test_problem_details_are_the_api_s_own_where_its_errors_have_a_title(fields: tuple[str, ...], is_own: bool) -> None:
    body = {"title": "Unauthorized Request", "status": 401, "detail": "Missing authentication"}
    mapper = ErrorMapper("somepay", error_fields=fields)
    assert mapper.is_own_error(response(401, body)) is is_own
