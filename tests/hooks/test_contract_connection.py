"""Every connection type: the ways in which people fill in a connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.get_provider_info import get_provider_info
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.hooks.spacepay import SpacePayHook
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Sandbox
from tests.hooks.test_secrets import Ears

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]


def base_url(hook: PaymentsHook) -> str:
    return hook.resolve()[0].credentials.base_url


@pytest.mark.parametrize("form", ["url", "schema and host", "url and port field", "trailing slash", "white space"])
def test_host_port_and_schema(connect: Connect, collect: Collect, sandbox: Sandbox, conn_type: str, form: str) -> None:
    place = f"127.0.0.1:{sandbox.port}/{conn_type}"
    fields = {
        "url": {"host": f"http://{place}"},
        "schema and host": {"host": place, "schema": "http"},
        "url and port field": {"host": f"http://127.0.0.1/{conn_type}", "port": sandbox.port},
        "trailing slash": {"host": f"http://{place}/"},
        "white space": {"host": f" http://{place} "},
    }[form]
    assert collect(connect(conn_type, **fields))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"host": "api.example.com"}, "https://api.example.com"),
        ({"host": "api.example.com", "port": 8443}, "https://api.example.com:8443"),
        ({"host": "api.example.com", "port": 443}, "https://api.example.com"),
        ({"host": "https://api.example.com:443/a/b/"}, "https://api.example.com/a/b"),
        ({"host": "api.example.com", "schema": "HTTP"}, "http://api.example.com"),
        ({"host": "http://api.example.com", "schema": "https"}, "http://api.example.com"),
        ({"host": "https://[::1]:8443"}, "https://[::1]:8443"),
    ],
)
def test_a_host_without_more_is_https(connect: Connect, conn_type: str, fields: dict[str, Any], expected: str) -> None:
    assert base_url(connect(conn_type, **fields)) == expected


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_host_is_the_apis_own(connect: Connect, conn_type: str, nothing: str | None) -> None:
    hook = connect(conn_type, host=nothing)
    assert base_url(hook) == hook.default_host


@pytest.mark.parametrize(
    "host",
    ["ftp://api.example.com", "https://", "https://user:pass-word@api.example.com", "https://api.example.com?a=b"],
)
def test_a_host_that_makes_no_sense(connect: Connect, conn_type: str, host: str) -> None:
    with pytest.raises(PaymentsConfigError, match="host must be") as caught:
        connect(conn_type, host=host).resolve()
    assert "pass-word" not in str(caught.value)


def test_numbers_may_be_text(
    connect: Connect, collect: Collect, conn_type: str, list_calls: Callable[..., list[Any]]
) -> None:
    texts = {
        "page_size": "7",
        "max_concurrency": "2",
        "requests_per_second": "1000",
        "timeout": "5",
        "max_attempts": "2",
        "verify": "true",
        "trust_env": "false",
    }
    assert collect(connect(conn_type, texts))
    for call in list_calls(conn_type):
        assert "7" in {call.query.get(name) for name in ("limit", "count", "PageSize", "page_size")}


def test_empty_fields_of_the_form_mean_nothing(connect: Connect, collect: Collect, conn_type: str) -> None:
    options = ("page_size", "max_concurrency", "requests_per_second", "timeout", "verify", "cert", "proxies", "scope")
    for empty in ("", None):
        assert collect(connect(conn_type, dict.fromkeys(options, empty)))


BAD_EXTRAS: list[tuple[str, Any]] = [
    ("page_size", "many"),
    ("page_size", 0),
    ("page_size", -1),
    ("page_size", 1.5),
    ("page_size", True),
    ("page_size", 10**6),
    ("page_size", [1]),
    ("max_concurrency", 0),
    ("max_concurrency", "nan"),
    ("requests_per_second", -1),
    ("requests_per_second", "fast"),
    ("max_attempts", 0),
    ("timeout", 0),
    ("timeout", "soon"),
    ("timeout", [1, 2, 3, 4]),
    ("timeout", [1, 2, 0]),
    ("cert", 7),
    ("proxies", 7),
]


def test_an_extra_that_makes_no_sense(connect: Connect, conn_type: str, sandbox: Sandbox) -> None:
    for key, value in BAD_EXTRAS:
        with pytest.raises(PaymentsConfigError, match=f"{conn_type}_default.*{key}"):
            connect(conn_type, {key: value}).list_payments()
    assert sandbox.requests == []


def test_a_key_that_is_misspelled_is_refused(connect: Connect, conn_type: str, sandbox: Sandbox) -> None:
    options = ("page_size", "max_concurrency", "requests_per_second", "max_attempts", "timeout", "trust_env")
    own = next(each for each in get_provider_info()["connection-types"] if each["connection-type"] == conn_type)
    for key in {*options, *own["conn-fields"]}:
        for misspelled in (f"{key}s", key.upper(), key.replace("_", "-") + "x"):
            with pytest.raises(PaymentsConfigError, match=f"{conn_type}_default.*Is it '{key}'") as caught:
                connect(conn_type, {misspelled: "s3cret"}).list_payments()
            assert "s3cret" not in str(caught.value)
    assert sandbox.requests == []


@pytest.mark.parametrize("extra", ["[1]", "7", '"text"'])
def test_an_extra_that_is_no_object(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, conn_type: str, extra: str
) -> None:
    hook_class = type(connect(conn_type))
    connection = {**sandbox.connections()[f"{conn_type}_default"], "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_ODD", json.dumps(connection))
    with pytest.raises(PaymentsConfigError, match="extra is not a JSON object"):
        hook_class("odd").resolve()


def test_what_extra_holds_never_becomes_a_header(
    connect: Connect, collect: Collect, ask: Callable[..., Any], conn_type: str, sandbox: Sandbox
) -> None:
    surprises = {
        "X-Surprise": "surprise-1",
        "client_secret": "surprise-2",
        "private_key": "surprise-3",
        "headers": {"X-Other": "surprise-4"},
        "Cookie": "surprise-5",
    }
    hook = connect(conn_type, surprises)
    found = collect(hook)
    ask(hook.get_payment, found[0].id)
    ask(hook.has_pending)
    hook.test_connection()
    assert len(sandbox.requests) >= 4
    for call in sandbox.requests:
        assert "surprise-" not in repr((call.path, call.headers, call.body))
        assert not {name.lower() for name, _ in call.headers} & {name.lower() for name in surprises}


def test_no_header_carries_more_than_it_must(
    connect: Connect, collect: Collect, conn_type: str, sandbox: Sandbox
) -> None:
    collect(connect(conn_type))
    usual = {"host", "user-agent", "accept", "accept-encoding", "connection", "content-type", "content-length"}
    own = {
        "hotpay": {"authorization"},
        "cryptofuse": {"authorization"},
        "spacepay": {"x-spacepay-secret-key"},
        "satispay": {"authorization", "date", "digest"},
        "jframework": {"brand-url", "auth-key"},
        "stripe": {"authorization", "stripe-version"},
        "gocardless": {"authorization", "gocardless-version"},
        "mollie": {"authorization"},
        "razorpay": {"authorization"},
        "square": {"authorization", "square-version"},
        "paypal": {"authorization"},
    }[conn_type]
    for call in sandbox.requests:
        assert {name.lower() for name, _ in call.headers} <= usual | own


def test_a_missing_secret_is_named(connect: Connect, collect: Collect, conn_type: str, sandbox: Sandbox) -> None:
    with pytest.raises(PaymentsConfigError, match=f"{conn_type}_default.*password"):
        collect(connect(conn_type, password=None))
    assert sandbox.requests == []


@pytest.mark.parametrize("conn_type", ["hotpay", "spacepay", "jframework", "stripe", "gocardless", "square"])
def test_a_secret_with_a_line_break_is_refused_without_being_shown(connect: Connect, conn_type: str) -> None:
    with pytest.raises(PaymentsConfigError, match="line break") as caught:
        connect(conn_type, password="half-a-secret\nother-half").resolve()
    assert "half" not in str(caught.value)


def test_white_space_around_a_secret_is_none_of_it(
    connect: Connect, collect: Collect, conn_type: str, sandbox: Sandbox
) -> None:
    known = sandbox.connections()[f"{conn_type}_default"]
    pasted = {name: f" {known[name]}\r\n" for name in ("login", "password") if known.get(name)}
    assert collect(connect(conn_type, **pasted))


@pytest.mark.parametrize(
    "conn_type", ["hotpay", "cryptofuse", "spacepay", "jframework", "stripe", "gocardless", "square"]
)
def test_an_invisible_character_in_a_secret_is_said(connect: Connect, conn_type: str, sandbox: Sandbox) -> None:
    password = sandbox.connections()[f"{conn_type}_default"]["password"]
    with pytest.raises(PaymentsConfigError, match=rf"{conn_type}_default.*invisible character \(U\+200B\)") as caught:
        connect(conn_type, password=f"{password}\u200b").resolve()
    assert password not in str(caught.value)


def test_a_private_key_with_a_byte_order_mark_is_read(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    password = sandbox.connections()["satispay_default"]["password"]
    assert collect(connect("satispay", password="\ufeff" + password.replace("\n", "\u200b\n")))


def test_a_connection_of_another_type(
    connect: Connect, collect: Collect, conn_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook_class = type(connect(conn_type))
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps({"conn_type": "http", "host": "127.0.0.1"}))
    with pytest.raises(PaymentsConfigError, match=f"'http'.*{conn_type}"):
        collect(hook_class("other"))


def test_a_connection_as_a_uri(
    connect: Connect, collect: Collect, conn_type: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Airflow's own connection test does: the connection goes through its URI."""
    connect(conn_type, {"page_size": 9})
    uri = BaseHook.get_connection(f"{conn_type}_default").get_uri()
    monkeypatch.setenv("AIRFLOW_CONN_BY_URI", uri)
    hook = BaseHook.get_hook("by_uri")
    assert urlsplit(base_url(hook)).port == sandbox.port
    assert collect(hook)
    assert hook.test_connection()[0]


ALL_OPTIONS: dict[str, Any] = {
    "verify": False,
    "trust_env": False,
    "timeout": [10, 30.5],
    "cert": [__file__, __file__],
    "proxies": {"http": "http://user:p%40ss@127.0.0.1:9"},
    "max_concurrency": 2,
    "requests_per_second": 0.5,
    "page_size": 9,
    "max_attempts": 2,
}


def told_by(conn_id: str) -> dict[str, Any]:
    """Return what a connection's API is told, but for the connection's id."""
    api = BaseHook.get_hook(conn_id).resolve()[0]
    found = {each.name: getattr(api.credentials, each.name) for each in fields(api.credentials)}
    return {**found, "connection_id": "", "decimals": getattr(api, "_decimals", None)}


def test_what_json_says_a_uri_says_too(connect: Connect, conn_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(conn_type, ALL_OPTIONS)
    monkeypatch.setenv("AIRFLOW_CONN_BY_URI", BaseHook.get_connection(f"{conn_type}_default").get_uri())
    assert told_by("by_uri") == told_by(f"{conn_type}_default")


@pytest.mark.parametrize("prefix", ["", "extra__{}__"])
def test_a_uri_in_which_everything_is_text(
    connect: Connect, conn_type: str, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, prefix: str
) -> None:
    connect(conn_type, ALL_OPTIONS)
    known = sandbox.connections()[f"{conn_type}_default"]
    extra = {
        prefix.format(conn_type) + key: value if isinstance(value, str) else json.dumps(value)
        for key, value in {**known.get("extra", {}), **ALL_OPTIONS}.items()
    }
    assert {"false", "9", "0.5", "[10, 30.5]"} <= set(extra.values())
    login, password = (quote(known.get(name) or "", safe="") for name in ("login", "password"))
    host = quote(f"http://127.0.0.1:{sandbox.port}/{conn_type}", safe="")
    monkeypatch.setenv("AIRFLOW_CONN_BY_URI", f"{conn_type}://{login}:{password}@{host}/?{urlencode(extra)}")
    by_uri, by_json = told_by("by_uri"), told_by(f"{conn_type}_default")
    for each in (by_uri, by_json):
        del each["extra"]
    assert by_uri == by_json


@pytest.mark.parametrize(
    ("host", "extra", "words"),
    [
        ("http://api.example.com", {}, "unencrypted"),
        ("http://10.0.0.7:8080/x", {}, "unencrypted"),
        ("http://127.0.0.1:1", {}, None),
        ("http://localhost", {}, None),
        ("http://[::1]:1", {}, None),
        ("https://api.example.com", {}, None),
        ("api.example.com", {}, None),
        ("https://api.example.com", {"verify": False}, "does not verify TLS"),
    ],
)
@pytest.mark.parametrize("way", ["open", "aopen"])
def test_what_is_not_safe_is_a_warning(
    connect: Connect,
    host: str,
    extra: dict[str, Any],
    words: str | None,
    way: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    hook = connect("spacepay", extra, host=host)
    with Ears() as ears:
        if way == "open":
            hook.resolve()
        else:
            asyncio.run(hook.aresolve())
    output = capfd.readouterr()  # Airflow 3 logs past Python's logging
    said = ears.stream.getvalue() + output.out + output.err
    found = {each for each in ("unencrypted", "does not verify TLS") if each in said}
    assert found == ({words} if words else set())


@pytest.mark.parametrize(
    "proxies",
    [
        "socks5://127.0.0.1:1080",
        "ftp://proxy",
        {"https": "http://"},
        {"https": "http://proxy:port"},
        {"no_proxy": "http://proxy"},
        {"ftp": "http://proxy"},
    ],
)
def test_proxies_that_cannot_be_used(connect: Connect, proxies: Any) -> None:
    with pytest.raises(PaymentsConfigError, match="'proxies' in extra must be the URL of an HTTP proxy"):
        connect("spacepay", {"proxies": proxies}).resolve()


def test_a_subclass_may_get_its_connections_elsewhere(
    connect: Connect, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect("spacepay")
    connection = BaseHook.get_connection("spacepay_default")
    monkeypatch.delenv("AIRFLOW_CONN_SPACEPAY_DEFAULT")

    class OfTheVault(SpacePayHook):
        @classmethod
        def get_connection(cls, conn_id: str) -> Any:
            assert conn_id == "in_the_vault"
            return connection

    async def count() -> int:
        return len([payment async for payment in OfTheVault("in_the_vault").alist_payments()])

    assert len(list(OfTheVault("in_the_vault").list_payments())) == asyncio.run(count()) > 0
