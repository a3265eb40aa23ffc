from __future__ import annotations

import json
import random
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.query import build_query
from airflow_provider_payments.times import parse_iso
from airflow_provider_payments.windows import slice_window

ROME = ZoneInfo("Europe/Rome")
PATH = "s3://my_aws@my-bucket/payments/{slice}.jsonl.gz"
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
#: The clocks of Rome show this time twice.
REPEATED = datetime(2025, 10, 26, 2, 30, tzinfo=ROME)
START, END = datetime(2025, 1, 1, tzinfo=timezone.utc), datetime(2026, 1, 1, tzinfo=timezone.utc)


def random_windows(number: int) -> list[tuple[datetime, datetime, timedelta]]:
    """Windows of up to two years, from anywhere on the globe, in at most a thousand slices."""
    dice = random.Random(7)
    zones = [
        timezone.utc,
        ROME,
        ZoneInfo("America/New_York"),
        ZoneInfo("Australia/Lord_Howe"),
        ZoneInfo("Asia/Kathmandu"),
    ]
    units = (INSTANT, timedelta(milliseconds=1), timedelta(seconds=1), timedelta(hours=1), DAY)
    windows = []
    for _ in range(number):
        unit = dice.choice(units)
        every = dice.randrange(1, 1000) * unit
        start = datetime(2023, 1, 1, tzinfo=timezone.utc) + dice.randrange(800 * 86_400) * timedelta(seconds=1)
        length = min(dice.randrange(1, 1000) * every + dice.randrange(1000) * INSTANT, 730 * DAY)
        windows.append((start.astimezone(dice.choice(zones)), (start + length).astimezone(dice.choice(zones)), every))
    return windows


@pytest.mark.parametrize(
    ("start", "end", "every"),
    [
        (START, END, DAY),
        (START, END, timedelta(weeks=4)),
        (START, END, END - START),
        (START, END, timedelta.max),
        (START, START + INSTANT, INSTANT),
        (START, START + INSTANT, DAY),
        (START, START + 7 * INSTANT, 2 * INSTANT),
        (START + INSTANT, END, timedelta(weeks=1)),
        (START, END - INSTANT, timedelta(weeks=1)),
        (datetime(2024, 2, 28, tzinfo=timezone.utc), datetime(2024, 3, 2, tzinfo=timezone.utc), DAY),
        (datetime(2025, 3, 29, tzinfo=ROME), datetime(2025, 3, 31, tzinfo=ROME), DAY),  # 47 hours
        (datetime(2025, 10, 25, tzinfo=ROME), datetime(2025, 10, 27, tzinfo=ROME), timedelta(hours=7)),  # 49 hours
        (REPEATED, REPEATED.replace(fold=1), timedelta(hours=1)),
        (datetime.min.replace(tzinfo=timezone.utc), datetime.max.replace(tzinfo=timezone.utc), 10_000 * DAY),
        *random_windows(50),
    ],
)
def test_slices_are_exactly_the_window(start: datetime, end: datetime, every: timedelta) -> None:
    slices = slice_window(start, end, every=every, output_path=PATH)
    starts = [parse_iso(each["created_from"]) for each in slices]
    ends = [parse_iso(each["created_to"]) for each in slices]
    assert starts[0] == start.astimezone(timezone.utc)
    assert ends[-1] == end.astimezone(timezone.utc)
    assert starts[1:] == ends[:-1]
    lengths = [last - first for first, last in zip(starts, ends, strict=True)]
    assert set(lengths[:-1]) <= {every}
    assert timedelta(0) < lengths[-1] <= every
    paths = [each["output_path"] for each in slices]
    assert paths == sorted(set(paths))
    assert len({len(path) for path in paths}) == 1
    assert json.loads(json.dumps(slices)) == slices
    assert slices == slice_window(start.isoformat(), end.isoformat(), every=every, output_path=PATH)


def test_every_instant_is_in_one_slice() -> None:
    slices = slice_window(START, START + 3 * DAY, every=timedelta(hours=7), output_path=PATH)
    windows = [build_query(created_from=each["created_from"], created_to=each["created_to"]) for each in slices]
    borders = [window.created_from for window in windows] + [windows[-1].created_to]
    for moment in [border + step for border in borders if border for step in (-INSTANT, timedelta(0), INSTANT)]:
        inside = sum(not (window.is_before_window(moment) or window.is_after_window(moment)) for window in windows)
        assert inside == (START <= moment < START + 3 * DAY)


def test_slices_are_the_arguments_of_mapped_tasks() -> None:
    slices = slice_window("2025-01-01T01:00:00+01:00", "2025-01-09T00:00:00Z", every=7 * DAY, output_path=PATH)
    assert slices == [
        {
            "created_from": "2025-01-01T00:00:00Z",
            "created_to": "2025-01-08T00:00:00Z",
            "output_path": "s3://my_aws@my-bucket/payments/2025-01-01T000000Z.jsonl.gz",
        },
        {
            "created_from": "2025-01-08T00:00:00Z",
            "created_to": "2025-01-09T00:00:00Z",
            "output_path": "s3://my_aws@my-bucket/payments/2025-01-08T000000Z.jsonl.gz",
        },
    ]


def test_a_window_that_ends_later_changes_the_last_object_only() -> None:
    before, after = (
        slice_window(START, end, every=timedelta(weeks=1), output_path=PATH)
        for end in (datetime(2025, 6, 1, 12, 30, 0, 123456, tzinfo=timezone.utc), END)
    )
    assert before[:-1] == after[: len(before) - 1]
    assert before[-1]["output_path"] == after[len(before) - 1]["output_path"]


@pytest.mark.parametrize(
    ("start", "every", "name"),
    [
        (START, DAY, "2025-01-01T000000Z"),
        (START + INSTANT, DAY, "2025-01-01T000000.000001Z"),
        (START, timedelta(seconds=0.5), "2025-01-01T000000.000000Z"),
    ],
)
def test_names_have_microseconds_where_any_slice_can(start: datetime, every: timedelta, name: str) -> None:
    first = slice_window(start, start + every, every=every, output_path="file:///payments/{slice}.parquet")[0]
    assert first["output_path"] == f"file:///payments/{name}.parquet"
    assert ":" not in name


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("s3://b/{{ ds }}/{slice}.jsonl", "s3://b/{{ ds }}/2025-01-01T000000Z.jsonl"),
        ("s3://b/{{ params['a'] }}{slice}{{ ds }}.csv", "s3://b/{{ params['a'] }}2025-01-01T000000Z{{ ds }}.csv"),
        ("s3://b/{% if a %}x{% endif %}/{slice}.csv.gz", "s3://b/{% if a %}x{% endif %}/2025-01-01T000000Z.csv.gz"),
        ("s3://b/%20/{slice}/{slice}.parquet", "s3://b/%20/2025-01-01T000000Z/2025-01-01T000000Z.parquet"),
        ("s3://b/{other}/{slice}.jsonl", "s3://b/{other}/2025-01-01T000000Z.jsonl"),
    ],
)
def test_only_the_placeholder_is_replaced(path: str, written: str) -> None:
    assert [each["output_path"] for each in slice_window(START, END, every=END - START, output_path=path)] == [written]


@pytest.mark.parametrize(
    "path", ["s3://b/payments.jsonl", "s3://b/{{slice}}.jsonl", "s3://b/{{ slice }}.jsonl", "s3://b/{Slice}.jsonl", ""]
)
def test_a_path_that_all_slices_would_share_is_refused(path: str) -> None:
    with pytest.raises(PaymentsConfigError, match=r"has no \{slice\}, so every slice would replace") as caught:
        slice_window(START, END, every=DAY, output_path=path)
    assert "'s3://my_aws@my-bucket/payments/{slice}.jsonl.gz', and {{slice}} in an f-string" in str(caught.value)


@pytest.mark.parametrize("every", [timedelta(0), -DAY, -INSTANT])
def test_slices_must_have_a_length(every: timedelta) -> None:
    with pytest.raises(
        PaymentsConfigError, match=r"every must be positive, like timedelta\(days=7\), and is .*timedelta"
    ):
        slice_window(START, END, every=every, output_path=PATH)


def test_more_slices_than_airflow_maps_are_refused() -> None:
    assert len(slice_window(START, START + 1024 * DAY, every=DAY, output_path=PATH)) == 1024
    with pytest.raises(PaymentsConfigError, match=r"1025 slices of 1 day, 0:00:00.* max_map_length"):
        slice_window(START, START + 1024 * DAY + INSTANT, every=DAY, output_path=PATH)
    with pytest.raises(PaymentsConfigError, match="31536000000000 slices"):
        slice_window(START, END, every=INSTANT, output_path=PATH)
    assert len(slice_window(START, START + 1025 * DAY, every=DAY, output_path=PATH, max_slices=2000)) == 1025


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("2025-01-01", END, "has no time zone"),
        (START, "2026-01-01T00:00:00", "has no time zone"),
        ("soon", END, "created_from='soon' is not an ISO 8601 time"),
        (START, "", "created_to='' is not an ISO 8601 time"),
        (START, START, "The window is empty"),
        (END, START, "The window is reversed"),
        (None, END, "needs both ends"),
        (START, None, "needs both ends"),
    ],
)
def test_bad_windows_are_refused_as_elsewhere(start: object, end: object, message: str) -> None:
    with pytest.raises(PaymentsConfigError, match=message):
        slice_window(start, end, every=DAY, output_path=PATH)  # type: ignore[arg-type]
