"""What a data engineer would write in ten lines: next offset, next page, next cursor, to the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from tests.listing.companies import Company, Row

Params = Mapping[str, str]


def read_plainly(company: Company, words: Sequence[str | None], limit: int, params: Params) -> list[str]:
    """Read a company's list in a plain loop, one status after the other; return ids, each once.

    :param words: status words to filter by; None stands for the unfiltered list.
    :param params: what to ask for besides.
    """
    loop, status_param = _LOOPS[company.name]
    ids: dict[str, None] = {}
    for word in words:
        asked = {**params, **({status_param: word} if word else {})}
        for rows in loop(company, asked, limit):
            ids.update(dict.fromkeys(row.id for row in rows))
    return list(ids)


def _until_short(
    company: Company, params: Params, limit: int, names: tuple[str, str] = ("limit", "offset")
) -> Iterator[Sequence[Row]]:
    """Offsets without a total: until a page is empty, or shorter than the first one."""
    offset, longest = 0, 0
    while True:
        rows = company.read({**params, names[0]: str(limit), names[1]: str(offset)}).rows
        yield rows
        longest = longest or len(rows)
        offset += len(rows)
        if not rows or len(rows) < longest:
            return


def _until_total(company: Company, params: Params, limit: int) -> Iterator[Sequence[Row]]:
    """Offsets with a total: until it is reached."""
    offset = 0
    while True:
        page = company.read({**params, "limit": str(limit), "offset": str(offset)})
        yield page.rows
        offset += len(page.rows)
        if not page.rows or offset >= (page.total or 0):
            return


def _while_more(company: Company, params: Params, limit: int) -> Iterator[Sequence[Row]]:
    """Offsets with ``hasMore``."""
    offset = 0
    while True:
        page = company.read({**params, "limit": str(limit), "offset": str(offset)})
        yield page.rows
        offset += len(page.rows)
        if not page.has_more or not page.rows:
            return


def _cursors(company: Company, params: Params, limit: int) -> Iterator[Sequence[Row]]:
    """The id of the last row, while more follow. It ends where its cursor is refused."""
    name = "after" if company.name == "gocardless" else "starting_after"
    cursor: dict[str, str] = {}
    while True:
        page = company.read({**params, "limit": str(limit), **cursor})
        yield page.rows
        if not page.has_more or not page.rows:
            return
        params = {each: value for each, value in params.items() if each != "starting_after_timestamp"}
        cursor = {name: page.rows[-1].id}


def _tokens(company: Company, params: Params, limit: int) -> Iterator[Sequence[Row]]:
    """What the reply tells leads on. It ends where that is refused."""
    cursor: dict[str, str] = {}
    while True:
        page = company.read({**params, "limit": str(limit), **cursor})
        yield page.rows
        if not page.has_more:
            return
        cursor = {"cursor": page.rows[-1].id}


def _page_numbers(company: Company, params: Params, limit: int) -> Iterator[Sequence[Row]]:
    """Page numbers, until the total is reached. It knows what the first page is called."""
    number, size = 0, 0
    while True:
        asked = {"PageNumber": str(company.first_page + number), "PageSize": str(limit)}
        page = company.read({**params, **asked})
        yield page.rows
        number, size = number + 1, size or len(page.rows)
        if not page.rows or number * size >= (page.total or 0):
            return


def _links(company: Company, params: Params, limit: int) -> Iterator[Sequence[Row]]:
    """The link to the next page, as long as there is one. It ends where its cursor is refused."""
    cursor: dict[str, str] = {}
    while True:
        page = company.read({**params, "limit": str(limit), **cursor})
        yield page.rows
        if page.next_id is None:
            return
        cursor = {"from": page.next_id}


Loop = Callable[[Company, Params, int], Iterator[Sequence[Row]]]
_LOOPS: Mapping[str, tuple[Loop, str]] = {
    "hotpay": (_until_short, "status"),
    "cryptofuse": (_until_total, "status"),
    "spacepay": (_while_more, "status"),
    "satispay": (_cursors, "status"),
    "jframework": (_page_numbers, "Status"),
    "stripe": (_cursors, "status"),
    "gocardless": (_cursors, "status"),
    "mollie": (_links, "status"),
    "razorpay": (partial(_until_short, names=("count", "skip")), "status"),
    "square": (_tokens, "status"),
}
