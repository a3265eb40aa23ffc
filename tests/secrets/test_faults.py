"""Whatever goes wrong, and whatever the payment company says then: no secret comes out."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.http.certificates import Authority
from tests.http.proxy import TunnelProxy
from tests.http.server import Answer, Call, Server
from tests.secrets.conftest import Search
from tests.secrets.planting import ISSUED, PROXY_LOGIN, PROXY_NAME, PROXY_PASSWORD, Plant, company, echo

pytestmark = pytest.mark.without_airflow

NAMES = [
    "hotpay-raw",
    "hotpay-bearer",
    "hotpay-api-key",
    "cryptofuse-basic",
    "cryptofuse-body",
    "spacepay",
    "satispay",
    "satispay-one-line",
    "satispay-file",
    "jframework-key",
    "jframework-login",
    "stripe",
    "gocardless",
    "mollie-key",
    "mollie-token",
    "razorpay",
    "square",
]
OF_ALL = ["401", "429", "headers", "rows"]
SOME = ["cryptofuse-body", "hotpay-bearer", "satispay-file", "jframework-login"]
"""One of each kind of authentication: of the companies that are first of theirs, see tests/companies.py."""


def as_json(status: int) -> Callable[[Call, str], Answer]:
    def reply(call: Call, said: str) -> Answer:
        body = {
            "error": {"code": said, "message": said},
            "errors": [{"code": said, "details": said, "correlationId": said}],
            "message": said,
            "statusCode": status,
        }
        return Answer(status, json.dumps(body).encode(), {"Retry-After": "0.01"})

    return reply


def in_headers(call: Call, said: str) -> Answer:
    told = " ".join(said.encode("ascii", "ignore").decode().split())
    headers = {"X-Request-Id": told, "WWW-Authenticate": told, "Set-Cookie": f"a={told}", "Content-Type": told}
    return Answer(401, b"{}", headers)


def as_rows(call: Call, said: str) -> Answer:
    row = {
        "id": said,
        "status": "SUCCESS",
        "amount": said,
        "amountInCents": said,
        "amount_unit": said,
        "createdAt": said,
    }
    body = {"payments": [row], "data": [row], "results": [row], "has_more": said, "count": said, "success": said}
    return Answer(body=json.dumps(body).encode())


FAULTS: dict[str, Callable[[Call, str], Answer]] = {
    **{str(status): as_json(status) for status in (400, 401, 403, 404, 429, 500)},
    "text": lambda call, said: Answer(403, said.encode()),
    "headers": in_headers,
    "rows": as_rows,
    "page": lambda call, said: Answer(200, f"<html>{said}".encode(), {"Content-Type": "text/html"}),
    "bad JSON": lambda call, said: Answer(200, json.dumps({"payments": said}).encode()[:-3]),
    "cut short": lambda call, said: Answer(200, said.encode(), promised=100),
    "dropped": lambda call, said: Answer(is_dropped=True),
}


@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name in NAMES for fault in FAULTS if name in SOME or fault in OF_ALL]
)
def test_an_api_that_repeats_everything(
    plant: Plant, server: Server, search: Search, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = company(plant, lambda call: FAULTS[fault](call, echo(call, plant)))
    attempts = 2 if fault == "429" else 1  # retries are logged
    monkeypatch.setattr("airflow_provider_payments.hooks.paypal.PayPalApi.throttle_wait", 0.0)  # not half a minute
    place = plant.connection(server.origin, max_attempts=attempts)
    monkeypatch.setenv(f"AIRFLOW_CONN_{plant.conn_id.upper()}", place)
    errors = search(plant)
    assert {"list", "alist"} <= errors.keys()
    assert len(server.calls) >= 8 * attempts - 2
    assert fault != "429" or ("Attempt 2 in" in search.log and "HTTP 429" in search.log), "the log is not heard"


@pytest.mark.parametrize("fault", [*FAULTS, "no key", "a key with a line break"])
@pytest.mark.parametrize("name", ["cryptofuse-basic", "cryptofuse-body", "jframework-login"])
def test_a_login_that_repeats_everything(
    plant: Plant, server: Server, search: Search, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reply(call: Call) -> Answer:
        said = echo(call, plant).replace(ISSUED, "")
        if fault == "no key":
            return Answer(body=json.dumps({"access_token": None, "data": {"authKey": 7}, "message": said}).encode())
        if fault == "a key with a line break":
            key = f"{said}\nX: y"
            return Answer(body=json.dumps({"access_token": key, "data": {"authKey": key}}).encode())
        return FAULTS[fault](call, said)

    server.answer = company(plant, reply, on_login=True)
    monkeypatch.setenv(f"AIRFLOW_CONN_{plant.conn_id.upper()}", plant.connection(server.origin))
    assert {"list", "alist", "run"} <= search(plant).keys()
    assert {call.method for call in server.calls} == {"POST"}


@pytest.mark.parametrize("status", [301, 307])
@pytest.mark.parametrize("name", NAMES)
def test_a_redirect_to_another_host(
    plant: Plant, server: Server, search: Search, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server() as other:

        def reply(call: Call) -> Answer:
            said = " ".join(echo(call, plant).encode("ascii", "ignore").decode().split())
            return Answer(status, said.encode(), {"Location": f"{other.origin}/?{plant.login}={said}"})

        server.answer = company(plant, reply)
        monkeypatch.setenv(f"AIRFLOW_CONN_{plant.conn_id.upper()}", plant.connection(server.origin))
        errors = search(plant)
        assert {"list", "alist", "run"} <= errors.keys()
        assert other.calls == []
    assert str(other.port) in str(errors["list"])


@pytest.mark.parametrize(
    "name",
    [
        "hotpay-raw",
        "cryptofuse-basic",
        "spacepay",
        "satispay",
        "jframework-key",
        "stripe",
        "gocardless",
        "mollie-key",
        "razorpay",
    ],
)
def test_a_link_to_another_host(plant: Plant, server: Server, search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a reply names the next page, it may name another host; pages are asked for where the connection is."""
    with Server() as other:
        links = dict.fromkeys(("next", "next_page", "nextPage", "links"), f"{other.origin}/payments?offset=1")
        about = {"total": 0, "count": 0, "limit": 100, "offset": 0, "hasMore": False, "page": 1, **links}
        body = {"payments": [], "results": [], "data": [], "items": [], "has_more": False, "pagination": about, **about}
        if plant.conn_type == "jframework":
            body |= {"success": True, "statusCode": 200, "data": {"items": [], "totalItems": 0, **links}}
        if plant.conn_type == "gocardless":
            body |= {"meta": {"cursors": links}}

        def reply(call: Call) -> Answer:
            following = None if "from=" in call.target else {"href": f"{other.origin}/v2/payments?from=tr_2"}
            own = {"_embedded": {"payments": []}, "_links": {"next": following}} if plant.conn_type == "mollie" else {}
            content = json.dumps({**body, **own}).encode()
            return Answer(200, content, {"Link": f'<{other.origin}/payments>; rel="next"'})

        server.answer = company(plant, reply)
        monkeypatch.setenv(f"AIRFLOW_CONN_{plant.conn_id.upper()}", plant.connection(server.origin))
        assert not {"list", "alist", "pending", "apending"} & search(plant).keys()
        assert server.calls
        assert other.calls == []


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


PLACES: dict[str, Callable[[Server], tuple[str, dict[str, Any]]]] = {
    "refused": lambda server: (f"http://127.0.0.1:{free_port()}", {}),
    "no such host": lambda server: ("http://api.payments.invalid", {}),
    "no TLS": lambda server: (f"https://127.0.0.1:{server.port}", {"proxies": {}}),
    "proxy refused": lambda server: (
        "https://api.payments.invalid",
        {"proxies": f"http://{PROXY_LOGIN}@127.0.0.1:{free_port()}"},
    ),
    "plain proxy refused": lambda server: (
        "http://api.payments.invalid",
        {"proxies": f"http://{PROXY_LOGIN}@127.0.0.1:{free_port()}"},
    ),
}


@pytest.mark.on_both_lines
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", SOME)
def test_nobody_there(
    plant: Plant, server: Server, search: Search, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, extra = PLACES[place](server)
    monkeypatch.setenv(f"AIRFLOW_CONN_{plant.conn_id.upper()}", plant.connection(host, **extra))
    assert search(plant).keys() == {"list", "get", "pending", "alist", "aget", "apending", "run"}
    assert server.calls == []


@pytest.mark.parametrize("name", SOME)
def test_a_server_that_cannot_be_trusted_learns_nothing(
    plant: Plant, search: Search, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    with Server(authority.context(authority.issue("server"))) as server:
        place = plant.connection(server.origin, proxies={})
        monkeypatch.setenv(f"AIRFLOW_CONN_{plant.conn_id.upper()}", place)
        assert {"list", "alist", "run"} <= search(plant).keys()
        assert server.calls == []


@pytest.mark.parametrize("name", SOME)
def test_a_proxy_that_refuses_and_repeats(plant: Plant, search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    with TunnelProxy(("127.0.0.1", 9), f"407 {PROXY_NAME}:{PROXY_PASSWORD} is wrong") as proxy:
        url = f"http://{PROXY_LOGIN}@{proxy.address}"
        place = plant.connection("https://api.payments.invalid", proxies=url)
        monkeypatch.setenv(f"AIRFLOW_CONN_{plant.conn_id.upper()}", place)
        assert {"list", "alist", "run"} <= search(plant).keys()
        assert len(proxy.heads) >= 7
        seen = "".join(proxy.heads).replace("Proxy-Authorization", "")
        assert "authorization" not in seen.lower()
        assert not any(secret in seen for secret in plant.secrets if secret)


@pytest.mark.parametrize("name", SOME)
def test_no_reply_in_time(plant: Plant, server: Server, search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()

    def reply(call: Call) -> Answer:
        is_over.wait(60)
        return Answer()

    server.answer = company(plant, reply)
    monkeypatch.setenv(f"AIRFLOW_CONN_{plant.conn_id.upper()}", plant.connection(server.origin, timeout=[30, 0.2]))
    try:
        assert {"list", "alist", "run"} <= search(plant).keys()
    finally:
        is_over.set()


WRONG: dict[str, dict[str, Any]] = {
    "page_size": {"page_size": "misplaced-s3cret-1234567"},
    "verify": {"verify": "misplaced-s3cret-1234567"},
    "cert": {"cert": ["misplaced-s3cret-1234567"]},
    "proxies": {"proxies": "ftp://misplaced-s3cret-1234567@x"},
    "proxies by scheme": {"proxies": {"https": "http://u:misplaced-s3cret-1234567@x:port"}},
    "timeout": {"timeout": "misplaced-s3cret-1234567"},
    "max_attempts": {"max_attempts": {"misplaced-s3cret-1234567": 1}},
    "requests_per_second": {"requests_per_second": "misplaced-s3cret-1234567"},
}


@pytest.mark.on_both_lines
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", SOME)
def test_a_connection_that_is_wrong(
    plant: Plant, server: Server, search: Search, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{plant.conn_id.upper()}", plant.connection(server.origin, **WRONG[wrong]))
    searched = Plant(plant.conn_type, plant.login, plant.password, {}, [*plant.secrets, "misplaced-s3cret-1234567"])
    errors = search(searched)
    assert errors.keys() == {"list", "get", "pending", "alist", "aget", "apending", "run"}
    assert wrong.split()[0] in str(errors["list"])
    assert server.calls == []


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("spacepay", "key-with-a-line-break\nin-the-middle-of-it"),
        ("hotpay-raw", "key-with-an-umlaut-ü-in-the-middle-of-it"),
        ("jframework-key", "key-with-a-null\0in-the-middle-of-it"),
        ("satispay", "this-is-no-private-key-at-all-it-is-something-else"),
        ("satispay", "-----BEGIN PRIVATE KEY-----\nTWlzcGxhY2VkU2VjcmV0LTEyMzQ1Njc4\n-----END PRIVATE KEY-----"),
        ("satispay-file", ""),
    ],
)
def test_a_password_that_is_wrong(
    plant: Plant, server: Server, search: Search, password: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    extra = {**plant.extra}
    if not password:
        extra["private_key_passphrase"] = password = "another-passphrase-than-the-keys"
    secrets = [*plant.secrets, password.splitlines()[-2] if "-----" in password else password]
    wrong = Plant(plant.conn_type, plant.login, password, extra, secrets)
    monkeypatch.setenv(f"AIRFLOW_CONN_{plant.conn_id.upper()}", wrong.connection(server.origin))
    assert search(wrong).keys() == {"list", "get", "pending", "alist", "aget", "apending", "run"}
    assert server.calls == []
