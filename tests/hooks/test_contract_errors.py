"""Every connection type: what goes wrong raises the right class, says what a person needs, and tells no secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_payments._compat import AirflowException, AirflowFailException
from airflow_provider_payments.exceptions import (
    PaymentNotFound,
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsError,
    PaymentsProtocolError,
    PaymentsRequestError,
    PaymentsThrottled,
    PaymentsUnavailable,
    TooManyRecordsForXCom,
)
from airflow_provider_payments.get_provider_info import get_provider_info
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Call, Sandbox
from airflow_provider_payments.sandbox.api import Api, Problem
from tests.hooks.facts import Facts

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]
Ask = Callable[..., Any]
ONCE = {"max_attempts": 1}
HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"


def test_the_tree_of_errors_says_who_must_act() -> None:
    permanent = {PaymentsConfigError, PaymentsAuthError, TooManyRecordsForXCom}
    others = {PaymentsRequestError, PaymentNotFound, PaymentsThrottled, PaymentsUnavailable, PaymentsProtocolError}
    for each in permanent | others:
        assert issubclass(each, PaymentsError)
        assert issubclass(each, AirflowException)
        assert issubclass(each, AirflowFailException) == (each in permanent)
    assert issubclass(PaymentNotFound, PaymentsRequestError)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, PaymentsRequestError),
        (401, PaymentsAuthError),
        (403, PaymentsAuthError),
        (404, PaymentsRequestError),  # of a list: only the request for one payment can miss it
        (422, PaymentsRequestError),
        (429, PaymentsThrottled),
        (500, PaymentsUnavailable),
        (502, PaymentsUnavailable),
        (503, PaymentsUnavailable),
    ],
)
def test_a_status_is_an_error_class(
    connect: Connect,
    collect: Collect,
    api: Api,
    conn_type: str,
    reply_to_list: Callable[..., None],
    status: int,
    error: type[PaymentsError],
) -> None:
    # Square would be asked for its locations before, and so have accepted the key.
    extra = {**ONCE, "location_ids": ["L1"]} if conn_type == "square" else ONCE
    answer = api.refuse(Problem(418, "Something is wrong.", "36"))
    body = answer.body.replace(b"418", str(status).encode())
    reply_to_list(conn_type, status, body, {"X-Request-Id": "request-4711"})
    with pytest.raises(error) as caught:
        collect(connect(conn_type, extra))
    assert type(caught.value) is error
    said = str(caught.value)
    for part in (conn_type, f"HTTP {status}", "Something is wrong"):
        assert part in said
    told = json.loads(answer.body)
    if conn_type not in ("hotpay", "mollie"):  # whose errors have no code
        assert "36" in said
    inner = told["error"] if isinstance(told.get("error"), dict) else {}
    own_id = told.get("wlt") or told.get("debug_id") or inner.get("request_id")
    assert (own_id or "sandbox-correlation" * ("success" in told) or "request-4711") in said
    if isinstance(caught.value, PaymentsRequestError):
        assert caught.value.status == status


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), (None, None), ("3600", 3600)])
def test_a_throttled_request_carries_the_wait(
    connect: Connect, collect: Collect, conn_type: str, reply_to_list: Callable[..., None], header: Any, seconds: Any
) -> None:
    reply_to_list(conn_type, 429, b"{}", {} if header is None else {"Retry-After": header})
    with pytest.raises(PaymentsThrottled) as caught:
        collect(connect(conn_type, ONCE))
    assert caught.value.retry_after == seconds


def test_a_wait_that_is_too_long_is_left_to_the_task(
    connect: Connect, collect: Collect, conn_type: str, reply_to_list: Callable[..., None], sandbox: Sandbox
) -> None:
    reply_to_list(conn_type, 429, b"{}", {"Retry-After": "301"})
    with pytest.raises(PaymentsThrottled):
        collect(connect(conn_type, {"max_concurrency": 1}))
    assert sum(call.status == 429 for call in sandbox.requests) == 1


BAD_BODIES = [
    (HTML, "text/html"),
    (b"", "application/json"),
    (b"null", "application/json"),
    (b"[]", "application/json"),
    (b"{}", "application/json"),
    (b'{"payments": [{"status": "SUCC', "application/json"),
    (b"\xff\xfe", "application/json"),
    (
        b'{"success": true, "statusCode": 200, "data": 7, "payments": 7, "results": 7, "count": 7}',
        "application/json",
    ),
]


def test_a_reply_that_is_not_what_the_api_documents(
    connect: Connect, collect: Collect, conn_type: str, reply_to_list: Callable[..., None]
) -> None:
    for body, content_type in BAD_BODIES:
        if conn_type == "square" and body == b"{}":  # an empty page
            continue
        reply_to_list(conn_type, 200, body, {"Content-Type": content_type})
        expected: Any = PaymentsProtocolError
        if conn_type == "jframework" and body == b"{}":
            expected = (PaymentsProtocolError, PaymentsRequestError)  # an envelope that does not say success
        with pytest.raises(expected, match=conn_type) as caught:
            collect(connect(conn_type, ONCE))
        assert "Please log in" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_is_not_followed(
    connect: Connect,
    collect: Collect,
    conn_type: str,
    reply_to_list: Callable[..., None],
    sandbox: Sandbox,
    status: int,
) -> None:
    with Sandbox(payments=1) as elsewhere:
        reply_to_list(conn_type, status, b"", {"Location": f"{elsewhere.url}/{conn_type}/?q=1"})
        with pytest.raises(PaymentsProtocolError, match="redirect") as caught:
            collect(connect(conn_type, ONCE))
        assert elsewhere.requests == []
        assert elsewhere.url in str(caught.value)


def test_a_reply_that_breaks_off(connect: Connect, collect: Collect, conn_type: str, sandbox: Sandbox) -> None:
    sandbox.faults.truncate_every = 1
    with pytest.raises(PaymentsUnavailable, match=conn_type):
        collect(connect(conn_type, {"max_attempts": 1, "max_concurrency": 1}))
    assert len(sandbox.requests) == 1


def test_nobody_answers(connect: Connect, collect: Collect, ask: Ask, conn_type: str) -> None:
    hook = connect(conn_type, ONCE, host="http://127.0.0.1:9")
    for question in (lambda: collect(hook), lambda: ask(hook.get_payment, "x"), lambda: ask(hook.has_pending)):
        with pytest.raises(PaymentsUnavailable, match=f"{conn_type}: no reply from http://127.0.0.1:9"):
            question()


def test_wrong_credentials(
    connect: Connect, collect: Collect, ask: Ask, facts: Facts, conn_type: str, sandbox: Sandbox
) -> None:
    hook = connect(conn_type, **facts.wrong)
    for question in (lambda: collect(hook), lambda: ask(hook.get_payment, "x"), lambda: ask(hook.has_pending)):
        sandbox.requests.clear()
        with pytest.raises(PaymentsAuthError, match=conn_type) as caught:
            question()
        assert not any(value in str(caught.value) for value in facts.wrong.values())
        assert len(sandbox.requests) <= 4  # three lists side by side, or a token; none of them again


def labels_of(conn_type: str, *names: str) -> list[str]:
    """Return what the form calls standard fields."""
    types = {each["connection-type"]: each for each in get_provider_info()["connection-types"]}
    return [types[conn_type]["ui-field-behaviour"]["relabeling"][name] for name in names]


def test_refused_credentials_are_called_as_in_the_form(
    connect: Connect, collect: Collect, facts: Facts, conn_type: str
) -> None:
    with pytest.raises(PaymentsAuthError) as caught:
        collect(connect(conn_type, **facts.wrong))
    said = str(caught.value)
    assert f"of connection '{conn_type}_default'" in said
    has_login = conn_type in ("cryptofuse", "satispay")
    for label in labels_of(conn_type, "password", *(["login"] if has_login else [])):
        assert repr(label) in said
    if not has_login:
        assert "login" not in said


def test_a_login_that_is_used_is_named(connect: Connect, collect: Collect) -> None:
    with pytest.raises(PaymentsAuthError) as caught:
        collect(connect("jframework", login="sandbox-user", password="wrong"))
    for label in ["Brand URL", *labels_of("jframework", "login", "password")]:
        assert label in str(caught.value)


FOREIGN = {
    "page": (HTML, "text/html"),
    "nothing": (b"", "application/json"),
    "text": (b"RBAC: access denied", "text/plain"),
    "gateway": (b'{"message": "Forbidden"}', "application/json"),
    "gateway with an id": (b'{"message": "No API key found", "request_id": "4711"}', "application/json"),
    "list": (b"[]", "application/json"),
    "word": (b'"Forbidden"', "application/json"),
    "null": (b"null", "application/json"),
    "problem details": (
        b'{"type": "about:blank", "title": "Access denied", "status": 403, "detail": "Blocked.", "error_code": 1020}',
        "application/problem+json",
    ),
    "cut": (b'{"error": {"code": "inv', "application/json"),
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_in_other_words_is_no_word_on_credentials(
    connect: Connect, collect: Collect, conn_type: str, reply_to_list: Callable[..., None], status: int, kind: str
) -> None:
    body, content_type = FOREIGN[kind]
    reply_to_list(conn_type, status, body, {"Content-Type": content_type})
    hook = connect(conn_type, ONCE)
    with pytest.raises(PaymentsUnavailable, match=f"HTTP {status}.*a firewall in between") as caught:
        collect(hook)
    said = str(caught.value)
    assert f"{labels_of(conn_type, 'password')[0]!r}" in said
    assert "log in" not in said
    assert hook.test_connection() == (False, said)


def words_of_frameworks(status: int, phrase: str) -> dict[str, Any]:
    """How web frameworks and gateways that are made of them word an error of their own."""
    return {
        "Express": {"error": phrase},
        "Spring": {"timestamp": "2026-07-01T09:15:00Z", "status": status, "error": phrase, "path": "/v1"},
        "Rails": {"status": status, "error": phrase},
        "Rails, several": {"errors": [phrase]},
        "Laravel": {"success": False, "message": phrase},
        "Symfony": {"code": status, "message": phrase},
        "Symfony, as text": {"code": str(status), "message": phrase},
        "JSON:API": {"errors": [{"status": str(status), "title": phrase}]},
        "Google": {"error": {"code": status, "message": phrase, "status": "NOT_FOUND", "errors": []}},
        "Strapi": {"data": None, "error": {"status": status, "name": "NotFoundError", "message": phrase}},
        "Feathers": {"name": "NotFound", "message": phrase, "code": status, "className": "not-found", "errors": {}},
        "Spring OAuth": {"error": phrase.lower()},
        "Django": {"detail": phrase},
        "Nest": {"statusCode": status, "message": f"{phrase}: GET /", "error": phrase},
    }


#: Frameworks that an API is made with, or may be: its own errors are worded like theirs. HOT Pay documents none.
MADE_WITH = {"cryptofuse": ("Django",), "spacepay": ("Nest",), "hotpay": tuple(words_of_frameworks(404, ""))}


def foreign_words(conn_type: str, status: int, phrase: str) -> dict[str, bytes]:
    words = words_of_frameworks(status, phrase).items()
    return {each: json.dumps(body).encode() for each, body in words if each not in MADE_WITH.get(conn_type, ())}


def test_what_a_web_framework_says_of_a_path_is_no_word_on_a_payment(
    connect: Connect, conn_type: str, sandbox: Sandbox
) -> None:
    hook = connect(conn_type, ONCE)
    request = hook.resolve()[0].detail_request("x")
    if request is None:
        return
    body = b""

    def reply(call: Call) -> None:
        if request.url.endswith(call.path):  # and not one for a token
            sandbox.faults.reply_with[conn_type].append((404, {"Content-Type": "application/json"}, body))

    sandbox.before_reply = reply
    for each, body in foreign_words(conn_type, 404, "Not Found").items():  # noqa: B007 - reply sends it
        with pytest.raises(PaymentsError) as caught:
            hook.get_payment("x")
        assert type(caught.value) is PaymentsUnavailable, each


#: How the APIs refuse a key besides what the sandbox says: seen, or by the standard that they follow.
REFUSALS = {
    "cryptofuse": [
        {"error": "invalid_token", "error_description": "It has expired."},
        {"error": "unauthorized", "message": "No."},
    ],
    "hotpay": [{"code": 401, "message": "Unauthorized"}],
    "jframework": [
        {"success": False, "errors": [{"message": "Unauthorized", "correlationId": "1"}]},
        {"statusCode": 401, "errors": []},
    ],
    "paypal": [
        {
            "name": "AUTHENTICATION_FAILURE",
            "message": "Authentication failed.",
            "links": [{"href": "https://example.org"}],
        },
        {"error": "invalid_token"},
    ],
    "spacepay": [{"statusCode": 401, "error": "Unauthorized"}, {"error": {"message": "Unauthorized"}}],
}


@pytest.mark.parametrize("conn_type", REFUSALS)
def test_a_refused_key_is_known_by_whatever_of_its_fields_an_api_sends(
    connect: Connect, collect: Collect, conn_type: str, reply_to_list: Callable[..., None]
) -> None:
    for body in REFUSALS[conn_type]:
        reply_to_list(conn_type, 401, json.dumps(body).encode())
        with pytest.raises(PaymentsError) as caught:
            collect(connect(conn_type, ONCE))
        assert type(caught.value) is PaymentsAuthError, body


@pytest.mark.parametrize("conn_type", ["cryptofuse", "paypal"])
def test_a_client_that_is_refused_where_tokens_are_got(
    connect: Connect, collect: Collect, conn_type: str, sandbox: Sandbox
) -> None:
    one_by_one = {**ONCE, "max_concurrency": 1}  # or a request of the listing before would take the reply
    for word in ("invalid_client", "unauthorized_client", "invalid_scope"):
        for status in (400, 401):
            sandbox.faults.reply_with[conn_type].append((status, {}, json.dumps({"error": word}).encode()))
            with pytest.raises(PaymentsAuthError):
                collect(connect(conn_type, one_by_one))


@pytest.mark.parametrize("conn_type", ["cryptofuse", "jframework"])
@pytest.mark.parametrize("status", [400, 401, 403, 407, 408, 421, 499, 511])
def test_a_login_that_something_in_between_answers_is_tried_again(
    connect: Connect, collect: Collect, conn_type: str, sandbox: Sandbox, status: int
) -> None:
    login = {"login": "sandbox-user", "password": "sandbox-password"} if conn_type == "jframework" else {}
    sandbox.faults.reply_with[conn_type].append((status, {"Content-Type": "text/html"}, HTML))
    hook = connect(conn_type, ONCE, **login)
    with pytest.raises(PaymentsUnavailable):
        collect(hook)
    assert collect(hook)


def test_a_firewall_that_lets_the_second_attempt_through(
    connect: Connect, collect: Collect, conn_type: str, sandbox: Sandbox
) -> None:
    path = connect(conn_type).resolve()[0].list_path
    left = [401, 403, 421]

    def refuse(call: Any) -> None:
        if call.route == path and left:
            sandbox.faults.reply_with[conn_type].append((left.pop(), {"Retry-After": "0.01"}, HTML))

    sandbox.before_reply = refuse
    assert collect(connect(conn_type, {"max_concurrency": 1}))
    assert left == []


def test_no_such_payment(connect: Connect, ask: Ask, conn_type: str) -> None:
    with pytest.raises(PaymentNotFound):
        ask(connect(conn_type).get_payment, "no-such-id")


@pytest.mark.parametrize("nothing", ["", "  "])
def test_an_empty_id_is_an_error_of_the_user(
    connect: Connect, ask: Ask, conn_type: str, sandbox: Sandbox, nothing: str
) -> None:
    with pytest.raises(PaymentsConfigError):
        ask(connect(conn_type).get_payment, nothing)
    assert sandbox.requests == []


BAD_QUESTIONS: list[tuple[dict[str, Any], str]] = [
    ({"statuses": ["no_such_word"]}, "succeeded"),
    ({"statuses": "succeeded"}, "list"),
    ({"statuses": []}, "empty"),
    ({"filters": {"no_such_filter": "x"}}, "Filters of this API"),
    ({"filters": {"limit": 5}}, "limit"),
    ({"filters": {"status": "x"}}, "status"),
    ({"filters": {"offset": 1}}, "offset"),
    ({"filters": {"PageNumber": 1}}, "PageNumber"),
    ({"created_from": "2026-01-01T00:00:00"}, "time zone"),
    ({"created_to": "yesterday"}, "ISO 8601"),
    ({"created_from": 1769947200}, "created_from"),
    ({"created_from": "2026-01-02T00:00:00Z", "created_to": "2026-01-01T00:00:00Z"}, "reversed"),
    (
        {"created_from": "2026-01-01T00:00:00Z", "created_to": "2026-01-01T01:00:00+01:00"},
        "CronDataIntervalTimetable",
    ),
]


def test_a_bad_question_is_refused_before_any_request(
    connect: Connect, collect: Collect, conn_type: str, sandbox: Sandbox
) -> None:
    for question, hint in BAD_QUESTIONS:
        with pytest.raises(PaymentsConfigError, match=hint):
            collect(connect(conn_type), **question)
    assert sandbox.requests == []


def test_a_bad_question_is_refused_when_it_is_asked(connect: Connect, conn_type: str) -> None:
    hook = connect(conn_type)
    for method in (hook.list_payments, hook.alist_payments):
        with pytest.raises(PaymentsConfigError):
            method(statuses=["no_such_word"])


@pytest.mark.parametrize("page", [0, 1])
def test_an_error_on_any_page_ends_the_listing(
    connect: Connect, collect: Collect, conn_type: str, sandbox: Sandbox, page: int
) -> None:
    seen: list[str] = []
    path = connect(conn_type).resolve()[0].list_path

    def refuse(call: Any) -> None:
        if call.route == path:
            seen.append(call.path)
            if len(seen) > page:
                sandbox.faults.reply_with[conn_type].append((400, {}, b"{}"))

    sandbox.before_reply = refuse
    with pytest.raises(PaymentsRequestError):
        collect(connect(conn_type, {"page_size": 3}))


@pytest.mark.parametrize(
    ("extra", "fields", "hint"),
    [
        ({}, {}, ""),
        ({}, {"host": "http://127.0.0.1:9"}, "no reply from"),
        ({"page_size": "many"}, {}, "page_size"),
    ],
)
def test_connection_test(
    connect: Connect, conn_type: str, extra: dict[str, Any], fields: dict[str, Any], hint: str
) -> None:
    ok, said = connect(conn_type, extra, **fields).test_connection()
    assert ok is (not hint)
    assert hint in said
    assert said.endswith(".")


def test_connection_test_with_wrong_credentials(connect: Connect, facts: Facts, conn_type: str) -> None:
    ok, said = connect(conn_type, **facts.wrong).test_connection()
    assert not ok
    assert "HTTP 401" in said
    assert f"of connection '{conn_type}_default'" in said


@pytest.mark.parametrize("body", [HTML, b"", b"{"])
def test_connection_test_with_a_page_that_is_no_api(
    connect: Connect, conn_type: str, reply_to_list: Callable[..., None], body: bytes
) -> None:
    reply_to_list(conn_type, 200, body, {"Content-Type": "text/html"})
    ok, said = connect(conn_type).test_connection()
    assert not ok
    assert "not what the API documents" in said
    assert "Please log in" not in said


def test_connection_test_reads_one_payment_once(
    connect: Connect, conn_type: str, sandbox: Sandbox, list_calls: Callable[..., list[Any]]
) -> None:
    sandbox.faults.fail_every = 1
    assert connect(conn_type).test_connection()[0] is False
    assert len(sandbox.requests) == 1
    sandbox.faults.fail_every = 0
    assert connect(conn_type).test_connection()[0] is True
    asked = list_calls(conn_type)[-1].query
    assert "1" in map(asked.get, ("limit", "PageSize", "count", "page_size"))


def test_connection_test_with_a_connection_that_does_not_exist(conn_type: str, connect: Connect) -> None:
    ok, said = type(connect(conn_type))("no_such_connection").test_connection()
    assert not ok
    assert said
