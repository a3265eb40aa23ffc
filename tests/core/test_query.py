from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
import pytest

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.payment import Payment, PaymentStatus
from airflow_provider_payments.query import PaymentQuery, build_query, parse_bound

START, END = datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2026, 2, 1, tzinfo=timezone.utc)
INSTANT = timedelta(microseconds=1)
WORDS = ("waiting", "pending", "completed")


def payment(
    moment: datetime | None = START, status: str = "succeeded", word: str = "completed", **more: Any
) -> Payment:
    return Payment(
        provider="p",
        connection_id="c",
        id="1",
        status=PaymentStatus(status),
        provider_status=word,
        created_at=moment,
        **more,
    )


@pytest.mark.parametrize(
    ("moment", "is_wanted"),
    [(START - INSTANT, False), (START, True), (END - INSTANT, True), (END, False), (None, True)],
)
def test_windows_are_half_open_and_undated_payments_are_in_all(moment: datetime | None, is_wanted: bool) -> None:
    assert build_query(created_from=START, created_to=END).wants(payment(moment)) is is_wanted


def test_unbounded_windows_hold_everything() -> None:
    assert build_query().wants(payment(datetime.min.replace(tzinfo=timezone.utc)))
    assert build_query(created_from=START).wants(payment(datetime.max.replace(tzinfo=timezone.utc)))


def test_completion_counts_where_creation_is_not_told() -> None:
    query = build_query(created_from=START)
    assert not query.wants(payment(None, completed_at=START - INSTANT))
    assert query.wants(payment(START, completed_at=START - INSTANT))


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-01T00:00:00Z",
        "2026-01-01T01:00:00+01:00",
        " 2026-01-01 00:00:00+00:00 ",
        START,
        datetime(2026, 1, 1, 1, tzinfo=ZoneInfo("Europe/Rome")),
        pendulum.datetime(2026, 1, 1),
        pendulum.datetime(2025, 12, 31, 19, tz="America/New_York"),
    ],
)
def test_reads_bounds_in_every_zone(value: Any) -> None:
    bound = parse_bound("created_from", value)
    assert bound is not None
    assert (bound, bound.utcoffset()) == (START, timedelta(0))


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("", "ISO 8601"),
        ("{{ data_interval_start }}", "ISO 8601"),
        ("None", "ISO 8601"),
        ("2026-01-01", "2026-01-01T00:00:00Z"),
        ("2026-01-01T10:00:00", "2026-01-01T10:00:00Z"),
        (datetime(2026, 1, 1), "time zone"),  # noqa: DTZ001
        (START.date(), "aware datetime"),
        (1767225600, "aware datetime"),
        ("9999-12-31T23:59:59-01:00", "created_from"),
    ],
)
def test_refuses_other_bounds_and_says_what_to_write(value: Any, hint: str) -> None:
    with pytest.raises(PaymentsConfigError) as caught:
        build_query(created_from=value)
    assert "created_from" in str(caught.value)
    assert hint in str(caught.value)


@pytest.mark.parametrize(("end", "hint"), [(START, "CronDataIntervalTimetable"), (START - INSTANT, "reversed")])
def test_refuses_windows_that_hold_nothing(end: datetime, hint: str) -> None:
    with pytest.raises(PaymentsConfigError, match=hint):
        build_query(created_from=START, created_to=end)


@pytest.mark.parametrize(
    ("statuses", "wanted", "words"),
    [
        (None, set(), set()),
        (["succeeded"], {PaymentStatus.SUCCEEDED}, set()),
        (["pending"], {PaymentStatus.PENDING}, set()),  # a word of both: ours wins
        (["completed", "failed"], {PaymentStatus.FAILED}, {"completed"}),
        ((word for word in ["waiting"]), set(), {"waiting"}),
    ],
)
def test_statuses_are_ours_or_the_apis_own(statuses: Any, wanted: set[PaymentStatus], words: set[str]) -> None:
    query = build_query(statuses=statuses, known_provider_statuses=WORDS)
    assert (query.statuses, query.provider_statuses) == (wanted, words)
    assert query.has_statuses is (statuses is not None)


@pytest.mark.parametrize(
    ("statuses", "status", "word", "is_wanted"),
    [
        (["succeeded"], "succeeded", "completed", True),
        (["succeeded"], "pending", "waiting", False),
        (["completed"], "succeeded", "completed", True),
        (["completed"], "succeeded", "paid", False),
        (["waiting", "failed"], "failed", "refused", True),
        (None, "unknown", "surprise", True),
        (["unknown"], "unknown", "surprise", True),
    ],
)
def test_wants_by_status(statuses: list[str] | None, status: str, word: str, is_wanted: bool) -> None:
    query = build_query(statuses=statuses, known_provider_statuses=WORDS)
    assert query.wants(payment(status=status, word=word)) is is_wanted


@pytest.mark.parametrize(
    ("statuses", "hint"),
    [("succeeded", r"\['succeeded'\]"), (["Completed"], "completed"), ([], "empty"), (["succeeded", "x"], "'x'")],
)
def test_refuses_other_statuses(statuses: Any, hint: str) -> None:
    with pytest.raises(PaymentsConfigError, match=hint):
        build_query(statuses=statuses, known_provider_statuses=WORDS)


def test_filters_become_text() -> None:
    query = build_query(filters={"a": 1, "b": True, "c": "Ü &"}, known_filters=("a", "b", "c", "d"))
    assert query.filters == {"a": "1", "b": "true", "c": "Ü &"}


@pytest.mark.parametrize(
    ("filters", "known", "hint"),
    [
        ({"limit": 1}, ("memo", "item_id"), "memo, item_id"),
        ({"memo": "x"}, (), "none"),
        ({"memo": None}, ("memo",), "no value"),
    ],
)
def test_refuses_other_filters(filters: dict[str, Any], known: tuple[str, ...], hint: str) -> None:
    with pytest.raises(PaymentsConfigError, match=hint):
        build_query(filters=filters, known_filters=known)


def test_a_query_is_frozen() -> None:
    with pytest.raises(AttributeError):
        PaymentQuery().created_from = START  # type: ignore[misc]
