"""What one reply may take of a task's time and memory, however it is sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat

import aiohttp
import pytest

from airflow_provider_payments.exceptions import PaymentsProtocolError, PaymentsUnavailable
from airflow_provider_payments.http.messages import Request
from airflow_provider_payments.http.retry import RetryPolicy
from tests.http.conftest import AsyncDrive, Drive, Pages, Talk
from tests.http.server import WAIT, Answer, Call, Server
from tests.http.test_clients import driver_threads, get

ONCE = RetryPolicy(max_attempts=1)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ENOUGH = 300
"""Pieces, each a tenth of a second after the last: many times as long as the reply may take. Then it is whole."""


class Drip:
    """What comes piece by piece."""

    def __init__(self, head: bytes, piece: bytes, end: bytes) -> None:
        self._parts = head, piece, end
        self.is_whole = False

    def __iter__(self) -> Iterator[bytes]:
        head, piece, end = self._parts
        yield head
        for _ in range(ENOUGH):
            time.sleep(0.1)
            yield piece
        self.is_whole = True
        yield end


DRIPPING: dict[str, tuple[bytes, bytes, bytes]] = {
    "the status": (b"HTTP/1.1 200 ", b"O", b"\r\nContent-Length: 2\r\n\r\n{}"),
    "a header": (OK + b"X-A: ", b"a", b"\r\nContent-Length: 2\r\n\r\n{}"),
    "interim replies": (b"", b"HTTP/1.1 102 Processing\r\n\r\n", OK + b"Content-Length: 2\r\n\r\n{}"),
    "replies to go on": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"Content-Length: 2\r\n\r\n{}"),
    "the body": (OK + b"Content-Length: %d\r\n\r\n{}" % (ENOUGH + 2), b" ", b""),
    "a body without a length": (OK + b"\r\n{}", b" ", b""),
    "chunks": (CHUNKED + b"2\r\n{}\r\n", b"1\r\n \r\n", b"0\r\n\r\n"),
    "the size of a chunk": (CHUNKED + b"2\r\n{}\r\n", b"0", b"\r\n\r\n"),
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\nX-T: ", b"a", b"\r\n\r\n"),
}


@pytest.mark.parametrize("part", DRIPPING)
def test_a_reply_is_whole_in_time_whatever_of_it_drips(drive: Drive, server: Server, talk: Talk, part: str) -> None:
    drip = Drip(*DRIPPING[part])
    server.answer = lambda call: Answer(pieces=drip)
    with pytest.raises(PaymentsUnavailable, match=r"no reply .* not whole in time.*'timeout'"):
        drive.send(talk(response_timeout=0.5, retry=ONCE), get(server))
    assert not drip.is_whole


def test_a_proxys_reply_is_whole_in_time(drive: Drive, server: Server, talk: Talk) -> None:
    """That to CONNECT."""
    drip = Drip(OK + b"X-A: ", b"a", b"\r\n\r\n")
    server.answer = lambda call: Answer(pieces=drip)
    config = talk(response_timeout=0.5, retry=ONCE, proxies={"all": server.origin})
    with pytest.raises(PaymentsUnavailable, match="not whole in time"):
        drive.send(config, Request("GET", "https://api.invalid/"))
    assert not drip.is_whole


def test_silence_takes_no_longer_than_the_whole_reply_may(drive: Drive, server: Server, talk: Talk) -> None:
    given_up = threading.Event()
    server.answer = lambda call: Answer(body=b"" if given_up.wait(WAIT) else b"late")
    with pytest.raises(PaymentsUnavailable, match="no reply"):
        drive.send(talk(response_timeout=0.5, read_timeout=2 * WAIT, retry=ONCE), get(server))
    given_up.set()


def test_a_page_whose_headers_drip_is_given_up_with_its_listing(drive: Drive, server: Server, talk: Talk) -> None:
    has_begun, drip = threading.Event(), Drip(OK + b"X-A: ", b"a", b"\r\n\r\n")

    def answer(call: Call) -> Answer:
        if call.target == "/0":
            return Answer(body=b"/0") if has_begun.wait(WAIT) else Answer(418)
        has_begun.set()
        return Answer(pieces=drip)

    server.answer = answer
    before = driver_threads()
    assert drive.fetch_pages(talk(max_concurrency=2), Pages(server.origin, ["/0", "/1"]), take=1) == ["/0"]
    for thread in driver_threads() - before:
        thread.join(WAIT)
    assert not drip.is_whole


def endless(head: bytes, piece: bytes) -> Callable[[Call], Answer]:
    def pieces() -> Iterable[bytes]:
        yield head
        yield from repeat(piece)

    return lambda call: Answer(pieces=pieces())


ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "the status": (b"HTTP/1.1 200 ", b"a" * 65_536),
    "a header": (OK + b"X-A: ", b"a" * 65_536),
    "headers": (OK, b"X-A: 1\r\n" * 1000),
}


@pytest.mark.parametrize("part", ENDLESS)
def test_headers_without_end_are_told_in_words(drive: Drive, server: Server, talk: Talk, part: str) -> None:
    is_unlimited = tuple(map(int, aiohttp.__version__.split(".")[:2])) < (3, 14)
    if part == "headers" and isinstance(drive, AsyncDrive) and is_unlimited:
        pytest.skip("this aiohttp reads headers until the time for the whole reply is over, however many they are")
    server.answer = endless(*ENDLESS[part])
    with pytest.raises(PaymentsUnavailable, match="no whole reply, or not packed as it says"):
        drive.send(talk(retry=RetryPolicy(max_attempts=2, base_wait=0.001)), get(server))
    assert len(talk.logged) == 1  # it is tried again


@pytest.mark.parametrize("status", ["200 OK", "500 Error"])
def test_a_reply_that_announces_too_much_is_not_read(drive: Drive, server: Server, talk: Talk, status: str) -> None:
    """Nothing of it comes."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {32 * 2**20 + 1}\r\n\r\n".encode()

    given_up = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield head
        given_up.wait(WAIT)

    server.answer = lambda call: Answer(pieces=pieces())
    with pytest.raises(PaymentsProtocolError, match="larger than 32 MiB"):
        drive.send(talk(retry=ONCE), get(server))
    given_up.set()
