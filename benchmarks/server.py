"""A fast local server of two lists, for benchmarks: SpacePay's offset pages, and Satispay's signed cursor pages.

Replies are put together from rows that were rendered beforehand, by a bare protocol, so that the server takes as little
of the measurement as Python can. It waits before each reply as it is told to, without holding up the other ones: always
as long, or as long on average (``--spread 0.5`` is half to one and a half times as long).

    python benchmarks/server.py --payments 100000 --latency-ms 30 --public-key key.pem

prints its port when it is ready. SpacePay's list is below ``/spacepay``, Satispay's below ``/satispay``, and
``/statistics`` tells and resets how many requests came, how many at once, and the processor time it took.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import random
import time
from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
#: Between two payments.
STEP = timedelta(seconds=40)

# A row as in the API's page: 1.2 kB.
_SPACEPAY = (
    b'{"id":"4291f98b-d68c-4eb0-883e-%(n)012d","merchantId":"4e29f55d-d6a8-42d7-8230-cb8efeded39e","merchantShortName":'
    b'"Copycat Creations","type":"payment","amountInCents":%(cents)d,"currency":"USD","status":"completed",'
    b'"depositAddress":{"id":"6c1c95e1-04f1-4881-b7cc-c2a529fbde76","paymentId":"4291f98b-d68c-4eb0-883e-%(n)012d",'
    b'"type":"EVM","address":"0xa35e74109b7040d0ee74cb7c%(n)016x","createdAt":"%(time)s"},"quotes":[{"id":'
    b'"eb0e59b9-14d5-4324-a056-e87b74aa954f","paymentId":"4291f98b-d68c-4eb0-883e-%(n)012d","token":{"id":'
    b'"f9d14525-367d-4e16-b247-8d4ed23f1413","symbol":"ETH","decimals":18,"contractAddress":'
    b'"0x0000000000000000000000000000000000000000","type":"volatile","assetType":"native","status":"active"},"chainId":'
    b'84532,"expectedAmountAsset":"66808%(n)010d","rateUsdAsset":"3742.05353900","expiresAt":"%(later)s","status":'
    b'"active","createdAt":"%(time)s"}],"receipt":{"transactionHash":"0x%(n)040x","blockNumber":18500000,'
    b'"confirmations":12,"requiredConfirmations":12,"completedAt":"%(later)s"},"orderId":"order_%(n)d","redirectUrl":'
    b'"https://merchant.example.com/checkout/success","createdAt":"%(time)s"}'
)
_SATISPAY = (
    b'{"id":"bea3b1b6-2f24-4a2e-8a5f-%(n)012d","code_identifier":"S6Y-PAY--BEA3B1B6","type":"TO_BUSINESS",'
    b'"amount_unit":%(cents)d,"currency":"EUR","status":"ACCEPTED","expired":false,"metadata":{"user":"U%(n)d"},'
    b'"sender":{"id":"2da4c5c3-%(n)012d","type":"CONSUMER","name":"Mario R."},"receiver":{"id":"b6fd5ed3"},'
    b'"status_owner":true,"insert_date":"%(time)s","expire_date":"%(later)s","external_code":"order-%(n)d"}'
)


class Statistics:
    """What was seen of the clients."""

    def __init__(self) -> None:
        self.requests = self.now = self.most = 0
        self.began: list[float] = []
        self.cpu = time.process_time()

    def as_json(self) -> bytes:
        busiest = max((bisect_left(self.began, start + 1) - i for i, start in enumerate(self.began)), default=0)
        cpu = time.process_time() - self.cpu
        return json.dumps(
            {"requests": self.requests, "at_once": self.most, "in_a_second": busiest, "cpu": cpu}
        ).encode()


class Lists:
    """The rows, oldest first."""

    def __init__(self, payments: int, public_key: Path | None) -> None:
        self.spacepay = [self._render(_SPACEPAY, number) for number in range(payments)]
        self.satispay = [self._render(_SATISPAY, number) for number in range(payments)] if public_key else []
        self.place = {row[7:43]: number for number, row in enumerate(self.satispay)}
        self.key = None
        if public_key:
            from cryptography.hazmat.primitives.serialization import load_pem_public_key

            self.key = load_pem_public_key(public_key.read_bytes())

    def _render(self, template: bytes, number: int) -> bytes:
        moment = START + STEP * number
        return template % {
            b"n": number,
            b"cents": 100 + number,
            b"time": moment.strftime("%Y-%m-%dT%H:%M:%S.000Z").encode(),
            b"later": (moment + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z").encode(),
        }

    def spacepay_page(self, query: dict[str, list[str]]) -> Sequence[bytes]:
        offset, limit = int(query.get("offset", ["0"])[0]), int(query.get("limit", ["20"])[0])
        total = len(self.spacepay)
        if query.get("sortOrder") == ["DESC"]:
            rows = self.spacepay[max(total - offset - limit, 0) : max(total - offset, 0)][::-1]
        else:
            rows = self.spacepay[offset : offset + limit]
        more = b"true" if offset + limit < total else b"false"
        about = b'],"pagination":{"total":%d,"limit":%d,"offset":%d,"hasMore":%s}}' % (total, limit, offset, more)
        return [b'{"data":[', b",".join(rows), about]

    def satispay_page(self, query: dict[str, list[str]]) -> Sequence[bytes]:
        limit, end = int(query.get("limit", ["20"])[0]), len(self.satispay)
        if query.get("status", ["ACCEPTED"]) != ["ACCEPTED"]:
            end = 0
        elif "starting_after" in query:
            end = self.place[query["starting_after"][0].encode()]
        elif "starting_after_timestamp" in query:
            moment = datetime.fromtimestamp(int(query["starting_after_timestamp"][0]) / 1000, tz=timezone.utc)
            end = min(max(-((START - moment) // STEP), 0), end)
        rows = self.satispay[max(end - limit, 0) : end][::-1]
        more = b"true" if end > limit else b"false"
        return [b'{"has_more":' + more + b',"data":[', b",".join(rows), b"]}"]

    def is_signed(self, head: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        named = [f"{name}: {headers[name]}" for name in ("host", "date", "digest")]
        message = "\n".join([f"(request-target): get {first.split(' ')[1]}", *named]).encode()
        signature = headers["authorization"].partition('signature="')[2].rstrip('"')
        try:
            self.key.verify(base64.b64decode(signature), message, PKCS1v15(), SHA256())  # type: ignore[union-attr]
        except InvalidSignature:
            return False
        return True


class Connection(asyncio.Protocol):
    """One connection: GET requests without a body."""

    def __init__(self, lists: Lists, latency: float, spread: float, statistics: Statistics) -> None:
        self._lists = lists
        self._latency = latency
        self._spread = spread
        self._statistics = statistics
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._head += data
        if not self._head.endswith(b"\r\n\r\n"):
            return
        head, self._head = self._head[:-4], b""
        seen = self._statistics
        if b" /statistics " in head:
            self._reply([seen.as_json()])
            seen.__init__()  # type: ignore[misc]  # begins anew
            return
        seen.requests += 1
        seen.began.append(time.monotonic())
        seen.now += 1
        seen.most = max(seen.most, seen.now)
        if self._latency:
            wait = self._latency * random.uniform(1 - self._spread, 1 + self._spread)  # noqa: S311 - no secret
            asyncio.get_running_loop().call_later(wait, self._answer, head)
        else:
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        self._statistics.now -= 1
        target = urlsplit(head.split(b" ", 2)[1].decode())
        query = parse_qs(target.query)
        if target.path.startswith("/satispay/"):
            if not self._lists.is_signed(head):
                self._reply([b'{"code":"35"}'], b"401 Unauthorized")
                return
            self._reply(self._lists.satispay_page(query))
        else:
            self._reply(self._lists.spacepay_page(query))

    def _reply(self, body: Sequence[bytes], status: bytes = b"200 OK") -> None:
        head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(b"".join([head % (status, sum(map(len, body))), *body]))  # type: ignore[attr-defined]


async def serve(payments: int, latency: float, spread: float, public_key: Path | None) -> None:
    """Serve until killed."""
    lists, statistics = Lists(payments, public_key), Statistics()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(lists, latency, spread, statistics), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=100_000)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--spread", type=float, default=0)
    parser.add_argument("--public-key", type=Path)
    asked = parser.parse_args()
    random.seed(1)  # every run waits alike
    asyncio.run(serve(asked.payments, asked.latency_ms / 1000, asked.spread, asked.public_key))


if __name__ == "__main__":
    main()
