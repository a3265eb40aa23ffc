"""Bodies in bounded memory and time."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib

import pytest
from requests.adapters import HTTPAdapter

from airflow_provider_payments.exceptions import PaymentsProtocolError, PaymentsUnavailable
from airflow_provider_payments.http.async_client import AsyncClient
from airflow_provider_payments.http.async_session import open_client_session
from airflow_provider_payments.http.body import MAX_BODY, Body, BodyTooLarge, BodyUnreadable
from airflow_provider_payments.http.messages import Request
from airflow_provider_payments.http.retry import RetryPolicy
from airflow_provider_payments.http.sync_client import SyncClient
from airflow_provider_payments.http.sync_session import open_session
from tests.http.conftest import Drive, Talk
from tests.http.server import Answer, Call, Server

TEXT = b'{"a": 1}' * 1000
ONCE = RetryPolicy(max_attempts=1)


def body_of(*pieces: bytes) -> Body:
    body = Body()
    for piece in pieces:
        body.add(piece)
    return body


@pytest.mark.parametrize("encoding", [None, "", "identity", " Identity "])
def test_what_is_not_packed_stays_as_it_is(encoding: str | None) -> None:
    assert body_of(b"a", b"", b"b").unpack(encoding) == b"ab"


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
def test_gzip_in_pieces_and_in_several_members(encoding: str) -> None:
    packed = gzip.compress(TEXT[:100]) + gzip.compress(b"") + gzip.compress(TEXT[100:])
    assert body_of(*(packed[at : at + 7] for at in range(0, len(packed), 7))).unpack(encoding) == TEXT
    assert body_of().unpack(encoding) == b""


@pytest.mark.parametrize("behind", [b"\n", b"more", bytes(10)])
def test_bytes_behind_the_end_are_passed_over(behind: bytes) -> None:
    assert body_of(gzip.compress(TEXT) + behind).unpack("gzip") == TEXT


def test_deflate_is_unpacked_although_nobody_asked_for_it() -> None:
    assert body_of(zlib.compress(TEXT)).unpack("deflate") == TEXT


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (TEXT, "gzip"),
        (gzip.compress(TEXT)[:-1], "gzip"),
        (gzip.compress(TEXT)[:-8] + b"12345678", "gzip"),
        (gzip.compress(TEXT) + gzip.compress(TEXT)[:-8] + b"12345678", "gzip"),
        (TEXT, "deflate"),
    ],
    ids=["not packed", "cut by a byte", "wrong sum", "wrong sum of a second", "no deflate"],
)
def test_what_cannot_be_unpacked(packed: bytes, encoding: str) -> None:
    with pytest.raises(BodyUnreadable):
        body_of(packed).unpack(encoding)


def test_the_largest_body() -> None:
    most = bytes(MAX_BODY)
    assert body_of(most).unpack(None) == most
    with pytest.raises(BodyTooLarge):
        body_of(most, b"1")
    assert len(body_of(gzip.compress(most)).unpack("gzip")) == MAX_BODY
    for members in ((most + b"1",), (most, b"1"), (most[1:], b"12")):
        with pytest.raises(BodyTooLarge):
            body_of(b"".join(map(gzip.compress, members))).unpack("gzip")


@pytest.mark.parametrize("size", [0, 1, 8191, 8192, 8193, 1_000_003])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunks"])
def test_bodies_of_any_size_arrive_as_they_are(
    drive: Drive, server: Server, talk: Talk, size: int, is_chunked: bool
) -> None:
    body = (b"0123456789" * (size // 10 + 1))[:size]
    server.script(Answer(body=body, is_chunked=is_chunked and size > 0))
    request = Request("GET", f"{server.origin}/payments")
    assert [reply.body for reply in drive.send(talk(max_concurrency=1), request)] == [body]


@pytest.mark.parametrize("size", [1, 8192, 1_000_003])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunks"])
def test_bodies_that_break_off_are_no_bodies(
    drive: Drive, server: Server, talk: Talk, size: int, is_chunked: bool
) -> None:
    server.script(Answer(body=bytes(size), promised=1, is_chunked=is_chunked))
    with pytest.raises(PaymentsUnavailable, match="no reply"):
        drive.send(talk(retry=ONCE), Request("GET", f"{server.origin}/payments"))


def test_an_adapter_of_somebody_else_is_read_as_well(server: Server, talk: Talk) -> None:
    body = bytes(1_000_003)
    server.script(Answer(body=body), Answer(body=body, promised=1))
    config = talk(retry=ONCE)
    with open_session(config.options, HTTPAdapter()) as session:
        client = SyncClient(config, session)
        assert client.send(Request("GET", f"{server.origin}/payments")).body == body
        with pytest.raises(PaymentsUnavailable, match="no reply"):
            client.send(Request("GET", f"{server.origin}/payments"))


def test_a_large_error_is_no_reason_to_read_it(drive: Drive, server: Server, talk: Talk) -> None:
    server.script(Answer(500, bytes(MAX_BODY + 1)))
    with pytest.raises(PaymentsProtocolError, match="larger than 32 MiB"):
        drive.send(talk(retry=ONCE), Request("GET", f"{server.origin}/payments"))


def test_the_time_for_the_whole_reply_is_longer_when_it_is_held(drive: Drive, server: Server, talk: Talk) -> None:
    def answer(call: Call) -> Answer:
        time.sleep(1.5)
        return Answer(body=b"{}")

    server.answer = answer
    request = Request("GET", f"{server.origin}/payments")
    held = Request("GET", request.url, long_poll_seconds=60)
    assert drive.send(talk(response_timeout=1, retry=ONCE), held)[0].body == b"{}"
    with pytest.raises(PaymentsUnavailable, match="no reply"):
        drive.send(talk(response_timeout=1, retry=ONCE), request)


async def test_waiting_for_a_socket_is_not_part_of_a_replys_time(server: Server, talk: Talk) -> None:
    def answer(call: Call) -> Answer:
        time.sleep(0.5)
        return Answer(body=b"{}")

    server.answer = answer
    config = talk(response_timeout=2, retry=ONCE)
    async with open_client_session(config.options, max_sockets=1) as session:
        client = AsyncClient(config, session)
        replies = await asyncio.gather(*(client.send(Request("GET", f"{server.origin}/{n}")) for n in range(6)))
    assert [reply.body for reply in replies] == [b"{}"] * 6
    assert server.most_at_once == 1
