from __future__ import annotations

import pytest

from airflow_provider_payments.http.messages import Request, Response, build_url, quote_segment


@pytest.mark.parametrize(
    ("params", "url"),
    [
        (None, "https://api.example.com/v1/payments/"),
        ({}, "https://api.example.com/v1/payments/"),
        ({"b": "1", "a": "2"}, "https://api.example.com/v1/payments/?b=1&a=2"),
        ({"q": "a b+c/d?e=f&g%h"}, "https://api.example.com/v1/payments/?q=a%20b%2Bc%2Fd%3Fe%3Df%26g%25h"),
        (
            {"t": "2026-01-01T00:00:00+00:00"},
            "https://api.example.com/v1/payments/?t=2026-01-01T00%3A00%3A00%2B00%3A00",
        ),
        ({"ü": "é🙂"}, "https://api.example.com/v1/payments/?%C3%BC=%C3%A9%F0%9F%99%82"),
        ({"safe": "AZaz09-._~"}, "https://api.example.com/v1/payments/?safe=AZaz09-._~"),
        ({"empty": ""}, "https://api.example.com/v1/payments/?empty="),
    ],
)
def test_urls_leave_nothing_to_encode(params: dict[str, str] | None, url: str) -> None:
    assert build_url("https://api.example.com/v1", "/payments/", params) == url


@pytest.mark.parametrize(
    ("text", "segment"),
    [
        ("5a62264a-50c2", "5a62264a-50c2"),
        ("a/b?c#d e%", "a%2Fb%3Fc%23d%20e%25"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("a..b", "a..b"),
        ("ü", "%C3%BC"),
    ],
)
def test_an_id_is_one_segment(text: str, segment: str) -> None:
    assert quote_segment(text) == segment


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("https://a.example/p?q=1&r=%2F", "a.example", "/p?q=1&r=%2F"),
        ("http://127.0.0.1:8085/x/", "127.0.0.1:8085", "/x/"),
        ("https://a.example", "a.example", "/"),
        ("https://a.example?q=1", "a.example", "/?q=1"),
    ],
)
def test_host_and_target_as_on_the_wire(url: str, host: str, target: str) -> None:
    request = Request("GET", url)
    assert (request.host, request.target) == (host, target)


def test_more_headers_leave_the_request_alone() -> None:
    request = Request("GET", "https://a.example/", {"A": "1", "B": "1"})
    assert request.with_headers({"B": "2", "C": "3"}).headers == {"A": "1", "B": "2", "C": "3"}
    assert request.headers == {"A": "1", "B": "1"}


def test_a_repr_shows_neither_headers_nor_bodies() -> None:
    shown = repr(Request("POST", "https://a.example/", {"K": "s3cret"}, b"s3cret")) + repr(
        Response(200, {"k": "s3cret"}, b"s3cret")
    )
    assert "s3cret" not in shown
