"""Lists that rows never leave, as a ledger.

They are read by page number, and rows may move from one page to another while that is done: the list may be ordered by
something that changes, or be added to in the middle. But what was read is in the list for good. So as many different
rows as the list counts are all of them, whatever has moved; and until there are as many, the pages are read once more.

Rows of one payment are different rows where a page shows them together; on two pages they may be the same one that has
moved. So each time the pages are a little shorter: two neighbours that a page's end has parted come together then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.listing.dedup import SeenIds
from airflow_provider_payments.listing.readers import PageRequest, Reader, Script
from airflow_provider_payments.listing.report import count_doubt

#: How often the pages are read, at most.
_MOST_ROUNDS = 3
#: By which part of a page pages get shorter each time; shorter ones than that stay as they are.
_SHORTER_BY = 50


@dataclass
class LedgerReader(Reader):
    """Page numbers, from 1 on, with a total over all pages.

    :param number_param: query parameter of the page number.
    :param size_param: query parameter of the page size.
    """

    proves = True

    number_param: str = field(default="page", kw_only=True)
    size_param: str = field(default="page_size", kw_only=True)

    def script(self) -> Script:
        counted = SeenIds()  # of its own: a list beside this one may show the same rows
        found = total = 0
        rounds = furthest = 1
        size = self.options.page_size
        asked: Sequence[PageRequest] = [self._ask(1, size)]
        while True:
            request, page = yield asked
            if page.total is None:
                raise PaymentsProtocolError("The list's reply tells no total.")
            found += sum(counted.add(_number_repeats(page.keys)))
            total = max(total, page.total)  # a page that is read late may have been counted early
            asked = []
            if found < total:
                if request.position == 1 and page.keys:
                    size = min(size, len(page.keys))  # an API may give fewer rows than it was asked for
                last = -(-total // size)
                if furthest >= last and not self.in_flight and rounds < _MOST_ROUNDS:
                    rounds, furthest = rounds + 1, 0
                    size -= size // _SHORTER_BY
                    last = -(-total // size)
                room = max(self.options.room(), 0 if self.in_flight else 1)
                numbers = range(furthest + 1, min(furthest + room, last) + 1)
                asked = [self._ask(number, size, rounds) for number in numbers]
                furthest += len(asked)
            if not asked and not self.in_flight:
                break
        if found < total:
            self.gaps.append(f"Payments may be missing: {count_doubt(total, found)}.")

    def _ask(self, number: int, size: int, rounds: int = 1) -> PageRequest:
        paging = {self.number_param: str(number), self.size_param: str(size)}
        return PageRequest(self, {**self.options.params, **paging}, number, size if rounds > 1 else 0)


def _number_repeats(keys: Sequence[str]) -> Sequence[str]:
    """Return the keys of a page's rows, with a number after those that it shows once more."""
    if len(set(keys)) == len(keys):
        return keys
    shown: Counter[str] = Counter()

    def number(key: str) -> str:
        shown[key] += 1
        return key if shown[key] == 1 else f"{key} {shown[key]}"

    return [number(key) for key in keys]
