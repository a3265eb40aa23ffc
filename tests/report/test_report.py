"""The page about outputs, of files as the operators write them."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.output.atomic_output import open_output
from airflow_provider_payments.output.formats import FORMATS
from airflow_provider_payments.output.location import StorageLocation
from airflow_provider_payments.payment import Payment, PaymentKind, PaymentStatus
from airflow_provider_payments.report import payments_report
from airflow_provider_payments.report.chart import MOST_BARS, choose_step

Make = Callable[..., Payment]
PENDING = {"status": PaymentStatus.PENDING, "provider_status": "open"}
LISTED = datetime(2026, 2, 1, tzinfo=timezone.utc)
#: The elements that a page has; every other one would be somebody else's.
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "main", "section", "div", "h1", "h2", "h3", "p", "ul", "li"),
    *("table", "thead", "tbody", "tfoot", "tr", "th", "td", "figure", "figcaption", "details", "summary"),
    *("a", "br", "span", "strong", "i", "data", "time", "bdi", "svg", "g", "rect", "line", "text"),
}


class Page(HTMLParser):
    """A page as a browser reads it.

    :param cells: of each row of each table, the texts.
    :param values: what programs read of amounts.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self.rows: list[list[str]] = []
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.values: list[str] = []
        self._is_in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self._is_in_cell = True
        elif tag == "data":
            self.values.append(dict(attrs)["value"] or "")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._is_in_cell:
            self.rows[-1][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._is_in_cell = self._is_in_cell and tag not in ("td", "th")

    def row(self, first: str) -> list[str]:
        """Return the first row that begins with a text."""
        return next(row for row in self.rows if row and row[0] == first)


def write(
    path: Path,
    payments: Iterable[Payment],
    name: str = "jsonl",
    *,
    records_per_file: int | None = None,
    **manifest: Any,
) -> dict[str, Any]:
    """Write an output as the operators do, and return what its manifest needs."""
    found = list(payments)
    url = f"file://{path}"
    location = StorageLocation.parse(url)
    written = {"path": url, "format": name, "records": len(found), "complete": True, "warnings": []}
    written |= {"provider": "spacepay", "connection_id": "pay", **manifest}
    with open_output(location, FORMATS[name], include_raw=True, records_per_file=records_per_file) as output:
        output.write(found)
        output.finish()
        output.publish(written)
    return written


def test_sums_are_exact_by_currency_net_of_refunds(make_payment: Make, tmp_path: Path) -> None:
    write(
        tmp_path / "payments.jsonl",
        [
            make_payment(1, "99999999999999999999999999999999999999.01", refunded_amount=Decimal("0.30")),
            make_payment(2, "0.20"),
            make_payment(3, "5", kind=PaymentKind.REFUND),
            make_payment(4, "0.000000000000000000000001", currency="near"),
            make_payment(5, "384490.002513686126484238322814", currency="near"),
            make_payment(6, "7", currency="JPY", kind=PaymentKind.REFUND),
            make_payment(7, "9", status=PaymentStatus.REFUNDED),
            make_payment(8, None),
        ],
    )
    page = Page(payments_report(tmp_path / "payments.jsonl"))
    assert page.row("USD") == [
        "USD",
        "3",
        "99,999,999,999,999,999,999,999,999,999,999,999,999.21",
        "5.30",
        "99,999,999,999,999,999,999,999,999,999,999,999,993.91",
    ]
    assert page.row("near")[2:] == ["384,490.002513686126484238322815", "0", "384,490.002513686126484238322815"]
    assert page.row("JPY")[2:] == ["0", "7", "\u22127"]
    assert {"99999999999999999999999999999999999993.91", "384490.002513686126484238322815", "-7"} <= {*page.values}
    assert "Without an amount, so in no sum: 1 payment." in page.text
    assert page.text.count("1 without a known amount") == 1
    assert "the four currencies with the most payments" in page.text
    assert page.row("succeeded")[2] == "7"
    assert page.row("refunded")[2] == "1"


def test_every_format_gives_the_same_page(make_payment: Make, tmp_path: Path) -> None:
    payments = [
        make_payment(1, "12.50", refunded_amount=Decimal("2.5"), flags=("partly_refunded", "test"), listed_at=LISTED),
        make_payment('2 "quoted",\r\n\u2028\0', "100", currency=None, raw=b'"%s"' % (b"x" * 200_000), listed_at=LISTED),
        make_payment(3, None, None, flags=("undated",), listed_at=LISTED.replace(microsecond=5), **PENDING),
        make_payment(4, "7", None, completed_at=LISTED, listed_at=LISTED, **PENDING),
        make_payment(5, "1", status=PaymentStatus.UNKNOWN, provider_status="", listed_at=LISTED),
    ]
    pages = {}
    for name in FORMATS:
        manifest = write(tmp_path / "payments", payments, name)
        pages[name] = payments_report(manifests=[manifest])
        assert pages[name] == payments_report([str(tmp_path / "payments")], manifests=[manifest])
    assert len({*pages.values()}) == 1
    assert Page(pages["jsonl"]).row("pending")[2] == "2"


def test_what_others_write_is_escaped_and_what_payers_are_is_not_there(make_payment: Make, tmp_path: Path) -> None:
    evil = "</style></svg>\"'><script src=//evil.example onload=x>&amp;\u202e\0"
    more = {
        "provider": evil,
        "connection_id": evil,
        "payer_id": "PAYER",
        "description": "DESCRIPTION",
        "raw": b'"RAW"',
        "order_id": "ORDER",
    }
    payments = [
        make_payment(evil, currency=evil, flags=(evil,), **more),
        make_payment(f"{evil}2", currency=evil, **{**PENDING, "provider_status": evil}, **more),
        make_payment(f"{evil}3", status=PaymentStatus.UNKNOWN, **{"provider_status": evil}, **more),
    ]
    path = tmp_path / "<script>'\"&.jsonl"
    manifest = write(path, payments, provider=evil, connection_id=evil, warnings=[evil], complete=False)
    text = payments_report(manifests=[{**manifest, "created_from": evil}])
    page = Page(text)
    assert page.elements <= ELEMENTS
    assert not {name for name in page.attributes if name.startswith("on") or name == "src"}
    shown = "</style></svg>\"'><script src=//evil.example onload=x>&amp;\\u202e\\x00"
    assert page.text.count(shown) > 8
    assert not re.search("PAYER|DESCRIPTION|RAW|ORDER|\u202e|\0", text)


def test_of_a_payment_in_several_outputs_the_row_listed_last_counts(make_payment: Make, tmp_path: Path) -> None:
    later = LISTED + timedelta(microseconds=1)
    # As texts, the later time would be the smaller one: "…00.000001Z" and "…00Z".
    write(tmp_path / "b.jsonl", [make_payment(1, "5", listed_at=LISTED, **PENDING), make_payment(2, listed_at=LISTED)])
    write(tmp_path / "a.csv.gz", [make_payment(1, "6.00", listed_at=later)], "csv.gz")
    write(tmp_path / "c.parquet", [make_payment(1, "7", listed_at=LISTED, connection_id="other")], "parquet")
    text = payments_report([tmp_path / "b.jsonl", tmp_path / "a.csv.gz", tmp_path / "c.parquet"])
    assert text == payments_report(tmp_path) == payments_report([tmp_path / "c.parquet", tmp_path])
    page = Page(text)
    assert page.text.count("7.00 USD") == 2  # of pay, 6 and 1; of other, 7
    assert "1 older row of payments that were listed again left out" in page.text
    assert "open" not in page.text.replace(str(tmp_path), "")


def test_reads_the_parts_that_a_manifest_lists(make_payment: Make, tmp_path: Path) -> None:
    folder = tmp_path / "history.parquet"
    payments = [make_payment(number, "0.1") for number in range(7)]
    write(folder, payments, "parquet", records_per_file=3)
    write(folder / "part-00009.jsonl", [make_payment("stray")])
    page = Page(payments_report(folder))
    assert page.row("USD")[1:3] == ["7", "0.70"]
    assert "Every listing was complete" in page.text
    assert payments_report(folder) == payments_report(f"{folder}/_manifest.json") == payments_report(tmp_path)
    (folder / "_manifest.json").unlink()
    page = Page(payments_report(folder))
    assert page.row("USD")[1] == "8"
    assert "Payments may be missing." in page.text
    assert "it has no _manifest.json" in page.text
    assert page.row("payspacepay")[1] == "may miss payments"


def test_an_empty_output_is_one_of_its_manifests_connection(tmp_path: Path) -> None:
    for name in FORMATS:
        page = Page(payments_report(manifests=[write(tmp_path / f"payments.{name}", [], name)]))
        assert page.row("Connection")[0] == "Connection"
        assert "0 payments · 1 connection · 1 output" in page.text
        assert "Every listing was complete" in page.text
    assert "0 payments · 0 connections · 1 output" in Page(payments_report(tmp_path / "payments.jsonl")).text


def test_doubts_and_warnings_are_at_the_top(make_payment: Make, tmp_path: Path) -> None:
    whole = write(tmp_path / "a.jsonl", [make_payment()], connection_id="a", warnings=["3 payments have <x>"])
    doubted = write(tmp_path / "b.jsonl", [make_payment()], connection_id="b", complete=False, warnings=["gap"])
    fewer = {**write(tmp_path / "c.jsonl", [make_payment()]), "records": 2}
    silent = write(tmp_path / "d.jsonl", [make_payment()])
    # Of two runs that wrote one object, the later one says what is there, in whichever order they are given.
    older = {**doubted, "complete": True, "warnings": ["STALE"], "listed_at": "2026-01-01T00:00:00Z"}
    doubted["listed_at"] = "2026-01-01T00:00:00.500000Z"
    page = Page(payments_report(silent["path"], manifests=[whole, doubted, older, fewer]))
    assert "STALE" not in page.text
    top = page.text[: page.text.index("Connections")]
    assert f"{tmp_path}/b.jsonl: its listing could not vouch for every payment" in top
    assert f"{tmp_path}/c.jsonl: its manifest counts 2 records, and 1 were read" in top
    assert "a.jsonl" not in top
    assert "1 of the outputs has no manifest" in top
    assert "3 payments have <x>" in page.text
    assert "gap" in page.text
    assert "Every listing was complete" not in page.text


def test_says_how_long_payments_are_on_their_way_by_their_own_listing(make_payment: Make, tmp_path: Path) -> None:
    ages = {
        "future": timedelta(hours=-1),
        "minute": timedelta(minutes=59, seconds=59),
        "hour": timedelta(hours=1),
        "day": timedelta(days=1),
        "week": timedelta(days=7),
        "month": timedelta(days=30),
    }
    payments = [make_payment(name, created_at=LISTED - age, listed_at=LISTED, **PENDING) for name, age in ages.items()]
    payments.append(make_payment("undated", None, None, listed_at=LISTED, **PENDING))
    payments.append(make_payment("done", listed_at=LISTED))
    early = LISTED - timedelta(days=300)
    payments.append(make_payment("early", created_at=early - timedelta(days=2, hours=3), listed_at=early, **PENDING))
    write(tmp_path / "payments.jsonl", payments)
    page = Page(payments_report(tmp_path / "payments.jsonl"))
    classes = ["under 1 hour", "1 to 24 hours", "1 to 7 days", "7 to 30 days", "30 days and more", "not known"]
    assert [page.row(name)[1] for name in classes] == ["2", "1", "2", "1", "1", "1"]
    start = page.rows.index(page.row("Payment")) + 1
    shown = [(row[0], row[3]) for row in page.rows[start : start + 8]]
    assert shown == [
        ("month", "30 d 0 h"),
        ("week", "7 d 0 h"),
        ("early", "2 d 3 h"),
        ("day", "1 d 0 h"),
        ("hour", "1 h 0 min"),
        ("minute", "59 min"),
        ("future", "0 min"),
        ("undated", "not known"),
    ]


def test_names_the_oldest_twenty_of_many(make_payment: Make, tmp_path: Path) -> None:
    created = [LISTED - timedelta(minutes=number * 7919 % 5000) for number in range(5000)]
    write(
        tmp_path / "payments.jsonl",
        (make_payment(number, created_at=moment, listed_at=LISTED, **PENDING) for number, moment in enumerate(created)),
    )
    page = Page(payments_report(tmp_path / "payments.jsonl"))
    oldest = sorted(range(5000), key=lambda number: created[number])[:20]
    start = page.rows.index(page.row("Payment")) + 1
    assert [row[0] for row in page.rows[start : start + 20]] == [str(number) for number in oldest]
    assert len(page.rows[start + 20]) != 7
    assert "the oldest 20 of 5,000" in page.text


@pytest.mark.without_airflow
@pytest.mark.parametrize("name", ["jsonl.gz", "csv"])
def test_memory_is_that_of_few_payments_however_many_there_are(make_payment: Make, tmp_path: Path, name: str) -> None:
    def peak(number: int) -> int:
        write(tmp_path / "payments", (make_payment(each, day=each % 30 + 1, **PENDING) for each in range(number)), name)
        manifest = {"path": (tmp_path / "payments").as_uri(), "format": name}
        payments_report(manifests=[manifest])  # whatever is made once
        tracemalloc.start()
        try:
            payments_report(manifests=[manifest])
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(1_000), peak(8_000)
    assert many < 1.2 * few + 100_000


def test_bars_are_few_and_touch_whatever_the_days_are() -> None:
    for first, last, name in [
        (date(2026, 1, 1), date(2026, 1, 1), "day"),
        (date(2026, 1, 1), date(2026, 5, 4), "day"),
        (date(2026, 1, 1), date(2026, 5, 5), "week"),
        (date(2024, 1, 31), date(2026, 12, 31), "month"),
        (date(1970, 1, 1), date(2026, 12, 31), "year"),
        (date.min, date.max, "100 years"),
    ]:
        step, starts = choose_step([last, first])
        assert (step.name, step.start(first), step.start(last)) == (name, starts[0], starts[-1])
        assert len(starts) <= MOST_BARS
        assert [step.following(start) for start in starts[:-1]] == starts[1:]
    assert choose_step([date(2026, 1, 1), date(2026, 5, 4)])[1][-1] == date(2026, 5, 4)


def test_a_chart_shows_each_day_and_its_amounts(make_payment: Make, tmp_path: Path) -> None:
    payments = [make_payment(1, "20000", day=3), make_payment(2, "0.5", day=5, refunded_amount=Decimal("0.25"))]
    write(tmp_path / "payments.jsonl", payments)
    text = payments_report(tmp_path / "payments.jsonl")
    titles = re.findall(r"<title>(2026.*?)</title>(.*?)</g>", text)
    assert [title for title, _ in titles] == [
        "2026-01-03: 1 succeeded",
        "2026-01-05: 1 succeeded",
        "2026-01-03: 20,000.00 succeeded",
        "2026-01-05: 0.50 succeeded, 0.25 refunded",
    ]
    # However small, each can be seen.
    assert re.findall(r'class="(\w+)".*?height="([\d.]+)"', titles[3][1]) == [("succeeded", "1"), ("refunded", "1")]
    assert Page(text).row("2026-01-05")[1:] == ["1", "0", "0", "0", "1"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("payments.jsonl", b'{"id": "SECRET"}\n'),
        ("payments.jsonl", b'{"provider": "p", "connection_id": "c", "id": "SECRET", "status": "x", "amount": "no"}\n'),
        ("payments.jsonl.gz", b"SECRET"),
        ("payments.csv", b""),
        ("payments.csv", b"name,SECRET\r\n"),
        ("payments.parquet", b"SECRET"),
        ("payments.txt", b"SECRET"),
        ("history/_manifest.json", b'{"files": "SECRET"}'),
        ("history/_manifest.json", b'{"files": [{"name": "../part-00000.jsonl"}]}'),
        ("history/nothing.txt", b""),
    ],
)
def test_what_is_no_output_is_refused_without_its_words(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(PaymentsConfigError) as caught:
        payments_report(path.parent if name.startswith("history") else path)
    assert "SECRET" not in str(caught.value)


def test_a_file_that_was_cut_off_is_refused(make_payment: Make, tmp_path: Path) -> None:
    for name in FORMATS:
        path = tmp_path / f"payments.{name}"
        write(path, [make_payment(number) for number in range(3)], name)
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(PaymentsConfigError, match="is no whole output"):
            payments_report(path)


def test_a_path_with_nothing_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PaymentsConfigError, match="There is no output at"):
        payments_report(tmp_path / "payments.jsonl")
    with pytest.raises(PaymentsConfigError, match="an object with 'path'"):
        payments_report(manifests=[{"id": "1"}])
    assert json.dumps(payments_report([]))
