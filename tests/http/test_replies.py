"""Replies as gateways, proxies and odd servers write them: both clients read the same, byte for byte on the wire."""

from __future__ import annotations

import gzip
import logging
import threading
import zlib
from dataclasses import replace

import pytest

from airflow_provider_payments.exceptions import PaymentsError, PaymentsUnavailable
from airflow_provider_payments.http.body import MAX_HEADERS
from airflow_provider_payments.http.messages import Response, parse_headers
from airflow_provider_payments.http.retry import RetryPolicy
from tests.http.conftest import AsyncDrive, Pages, SyncDrive, Talk
from tests.http.server import WAIT, Answer, Call, Server
from tests.http.test_clients import get

JSON = b'{"a": 1}'
CHUNKED = b"8\r\n" + JSON + b"\r\n0\r\n\r\n"


def raw(head: bytes = b"", body: bytes = JSON, *, status: bytes = b"200 OK", has_length: bool = True) -> bytes:
    length = b"Content-Length: %d\r\n" % len(body) if has_length else b""
    return b"HTTP/1.1 " + status + b"\r\n" + head + length + b"\r\n" + body


def deflate(data: bytes, *, window: int = 15) -> bytes:
    packer = zlib.compressobj(wbits=window)
    return packer.compress(data) + packer.flush()


def many_headers(number: int) -> bytes:
    """Return a reply with so many lines of headers."""
    return raw(b"".join(b"X-N%d: 1\r\n" % n for n in range(number - 1)))


READ = {
    "as usual": raw(),
    "line feeds only": raw().replace(b"\r\n", b"\n"),
    "no reason": raw(status=b"200"),
    "a header of 9 KiB": raw(b"X-Big: " + b"a" * 9000 + b"\r\n"),
    "a header of 60 KiB": raw(b"X-Big: " + b"a" * 60_000 + b"\r\n"),
    "a reason of 9 KiB": raw(status=b"200 " + b"O" * 9000),
    "many headers": many_headers(MAX_HEADERS),
    "byte order mark": raw(body=b"\xef\xbb\xbf" + JSON),
    "byte order mark, packed": raw(b"Content-Encoding: gzip\r\n", gzip.compress(b"\xef\xbb\xbf" + JSON)),
    "gzip by its old name": raw(b"Content-Encoding: X-GZip\r\n", gzip.compress(JSON)),
    "identity": raw(b"Content-Encoding: identity\r\n"),
    "gzip, identity": raw(b"Content-Encoding: gzip, identity\r\n", gzip.compress(JSON)),
    "gzip twice": raw(b"Content-Encoding: gzip, gzip\r\n", gzip.compress(gzip.compress(JSON))),
    "gzip twice, in two headers": raw(
        b"Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", gzip.compress(gzip.compress(JSON))
    ),
    "deflate in gzip": raw(b"Content-Encoding: deflate, gzip\r\n", gzip.compress(deflate(JSON))),
    "deflate": raw(b"Content-Encoding: deflate\r\n", deflate(JSON)),
    "deflate without its frame": raw(b"Content-Encoding: deflate\r\n", deflate(JSON, window=-15)),
    "a character set as packing": raw(b"Content-Encoding: utf-8\r\n"),
    "chunks": raw(b"Transfer-Encoding: Chunked\r\n", CHUNKED, has_length=False),
    "chunks with extensions and a trailer": raw(
        b"Transfer-Encoding: chunked\r\n", b"8;a=b\r\n" + JSON + b"\r\n0\r\nX-T: 1\r\n\r\n", has_length=False
    ),
    "no length": raw(has_length=False),
    "100 before": b"HTTP/1.1 100 Continue\r\n\r\n" + raw(),
    "102 and 103 before": b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + raw(),
    "203": raw(status=b"203 Non-Authoritative"),
    "206": raw(b"Content-Range: bytes 0-7/8\r\n", status=b"206 Partial"),
    "another type": raw(b"Content-Type: text/plain; charset=iso-8859-1\r\n"),
    "a broken type": raw(b'Content-Type: application/problem+json; charset="\r\n'),
    "cookies that are none": raw(b"Set-Cookie: b[=c\r\nSet-Cookie: \xff=1; Expires=never\r\n"),
    "headers in UTF-8": raw("X-Request-Id: é€\r\n".encode()),
    "headers in ISO 8859-1": raw("X-Request-Id: é\r\n".encode("latin-1")),
    "a header in two lines": raw(b"X-Long: 1\r\n 2\r\n"),
    "a header twice": raw(b"Retry-After: 1\r\nRetry-After: 5 \t\r\n"),
    "HTTP/1.0": raw().replace(b"HTTP/1.1", b"HTTP/1.0"),
    "status 999": raw(status=b"999 Go away"),
}
REFUSED = {
    "a header of 70 KiB": raw(b"X-Big: " + b"a" * 70_000 + b"\r\n"),
    "too many headers": many_headers(MAX_HEADERS + 1),
    "far too many headers": many_headers(500),
    "length and chunks": raw(b"Transfer-Encoding: chunked\r\nContent-Length: 8\r\n", CHUNKED, has_length=False),
    "packed chunks": raw(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKED, has_length=False),
    "identity as transfer": raw(b"Transfer-Encoding: identity\r\n"),
    "two lengths": raw(b"Content-Length: 9\r\n"),
    "the length twice": raw(b"Content-Length: 8, 8\r\n", has_length=False),
    "a length with a sign": raw(b"Content-Length: +8\r\n", has_length=False),
    "a length below zero": raw(b"Content-Length: -1\r\n", has_length=False),
    "a length that is none": raw(b"Content-Length: long\r\n", has_length=False),
    "a line that is no header": raw(b"garbage\r\n"),
    "a blank before the colon": raw(b"X-A : 1\r\n"),
    "a header without a name": raw(b": 1\r\n"),
    "a length of thousands of digits": raw(b"Content-Length: " + b"0" * 5000 + b"8\r\n", has_length=False),
    "NUL in a header": raw(b"X-Request-Id: a\x00b\r\n"),
    "no status": raw(status=b"OK"),
    "something else before": b"junk\r\n" + raw(),
}


def ask_both(server: Server, talk: Talk, answer: bytes) -> list[Response | PaymentsError]:
    """Return what both clients make of an answer, whatever its status."""
    server.script(Answer(raw=answer))
    config = replace(talk(retry=RetryPolicy(max_attempts=1)), raise_for_error=lambda request, response: None)
    found: list[Response | PaymentsError] = []
    for drive in (SyncDrive(), AsyncDrive()):
        try:
            found += drive.send(config, get(server))
        except PaymentsError as error:
            found.append(error)
    return found


@pytest.mark.parametrize("name", READ)
def test_both_clients_read_the_same(server: Server, talk: Talk, name: str) -> None:
    of_requests, of_aiohttp = ask_both(server, talk, READ[name])
    assert isinstance(of_requests, Response), of_requests
    assert isinstance(of_aiohttp, Response), of_aiohttp
    assert of_requests == of_aiohttp
    assert of_requests.body == JSON
    assert all(text.isprintable() and text.encode() for text in of_requests.headers.values())


@pytest.mark.parametrize("name", REFUSED)
def test_both_clients_refuse_what_cannot_be_read_for_certain(server: Server, talk: Talk, name: str) -> None:
    for error in ask_both(server, talk, REFUSED[name]):
        assert type(error) is PaymentsUnavailable
        assert "no reply from" in str(error)


def test_what_follows_an_interim_reply_is_not_taken_for_the_next_ones(server: Server, talk: Talk) -> None:
    """With the final reply left in the socket, the next request would get the answer to this one."""
    hint = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"

    for drive in (SyncDrive(), AsyncDrive()):
        server.answer = lambda call: Answer(body=call.target.encode(), before=hint.encode())
        paths = [f"/{number}" for number in range(5)]
        assert drive.fetch_pages(talk(max_concurrency=1), Pages(server.origin, paths)) == paths


def test_headers_of_one_name_are_joined() -> None:
    pairs = [("Retry-After", "1"), ("X-A", "a\r\n\t b"), ("retry-after", " 5 "), ("X-B", "Ã©"), ("X-C", "é")]
    assert parse_headers(pairs) == {"retry-after": "1, 5", "x-a": "a b", "x-b": "é", "x-c": "é"}


@pytest.mark.parametrize("drive", [SyncDrive(), AsyncDrive()], ids=["requests", "aiohttp"])
def test_as_many_connections_as_requests_at_once_and_all_are_kept(
    drive: SyncDrive | AsyncDrive, server: Server, talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    paths = [f"/{number}" for number in range(100)]
    together = threading.Barrier(20)

    def answer(call: Call) -> Answer:
        together.wait(WAIT)  # every reply waits for as many requests
        return Answer(body=call.target.encode())

    server.answer = answer
    with caplog.at_level(logging.WARNING):
        assert drive.fetch_pages(talk(max_concurrency=20), Pages(server.origin, paths)) == paths
    assert server.connections == 20
    assert "pool is full" not in caplog.text
