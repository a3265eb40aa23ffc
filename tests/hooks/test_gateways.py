"""Every connection type: pages as gateways, proxies and other servers than the documented one write them."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.http.messages import Request
from airflow_provider_payments.http.sync_client import SyncClient
from airflow_provider_payments.sandbox import Sandbox
from tests.faults.faults import page_of
from tests.http.conftest import Pages
from tests.http.server import WAIT, Answer, Call, Server

Connect = Callable[..., PaymentsHook]
JSON_TYPE = "application/json"


def rewrite(value: Any, number: Callable[[int], object]) -> Any:
    """Return a page with other spellings of its own numbers; its rows stay as they are."""
    if isinstance(value, dict):
        rows = ("payments", "results", "data", "items")
        return {
            key: each if key in rows and isinstance(each, list) else rewrite(each, number)
            for key, each in value.items()
        }
    return number(value) if isinstance(value, int) and not isinstance(value, bool) else value


READABLE = {
    "byte order mark": (lambda page: b"\xef\xbb\xbf" + json.dumps(page).encode(), JSON_TYPE),
    "white space": (lambda page: b"\r\n\t  " + json.dumps(page, indent=4).encode() + b"\n\n", JSON_TYPE),
    "fractions": (lambda page: json.dumps(rewrite(page, float)).encode(), JSON_TYPE),
    "numbers as text": (lambda page: json.dumps(rewrite(page, str)).encode(), JSON_TYPE),
    "plain text": (lambda page: json.dumps(page).encode(), "text/plain; charset=utf-8"),
    "no type": (lambda page: json.dumps(page).encode(), ""),
    "another type": (lambda page: json.dumps(page).encode(), "application/vnd.api+json; charset=ISO-8859-1"),
}
UNREADABLE = {
    "a guard against scripts": lambda page: b")]}',\n" + json.dumps(page).encode(),
    "a callback": lambda page: b"callback(" + json.dumps(page).encode() + b");",
    "UTF-16": lambda page: json.dumps(page).encode("utf-16"),
    "something behind": lambda page: json.dumps(page).encode() + b"<!-- proxy -->",
    "half a number": lambda page: json.dumps(rewrite(page, lambda number: number + 0.5)).encode(),
}


@pytest.mark.parametrize("kind", READABLE)
def test_a_page_that_was_written_anew_is_read(
    connect: Connect, conn_type: str, sandbox: Sandbox, reply_to_list: Callable[..., None], kind: str
) -> None:
    write, content_type = READABLE[kind]
    reply_to_list(
        conn_type, 200, write(page_of(conn_type, sandbox.apis[conn_type].rows[:1])), {"Content-Type": content_type}
    )
    ok, said = connect(conn_type).test_connection()
    assert ok, said


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_page_that_is_something_else_says_so(
    connect: Connect, conn_type: str, sandbox: Sandbox, reply_to_list: Callable[..., None], kind: str
) -> None:
    page = page_of(conn_type, sandbox.apis[conn_type].rows[:1])
    if kind == "half a number" and (rewrite(page, str) == page or conn_type == "razorpay"):
        pytest.skip("a page without numbers of its own, or with none that is read")
    reply_to_list(conn_type, 200, UNREADABLE[kind](page))
    ok, said = connect(conn_type).test_connection()
    assert not ok
    assert "not what the API documents" in said


@pytest.mark.parametrize("keep_alive", [True, False])
def test_the_hooks_client_keeps_as_many_connections_as_it_uses(
    connect: Connect, caplog: pytest.LogCaptureFixture, keep_alive: bool
) -> None:
    """``HttpHook`` would keep ten, and throw away the others with a warning each."""
    paths = [f"/{number}" for number in range(100)]
    connect("spacepay", {"max_concurrency": 20})
    hook = type(BaseHook.get_hook("spacepay_default"))("spacepay_default", tcp_keep_alive=keep_alive)
    _, config = hook.resolve()
    together = threading.Barrier(20)

    def answer(call: Call) -> Answer:
        together.wait(WAIT)  # every reply waits for as many requests
        return Answer(body=call.target.encode())

    with Server() as server, caplog.at_level(logging.WARNING), hook.sync_client(config) as client:
        server.answer = answer
        for _ in range(2):
            assert [row for rows in client.fetch_pages(Pages(server.origin, paths)) for row in rows] == paths
        assert server.connections == 20
    assert "pool is full" not in caplog.text
    assert isinstance(client, SyncClient)


def test_a_request_does_not_wait_for_pages_of_a_listing_that_was_left(connect: Connect) -> None:
    hook = connect("spacepay", {"max_concurrency": 2})
    _, config = hook.resolve()
    may_answer = threading.Event()
    too_late = []

    def answer(call: Call) -> Answer:
        if call.target in ("/1", "/2") and not may_answer.wait(WAIT):
            too_late.append(call.target)
        return Answer(body=call.target.encode())

    with Server() as server, hook.sync_client(config) as listing, hook.sync_client(config) as other:
        server.answer = answer
        pages = listing.fetch_pages(Pages(server.origin, ["/0", "/1", "/2"]))
        assert next(pages) == ["/0"]
        while len(server.calls) < 3:  # both later pages are under way
            time.sleep(0.01)
        assert other.send(Request("GET", f"{server.origin}/mine")).body == b"/mine"
        may_answer.set()
        assert [*pages] == [["/1"], ["/2"]]
    assert not too_late
