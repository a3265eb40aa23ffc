"""Both clients against a real server on a local port."""

from __future__ import annotations

import base64
import gzip
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import BaseAdapter

from airflow_provider_payments import __version__
from airflow_provider_payments.exceptions import (
    PaymentsAuthError,
    PaymentsError,
    PaymentsProtocolError,
    PaymentsRequestError,
    PaymentsThrottled,
    PaymentsUnavailable,
)
from airflow_provider_payments.http.auth import IssuedToken, TokenAuth
from airflow_provider_payments.http.messages import Request, Response, build_url, quote_segment
from airflow_provider_payments.http.options import TransportOptions
from airflow_provider_payments.http.rate_limit import RateLimiter
from airflow_provider_payments.http.retry import RetryPolicy
from airflow_provider_payments.http.signature import HttpSignature, signing_string
from airflow_provider_payments.http.sync_client import SyncClient
from airflow_provider_payments.http.sync_session import open_session
from tests.http.conftest import SECRET, Drive, Pages, SyncDrive, Talk
from tests.http.server import WAIT, Answer, Call, Server

REFUSED = b'{"error": "invalid_token"}'
THROTTLED = Answer(403, b'{"code": 70, "message": "Anti hammering"}')
DOWN, WAIT_A_LITTLE = Answer(503), Answer(429, headers={"Retry-After": "0.01"})


def get(server: Server, target: str = "/payments") -> Request:
    return Request("GET", f"{server.origin}{target}", {"Accept": "application/json"})


# One request.


def test_what_is_on_the_wire(drive: Drive, server: Server, talk: Talk) -> None:
    server.answer = lambda call: Answer(body=b"{}", headers={"X-Odd-Name": "1"})
    (response,) = drive.send(talk(), get(server))
    assert (response.status, response.body, response.headers["x-odd-name"]) == (200, b"{}", "1")
    (call,) = server.calls
    assert (call.method, call.target, call.body) == ("GET", "/payments", b"")
    assert call.header("Host") == server.origin.removeprefix("http://")
    assert call.header("User-Agent") == f"airflow-provider-payments/{__version__}"
    assert call.header("X-Key") == SECRET
    assert call.header("Accept") == "application/json"
    assert call.header("Content-Length") in (None, "0")
    assert not {"cookie", "authorization", "transfer-encoding"} & {name.lower() for name, _ in call.headers}


@pytest.mark.parametrize(
    "target",
    [
        build_url("", "/payments/", {"q": "a b+c/d?e=f&g%h#i", "t": "2026-01-01T00:00:00+00:00"}),
        build_url("", "/p", {"ü": "é🙂", "list[]": "{a|b}^`\\\"<>'", "safe": "-._~!$&'()*+,;=:@"}),
        build_url("", "/p", {"empty": "", "tab": "\t\r\n\x00"}),
        f"/payments/{quote_segment('a/b?c#d e%2F')}",
        f"/payments/{quote_segment('..')}/{quote_segment('.')}",
        "/o//token/",
        "/?",
    ],
)
def test_urls_arrive_byte_for_byte(drive: Drive, server: Server, talk: Talk, target: str) -> None:
    drive.send(talk(), get(server, target))
    assert server.targets == [target.removesuffix("?")]


def test_a_signature_fits_what_arrives(drive: Drive, server: Server, talk: Talk) -> None:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    server.script(DOWN, Answer())
    times = [datetime(2026, 1, 1, 0, 0, second, tzinfo=timezone.utc) for second in (2, 1)]
    body = '{"ü": "é"}'.encode()
    url = f"{server.origin}{build_url('', '/payments', {'q': 'a b+ü/~', 'limit': '1'})}"
    drive.send(talk(auth=HttpSignature("id", key, now=times.pop)), Request("POST", url, body=body))
    assert [call.header("Date") for call in server.calls] == [
        "Thu, 01 Jan 2026 00:00:01 +0000",
        "Thu, 01 Jan 2026 00:00:02 +0000",
    ]
    for call in server.calls:
        assert call.body == body
        arrived = Request(call.method, f"http://{call.header('Host')}{call.target}")
        message = signing_string(arrived, date=call.header("Date") or "", digest=call.header("Digest") or "")
        signature = base64.b64decode((call.header("Authorization") or "").split('signature="')[1].rstrip('"'))
        key.public_key().verify(signature, message, PKCS1v15(), SHA256())


def test_a_read_by_post_is_sent_and_retried(drive: Drive, server: Server, talk: Talk) -> None:
    server.script(DOWN, Answer(body=b"{}"))
    request = Request("POST", f"{server.origin}/payments/status/", {"Content-Type": "application/json"}, b'{"id": 1}')
    drive.send(talk(), request)
    assert [(call.method, call.body, call.header("Content-Length")) for call in server.calls] == [
        ("POST", b'{"id": 1}', "9")
    ] * 2


def test_compressed_replies_are_unpacked(drive: Drive, server: Server, talk: Talk) -> None:
    packed = Answer(body=gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"})
    server.script(packed)
    assert drive.send(talk(), get(server))[0].body == b'{"a": 1}'
    assert "gzip" in (server.calls[0].header("Accept-Encoding") or "")


def test_no_credentials_of_a_netrc_file_are_sent(
    drive: Drive, server: Server, talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (".netrc", "_netrc"):
        (tmp_path / name).write_text("machine 127.0.0.1 login somebody password else\ndefault login a password b\n")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    assert requests.utils.get_netrc_auth(server.origin) == ("somebody", "else")
    drive.send(talk(), get(server))
    assert server.calls[0].header("Authorization") is None


def test_cookies_are_not_kept(drive: Drive, server: Server, talk: Talk) -> None:
    server.answer = lambda call: Answer(headers={"Set-Cookie": "session=1; Path=/"})
    drive.fetch_pages(talk(max_concurrency=1), Pages(server.origin, ["/1", "/2", "/3"]))
    assert [call.header("Cookie") for call in server.calls] == [None] * 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(drive: Drive, server: Server, talk: Talk, status: int) -> None:
    with Server() as elsewhere:
        server.script(Answer(status, headers={"Location": f"{elsewhere.origin}/stolen?key=s3cret"}))
        with pytest.raises(PaymentsProtocolError) as caught:
            drive.send(talk(), get(server))
        assert elsewhere.calls == []
        assert server.targets == ["/payments"]
        shown = str(caught.value)
        assert "s3cret" not in shown
        assert f"somepay answered GET /payments with HTTP {status}" in shown
        assert f"redirects to {elsewhere.origin};" in shown


# Errors and retries.


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(400, b'{"code": 36, "message": "Invalid status"}'), PaymentsRequestError),
        (Answer(401, b'{"error": {"code": "invalid_api_key"}}'), PaymentsAuthError),
        (Answer(403, b'{"code": 45}'), PaymentsAuthError),
        (Answer(404, b'{"code": "not_found"}'), PaymentsRequestError),
        (Answer(209, b'{"success": false}'), PaymentsRequestError),
    ],
)
def test_refusals_are_not_retried(drive: Drive, server: Server, talk: Talk, answer: Answer, kind: Any) -> None:
    server.script(answer)
    with pytest.raises(kind) as caught:
        drive.send(talk(), get(server))
    assert type(caught.value) is kind
    assert (len(server.calls), drive.requests) == (1, 1)


@pytest.mark.parametrize(
    "trouble",
    [
        DOWN,
        Answer(500),
        WAIT_A_LITTLE,
        Answer(403, b'{"code": 70}'),
        Answer(body=b'{"half', promised=10),
        Answer(body=b'{"half', promised=1, is_chunked=True),
        Answer(body=b"not gzip at all", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["503", "500", "429", "403/70", "cut", "cut chunks", "no gzip"],
)
def test_trouble_is_retried_and_said(drive: Drive, server: Server, talk: Talk, trouble: Answer) -> None:
    server.script(trouble, trouble, Answer(body=b"whole"))
    (response,) = drive.send(talk(), get(server))
    assert (response.body, len(talk.logged)) == (b"whole", 2)
    assert all("Attempt " in line and SECRET not in line for line in talk.logged)
    assert drive.requests == 3


def test_dropped_connections_are_retried_by_us_and_not_behind_our_back(
    drive: Drive, server: Server, talk: Talk
) -> None:
    """A library's own retry would repeat an old signature, take no turn, and not be counted."""
    server.script(Answer(), Answer(is_dropped=True), Answer(is_dropped=True), Answer())
    paths = ["/0", "/1"]
    drive.fetch_pages(talk(max_concurrency=1), Pages(server.origin, paths))
    assert server.targets == ["/0", "/1", "/1", "/1"]
    assert (drive.requests, len(talk.logged)) == (4, 2)


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [(DOWN, PaymentsUnavailable), (WAIT_A_LITTLE, PaymentsThrottled), (Answer(is_dropped=True), PaymentsUnavailable)],
)
def test_trouble_that_stays_is_an_error(drive: Drive, server: Server, talk: Talk, trouble: Answer, kind: Any) -> None:
    server.script(trouble)
    with pytest.raises(kind):
        drive.send(talk(retry=RetryPolicy(max_attempts=3, base_wait=0.001)), get(server))
    assert drive.requests == 3


def test_a_long_retry_after_is_left_to_the_task(drive: Drive, server: Server, talk: Talk) -> None:
    server.script(Answer(429, headers={"Retry-After": "301"}))
    with pytest.raises(PaymentsThrottled) as caught:
        drive.send(talk(), get(server))
    assert (caught.value.retry_after, len(server.calls)) == (301, 1)


def test_nobody_there(drive: Drive, talk: Talk) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(PaymentsUnavailable, match=rf"no reply from http://127\.0\.0\.1:{port} to GET /x"):
            drive.send(talk(), Request("GET", f"http://127.0.0.1:{port}/x?memo=private"))
    assert len(talk.logged) == 4
    assert "private" not in str(talk.logged)


def test_a_reply_that_does_not_come_is_given_up(drive: Drive, server: Server, talk: Talk) -> None:
    done = threading.Event()
    server.answer = lambda call: Answer() if done.wait(WAIT) else Answer(500)
    try:
        with pytest.raises(PaymentsUnavailable, match="no reply"):
            drive.send(talk(read_timeout=0.05, retry=RetryPolicy(max_attempts=2, base_wait=0.001)), get(server))
        server.wait_for_calls(2)  # it may notice a request later than that is given up
    finally:
        done.set()
    assert len(server.calls) == 2


@pytest.mark.parametrize("url", ["https://127.0.0.1:{port}/", "http://127.0.0.1:1/", "http://api.example.invalid/"])
def test_other_trouble_is_one_of_our_errors(drive: Drive, server: Server, talk: Talk, url: str) -> None:
    port = server.origin.rpartition(":")[2]
    with pytest.raises(PaymentsUnavailable):
        drive.send(talk(retry=RetryPolicy(max_attempts=1)), Request("GET", url.format(port=port)))


# Pages.


def test_pages_come_in_order_whatever_the_order_of_replies(drive: Drive, server: Server, talk: Talk) -> None:
    answered = {f"/{number}": threading.Event() for number in range(5)}
    answered["/4"].set()  # there is no fourth page

    def answer(call: Call) -> Answer:
        assert answered[f"/{int(call.target[1:]) + 1}"].wait(WAIT)
        answered[call.target].set()
        return Answer(body=call.target.encode())

    server.answer = answer
    paths = ["/0", "/1", "/2", "/3"]
    pages = Pages(server.origin, paths)
    assert drive.fetch_pages(talk(max_concurrency=4), pages) == paths == pages.received
    assert drive.requests == 4


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_so_many_requests_at_once_and_not_more(drive: Drive, server: Server, talk: Talk, limit: int) -> None:
    together = threading.Barrier(limit)

    def answer(call: Call) -> Answer:
        together.wait(WAIT)  # every reply waits for as many requests
        return Answer(body=call.target.encode())

    server.answer = answer
    paths = [f"/{number}" for number in range(limit * 3)]
    assert drive.fetch_pages(talk(max_concurrency=limit), Pages(server.origin, paths)) == paths
    assert server.most_at_once == limit


@pytest.mark.parametrize("limit", [2, 4])
def test_a_late_page_does_not_keep_others_from_being_asked_for(
    drive: Drive, server: Server, talk: Talk, limit: int
) -> None:
    """While one is waited for, as many others are asked for as there are requests at once, and no more."""
    paths = [f"/{number}" for number in range(5 * limit)]
    others = [*paths[2 : 2 * limit]]  # "/0" shows that pages are short, "/1" is late

    def answer(call: Call) -> Answer:
        if call.target == "/1":
            server.wait_for_calls(2 + len(others))
            time.sleep(0.2)  # time for more, if there were any
            assert set(server.targets) == {"/0", "/1", *others}
        return Answer(body=call.target.encode())

    server.answer = answer
    assert drive.fetch_pages(talk(max_concurrency=limit), Pages(server.origin, paths)) == paths
    assert server.most_at_once <= limit


def test_long_pages_do_not_pile_up_behind_a_late_one(drive: Drive, server: Server, talk: Talk) -> None:
    paths = [f"/{number}" for number in range(10)]

    def answer(call: Call) -> Answer:
        if call.target == "/1":
            server.wait_for_calls(3)
            time.sleep(0.2)  # time for more, if there were any
            assert set(server.targets) == {"/0", "/1", "/2"}
        return Answer(body=call.target.encode() + b" " * 300_000)

    server.answer = answer
    read = drive.fetch_pages(talk(max_concurrency=2), Pages(server.origin, paths))
    assert [body.strip() for body in read] == paths


def test_nothing_more_is_sent_once_a_page_has_failed(drive: Drive, server: Server, talk: Talk) -> None:
    has_failed = threading.Event()

    def answer(call: Call) -> Answer:
        if call.target == "/2":
            has_failed.set()
            return Answer(401, REFUSED)
        if call.target == "/1":
            assert has_failed.wait(WAIT)
            time.sleep(0.2)  # time for more, if there were any
        return Answer(body=call.target.encode())

    server.answer = answer
    pages = Pages(server.origin, [f"/{number}" for number in range(20)])
    with pytest.raises(PaymentsAuthError):
        drive.fetch_pages(talk(max_concurrency=2), pages)
    assert pages.received == ["/0", "/1"]
    assert sorted(server.targets) == ["/0", "/1", "/2"]


def test_following_pages_are_asked_for_before_a_page_is_handed_out(drive: Drive, server: Server, talk: Talk) -> None:
    asked = threading.Event()

    def answer(call: Call) -> Answer:
        if call.target == "/next":
            asked.set()
        return Answer(body=call.target.encode())

    server.answer = answer
    pages = Pages(server.origin, ["/first"], lambda path: ["/next"] if path == "/first" else [])
    assert drive.fetch_pages(talk(), pages, on_page=lambda: asked.wait(WAIT) or pytest.fail("not asked for")) == [
        "/first",
        "/next",
    ]


def test_steps_lead_to_steps(drive: Drive, server: Server, talk: Talk) -> None:
    tree = {"/a": ["/a/1", "/a/2"], "/a/1": ["/a/1/x"], "/b": ["/b/1"]}
    pages = Pages(server.origin, ["/a", "/b"], lambda path: tree.get(path, []))
    assert drive.fetch_pages(talk(max_concurrency=2), pages) == ["/a", "/b", "/a/1", "/a/2", "/b/1", "/a/1/x"]


@pytest.mark.parametrize("limit", [1, 3])
def test_urgent_steps_come_before_all_that_wait(limit: int, talk: Talk, server: Server, drive: Drive) -> None:
    """Before those that wait to be sent, and before responses that have come."""
    following = {"/a": ["/a/1", "/a/2"], "/a/2": ["/a/3"], "/a/3": ["/a/4"]}
    pages = Pages(server.origin, ["/a", "/b", "/c", "/d"], lambda path: following.get(path, []), {"/a/2", "/a/3"})
    read = drive.fetch_pages(talk(max_concurrency=limit), pages)
    assert read == ["/a", "/a/2", "/a/3", "/b", "/c", "/d", "/a/1", "/a/4"] == pages.received
    assert server.most_at_once <= limit


def test_a_walk_without_steps_asks_nothing(drive: Drive, server: Server, talk: Talk) -> None:
    assert drive.fetch_pages(talk(), Pages(server.origin, [])) == []
    assert server.calls == []


def test_a_page_is_retried_in_its_place(drive: Drive, server: Server, talk: Talk) -> None:
    failed = threading.Event()

    def answer(call: Call) -> Answer:
        if call.target == "/1" and not failed.is_set():
            failed.set()
            return Answer(is_dropped=True)
        return Answer(body=call.target.encode())

    server.answer = answer
    assert drive.fetch_pages(talk(max_concurrency=3), Pages(server.origin, ["/0", "/1", "/2"])) == ["/0", "/1", "/2"]
    assert sorted(server.targets) == ["/0", "/1", "/1", "/2"]


def test_a_refused_page_is_given_to_the_source(drive: Drive, server: Server, talk: Talk) -> None:
    refused = Answer(404, b'{"code": 1}')
    server.answer = lambda call: refused if call.target == "/1" else Answer(body=call.target.encode())
    first, refusal, last = drive.fetch_pages(talk(), Pages(server.origin, ["/0", "/1", "/2"]))
    assert (first, last, type(refusal)) == ("/0", "/2", PaymentsRequestError)


def test_another_error_ends_the_fetching(drive: Drive, server: Server, talk: Talk) -> None:
    server.answer = lambda call: Answer(401, REFUSED) if call.target == "/1" else Answer(body=call.target.encode())
    pages = Pages(server.origin, [f"/{number}" for number in range(20)])
    with pytest.raises(PaymentsAuthError):
        drive.fetch_pages(talk(max_concurrency=2), pages)
    assert pages.received == ["/0"]
    assert len(server.calls) <= 4  # three were asked for behind the first


def test_closing_a_walk_asks_for_no_more(drive: Drive, server: Server, talk: Talk) -> None:
    release = threading.Event()
    server.answer = lambda call: (
        Answer(body=call.target.encode()) if call.target == "/0" or release.wait(WAIT) else DOWN
    )
    paths = [f"/{number}" for number in range(20)]
    try:
        assert drive.fetch_pages(talk(max_concurrency=2), Pages(server.origin, paths), take=1) == ["/0"]
    finally:
        release.set()
    assert set(server.targets) <= {"/0", "/1", "/2"}


def driver_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("payments")}


def test_closing_a_walk_ends_its_waits(drive: Drive, server: Server, talk: Talk) -> None:
    """A page that waits for its next attempt must not keep the task's process alive, nor send anything more."""
    waiting = threading.Event()

    def answer(call: Call) -> Answer:
        if call.target == "/0":
            assert waiting.wait(WAIT)
            return Answer(body=b"/0")
        waiting.set()
        return Answer(429, headers={"Retry-After": "200"})

    server.answer = answer
    before = driver_threads()
    assert drive.fetch_pages(talk(max_concurrency=2), Pages(server.origin, ["/0", "/1"]), take=1) == ["/0"]
    assert server.targets.count("/1") == 1
    for thread in driver_threads() - before:
        thread.join(WAIT)
    assert driver_threads() <= before


# Credentials.


class TokenServer:
    """Issues numbered tokens, and accepts the newest one that was not revoked."""

    def __init__(self, server: Server, issued: int = 0) -> None:
        self.issued = issued
        self.revoked: set[str] = set()
        self.lifetime = 3600
        self.token_answer: Answer | None = None
        self._url = f"{server.origin}/token"
        server.answer = self.answer

    def answer(self, call: Call) -> Answer:
        if call.target == "/token":
            if self.token_answer:
                return self.token_answer
            self.issued += 1
            return Answer(body=f"token-{self.issued}".encode())
        token = (call.header("Authorization") or "").removeprefix("Bearer ")
        is_right = token.startswith("token-") and token not in self.revoked
        return Answer(body=call.target.encode()) if is_right else Answer(401, REFUSED)

    def auth(self) -> TokenAuth:
        def read(response: Response, now: datetime) -> IssuedToken:
            return IssuedToken(response.body.decode(), now + timedelta(seconds=self.lifetime))

        return TokenAuth(
            token_request=Request("POST", self._url, body=b"password", is_token_request=True),
            parse_token=read,
            headers=lambda key: {"Authorization": f"Bearer {key}"},
            permanent_secrets=("password",),
        )


def test_a_token_is_asked_for_once_by_many_requests(drive: Drive, server: Server, talk: Talk) -> None:
    tokens = TokenServer(server)
    paths = [f"/{number}" for number in range(12)]
    assert drive.fetch_pages(talk(auth=tokens.auth(), max_concurrency=4), Pages(server.origin, paths)) == paths
    assert server.targets.count("/token") == 1
    assert server.targets[0] == "/token"
    assert drive.requests == 13


def test_new_keys_are_told_of_in_the_thread_of_the_caller(server: Server, talk: Talk) -> None:
    """Before Airflow 3.2, two threads of a task that speak to its supervisor get each other's replies."""
    tokens = TokenServer(server)
    told: list[tuple[int, str]] = []

    def mask(secrets: Sequence[str]) -> None:
        told.extend((threading.get_ident(), secret) for secret in secrets)

    config = replace(talk(auth=tokens.auth(), max_concurrency=4), mask=mask)
    paths = [f"/{number}" for number in range(12)]
    SyncDrive().fetch_pages(config, Pages(server.origin, paths), on_page=lambda: tokens.revoked.add("token-1"))
    SyncDrive().send(config, get(server))
    assert {secret for _, secret in told} == {"password", "token-1", "token-2"}
    assert threading.get_ident() in {thread for thread, _ in told}
    assert len({thread for thread, _ in told}) == 1


def test_a_revoked_token_is_renewed_once_by_many_requests(drive: Drive, server: Server, talk: Talk) -> None:
    tokens = TokenServer(server)
    auth = tokens.auth()
    drive.send(talk(auth=auth), get(server))
    together, first = threading.Barrier(4), [True] * 4

    def answer(call: Call) -> Answer:
        if call.target != "/token" and call.header("Authorization") == "Bearer token-1":
            together.wait(WAIT)  # all four are under way with the old token
            first.pop()
        return tokens.answer(call)

    tokens.revoked.add("token-1")
    server.answer = answer
    paths = [f"/{number}" for number in range(4)]
    assert drive.fetch_pages(talk(auth=auth, max_concurrency=4), Pages(server.origin, paths)) == paths
    assert (server.targets.count("/token"), first) == (2, [])
    assert talk.logged == []


def test_a_token_that_stays_refused_is_an_error_after_one_renewal(drive: Drive, server: Server, talk: Talk) -> None:
    tokens = TokenServer(server)
    tokens.revoked = {"token-1", "token-2", "token-3"}
    with pytest.raises(PaymentsAuthError):
        drive.send(talk(auth=tokens.auth()), get(server))
    assert server.targets == ["/token", "/payments", "/token", "/payments"]


class BriefTokenServer(TokenServer):
    """Its tokens end after so many uses; a new one may end those before."""

    def __init__(self, server: Server, uses: int, *, is_single: bool = False) -> None:
        super().__init__(server)
        self._uses = uses
        self._is_single = is_single
        self._used: dict[str, int] = {}
        self._lock = threading.Lock()

    def answer(self, call: Call) -> Answer:
        with self._lock:
            token = (call.header("Authorization") or "").removeprefix("Bearer ")
            if call.target != "/token":
                self._used[token] = self._used.get(token, 0) + 1
                is_old = self._is_single and token != f"token-{self.issued}"
                if is_old or self._used[token] > self._uses:
                    self.revoked.add(token)
            return super().answer(call)


@pytest.mark.parametrize("is_single", [False, True], ids=["many tokens", "one token"])
@pytest.mark.parametrize("side_by_side", [1, 4, 8])
@pytest.mark.parametrize("uses", [1, 2, 3, 4, 5])
def test_tokens_that_end_after_a_few_uses_are_renewed(
    drive: Drive, server: Server, talk: Talk, uses: int, side_by_side: int, is_single: bool
) -> None:
    tokens = BriefTokenServer(server, uses, is_single=is_single)
    paths = [f"/{number}" for number in range(40)]
    config = talk(auth=tokens.auth(), max_concurrency=side_by_side)
    assert drive.fetch_pages(config, Pages(server.origin, paths)) == paths
    assert talk.logged == []
    assert tokens.issued <= len(paths) + 1  # each request renews one at most
    if side_by_side == 1:
        assert tokens.issued == -(-len(paths) // uses)


@pytest.mark.parametrize("side_by_side", [1, 4, 8])
def test_a_path_that_is_refused_whatever_the_token_is_an_error(
    drive: Drive, server: Server, talk: Talk, side_by_side: int
) -> None:
    """Though the same tokens are accepted for others in between."""
    tokens = TokenServer(server)
    server.answer = lambda call: Answer(401, REFUSED) if call.target == "/5" else tokens.answer(call)
    paths = [f"/{number}" for number in range(40)]
    with pytest.raises(PaymentsAuthError):
        drive.fetch_pages(talk(auth=tokens.auth(), max_concurrency=side_by_side), Pages(server.origin, paths))
    assert server.targets.count("/5") == 2
    assert tokens.issued == 2


@pytest.mark.parametrize("side_by_side", [1, 4, 8])
def test_an_api_that_accepts_and_refuses_in_turn_is_not_asked_for_ever(
    drive: Drive, server: Server, talk: Talk, side_by_side: int
) -> None:
    """Each token is good for the first path only."""
    tokens = TokenServer(server)
    server.answer = lambda call: Answer(401, REFUSED) if call.target not in ("/token", "/0") else tokens.answer(call)
    endless = Pages(server.origin, ["/0"] * side_by_side, lambda path: ["/0", "/1"])
    with pytest.raises(PaymentsAuthError):
        drive.fetch_pages(talk(auth=tokens.auth(), max_concurrency=side_by_side), endless)
    assert len(server.calls) <= 10 * side_by_side
    assert 2 <= tokens.issued <= side_by_side + 1


@pytest.mark.parametrize("status", [400, 401])
def test_a_refused_login_is_an_error_and_asks_for_nothing_else(
    drive: Drive, server: Server, talk: Talk, status: int
) -> None:
    tokens = TokenServer(server)
    tokens.token_answer = Answer(status, b'{"error": "invalid_client", "error_description": "not password"}')
    with pytest.raises(PaymentsAuthError, match=r"/token .*invalid_client.*\*\*\*"):
        drive.send(talk(auth=tokens.auth()), get(server))
    assert server.targets == ["/token"]


def test_a_login_that_is_down_is_tried_again(drive: Drive, server: Server, talk: Talk) -> None:
    tokens, down = TokenServer(server), [DOWN, Answer(is_dropped=True)]

    def answer(call: Call) -> Answer:
        return down.pop() if call.target == "/token" and down else tokens.answer(call)

    server.answer = answer
    drive.send(talk(auth=tokens.auth()), get(server))
    assert server.targets == ["/token", "/token", "/token", "/payments"]


def test_the_requests_driver_authorizes_for_others(server: Server, talk: Talk) -> None:
    tokens = TokenServer(server)
    config = talk(auth=tokens.auth())
    with open_session(config.options) as session:
        client = SyncClient(config, session)
        assert client.authorize(get(server)).headers["Authorization"] == "Bearer token-1"
        assert client.authorize(get(server)).headers["Authorization"] == "Bearer token-1"
        tokens.token_answer = Answer(401, REFUSED)
        with pytest.raises(PaymentsAuthError):
            SyncClient(talk(auth=tokens.auth()), session).authorize(get(server))
    assert server.targets == ["/token", "/token"]


# Pace.


class CountingRateLimiter(RateLimiter):
    """Gives out turns at once, and counts them."""

    def __init__(self) -> None:
        super().__init__(None)
        self.turns = 0

    def reserve(self, now: float) -> float:
        self.turns += 1
        return super().reserve(now)


def test_every_request_takes_a_turn(drive: Drive, server: Server, talk: Talk) -> None:
    tokens, down, rate_limiter = TokenServer(server), [DOWN], CountingRateLimiter()
    server.answer = lambda call: down.pop() if call.target == "/1" and down else tokens.answer(call)
    drive.fetch_pages(talk(auth=tokens.auth(), rate_limiter=rate_limiter), Pages(server.origin, ["/0", "/1", "/2"]))
    assert rate_limiter.turns == len(server.calls) == drive.requests == 5


@pytest.mark.parametrize("signal", [Answer(429, headers={"Retry-After": "1"}), THROTTLED], ids=["429", "403/70"])
def test_all_requests_wait_when_the_api_asks_one_to(drive: Drive, server: Server, talk: Talk, signal: Answer) -> None:
    begun: list[float] = []
    lock = threading.Lock()

    def answer(call: Call) -> Answer:
        with lock:
            begun.append(time.monotonic())
            if len(begun) == 4:
                return signal
        time.sleep(0.02)
        return Answer(body=call.target.encode())

    server.answer = answer
    paths = [f"/{number}" for number in range(20)]
    retry = RetryPolicy(base_wait=1.0) if signal is THROTTLED else None
    assert drive.fetch_pages(talk(max_concurrency=4, retry=retry), Pages(server.origin, paths)) == paths
    told = float(talk.logged[0].rpartition(" in ")[2].split()[0])  # a random wait, where the API names none
    during = [moment for moment in begun[4:] if begun[3] + 0.1 < moment < begun[3] + told - 0.1]
    assert during == []


def test_a_request_that_begins_during_a_wait_waits_too(drive: Drive, server: Server, talk: Talk) -> None:
    """Of another walk, which does not wait for the page that was refused."""
    begun: dict[str, list[float]] = {}

    def answer(call: Call) -> Answer:
        begun.setdefault(call.target, []).append(time.monotonic())
        return Answer(429, headers={"Retry-After": "2"}) if len(server.calls) == 1 else Answer(body=b"fine")

    server.answer = answer
    config = talk()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(drive.send, config, get(server, "/first"))
        deadline = time.monotonic() + WAIT
        while not talk.logged:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        drive.send(config, get(server, "/second"))
        first.result(WAIT)
    assert begun["/second"][0] - begun["/first"][0] >= 1.9


@dataclass(frozen=True)
class NotedPolicy(RetryPolicy):
    """Waits 10 ms, and keeps what it was asked."""

    asked: list[tuple[int, float, str]] = field(default_factory=list)

    def next_wait(self, attempt: int, waited: float, error: PaymentsError) -> float | None:
        self.asked.append((attempt, round(waited, 2), type(error).__name__))
        return None if attempt == 4 else 0.01


def test_the_policy_is_told_of_attempts_and_of_all_that_was_waited(drive: Drive, server: Server, talk: Talk) -> None:
    server.script(DOWN, THROTTLED, DOWN, THROTTLED)
    policy = NotedPolicy()
    with pytest.raises(PaymentsThrottled):
        drive.send(talk(retry=policy), get(server))
    down, wait = "PaymentsUnavailable", "PaymentsThrottled"
    assert policy.asked == [(1, 0.0, down), (2, 0.01, wait), (3, 0.02, down), (4, 0.03, wait)]
    assert [line.partition(" Attempt ")[2] for line in talk.logged] == ["2 in 0.0 s.", "3 in 0.0 s.", "4 in 0.0 s."]


class PausePacer(RateLimiter):
    """Keeps the pauses that it is told of, and makes none."""

    def __init__(self) -> None:
        super().__init__(None)
        self.pauses: list[float] = []

    def pause(self, until: float) -> None:
        self.pauses.append(until - time.monotonic())


def test_only_an_api_that_asks_to_wait_pauses_the_others(drive: Drive, server: Server, talk: Talk) -> None:
    server.script(DOWN, Answer(429, headers={"Retry-After": "0.01"}), DOWN, THROTTLED, Answer())
    rate_limiter = PausePacer()
    drive.send(talk(rate_limiter=rate_limiter), get(server))
    assert len(rate_limiter.pauses) == 2
    assert len(talk.logged) == 4


# Options.


@pytest.mark.parametrize("form", ["http", "all"])
def test_a_proxy_gets_the_whole_url(drive: Drive, server: Server, talk: Talk, form: str) -> None:
    place = server.origin.replace("http://", "http://user:s3cret@")
    url = "http://api.example.invalid/payments?q=a%20b%2F%2B"
    drive.send(talk(proxies={form: place}), Request("GET", url))
    (call,) = server.calls
    assert (call.target, call.header("Host")) == (url, "api.example.invalid")
    assert call.header("Proxy-Authorization") == "Basic " + base64.b64encode(b"user:s3cret").decode()


def test_a_proxy_that_asks_for_a_password_is_named(drive: Drive, server: Server, talk: Talk) -> None:
    server.script(Answer(407, b"<html>", {"Proxy-Authenticate": "Basic"}), Answer())
    proxies = {"http": server.origin.replace("http://", "http://user:s3cret@")}
    drive.send(talk(proxies=proxies), Request("GET", "http://api.example.invalid/payments"))
    assert f"The proxy {server.origin} asks for a name and a password" in talk.logged[0]
    assert "s3cret" not in talk.logged[0]


@pytest.mark.parametrize("trust_env", [True, False])
def test_a_proxy_of_the_environment(
    drive: Drive, server: Server, talk: Talk, trust_env: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server() as proxy:
        monkeypatch.setenv("http_proxy", proxy.origin)
        drive.send(talk(trust_env=trust_env), get(server))
        assert (len(proxy.calls), len(server.calls)) == ((1, 0) if trust_env else (0, 1))


def test_a_connections_own_proxy_comes_before_the_environments(
    drive: Drive, server: Server, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server() as other:
        monkeypatch.setenv("http_proxy", other.origin)
        drive.send(talk(proxies={"http": server.origin}), Request("GET", "http://api.example.invalid/"))
        assert (len(server.calls), len(other.calls)) == (1, 0)


class Recorder(BaseAdapter):
    """Keeps what a session would send with."""

    def __init__(self) -> None:
        super().__init__()
        self.options: dict[str, Any] = {}

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        self.options = options
        response = requests.Response()
        response.status_code, response.request, response.url = 200, request, request.url or ""
        response.raw = urllib3.HTTPResponse(BytesIO())
        return response

    def close(self) -> None: ...


def test_time_outs(talk: Talk) -> None:
    recorder = Recorder()
    config = talk()
    with open_session(config.options, recorder) as session:
        SyncClient(config, session).send(Request("GET", "https://api.example.com/"))
    assert recorder.options["timeout"] == (30, 30)


def test_a_session_for_others_follows_no_redirect_either(server: Server) -> None:
    server.script(Answer(302, headers={"Location": "/elsewhere"}))
    with open_session(TransportOptions()) as session:
        assert session.get(f"{server.origin}/payments", timeout=5).status_code == 302
    assert server.targets == ["/payments"]
