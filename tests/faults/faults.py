"""What may happen to a request for a page, and the line of docs/reliability.md that says what comes of it."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from functools import lru_cache, partial
from typing import Any

from tests.faults.proxy import Exchange, Proxy
from tests.hooks.facts import FACTS

HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"
HUGE = 500 * 2**20
PIECE = b" " * 2**20
LOGIN = "jframework with a user name"
NAMES = (*FACTS, LOGIN)
"""Connection types; JFramework is connected in two ways."""
RENEWING = ("cryptofuse", LOGIN, "paypal")
CONSTANT = tuple(name for name in FACTS if name not in RENEWING)


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    :param row: the first cell of its line in docs/reliability.md.
    :param act: what a request meets; None where it does not get that far.
    :param before: what happens before, when no connection is open.
    :param names: the connections that it is for.
    :param waits: seconds that the hook has to wait at least before it tries again.
    :param only_lasts: whether it makes no sense that it passes.
    :param extra: settings of the connection.
    :param said: what the message has to say.
    :param positions: which pages it may meet.
    """

    row: str
    act: Callable[[Exchange], object] | None = None
    before: Callable[[Proxy], object] | None = None
    names: tuple[str, ...] = tuple(FACTS)
    waits: float = 0.0
    only_lasts: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    said: str = ""
    positions: tuple[str, ...] = ("first", "middle", "last")

    @property
    def is_slow(self) -> bool:
        return "max_attempts" in self.extra

    @property
    def home(self) -> str:
        """The connection that it meets everywhere."""
        return "spacepay" if "spacepay" in self.names else self.names[0]


def slow(read: float, whole: float = 300) -> dict[str, Any]:
    """Return settings for what takes its time: two attempts, and these timeouts."""
    return {"timeout": [30, read, whole], "max_attempts": 2}


def status(number: int, body: bytes = b"{}", **headers: str) -> Callable[[Exchange], object]:
    """Answer with a status."""
    return lambda exchange: exchange.reply(number, body, **headers)


def soon(exchange: Exchange) -> object:
    """Ask to wait until a moment one to two seconds ahead, for a date has whole seconds."""
    moment = datetime.now(timezone.utc) + timedelta(seconds=2)
    return exchange.reply(429, b"{}", Retry_After=format_datetime(moment, usegmt=True))


def cut(exchange: Exchange, *, is_reset: bool) -> object:
    """Send half of the page, and break off."""
    body = exchange.ask().body
    exchange.reply(200, body[: len(body) // 2], length=len(body))
    return exchange.reset() if is_reset else None


def truncate(exchange: Exchange) -> object:
    """Send half of the page as if it were all."""
    body = exchange.ask().body
    return exchange.reply(200, body[: len(body) // 2])


def drip(exchange: Exchange) -> object:
    """Send the page byte by byte, each long before the time for the next bytes is over."""
    body = exchange.ask().body
    exchange.reply(200, b"", length=len(body))
    return any(exchange.is_left(0.1) or not exchange.say(body[at : at + 1]) for at in range(len(body)))


def send_huge(exchange: Exchange, *, length: int | None) -> object:
    """Send spaces, which JSON permits, until the client has had enough."""
    is_there = exchange.reply(200, b"", length=length)
    return all(is_there and exchange.say(PIECE) for _ in range(HUGE // len(PIECE)))


@lru_cache(maxsize=1)
def bomb() -> bytes:
    """Half a megabyte that becomes five hundred."""
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    return b"".join(packer.compress(PIECE) for _ in range(HUGE // len(PIECE))) + packer.flush()


def page_of(name: str, rows: list[Any]) -> Any:
    """Return a page as an API gives it."""
    count = len(rows)
    return {
        "hotpay": {"payments": rows, "pagination": {"limit": count, "offset": 0, "count": count}},
        "cryptofuse": {"count": count, "total": count, "offset": 0, "limit": count, "results": rows},
        "spacepay": {"data": rows, "pagination": {"total": count, "limit": count, "offset": 0, "hasMore": False}},
        "satispay": {"has_more": False, "data": rows},
        "mollie": {"_embedded": {"payments": rows}, "_links": {"next": None}},
        "jframework": {
            "success": True,
            "statusCode": 200,
            "message": None,
            "data": {"items": rows, "totalItems": count, "pageNumber": None, "pageSize": None},
            "errors": [],
        },
        "stripe": {"object": "list", "url": "/v1/payment_intents", "has_more": False, "data": rows},
        "gocardless": {"payments": rows, "meta": {"cursors": {"before": None, "after": None}, "limit": count}},
        "razorpay": {"entity": "collection", "count": count, "items": rows},
        "square": {"payments": rows},
        "paypal": {"transaction_details": rows, "page": 1, "total_items": count, "total_pages": 1},
    }[name]


def answer_as_another(exchange: Exchange, step: int = 1) -> object:
    """Answer with a page of the next API (or the one after that, …) and its payments."""
    names = list(FACTS)
    other = names[(names.index(exchange.name) + step) % len(names)]
    rows = exchange.proxy.sandbox.apis[other].rows[:3]
    return exchange.reply(200, json.dumps(page_of(other, rows)).encode())


def over_quota(exchange: Exchange, *, in_body: bool) -> object:
    """JFramework's own way to say so: with HTTP 200 or 209, and a code in the envelope."""
    told = {"success": False, "statusCode": 209, "message": "Over quota", "data": None, "errors": []}
    return exchange.reply(200 if in_body else 209, json.dumps(told).encode())


WAITING = "429 with a `Retry-After` of up to 300 s"
UNSAID = "429 with no `Retry-After`, or one that makes no sense"
BROKEN = "the connection breaks off before the reply is whole"
NOISE = "what comes is no HTTP, or not packed as it says, or its length is told twice"
DOWN = "500, 502, 503, 504, any other status from 500 on"
BUSY = "408, 421, 425, and gateways' own 420, 430, 460, 499"
BUSY_FOR = "one of these, or any other status below 500, with a `Retry-After`"
NOT_THEIRS = (
    "401 or 403 in other words than the company's own; an HTML page with any other status below 500; a success without "
    "what was asked for (202, 204)"
)
LARGE = "a reply of more than 32 MiB, packed or unpacked"
STRIPE_WAIT = b'{"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "Slow down."}}'
SATISPAY_WAIT = b'{"code": 70, "message": "Anti hammering", "wlt": "w"}'

FAULTS = {
    "refused": Fault("the connection is refused", before=Proxy.close),
    "certificate": Fault("the certificate is not trusted", before=Proxy.next_context, only_lasts=True, said="'verify'"),
    "reset": Fault(BROKEN, partial(cut, is_reset=True)),
    "cut": Fault(BROKEN, partial(cut, is_reset=False)),
    "dropped": Fault(BROKEN, Exchange.reset),
    "silent": Fault("nothing comes within the read timeout", lambda exchange: exchange.is_left(60), extra=slow(0.5)),
    "dripping": Fault("the reply drips, and is not whole within ten read timeouts", drip, extra=slow(5, 1)),
    "noise": Fault(NOISE, lambda e: e.say(b"220 mail.example ESMTP\r\n\r\n")),
    "no gzip": Fault(NOISE, status(200, HTML, Content_Encoding="gzip")),
    "half a gzip": Fault(
        NOISE,
        lambda e: e.reply(200, gzip.compress(e.ask().body)[:-9], Content_Encoding="gzip"),
    ),
    "truncated": Fault("the JSON is cut, and its length is that of the cut", truncate, said="documents"),
    "html": Fault("an HTML page with status 200", status(200, HTML, Content_Type="text/html"), said="documents"),
    "another": Fault("a reply of another API", answer_as_another, said="documents"),
    "500 MB": Fault(LARGE, partial(send_huge, length=HUGE), said="32 MiB"),
    "500 MB without length": Fault(LARGE, partial(send_huge, length=None), said="32 MiB"),
    "gzip bomb": Fault(LARGE, lambda e: e.reply(200, bomb(), Content_Encoding="gzip"), said="32 MiB"),
    "429 in seconds": Fault(WAITING, status(429, Retry_After="1"), waits=1, extra=slow(30)),
    "429 by date": Fault(WAITING, soon, waits=0.9, extra=slow(30)),
    "429": Fault(UNSAID, status(429)),
    "429 in vain": Fault(UNSAID, status(429, Retry_After="-5")),
    "429 garbled": Fault(UNSAID, status(429, Retry_After="when it suits")),
    "429 for ages": Fault("429 with a longer `Retry-After`", status(429, Retry_After="1000000000000")),
    "429 for ever": Fault("429 with a longer `Retry-After`", status(429, Retry_After="9" * 400)),
    "429 in fractions": Fault(WAITING, status(429, Retry_After="0.5, 1.5"), waits=1.5, extra=slow(30)),
    **{str(number): Fault(DOWN, status(number)) for number in (500, 502, 503, 504, 520, 529)},
    **{str(number): Fault(BUSY, status(number, HTML)) for number in (408, 421, 425, 499)},
    "503 with a wait": Fault(BUSY_FOR, status(503, Retry_After="1"), waits=1, extra=slow(30)),
    "408 with a wait": Fault(BUSY_FOR, status(408, Retry_After="1"), waits=1, extra=slow(30)),
    "401 of a firewall": Fault(
        NOT_THEIRS, status(401, HTML, Content_Type="text/html"), names=CONSTANT, said="look there first"
    ),
    "403 of a firewall": Fault(NOT_THEIRS, status(403, HTML, Content_Type="text/html"), said="a firewall in between"),
    "403 of a gateway": Fault(NOT_THEIRS, status(403, b'{"message": "Forbidden"}'), said="a firewall in between"),
    "403 without a body": Fault(NOT_THEIRS, status(403, b""), said="then check"),
    "404 of a gateway": Fault(NOT_THEIRS, status(404, HTML, Content_Type="text/html"), said="a firewall in between"),
    "202 of a firewall": Fault(NOT_THEIRS, status(202, b""), said="a firewall in between"),
    "413 with a wait": Fault(BUSY_FOR, status(413, Retry_After="1"), waits=1, extra=slow(30)),
    "407": Fault("407", status(407, HTML), said="proxy"),
    "two lengths": Fault(NOISE, status(200, Transfer_Encoding="chunked")),
    "401 of a token": Fault("401, where the key was got from a login or as a token", status(401), names=RENEWING),
    "401": Fault(
        "401, where the key is constant and was not accepted before",
        status(401),
        names=tuple(name for name in CONSTANT if name != "square"),  # whose locations were asked for before
        positions=("first",),
    ),
    "401 of a key that was good": Fault(
        "401, where the key is constant and was accepted before",
        status(401),
        names=CONSTANT,
        said="accepted this key before",
        positions=("middle", "last"),
    ),
    "403": Fault("403", status(403)),
    "403/70": Fault(NOT_THEIRS, status(403, SATISPAY_WAIT), names=("cryptofuse", "jframework")),
    "403/70 of Satispay": Fault("403 with code 70, from Satispay", status(403, SATISPAY_WAIT), names=("satispay",)),
    "400 of Stripe": Fault("400 with code `rate_limit`, from Stripe", status(400, STRIPE_WAIT), names=("stripe",)),
    "209": Fault("209, and any other status below 500", status(209)),
    "418": Fault("209, and any other status below 500", status(418)),
    "over quota": Fault(
        "209, and any other status below 500", partial(over_quota, in_body=False), names=("jframework",)
    ),
    "over quota in the body": Fault(
        "209, and any other status below 500", partial(over_quota, in_body=True), names=("jframework",)
    ),
}
"""Those that need a place of their own are tested apart: a name that is not known, and a redirect."""
