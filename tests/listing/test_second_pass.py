"""When a second pass confirms a first one that proves nothing."""

from __future__ import annotations

import json
from itertools import chain

from airflow_provider_payments.hooks.listing_builders import build_listing
from airflow_provider_payments.http.messages import Response
from airflow_provider_payments.query import PaymentQuery
from tests.listing.reading import build_api


def read_by_single_rows(leaving: dict[int, str]) -> tuple[list[str], bool]:
    """Read a list of HOT Pay whose pages have one row; return the ids, and whether there is no doubt.

    :param leaving: by the number of the request before which it does: who leaves the list.
    """
    api = build_api("hotpay", 2, 1)
    listing = build_listing(api, PaymentQuery())
    rows, ids, requests = list("abcde"), [], 0
    with listing:
        for each in listing.passes():
            waiting = list(each.first_steps())
            while waiting:
                requests += 1
                rows = [row for row in rows if row != leaving.get(requests)]
                step = waiting.pop(0)
                start = int(dict(step.params)["offset"])
                page = [{"payment_id": row, "status": "SUCCESS"} for row in rows[start : start + 1]]
                body = json.dumps({"payments": page, "pagination": {"limit": 1}}).encode()
                payments, following = each.receive(step, Response(200, body=body))
                ids += [payment.id for payment in payments]
                waiting += following
        ids += [payment.id for payment in chain.from_iterable(listing.remaining())]
    return sorted(ids), not listing.report.doubts


def test_a_pass_that_sees_the_same_confirms_the_first() -> None:
    assert read_by_single_rows({}) == (list("abcde"), True)


def test_a_pass_that_misses_a_payment_which_has_left_confirms_nothing() -> None:
    """The same payment is skipped twice: each time one above it has left just before."""
    ids, is_certain = read_by_single_rows({4: "b", 9: "c"})
    assert ids == list("abce"), "d was there throughout"
    assert not is_certain
