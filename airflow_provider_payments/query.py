"""What to list: a half-open window, statuses, and the API's own filters, checked before any request."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.payment import Payment, PaymentStatus
from airflow_provider_payments.texts import is_unicode
from airflow_provider_payments.times import parse_iso


@dataclass(frozen=True, slots=True)
class PaymentQuery:
    """A checked question. Windows are half-open, ``[created_from, created_to)``; None is unbounded.

    :param statuses: normalised statuses that are wanted.
    :param words: the API's own status words that are wanted besides.
    :param filters: the API's own filter parameters.
    """

    created_from: datetime | None = None
    created_to: datetime | None = None
    statuses: frozenset[PaymentStatus] = frozenset()
    words: frozenset[str] = frozenset()
    filters: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_statuses(self) -> bool:
        """Whether only some statuses are wanted."""
        return bool(self.statuses or self.words)

    @property
    def wants_all(self) -> bool:
        """Whether nothing is asked that a payment may fail."""
        return not (self.has_statuses or self.created_from or self.created_to or self.filters)

    def wants(self, payment: Payment) -> bool:
        """Whether a payment is in the window and in a wanted status. One without any time is in every window."""
        if self.has_statuses and payment.status not in self.statuses and payment.provider_status not in self.words:
            return False
        moment = payment.occurred_at
        return moment is None or not (self.is_before_window(moment) or self.is_after_window(moment))

    def is_before_window(self, moment: datetime) -> bool:
        """Whether a time lies before the window's start."""
        return self.created_from is not None and moment < self.created_from

    def is_after_window(self, moment: datetime) -> bool:
        """Whether a time lies at or after the window's end."""
        return self.created_to is not None and moment >= self.created_to


def build_query(
    *,
    created_from: datetime | str | None = None,
    created_to: datetime | str | None = None,
    statuses: Iterable[str] | None = None,
    filters: Mapping[str, object] | None = None,
    known_words: Collection[str] = (),
    known_filters: Collection[str] = (),
) -> PaymentQuery:
    """Check a user's question and return it.

    :param created_from: first instant of the window: an aware datetime or ISO 8601 text with a zone.
    :param created_to: first instant after the window.
    :param statuses: normalised statuses or the API's own words; a word that is both means the normalised status.
    :param filters: the API's own filter parameters.
    :param known_words: the API's own status words.
    :param known_filters: the filter parameters that the API documents.
    :raises PaymentsConfigError: naming what is wrong and what would be right.
    """
    start = parse_bound("created_from", created_from)
    end = parse_bound("created_to", created_to)
    require_window(start, end)
    wanted, words = _split_statuses(statuses, known_words)
    return PaymentQuery(start, end, wanted, words, _check_filters(filters, known_filters))


def parse_bound(name: str, value: datetime | str | None) -> datetime | None:
    """Read one end of a window.

    :param name: what to call it in an error.
    :raises PaymentsConfigError: when it is no time, or names no time zone.
    """
    if value is None:
        return None
    if isinstance(value, str):
        try:
            moment = parse_iso(value)
        except ValueError:
            raise PaymentsConfigError(
                f"{name}={value!r} is not an ISO 8601 time. Write one like '2026-01-31T00:00:00Z', "
                "or a template that renders to one, like '{{ data_interval_start }}'."
            ) from None
    elif isinstance(value, datetime):
        moment = value
    else:
        raise PaymentsConfigError(
            f"{name} must be an aware datetime or ISO 8601 text, not {type(value).__name__}: {value!r}."
        )
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise PaymentsConfigError(
            f"{name}={str(value)!r} has no time zone, so it names no instant. "
            f"Write '{moment.isoformat()}Z' if UTC is meant, or add an offset like '+02:00'."
        )
    return moment.astimezone(timezone.utc)


def require_window(start: datetime | None, end: datetime | None) -> None:
    """Refuse a window that is empty or reversed.

    :raises PaymentsConfigError: saying why that happens, and what to write instead.
    """
    if start is not None and end is not None and start >= end:
        raise PaymentsConfigError(_explain_empty_window(start, end))


def _explain_empty_window(start: datetime, end: datetime) -> str:
    if start > end:
        return f"The window is reversed: created_from={start.isoformat()} is after created_to={end.isoformat()}."
    return (
        f"The window is empty: created_from and created_to are both {start.isoformat()}, so no payment can be in it. "
        "On Airflow 3 a cron preset like schedule='@daily' gives data intervals of zero length (data_interval_start == "
        "data_interval_end), and so do runs of a DAG without a schedule. Use schedule=CronDataIntervalTimetable("
        "'0 0 * * *', timezone='UTC') from airflow.timetables.interval, or compute the window yourself, like "
        "created_from='{{ data_interval_end - macros.timedelta(days=1) }}', created_to='{{ data_interval_end }}'."
    )


def _split_statuses(
    statuses: Iterable[str] | None, known_words: Collection[str]
) -> tuple[frozenset[PaymentStatus], frozenset[str]]:
    if isinstance(statuses, str):
        raise PaymentsConfigError(f"statuses must be a list of words, not the text {statuses!r}. Write [{statuses!r}].")
    wanted, words = set(), set()
    normalised = {status.value: status for status in PaymentStatus}
    for word in statuses or ():
        if word in normalised:
            wanted.add(normalised[word])
        elif word in known_words:
            words.add(word)
        else:
            raise PaymentsConfigError(
                f"Unknown status {word!r}. Normalised statuses: {', '.join(normalised)}. "
                f"This API's own words: {', '.join(known_words)}."
            )
    if statuses is not None and not (wanted or words):
        raise PaymentsConfigError("statuses is an empty list, which would match nothing. Leave it out to list all.")
    return frozenset(wanted), frozenset(words)


def _check_filters(filters: Mapping[str, object] | None, known_filters: Collection[str]) -> dict[str, str]:
    checked = {}
    for name, value in (filters or {}).items():
        if name not in known_filters:
            permitted = ", ".join(known_filters) or "none"
            raise PaymentsConfigError(
                f"Unknown filter {name!r}. Filters of this API: {permitted}. "
                "Status, dates, sorting and paging have arguments of their own."
            )
        if value is None:
            raise PaymentsConfigError(f"Filter {name!r} has no value. Leave it out, or give it one.")
        checked[name] = filter_text(value)
        if not is_unicode(checked[name]):
            raise PaymentsConfigError(f"Filter {name!r} holds half a surrogate pair, which is no Unicode text.")
    return checked


def filter_text(value: object) -> str:
    """Return a filter's value as it goes into a URL."""
    return str(value).lower() if isinstance(value, bool) else str(value)
