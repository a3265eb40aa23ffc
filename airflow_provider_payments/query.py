"""What to list: a half-open window, statuses, and the API's own filters, checked before any request."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from airflow_provider_payments.argument_lists import read_filters, read_statuses
from airflow_provider_payments.arguments import explain_missing, is_none, optional, plain_text, refuse, suggest
from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.payment import Payment, PaymentStatus
from airflow_provider_payments.times import parse_iso, to_utc

#: Characters that are shown of a text that is no time.
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class PaymentQuery:
    """What is wanted, checked. Windows are half-open, ``[created_from, created_to)``; None is unbounded.

    :param statuses: normalised statuses that are wanted.
    :param provider_statuses: the API's own status words that are wanted besides.
    :param filters: the API's own filter parameters.
    """

    created_from: datetime | None = None
    created_to: datetime | None = None
    statuses: frozenset[PaymentStatus] = frozenset()
    provider_statuses: frozenset[str] = frozenset()
    filters: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_statuses(self) -> bool:
        """Whether only some statuses are wanted."""
        return bool(self.statuses or self.provider_statuses)

    @property
    def wants_all(self) -> bool:
        """Whether nothing is asked that a payment may fail."""
        return not (self.has_statuses or self.created_from or self.created_to or self.filters)

    def wants(self, payment: Payment) -> bool:
        """Whether a payment is in the window and in a wanted status. One without any time is in every window."""
        if (
            self.has_statuses
            and payment.status not in self.statuses
            and payment.provider_status not in self.provider_statuses
        ):
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
    statuses: Iterable[str] | str | None = None,
    filters: Mapping[str, object] | str | None = None,
    known_provider_statuses: Collection[str] = (),
    known_filters: Collection[str] = (),
) -> PaymentQuery:
    """Check what a user wants, and return it as a query.

    :param created_from: first instant of the window: an aware datetime of any class, or ISO 8601 text with a zone.
    :param created_to: first instant after the window.
    :param statuses: a list of normalised or provider statuses, or such a list as text; a word that is both
        means the normalised status.
    :param filters: the API's own filter parameters, or a JSON object of them as text.
    :param known_provider_statuses: the API's own status words.
    :param known_filters: the filter parameters that the API documents.
    :raises PaymentsConfigError: naming what is wrong and what would be right.
    """
    start = parse_bound("created_from", created_from)
    end = parse_bound("created_to", created_to)
    require_window(start, end)
    wanted, provider_statuses = _split_statuses(optional(read_statuses, "statuses", statuses), known_provider_statuses)
    checked = optional(read_filters, "filters", filters) or {}
    _require_known(checked, known_filters)
    return PaymentQuery(start, end, wanted, provider_statuses, checked)


def parse_bound(name: str, value: object) -> datetime | None:
    """Read one end of a window, as Python's own datetime in UTC, whatever the class of what is given.

    :param name: what to call it in an error.
    :param value: an aware datetime, ISO 8601 text with a zone, or None.
    :raises PaymentsConfigError: when it is no time, or names no time zone.
    """
    if is_none(value):
        return None
    if isinstance(value, str):
        try:
            moment = parse_iso(plain_text(value))
        except ValueError:
            raise PaymentsConfigError(
                f"{name}={plain_text(value)[:_SHOWN]!r} is not an ISO 8601 time. Write one like "
                "'2026-01-31T00:00:00Z', or a template that renders to one, like '{{ data_interval_start }}'."
                f"{explain_missing(value)}"
            ) from None
    elif isinstance(value, datetime):
        moment = value
    else:
        raise refuse(name, value, "an aware datetime, or ISO 8601 text", f"{name}='2026-01-31T00:00:00Z'")
    if moment.tzinfo is None or moment.utcoffset() is None:
        of_ds = " (in a template: '{{ ds }}T00:00:00Z')" if len(str(value)) == len("2026-01-31") else ""
        raise PaymentsConfigError(
            f"{name}={str(value)!r} has no time zone, so it names no instant. "
            f"Write '{moment.isoformat()}Z'{of_ds} if UTC is meant, or add an offset like '+02:00'."
        )
    try:
        return to_utc(moment)
    except ValueError as error:
        raise PaymentsConfigError(f"{name}={str(value)!r} cannot be used: {error}.") from None


def require_window(start: datetime | None, end: datetime | None) -> None:
    """Refuse a window that is empty or reversed.

    :raises PaymentsConfigError: saying why that happens, and what to write instead.
    """
    if start is not None and end is not None and start >= end:
        raise PaymentsConfigError(_explain_empty_window(start, end))


def _explain_empty_window(start: datetime, end: datetime) -> str:
    if start > end:
        return (
            f"The window is reversed: created_from={start.isoformat()} is after created_to={end.isoformat()}. "
            "Exchange the two."
        )
    return (
        f"The window is empty: created_from and created_to are both {start.isoformat()}, so no payment can be in it. "
        "On Airflow 3 a cron preset like schedule='@daily' gives data intervals of zero length (data_interval_start == "
        "data_interval_end), and so do runs of a DAG without a schedule. Use schedule=CronDataIntervalTimetable("
        "'0 0 * * *', timezone='UTC') from airflow.timetables.interval, or compute the window yourself, like "
        "created_from='{{ data_interval_end - macros.timedelta(days=1) }}', created_to='{{ data_interval_end }}'."
    )


def _split_statuses(
    statuses: Iterable[str] | None, known_provider_statuses: Collection[str]
) -> tuple[frozenset[PaymentStatus], frozenset[str]]:
    wanted, provider_statuses = set(), set()
    normalised = {status.value: status for status in PaymentStatus}
    for name in statuses or ():
        if name in normalised:
            wanted.add(normalised[name])
        elif name in known_provider_statuses:
            provider_statuses.add(name)
        else:
            meant = suggest(name, [*normalised, *known_provider_statuses])
            raise PaymentsConfigError(
                f"Unknown status {name!r}.{meant} Normalised statuses: {', '.join(normalised)}. "
                f"This API's own words: {', '.join(known_provider_statuses)}."
            )
    if statuses is not None and not (wanted or provider_statuses):
        raise PaymentsConfigError("statuses is an empty list, which would match nothing. Leave it out to list all.")
    return frozenset(wanted), frozenset(provider_statuses)


def _require_known(filters: Iterable[str], known_filters: Collection[str]) -> None:
    for name in filters:
        if name not in known_filters:
            permitted = ", ".join(known_filters) or "none"
            raise PaymentsConfigError(
                f"Unknown filter {name!r}.{suggest(name, known_filters)} Filters of this API: {permitted}. "
                "Status, dates, sorting and paging have arguments of their own."
            )
