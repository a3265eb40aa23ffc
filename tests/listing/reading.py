"""How the package reads a model company: the one place here that knows its modules."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from itertools import chain

from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.api.credentials import Credentials
from airflow_provider_payments.exceptions import PaymentNotFound, PaymentsError
from airflow_provider_payments.hooks.cryptofuse import CryptoFuseApi
from airflow_provider_payments.hooks.gocardless import GoCardlessApi
from airflow_provider_payments.hooks.hotpay import HotPayApi
from airflow_provider_payments.hooks.jframework import JFrameworkApi
from airflow_provider_payments.hooks.listing_builders import build_listing
from airflow_provider_payments.hooks.mollie import MollieApi
from airflow_provider_payments.hooks.razorpay import RazorpayApi
from airflow_provider_payments.hooks.satispay import SatispayApi
from airflow_provider_payments.hooks.spacepay import SpacePayApi
from airflow_provider_payments.hooks.square import SquareApi
from airflow_provider_payments.hooks.stripe import PaymentIntentsApi
from airflow_provider_payments.http.messages import Response
from airflow_provider_payments.http.options import TransportOptions
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.query import PaymentQuery
from tests.listing.companies import Company

_FIRST = (HotPayApi, CryptoFuseApi, SpacePayApi, SatispayApi, JFrameworkApi)
_ALL = (*_FIRST, PaymentIntentsApi, GoCardlessApi, MollieApi, RazorpayApi, SquareApi)
APIS = {each.name: each for each in _ALL}


@dataclass
class Reading:
    """What a reading brought.

    :param ids: the company's own ids of payments, as often as they were handed out.
    :param error: what ended it, if anything did.
    """

    ids: list[str] = field(default_factory=list, repr=False)
    payments: list[Payment] = field(default_factory=list, repr=False)
    doubts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: PaymentsError | None = None

    @property
    def is_complete(self) -> bool:
        return self.error is None and not self.doubts


@cache
def _key() -> str:
    from airflow_provider_payments.sandbox.satispay import Satispay

    return str(Satispay.connection(Satispay(0, 0, None), "")["password"])  # type: ignore[arg-type]


def build_api(name: str, page_size: int, concurrency: int, first_page: int = 0) -> PaymentsApi:
    """Return a hook's own API class, as its hook would make it."""
    extra = {"brand_url": "brand", "first_page": first_page} if name == "jframework" else {"location_ids": "L1"}
    return APIS[name](
        Credentials(
            connection_id="pay",
            base_url="http://simulated",
            login="key-id" if name in ("satispay", "cryptofuse", "razorpay") else "",
            password=_key() if name == "satispay" else "secret",
            extra=extra,
            options=TransportOptions(max_concurrency=concurrency),
            page_size=page_size,
            max_attempts=1,
        )
    )


def read(company: Company, query: PaymentQuery, page_size: int, concurrency: int, seed: int = 0) -> Reading:
    """Read a list to its end as both clients do; requests under way are answered in any order, by a seed."""
    dice = random.Random(seed)
    api = build_api(company.name, page_size, concurrency, company.first_page)
    listing = build_listing(api, query)
    reading = Reading()
    try:
        with listing:
            for each in listing.passes():
                waiting, under_way = deque(each.first_steps()), deque()
                while waiting or under_way:
                    while waiting and len(under_way) < concurrency:
                        under_way.append([waiting.popleft(), None])
                    while under_way[0][1] is None:
                        asked = dice.choice([one for one in under_way if one[1] is None])
                        body = company.answer(each.request(asked[0]).url)
                        asked[1] = (
                            PaymentNotFound("no such payment", 404, "41") if body is None else Response(200, body=body)
                        )
                    step, response = under_way.popleft()
                    payments, following = each.receive(step, response)
                    reading.payments += payments
                    waiting.extend(following)
            reading.payments += chain.from_iterable(listing.remaining())
    except PaymentsError as error:
        reading.error = error
    reading.doubts, reading.warnings = listing.report.doubts, listing.report.warnings()
    # HOT Pay has no ids: its payments are told apart by their memo here.
    reading.ids = [str(each.order_id if company.name == "hotpay" else each.id) for each in reading.payments]
    return reading
