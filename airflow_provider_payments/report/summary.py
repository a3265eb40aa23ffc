"""What a report says, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from airflow_provider_payments.money import add
from airflow_provider_payments.report.outputs import Output
from airflow_provider_payments.report.rows import ReportRow
from airflow_provider_payments.status import PaymentKind, PaymentStatus
from airflow_provider_payments.times import EPOCH

#: Age classes of what is on its way: how they are called, and microseconds that are too many.
_HOUR = 3_600_000_000
AGES = (
    ("under 1 hour", _HOUR),
    ("1 to 24 hours", 24 * _HOUR),
    ("1 to 7 days", 7 * 24 * _HOUR),
    ("7 to 30 days", 30 * 24 * _HOUR),
    ("30 days and more", None),
)
NO_AGE = "not known"
#: Payments on their way that are named, of each connection.
LISTED = 20
#: Different words of an API that are counted one by one.
_MOST_WORDS = 1000
OTHER_WORDS = "all other words"

_PENDING = frozenset(status.value for status in PaymentStatus if status.is_pending)
#: What a bar of the chart is made of.
GROUPS = ("succeeded", "on its way", "ended otherwise", "unknown")


@dataclass
class Money:
    """Amounts of one currency.

    :param payments: payments and refunds that the sums are of.
    """

    payments: int = 0
    succeeded: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)

    @property
    def net(self) -> Decimal:
        """What succeeded less what was refunded."""
        return add(self.succeeded, self.refunded.copy_negate())

    def add(self, row: ReportRow) -> None:
        """Count a row with an amount and the status succeeded."""
        amount = Decimal(row.amount or 0)
        refunded = Decimal(row.refunded_amount or 0)
        if row.kind == PaymentKind.REFUND:
            refunded = amount
        else:
            self.succeeded = add(self.succeeded, amount)
        self.refunded = add(self.refunded, refunded)
        self.payments += 1

    def merge(self, other: Money) -> None:
        """Count what another one has counted."""
        self.succeeded = add(self.succeeded, other.succeeded)
        self.refunded = add(self.refunded, other.refunded)
        self.payments += other.payments


@dataclass(frozen=True, order=True)
class PendingPayment:
    """A payment on its way. The order is that of their ages, the oldest first, those without one last.

    :param sort_key: by which they are in order.
    :param age: microseconds from its creation to its listing; None when it is not known.
    """

    sort_key: tuple[bool, int, str]
    row: ReportRow = field(compare=False)
    age: int | None = field(compare=False)

    @classmethod
    def of(cls, row: ReportRow) -> PendingPayment:
        """Tell a row's age by its own listing: what was listed last week may have settled since."""
        age = None if row.occurred_at is None or row.listed_at is None else row.listed_at - row.occurred_at
        return cls((age is None, -(age or 0), row.id), row, age)

    @property
    def age_class(self) -> str:
        """Which of :data:`AGES` it belongs to."""
        if self.age is None:
            return NO_AGE
        return next(name for name, end in AGES if end is None or self.age < end)


class Days:
    """Payments and amounts by day in UTC."""

    def __init__(self) -> None:
        self.groups: dict[date, Counter[str]] = {}
        self.money: dict[str, dict[date, Money]] = {}
        self.undated = 0

    def add(self, row: ReportRow) -> date | None:
        """Count a row, and return its day."""
        if row.occurred_at is None:
            self.undated += 1
            return None
        day = (EPOCH + timedelta(microseconds=row.occurred_at)).date()
        self.groups.setdefault(day, Counter())[group_of(row.status)] += 1
        return day


class ConnectionSummary:
    """What a report says of one connection."""

    def __init__(self, provider: str, connection_id: str) -> None:
        self.provider = provider
        self.connection_id = connection_id
        self.records = 0
        self.older = 0
        self.amounts_unknown = 0
        self.refunds = 0
        self.statuses: Counter[str] = Counter()
        self.unknown_words: Counter[str] = Counter()
        self.flags: Counter[str] = Counter()
        self.money: dict[str, Money] = {}
        self.days = Days()
        self.ages: Counter[str] = Counter()
        self.first_listed_at: int | None = None
        self.last_listed_at: int | None = None
        self.outputs: list[Output] = []
        self._pending: list[PendingPayment] = []

    def add(self, row: ReportRow, older: int) -> None:
        """Count a payment."""
        self.records += 1
        self.older += older
        self.statuses[row.status] += 1
        self.refunds += row.kind == PaymentKind.REFUND
        day = self.days.add(row)
        if row.amount is None:
            self.amounts_unknown += 1
        elif row.status == PaymentStatus.SUCCEEDED:
            self.money.setdefault(row.currency, Money()).add(row)
            if day is not None:
                self.days.money.setdefault(row.currency, {}).setdefault(day, Money()).add(row)
        for flag in filter(None, row.flags.split(";")):
            _count(self.flags, flag)
        if row.status == PaymentStatus.UNKNOWN:
            _count(self.unknown_words, row.provider_status)
        if row.status in _PENDING:
            self._add_pending(row)
        if row.listed_at is not None:
            first, last = self.first_listed_at, self.last_listed_at
            self.first_listed_at = row.listed_at if first is None else min(first, row.listed_at)
            self.last_listed_at = row.listed_at if last is None else max(last, row.listed_at)

    def _add_pending(self, row: ReportRow) -> None:
        pending = PendingPayment.of(row)
        self.ages[pending.age_class] += 1
        self._pending.append(pending)
        if len(self._pending) >= 50 * LISTED:
            self._pending = self.oldest_pending

    @property
    def pending(self) -> int:
        """Payments on their way."""
        return self.ages.total()

    @property
    def oldest_pending(self) -> list[PendingPayment]:
        """The oldest payments on their way, the oldest first."""
        return sorted(self._pending)[:LISTED]

    @property
    def is_complete(self) -> bool | None:
        """Whether all of its outputs are; None when that of some is not known, and of no other is doubted."""
        found = {output.is_complete for output in self.outputs}
        return False if False in found else None if None in found or not found else True


class ReportSummary:
    """What a report says of all connections."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self._connections: dict[tuple[str, str], ConnectionSummary] = {}

    def add(self, row: ReportRow, older: int) -> None:
        """Count a payment, and older rows of it, which count no more."""
        self._connection(row.provider, row.connection_id).add(row, older)

    def add_output(self, output: Output) -> None:
        """Note what an output's manifest says of the connections whose payments it has."""
        self.outputs.append(output)
        for provider, connection_id in output.connections:
            self._connection(provider, connection_id).outputs.append(output)

    @property
    def connections(self) -> list[ConnectionSummary]:
        """Those with payments or manifests, sorted."""
        return [self._connections[key] for key in sorted(self._connections)]

    def _connection(self, provider: str, connection_id: str) -> ConnectionSummary:
        key = (provider, connection_id)
        if key not in self._connections:
            self._connections[key] = ConnectionSummary(*key)
        return self._connections[key]


def _count(counts: Counter[str], word: str) -> None:
    counts[word if word in counts or len(counts) < _MOST_WORDS else OTHER_WORDS] += 1


def group_of(status: str) -> str:
    if status == PaymentStatus.SUCCEEDED:
        return "succeeded"
    if status in _PENDING:
        return "on its way"
    return "unknown" if status == PaymentStatus.UNKNOWN else "ended otherwise"
