"""A payment company whose list changes while it is read, as each API would show it.

The hooks' own API classes ask, page, read and judge; only the company behind them is made up. It answers from its list
as it stands at that moment, and events change that list between any two answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zlib import crc32

import msgspec

from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.api.credentials import Credentials
from airflow_provider_payments.exceptions import PaymentNotFound, PaymentsRequestError
from airflow_provider_payments.hooks.cryptofuse import CryptoFuseApi
from airflow_provider_payments.hooks.gocardless import GoCardlessApi
from airflow_provider_payments.hooks.hotpay import HotPayApi
from airflow_provider_payments.hooks.jframework import JFrameworkApi
from airflow_provider_payments.hooks.mollie import MollieApi
from airflow_provider_payments.hooks.paypal import PayPalApi
from airflow_provider_payments.hooks.razorpay import RazorpayApi
from airflow_provider_payments.hooks.satispay import SatispayApi
from airflow_provider_payments.hooks.spacepay import SpacePayApi
from airflow_provider_payments.hooks.square import SquareApi
from airflow_provider_payments.hooks.stripe import PaymentIntentsApi
from airflow_provider_payments.http.messages import Request, Response
from airflow_provider_payments.http.options import TransportOptions
from airflow_provider_payments.times import EPOCH, parse_iso
from tests.listing.simulation import START, Choose

#: Far more than any reading here needs: whoever asks more often does not end.
MAX_REQUESTS = 2000


@dataclass(frozen=True)
class Sale:
    """A payment. ``second`` is when it was created (HOT Pay: finalised)."""

    id: str
    word: str
    second: int

    @property
    def moment(self) -> datetime:
        return START + timedelta(seconds=self.second)

    @property
    def time(self) -> str:
        return self.moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Company:
    """A list of payments, newest first.

    :param lives: of each status word, the words that may follow.
    :param lost_cursor: what becomes of a cursor that is the id of a payment (Satispay, GoCardless), when that was
        deleted, or has left the status that is asked for: "place" knows its place as long as it is not deleted,
        "refuse", "restart" or "empty".
    :param moves: where a payment goes in the list when its status changes: "nowhere", "head".
    """

    name: str
    sales: list[Sale]
    lives: Mapping[str, Sequence[str]]
    first_page: int = 0
    largest_page: int = 1000
    lost_cursor: str = "place"
    counts_moment_in: bool = True
    moves: str = "nowhere"
    requests: int = 0
    added: int = 0
    touched: set[str] = field(default_factory=set)
    words_of: dict[str, set[str]] = field(default_factory=dict)
    """Of each payment whose status has changed, all that it has had."""

    def answer(self, request: Request) -> Response | PaymentsRequestError:
        """Answer from the list as it stands now."""
        self.requests += 1
        assert self.requests <= MAX_REQUESTS, "the reading does not end"
        answer = _PAGES[self.name](self, dict(parse_qsl(urlsplit(request.url).query)))
        return answer if isinstance(answer, Exception) else Response(200, body=msgspec.json.encode(answer))

    def having(self, word: str | None) -> list[Sale]:
        """Return the payments in a status."""
        return [sale for sale in self.sales if word in (None, sale.word)]


# What happens meanwhile.


def nothing(company: Company, choose: Choose) -> None:
    """Time goes by."""


def arrive(company: Company, choose: Choose) -> None:
    """A new payment, perhaps at the very time of the newest."""
    latest = max((sale.second for sale in company.sales), default=0)
    company.sales.insert(0, _new(company, choose, latest + choose(2)))


def slip_in(company: Company, choose: Choose) -> None:
    """A payment turns up late, at the time of another one."""
    if company.sales:
        place = choose(len(company.sales))
        company.sales.insert(place + choose(2), _new(company, choose, company.sales[place].second))


def vanish(company: Company, choose: Choose) -> None:
    """A payment is deleted."""
    if company.sales:
        company.touched.add(company.sales.pop(choose(len(company.sales))).id)


def advance(company: Company, choose: Choose) -> None:
    """The status of a payment changes; it may jump to the head of the list."""
    places = [place for place, sale in enumerate(company.sales) if company.lives.get(sale.word)]
    if not places:
        return
    place = places[choose(len(places))]
    sale = company.sales[place]
    words = company.lives[sale.word]
    company.touched.add(sale.id)
    changed = Sale(sale.id, words[choose(len(words))], sale.second)
    company.words_of.setdefault(sale.id, {sale.word}).add(changed.word)
    if company.moves == "head":
        del company.sales[place]
        place = 0
        company.sales.insert(0, changed)
    company.sales[place] = changed


def _new(company: Company, choose: Choose, second: int) -> Sale:
    company.added += 1
    sale = Sale(f"new-{company.added}", list(company.lives)[choose(len(company.lives))], second)
    company.touched.add(sale.id)
    return sale


# How each API shows it.

Answer = Mapping[str, Any] | PaymentsRequestError


def _hotpay(company: Company, params: Mapping[str, str]) -> Answer:
    limit, start = min(int(params["limit"]), company.largest_page), int(params["offset"])
    page = company.sales[start : start + limit]
    rows = [{"payment_id": sale.id, "status": sale.word, "timestamp": int(sale.moment.timestamp())} for sale in page]
    return {"payments": rows, "pagination": {"limit": int(params["limit"]), "offset": start, "count": len(rows)}}


def _cryptofuse(company: Company, params: Mapping[str, str]) -> Answer:
    limit, start = int(params["limit"]), int(params["offset"])
    sales = company.having(params.get("status"))
    rows = [
        {"transaction_id": sale.id, "status": sale.word, "created_at": sale.time}
        for sale in sales[start : start + limit]
    ]
    return {"count": len(sales), "total": len(company.sales), "limit": limit, "offset": start, "results": rows}


def _spacepay(company: Company, params: Mapping[str, str]) -> Answer:
    limit, start = min(int(params["limit"]), company.largest_page), int(params["offset"])
    sales = company.having(params.get("status"))[:: -1 if params["sortOrder"] == "ASC" else 1]
    rows = [{"id": sale.id, "status": sale.word, "createdAt": sale.time} for sale in sales[start : start + limit]]
    about = {"total": len(sales), "limit": limit, "offset": start, "hasMore": start + len(rows) < len(sales)}
    return {"data": rows, "pagination": about}


def _jframework(company: Company, params: Mapping[str, str]) -> Answer:
    limit = min(int(params["PageSize"]), company.largest_page)
    start = max(int(params["PageNumber"]) - company.first_page, 0) * limit
    sales = company.having(params.get("Status"))[:: -1 if params["SortOrder"] == "asc" else 1]
    if "CreatedDateFrom" in params:
        sales = [sale for sale in sales if sale.moment >= parse_iso(params["CreatedDateFrom"])]
    if "CreatedDateTo" in params:
        sales = [sale for sale in sales if sale.moment <= parse_iso(params["CreatedDateTo"])]
    rows = [{"id": sale.id, "status": sale.word, "createdDate": sale.time} for sale in sales[start : start + limit]]
    return {"success": True, "statusCode": 200, "data": {"items": rows, "totalItems": len(sales)}}


def _satispay(company: Company, params: Mapping[str, str]) -> Answer:
    limit, word = int(params["limit"]), params.get("status", "ACCEPTED")
    start = 0
    if "starting_after" in params:
        place = next((n for n, sale in enumerate(company.sales) if sale.id == params["starting_after"]), None)
        if place is not None and (company.lost_cursor == "place" or company.sales[place].word == word):
            start = place + 1
        elif company.lost_cursor in ("place", "refuse"):
            return PaymentNotFound("no such payment", 404, "41")
        else:
            start = 0 if company.lost_cursor == "restart" else len(company.sales)
    elif "starting_after_timestamp" in params:
        until = EPOCH + timedelta(milliseconds=int(params["starting_after_timestamp"]))
        is_older = (s.moment < until or (company.counts_moment_in and s.moment == until) for s in company.sales)
        start = next((place for place, older in enumerate(is_older) if older), len(company.sales))
    sales = [sale for sale in company.sales[start:] if sale.word == word]
    rows = [{"id": sale.id, "status": sale.word, "insert_date": sale.time} for sale in sales[:limit]]
    return {"has_more": len(sales) > limit, "data": rows}


def _stripe(company: Company, params: Mapping[str, str]) -> Answer:
    limit, sales = int(params["limit"]), company.sales
    if "starting_after" in params:
        place = next((n for n, sale in enumerate(sales) if sale.id == params["starting_after"]), None)
        if place is None:
            return PaymentNotFound("No such payment_intent", 404, "resource_missing")
        sales = sales[place + 1 :]
    bounds = [int(params.get(f"created[{name}]", default)) for name, default in (("gte", 0), ("lte", 10**10))]
    sales = [sale for sale in sales if bounds[0] <= int(sale.moment.timestamp()) <= bounds[1]]
    rows = [{"id": sale.id, "status": sale.word, "created": int(sale.moment.timestamp())} for sale in sales[:limit]]
    return {"object": "list", "has_more": len(sales) > limit, "data": rows}


def _gocardless(company: Company, params: Mapping[str, str]) -> Answer:
    limit, word = int(params["limit"]), params.get("status")
    start = 0
    if "after" in params:
        place = next((n for n, sale in enumerate(company.sales) if sale.id == params["after"]), None)
        if place is not None and (company.lost_cursor == "place" or word in (None, company.sales[place].word)):
            start = place + 1
        elif company.lost_cursor in ("place", "refuse"):
            return PaymentsRequestError("no such cursor", 422, "422")
        else:
            start = 0 if company.lost_cursor == "restart" else len(company.sales)
    low, high = (parse_iso(params.get(f"created_at[{name}]", far)) for name, far in _AGES.items())
    sales = [sale for sale in company.sales[start:] if word in (None, sale.word) and low <= sale.moment < high]
    rows = [{"id": sale.id, "status": sale.word, "created_at": sale.time} for sale in sales[:limit]]
    after = sales[limit - 1].id if len(sales) > limit else None
    return {"payments": rows, "meta": {"cursors": {"after": after}, "limit": limit}}


_AGES = {"gte": "1970-01-01T00:00:00Z", "lt": "9999-01-01T00:00:00Z"}


def _mollie(company: Company, params: Mapping[str, str]) -> Answer:
    limit, start = int(params["limit"]), 0
    if "from" in params:
        start = next((n for n, sale in enumerate(company.sales) if sale.id == params["from"]), -1)
        if start < 0:
            return PaymentsRequestError("Invalid cursor value", 400)
    rows = [
        {"id": sale.id, "status": sale.word, "createdAt": sale.time} for sale in company.sales[start : start + limit]
    ]
    following = company.sales[start + limit :][:1]
    link = {"href": f"https://elsewhere.example/v2/payments?from={following[0].id}"} if following else None
    return {"_embedded": {"payments": rows}, "_links": {"next": link}}


def _razorpay(company: Company, params: Mapping[str, str]) -> Answer:
    limit, start = min(int(params["count"]), company.largest_page), int(params["skip"])
    edge = 0 if company.counts_moment_in else 1
    first, last = int(params["from"]) + edge, int(params.get("to", 4765046400)) - edge
    sales = [sale for sale in company.sales if first <= int(sale.moment.timestamp()) <= last]
    rows = [
        {"id": sale.id, "status": sale.word, "created_at": int(sale.moment.timestamp())}
        for sale in sales[start : start + limit]
    ]
    return {"entity": "collection", "count": len(rows), "items": rows}


def _square(company: Company, params: Mapping[str, str]) -> Answer:
    limit, start = min(int(params["limit"]), company.largest_page), 0
    if "cursor" in params:
        place = next((n for n, sale in enumerate(company.sales) if sale.id == params["cursor"]), None)
        has_expired = company.lost_cursor == "refuse" and company.requests % 3 == 0
        if place is not None and not has_expired:
            start = place + 1
        elif company.lost_cursor in ("place", "refuse"):
            return PaymentsRequestError("no such cursor", 400, "INVALID_CURSOR")
        else:
            start = 0 if company.lost_cursor == "restart" else len(company.sales)
    low, high = (parse_iso(params.get(name, "9999-01-01T00:00:00Z")) for name in ("begin_time", "end_time"))
    assert low < high
    sales = [
        sale
        for sale in company.sales[start:]
        if low <= sale.moment and (sale.moment < high or (company.counts_moment_in and sale.moment == high))
        if SHOPS[crc32(sale.id.encode()) % len(SHOPS)] == params["location_id"]
    ]
    about = {"location_id": params["location_id"]}
    rows = [{"id": sale.id, "status": sale.word, "created_at": sale.time, **about} for sale in sales[:limit]]
    return {**({"payments": rows} if rows else {}), **({"cursor": rows[-1]["id"]} if len(sales) > limit else {})}


SHOPS = ("L1", "L2")
"""Square's locations. Each has its own part of the payments."""

_PAGES: Mapping[str, Callable[[Company, Mapping[str, str]], Answer]] = {
    "hotpay": _hotpay,
    "cryptofuse": _cryptofuse,
    "spacepay": _spacepay,
    "jframework": _jframework,
    "satispay": _satispay,
    "stripe": _stripe,
    "gocardless": _gocardless,
    "mollie": _mollie,
    "razorpay": _razorpay,
    "square": _square,
}

LIVES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "hotpay": {"PENDING": ["PROCESSING"], "PROCESSING": ["SUCCESS", "FAILED"], "SUCCESS": []},
    "cryptofuse": {"waiting": ["confirming", "expired"], "confirming": ["completed", "failed"], "completed": []},
    "spacepay": {"pending": ["processing", "expired"], "processing": ["completed", "failed"], "completed": []},
    "satispay": {"PENDING": ["ACCEPTED", "CANCELED"], "ACCEPTED": [], "CANCELED": []},
    "jframework": {
        "Created": ["Pending", "Voided"],
        "Pending": ["Completed"],
        "Completed": ["Refunded"],
        "Refunded": [],
    },
    "stripe": {"requires_action": ["processing", "canceled"], "processing": ["succeeded"], "succeeded": []},
    "gocardless": {
        "submitted": ["confirmed", "failed"],
        "confirmed": ["paid_out", "failed"],
        "failed": ["submitted"],
        "paid_out": ["failed"],
    },
    "mollie": {"open": ["pending", "expired"], "pending": ["paid", "failed"], "paid": []},
    "razorpay": {"created": ["authorized", "failed"], "authorized": ["captured", "refunded"], "captured": []},
    "square": {"APPROVED": ["COMPLETED", "CANCELED"], "COMPLETED": [], "CANCELED": []},
}

_APIS = (
    HotPayApi,
    CryptoFuseApi,
    SpacePayApi,
    SatispayApi,
    JFrameworkApi,
    PaymentIntentsApi,
    GoCardlessApi,
    MollieApi,
    RazorpayApi,
    SquareApi,
    PayPalApi,
)


@cache
def _key() -> str:
    from airflow_provider_payments.sandbox.satispay import Satispay

    return str(Satispay.connection(Satispay(0, 0, None), "")["password"])  # type: ignore[arg-type]


def build_api(name: str, page_size: int, max_concurrency: int, login: str = "", **extra: object) -> PaymentsApi:
    """Return a hook's own API class, as its hook would make it."""
    api = next(each for each in _APIS if each.name == name)
    return api(
        Credentials(
            connection_id="pay",
            base_url="http://simulated",
            login=login or ("key-id" if name in ("satispay", "cryptofuse", "razorpay", "paypal") else ""),
            password=_key() if name == "satispay" else "secret",
            extra={"brand_url": "brand", "location_ids": list(SHOPS), **extra},
            options=TransportOptions(max_concurrency=max_concurrency),
            page_size=page_size,
            max_attempts=1,
        )
    )
