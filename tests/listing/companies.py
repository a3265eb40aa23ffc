"""Payment companies whose lists change while they are read, for :mod:`tests.listing.plain_loop` and for the readers.

After each request that is answered, the list may change. What changes follows from the case's seed and the number of
requests answered so far, and from nothing else: two readings of two copies see the same list at the same request.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlsplit

import msgspec

#: The time of the oldest payment at first.
START = datetime(2026, 1, 1, 9, 30, tzinfo=timezone.utc)
#: Times are counted in steps of 100 ns: JFramework tells seven fractional digits.
TICKS = 10_000_000
TICKS_OF_MS = TICKS // 1000
#: Whoever asks so often does not end.
MAX_REQUESTS = 6_000

LIVES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "hotpay": {"PENDING": ["PROCESSING"], "PROCESSING": ["SUCCESS", "FAILED"], "SUCCESS": []},
    "cryptofuse": {"waiting": ["confirming", "expired"], "confirming": ["completed", "failed"], "completed": []},
    "spacepay": {"pending": ["processing", "expired"], "processing": ["completed", "failed"], "completed": []},
    "satispay": {"PENDING": ["ACCEPTED", "CANCELED"], "ACCEPTED": [], "CANCELED": []},
    "jframework": {"Created": ["Pending", "Voided"], "Pending": ["Completed"], "Completed": []},
    "stripe": {"requires_action": ["processing", "canceled"], "processing": ["succeeded"], "succeeded": []},
    "gocardless": {"submitted": ["confirmed", "failed"], "confirmed": ["paid_out"], "paid_out": ["failed"]},
    "mollie": {"open": ["pending", "expired"], "pending": ["paid", "failed"], "paid": []},
    "razorpay": {"created": ["authorized", "failed"], "authorized": ["captured"], "captured": []},
    "square": {"APPROVED": ["COMPLETED", "CANCELED"], "COMPLETED": [], "CANCELED": []},
}
"""Of each company, status words in the order of a payment's life, and which of them may follow each."""


class Row:
    """A payment as the company has it. It does not change: another one takes its place.

    :param ticks: when it was created (HOT Pay: finalised), in steps of 100 ns since START; None where that is not told.
    :param settled: HOT Pay: whether its transaction is known.
    """

    __slots__ = ("_json", "id", "settled", "ticks", "word")

    def __init__(self, id: str, word: str, ticks: int | None, settled: bool = True) -> None:
        self.id, self.word, self.ticks, self.settled = id, word, ticks, settled
        self._json: bytes | None = None

    def json(self, write: Callable[[Row], Mapping[str, object]]) -> bytes:
        if self._json is None:
            self._json = msgspec.json.encode(write(self))
        return self._json


@dataclass
class Page:
    """What a request brings: rows and what the reply tells besides; or a refusal."""

    rows: Sequence[Row] = ()
    total: int | None = None
    has_more: bool | None = None
    next_id: str | None = None
    is_refused: bool = False


Change = Callable[["Company", random.Random], None]


@dataclass
class Company:
    """A company and its list, newest first.

    :param change: what happens, after every so many requests (``every``), or after those that are named (``at``).
    :param largest_page: asked for more rows, it gives so many.
    :param first_page: what it calls the first page (JFramework).
    :param lost_cursor: what it does with a cursor whose payment was deleted: "known" goes on behind its place,
        "refused" is an error (Satispay, GoCardless).
    :param is_inclusive: whether a bound of time counts payments of that very time in (Satispay, JFramework, Razorpay).
    :param shuffles_ties: whether payments of one time change places at every request (SpacePay, Razorpay).
    :param filter_ticks: times are compared in whole steps of so many ticks (JFramework).
    :param bound_ticks: to what bounds of time are rounded, up or down (JFramework).
    :param ignores: parameters that it ignores.
    """

    name: str
    rows: list[Row]
    change: Change | None = None
    every: int = 1
    at: frozenset[int] | None = None
    seed: int = 0
    largest_page: int = 1000
    first_page: int = 0
    lost_cursor: str = "known"
    is_inclusive: bool = True
    shuffles_ties: bool = False
    filter_ticks: int = 1
    bound_ticks: int = 1
    ignores: frozenset[str] = frozenset()
    requests: int = 0
    changes: int = 0
    added: int = 0

    def __post_init__(self) -> None:
        #: Of each payment, from which request on it had which status word; None when it was gone.
        self.lives_of: dict[str, list[tuple[int, str | None]]] = {row.id: [(0, row.word)] for row in self.rows}
        self.ticks_of = {row.id: row.ticks for row in self.rows}
        #: Payments that a reply has shown, with the status they had there.
        self.shown: set[tuple[str, str]] = set()
        #: HOT Pay: payments that a reply has shown with their transaction.
        self.shown_settled: set[str] = set()
        # Where a deleted payment was: the one that came after it then.
        self._place_of: dict[str, Row | None] = {}

    def copy(self) -> Company:
        """Return the same company before its first request."""
        assert self.requests == 0
        return replace(self, rows=list(self.rows))

    # What it answers.

    def answer(self, url: str) -> bytes | None:
        """Answer a request in the company's own JSON, or refuse it (None)."""
        page = self.read(dict(parse_qsl(urlsplit(url).query)))
        return None if page.is_refused else _REPLIES[self.name](self, page)

    def read(self, params: Mapping[str, str]) -> Page:
        """Return the page that parameters ask for, as the list stands now; then the list may change."""
        assert self.requests < MAX_REQUESTS, "the reading does not end"
        page = _PAGES[self.name](self, {name: value for name, value in params.items() if name not in self.ignores})
        self.requests += 1
        self.shown.update((row.id, row.word) for row in page.rows)
        if self.name == "hotpay":
            self.shown_settled.update(row.id for row in page.rows if row.settled)
        is_due = self.requests % self.every == 0 if self.at is None else self.requests in self.at
        if self.change and is_due:
            self.changes += 1
            self.change(self, random.Random(self.seed * 1_000_003 + self.requests))
        return page

    def having(self, word: str | None) -> list[Row]:
        return self.rows if word is None else [row for row in self.rows if row.word == word]

    # What changes.

    def add(self, place: int, row: Row) -> None:
        self.rows.insert(place, row)
        self.lives_of[row.id] = [(self.requests, row.word)]
        self.ticks_of[row.id] = row.ticks

    def remove(self, place: int) -> Row:
        row = self.rows.pop(place)
        self._place_of[row.id] = self.rows[place] if place < len(self.rows) else None
        self.lives_of[row.id].append((self.requests, None))
        return row

    def set_word(self, place: int, word: str) -> None:
        row = self.rows[place]
        self.rows[place] = Row(row.id, word, row.ticks, row.settled)
        self.lives_of[row.id].append((self.requests, word))

    def new_row(self, ticks: int | None, dice: random.Random) -> Row:
        self.added += 1
        return Row(f"new-{self.added}", dice.choice(list(LIVES[self.name])), ticks)

    @property
    def gone(self) -> Collection[str]:
        """Ids of payments that were deleted."""
        return self._place_of

    def find_place(self, cursor: str) -> int | None:
        """Return how many rows come before the one behind a cursor."""
        for place, row in enumerate(self.rows):
            if row.id == cursor:
                return place + 1
        if self.lost_cursor == "refused" or cursor not in self._place_of:
            return None
        behind = self._place_of[cursor]
        if behind is None:
            return len(self.rows)
        place = self.find_place(behind.id)
        # The row behind may have been written anew, or be gone too.
        return None if place is None else place - (behind.id not in self._place_of)

    def throughout(self, words: frozenset[str] = frozenset()) -> set[str]:
        """Return payments that were there from before the first request until now, in one of these statuses."""
        return {
            id
            for id, life in self.lives_of.items()
            if life[0][0] == 0 and all(word is not None and (not words or word in words) for _, word in life)
        }


def moment_of(ticks: int | None) -> datetime | None:
    """Return a time, cut to microseconds."""
    return None if ticks is None else START + timedelta(microseconds=ticks // 10)


def _ticks_of(text: str) -> int:
    since = datetime.fromisoformat(text.replace("Z", "+00:00")) - START
    return (since // timedelta(microseconds=1)) * 10


# The lists.


def _offset_page(company: Company, params: Mapping[str, str], rows: Sequence[Row]) -> Page:
    limit, start = min(int(params["limit"]), company.largest_page), int(params["offset"])
    return Page(rows[start : start + limit], len(rows), start + limit < len(rows))


def _hotpay_page(company: Company, params: Mapping[str, str]) -> Page:
    page = _offset_page(company, params, company.rows)
    return Page(page.rows)


def _cryptofuse_page(company: Company, params: Mapping[str, str]) -> Page:
    page = _offset_page(company, params, company.having(params.get("status")))
    return Page(page.rows, page.total)


def _spacepay_page(company: Company, params: Mapping[str, str]) -> Page:
    rows = _shuffle_ties(company, company.having(params.get("status")))
    return _offset_page(company, params, rows if params.get("sortOrder") == "DESC" else rows[::-1])


def _jframework_page(company: Company, params: Mapping[str, str]) -> Page:
    limit = min(int(params.get("PageSize", 200)), company.largest_page)
    rows = company.having(params.get("Status"))
    step, edge = company.filter_ticks, 0 if company.is_inclusive else 1

    def read_bound(name: str) -> int:
        return round(_ticks_of(params[name]) / company.bound_ticks) * company.bound_ticks // step

    if "CreatedDateFrom" in params:
        bound = read_bound("CreatedDateFrom") + edge
        rows = [row for row in rows if row.ticks is not None and row.ticks // step >= bound]
    if "CreatedDateTo" in params:
        bound = read_bound("CreatedDateTo") - edge
        rows = [row for row in rows if row.ticks is not None and row.ticks // step <= bound]
    if params.get("SortOrder") == "asc":
        rows = rows[::-1]
    start = max(int(params.get("PageNumber", 0)) - company.first_page, 0) * limit
    return Page(rows[start : start + limit], len(rows))


def _satispay_page(company: Company, params: Mapping[str, str]) -> Page:
    limit, word = min(int(params.get("limit", 20)), company.largest_page), params.get("status", "ACCEPTED")
    start: int | None = 0
    if "starting_after" in params:
        start = company.find_place(params["starting_after"])
    elif "starting_after_timestamp" in params:
        since = timedelta(milliseconds=int(params["starting_after_timestamp"])) - (START - _EPOCH)
        bound = (since // timedelta(microseconds=1)) * 10 + company.is_inclusive
        start = next((place for place, row in enumerate(company.rows) if (row.ticks or 0) < bound), len(company.rows))
    if start is None:
        return Page(is_refused=True)
    rows = [row for row in company.rows[start:] if row.word == word]
    return Page(rows[:limit], has_more=len(rows) > limit)


def _stripe_page(company: Company, params: Mapping[str, str]) -> Page:
    limit, start, rows = int(params.get("limit", 10)), 0, company.rows
    if "starting_after" in params:
        place = company.find_place(params["starting_after"])
        if place is None:
            return Page(is_refused=True)
        start = place
    first = int(START.timestamp())
    low, high = (params.get(f"created[{name}]") for name in ("gte", "lte"))
    found = [
        row
        for row in rows[start:]
        if (low is None or first + (row.ticks or 0) // TICKS >= int(low))
        and (high is None or first + (row.ticks or 0) // TICKS <= int(high))
    ]
    return Page(found[:limit], has_more=len(found) > limit)


def _gocardless_page(company: Company, params: Mapping[str, str]) -> Page:
    start = company.find_place(params["after"]) if "after" in params else 0
    if start is None:
        return Page(is_refused=True)
    low, high = (
        _ticks_of(params[f"created_at[{name}]"]) if f"created_at[{name}]" in params else None for name in _SIDES
    )
    rows = [
        row
        for row in company.rows[start:]
        if params.get("status", row.word) == row.word
        and (low is None or (row.ticks or 0) // TICKS_OF_MS * TICKS_OF_MS >= low)
        and (high is None or (row.ticks or 0) // TICKS_OF_MS * TICKS_OF_MS < high)
    ]
    limit = min(int(params["limit"]), company.largest_page)
    return Page(rows[:limit], has_more=len(rows) > limit)


_SIDES = ("gte", "lt")


def _square_page(company: Company, params: Mapping[str, str]) -> Page:
    start = company.find_place(params["cursor"]) if "cursor" in params else 0
    if start is None:
        return Page(is_refused=True)
    low, high = (_ticks_of(params.get(name, "9999-01-01T00:00:00Z")) for name in ("begin_time", "end_time"))
    rows = [row for row in company.rows[start:] if low <= (row.ticks or 0) < high + company.is_inclusive]
    limit = min(int(params["limit"]), company.largest_page)
    return Page(rows[:limit], has_more=len(rows) > limit)


def _mollie_page(company: Company, params: Mapping[str, str]) -> Page:
    limit = min(int(params.get("limit", 50)), company.largest_page)
    start = 0
    if "from" in params:  # the payment itself is the first one of the page
        place = company.find_place(params["from"])
        if place is None:
            return Page(is_refused=True)
        start = place if params["from"] in company.gone else place - 1
    rows = company.rows[start : start + limit + 1]
    return Page(rows[:limit], next_id=rows[limit].id if len(rows) > limit else None)


def _razorpay_page(company: Company, params: Mapping[str, str]) -> Page:
    limit, start = min(int(params["count"]), company.largest_page), int(params.get("skip", 0))
    edge, since = 0 if company.is_inclusive else 1, int(START.timestamp())
    first, last = int(params.get("from", 946684800)) - since + edge, int(params.get("to", 4765046400)) - since - edge
    rows = [row for row in company.rows if first <= (row.ticks or 0) // TICKS <= last]
    return Page(_shuffle_ties(company, rows)[start : start + limit])


def _shuffle_ties(company: Company, rows: list[Row]) -> list[Row]:
    """Return rows, newest first, with those of one time in an order of this request."""
    if not company.shuffles_ties:
        return rows
    dice = random.Random(company.seed * 7919 + company.requests)
    return sorted(rows, key=lambda row: (-(row.ticks or 0), dice.random()))


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_PAGES: Mapping[str, Callable[[Company, Mapping[str, str]], Page]] = {
    "hotpay": _hotpay_page,
    "cryptofuse": _cryptofuse_page,
    "spacepay": _spacepay_page,
    "jframework": _jframework_page,
    "satispay": _satispay_page,
    "stripe": _stripe_page,
    "gocardless": _gocardless_page,
    "mollie": _mollie_page,
    "razorpay": _razorpay_page,
    "square": _square_page,
}

# Their JSON.


def _iso(ticks: int | None) -> str | None:
    moment = moment_of(ticks)
    return moment and moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _hotpay_row(row: Row) -> Mapping[str, object]:
    return {
        "status": row.word,
        "memo": row.id,
        "item_id": "shop",
        "timestamp": None if row.ticks is None else int(START.timestamp()) + row.ticks // TICKS,
        "amount": "1500000",
        "token_id": "nep141:usdt.tether-token.near",
        "sender_id": "customer.near",
        "near_trx": f"trx-{row.id}" if row.settled else None,
    }


def _cryptofuse_row(row: Row) -> Mapping[str, object]:
    return {"transaction_id": row.id, "status": row.word, "amount_usd": "19.99", "created_at": _iso(row.ticks)}


def _spacepay_row(row: Row) -> Mapping[str, object]:
    return {"id": row.id, "status": row.word, "amountInCents": 1999, "currency": "USD", "createdAt": _iso(row.ticks)}


def _satispay_row(row: Row) -> Mapping[str, object]:
    return {
        "id": row.id,
        "type": "TO_BUSINESS",
        "amount_unit": 1999,
        "currency": "EUR",
        "status": row.word,
        "insert_date": _iso(row.ticks),
    }


def _gocardless_row(row: Row) -> Mapping[str, object]:
    return {"id": row.id, "amount": 1999, "currency": "EUR", "status": row.word, "created_at": _iso(row.ticks)}


def _jframework_row(row: Row) -> Mapping[str, object]:
    date = None
    if row.ticks is not None:
        local = START.astimezone(timezone(timedelta(hours=7))) + timedelta(seconds=row.ticks // TICKS)
        date = f"{local:%Y-%m-%dT%H:%M:%S}.{row.ticks % TICKS:07}+07:00"
    return {"id": row.id, "status": row.word, "amount": 19.99, "currencyCode": "USD", "createdDate": date}


def _stripe_row(row: Row) -> Mapping[str, object]:
    created = int(START.timestamp()) + (row.ticks or 0) // TICKS
    return {"id": row.id, "amount": 1999, "currency": "usd", "status": row.word, "created": created}


def _mollie_row(row: Row) -> Mapping[str, object]:
    moment = moment_of(row.ticks)
    time = moment and f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"  # whole seconds
    return {"id": row.id, "status": row.word, "amount": {"value": "19.99", "currency": "EUR"}, "createdAt": time}


def _razorpay_row(row: Row) -> Mapping[str, object]:
    second = None if row.ticks is None else int(START.timestamp()) + row.ticks // TICKS
    return {"id": row.id, "status": row.word, "amount": 1999, "currency": "INR", "notes": [], "created_at": second}


def _square_row(row: Row) -> Mapping[str, object]:
    money = {"amount": 1999, "currency": "USD"}
    return {"id": row.id, "total_money": money, "status": row.word, "created_at": _iso(row.ticks)}


def _write(rows: Sequence[Row], write: Callable[[Row], Mapping[str, object]]) -> msgspec.Raw:
    return msgspec.Raw(b"[" + b",".join(row.json(write) for row in rows) + b"]")


def _hotpay(company: Company, page: Page) -> bytes:
    about = {"count": len(page.rows)}
    return msgspec.json.encode({"payments": _write(page.rows, _hotpay_row), "pagination": about})


def _cryptofuse(company: Company, page: Page) -> bytes:
    about = {"count": page.total, "total": len(company.rows)}
    return msgspec.json.encode({**about, "results": _write(page.rows, _cryptofuse_row)})


def _spacepay(company: Company, page: Page) -> bytes:
    about = {"total": page.total, "hasMore": page.has_more}
    return msgspec.json.encode({"data": _write(page.rows, _spacepay_row), "pagination": about})


def _jframework(company: Company, page: Page) -> bytes:
    data = {"items": _write(page.rows, _jframework_row), "totalItems": page.total}
    return msgspec.json.encode({"success": True, "statusCode": 200, "data": data})


def _satispay(company: Company, page: Page) -> bytes:
    return msgspec.json.encode({"has_more": page.has_more, "data": _write(page.rows, _satispay_row)})


def _stripe(company: Company, page: Page) -> bytes:
    return msgspec.json.encode({"object": "list", "has_more": page.has_more, "data": _write(page.rows, _stripe_row)})


def _gocardless(company: Company, page: Page) -> bytes:
    cursors = {"after": page.rows[-1].id if page.has_more else None}
    return msgspec.json.encode({"payments": _write(page.rows, _gocardless_row), "meta": {"cursors": cursors}})


def _mollie(company: Company, page: Page) -> bytes:
    href = f"https://api.mollie.com/v2/payments?limit=1&from={page.next_id}"  # nobody should go there
    links = {"next": page.next_id and {"href": href}}
    return msgspec.json.encode({"_embedded": {"payments": _write(page.rows, _mollie_row)}, "_links": links})


def _razorpay(company: Company, page: Page) -> bytes:
    return msgspec.json.encode({"count": len(page.rows), "items": _write(page.rows, _razorpay_row)})


def _square(company: Company, page: Page) -> bytes:
    payments = {"payments": _write(page.rows, _square_row)} if page.rows else {}
    return msgspec.json.encode({**payments, **({"cursor": page.rows[-1].id} if page.has_more else {})})


_REPLIES: Mapping[str, Callable[[Company, Page], bytes]] = {
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

# What happens meanwhile.


def add_newest(company: Company, dice: random.Random) -> None:
    """A new payment, perhaps at the very time of the newest."""
    latest = next((row.ticks for row in company.rows if row.ticks is not None), 0)
    company.add(0, company.new_row(latest + dice.choice([0, 0, 1, 40]) * TICKS, dice))


def add_anywhere(company: Company, dice: random.Random) -> None:
    """A payment turns up late, at the time of another one."""
    if not company.rows:
        return add_newest(company, dice)
    place = dice.randrange(len(company.rows))
    company.add(place + dice.randrange(2), company.new_row(company.rows[place].ticks, dice))


def delete(company: Company, dice: random.Random) -> None:
    """A payment is deleted."""
    if company.rows:
        company.remove(dice.randrange(len(company.rows)))


def delete_and_add(company: Company, dice: random.Random) -> None:
    """A payment is deleted, and a new one made: the total stays."""
    delete(company, dice)
    add_newest(company, dice)


def delete_and_add_anywhere(company: Company, dice: random.Random) -> None:
    """A payment is deleted, and another one turns up late."""
    delete(company, dice)
    add_anywhere(company, dice)


def move_to_head(company: Company, dice: random.Random) -> None:
    """A payment's status changes, and it jumps to the head of a list that is ordered by the last change."""
    if company.rows:
        company.rows.insert(0, company.rows.pop(dice.randrange(len(company.rows))))


def change_status(company: Company, dice: random.Random) -> None:
    """A payment's status changes, where it is."""
    lives = LIVES[company.name]
    places = [place for place, row in enumerate(company.rows) if lives.get(row.word)]
    if places:
        place = dice.choice(places)
        company.set_word(place, dice.choice(lives[company.rows[place].word]))


def settle(company: Company, dice: random.Random) -> None:
    """HOT Pay: the transaction of a payment becomes known, where it is."""
    places = [place for place, row in enumerate(company.rows) if not row.settled]
    if places:
        place = dice.choice(places)
        row = company.rows[place]
        company.rows[place] = Row(row.id, "SUCCESS", row.ticks)
        company.lives_of[row.id].append((company.requests, "SUCCESS"))


def settle_at_head(company: Company, dice: random.Random) -> None:
    """HOT Pay: the same, and the payment goes to the head of the list, with a new time."""
    places = [place for place, row in enumerate(company.rows) if not row.settled]
    if places:
        row = company.rows.pop(dice.choice(places))
        latest = max(each.ticks or 0 for each in [*company.rows, row])
        company.rows.insert(0, Row(row.id, "SUCCESS", latest + TICKS))
        company.lives_of[row.id].append((company.requests, "SUCCESS"))


def times(number: int, change: Change) -> Change:
    """Return a change that happens several times at once."""

    def happen(company: Company, dice: random.Random) -> None:
        for _ in range(number):
            change(company, dice)

    return happen


def build_rows(name: str, number: int, seed: int = 0, burst: int = 0) -> list[Row]:
    """Return payments, newest first: many have a time in common, as in a busy shop.

    :param burst: so many of them, in the middle, have one and the same time: they were imported.
    """
    dice = random.Random(seed)
    words = list(LIVES[name])
    ticks, rows = 0, []
    for n in range(number):
        if not number // 2 < n < number // 2 + burst:
            ticks += dice.choice([0, 0, 0, 12, 500, 1000, 1000, 61_000]) * (TICKS // 1000)
            if name == "jframework" and ticks:
                ticks += dice.choice([0, 3, 12_345])
        tells_seconds = name in ("hotpay", "stripe", "mollie", "razorpay")
        time = ticks // TICKS * TICKS if tells_seconds else ticks
        rows.append(Row(f"p{n}", dice.choice(words), time))
    return rows[::-1]
