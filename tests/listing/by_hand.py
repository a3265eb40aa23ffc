"""One reader, driven by hand: what it asks for, page by page, and what it doubts."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_provider_payments.exceptions import PaymentsRequestError
from airflow_provider_payments.listing.pages import Page
from airflow_provider_payments.listing.readers import PageRequest, Reader, ReadingOptions
from airflow_provider_payments.query import PaymentQuery

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def options(page_size: int, max_concurrency: int = 1, query: PaymentQuery | None = None) -> ReadingOptions:
    """Return what a reader is told. Many requests side by side leave room for all of them."""
    return ReadingOptions(
        {"status": "paid"}, page_size, max_concurrency, query or PaymentQuery(), START, lambda: max_concurrency
    )


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


def total(number: int) -> dict[str, int]:
    """Return what a page tells besides its rows, where it counts the list's."""
    return {"total": number}


class ByHand:
    """Answers a reader's requests, in the order in which they were made.

    :param place: the query parameter that tells requests apart.
    :param about: what every reply tells besides its rows, see ``Page``.
    """

    def __init__(self, reader: Reader, place: str, **about: Any) -> None:
        self.reader = reader
        self._place = place
        self._about = about
        self.seen: set[str] = set()
        self.asked: deque[PageRequest] = deque(reader.start())

    @property
    def places(self) -> list[str | None]:
        """Of each request that was not answered: the place that it asks for; None is where the list begins."""
        return [request.params.get(self._place) for request in self.asked]

    @property
    def doubts(self) -> list[str]:
        return self.reader.doubts

    def answer(self, rows: str, **about: Any) -> list[str | None]:
        """Answer the oldest request; return which places are asked for then.

        :param rows: ids, each with the hour at which it was created if that is told: ``"a@1 b@2 c"``.
        """
        words = [word.partition("@") for word in rows.split()]
        keys = [key for key, _, _ in words]
        times = [hour(float(told)) for _, _, told in words if told]
        new = len(set(keys) - self.seen)
        self.seen |= {*keys}
        page = Page(keys=keys, ids=keys, new=new, times=times, **{**self._about, **about})
        self.asked.extend(self.reader.receive(self.asked.popleft(), page))
        return self.places

    def refuse(self, refusal: PaymentsRequestError) -> list[str | None]:
        """Refuse the oldest request; return which places are asked for then."""
        self.asked.extend(self.reader.receive_refusal(self.asked.popleft(), refusal))
        return self.places

    def expect(self, *exchanges: tuple[Any, str] | tuple[Any, str, Mapping[str, Any]]) -> None:
        """See that these places are asked for, one after the other; answer each with its rows."""
        for place, rows, *about in exchanges:
            assert self.places, f"{place} is not asked for: the reading has ended"
            assert self.places[0] == (None if place is None else str(place)), f"before {rows!r}"
            self.answer(rows, **(about[0] if about else {}))
