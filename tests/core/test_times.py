from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.times import (
    format_time,
    parse_iso,
    parse_time,
    parse_unix_seconds,
    plain_duration,
    unix_milliseconds,
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2025-10-10T21:45:00.000Z", "2025-10-10T21:45:00Z"),
        ("2025-10-10T21:45:00.123z", "2025-10-10T21:45:00.123000Z"),
        ("2024-03-20T09:13:37+00:00", "2024-03-20T09:13:37Z"),
        ("2024-03-20T09:13:37+02:00", "2024-03-20T07:13:37Z"),
        ("0001-01-01T00:00:00+00:00", None),
        ("2024-03-01T08:30:00.1234567+07:00", "2024-03-01T01:30:00.123456Z"),  # .NET; cut, not rounded
        ("2024-03-01T08:30:00.9999999-0330", "2024-03-01T12:00:00.999999Z"),
        ("2024-03-01T00:30:00+01", "2024-02-29T23:30:00Z"),
        ("2024-03-01 08:30:00 +00:00", "2024-03-01T08:30:00Z"),
        ("2024-03-01T08:30Z", "2024-03-01T08:30:00Z"),
        ("2024-03-01T08:30:00,5Z", "2024-03-01T08:30:00.500000Z"),
        ("  2024-03-01T08:30:00Z\n", "2024-03-01T08:30:00Z"),
        ("", None),
        (None, None),
        ("0001-01-01T00:00:00", None),  # .NET's unset
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00.000Z", None),
        ("0001-05-01T00:00:00.000Z", "0001-05-01T00:00:00Z"),
        ("0001-01-01T00:00:00+07:00", None),
        ("2024-03-01T08:30:00", None),  # no zone is no instant
        ("2024-03-01", None),
    ],
)
def test_reads_times_of_replies(text: str | None, written: str | None) -> None:
    assert format_time(parse_time(text)) == written


@given(
    st.sampled_from(
        (
            "2026-01-31T00:00:00Z",
            "2026-01-31T00:00:00.000Z",
            "2024-02-29T23:59:59.999999999+00:00",
            "0001-01-01T00:00:00.0-03:30",
            "9999-12-31T23:59:60.9999999-23:59",
            "2026-W05-3T00:00:00.000Z",
        )
    ),
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 1), st.sampled_from(["", *"0159-+:.,TZzW \u0663"])), max_size=4
    ),
)
def test_common_times_are_read_as_the_careful_reader_reads_them(text: str, changes: list[tuple[int, int, str]]) -> None:
    for position, length, put in changes:
        text = text[:position] + put + text[position + length :]
    try:
        careful = None if text.startswith("0001-01-01") or not text else parse_iso(text)
    except ValueError:
        with pytest.raises(PaymentsProtocolError):
            parse_time(text)
        return
    moment = parse_time(text)
    if careful is None or careful.tzinfo is None:
        assert moment is None
    else:
        assert moment == careful
        assert moment.tzinfo is timezone.utc


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2024-13-01T00:00:00Z",
        "2024-02-30",
        "2024-03-01T25:00:00Z",
        "2024-03-01T08:30:00+99:00",
        "1700000000",
        "2024-03-01T08:30:00Z and more",
        "9999-12-31T23:59:59-01:00",
        "0000-01-01T00:00:00Z",
        "2026-W01-1T00:00:00.000Z",  # as long as the usual form, which is read another way
        "2026-01-31x00:00:00.000Z",
        "20260131T000000000000z0Z",
        "2026-02-30T00:00:00.000Z",
        "2026-02-30T00:00:00+00:00",
        "2026-01-31x00:00:00+00:00",
        "2026-W01-1T00:00:0+00:00",
    ],
)
def test_refuses_other_times(text: str) -> None:
    with pytest.raises(PaymentsProtocolError):
        parse_time(text)


def test_the_zone_is_optional_to_the_parser() -> None:
    assert parse_iso("2024-03-01").tzinfo is None
    assert parse_iso("2024-03-01T08:30:00+02:00").utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize(
    ("seconds", "written"), [(None, None), (0, None), (1, "1970-01-01T00:00:01Z"), (1760132700, "2025-10-10T21:45:00Z")]
)
def test_reads_unix_seconds(seconds: int | None, written: str | None) -> None:
    assert format_time(parse_unix_seconds(seconds)) == written


@pytest.mark.parametrize("seconds", [1760132700000, 10**18, -(10**15), 10**400])
def test_milliseconds_are_not_taken_for_seconds(seconds: int) -> None:
    with pytest.raises(PaymentsProtocolError, match="Unix seconds"):
        parse_unix_seconds(seconds)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2025-10-10T21:45:00.123999Z", 1760132700123),  # rounded down
        ("2025-10-10T23:45:00.123+02:00", 1760132700123),
        ("1969-12-31T23:59:59.9999Z", -1),
    ],
)
def test_milliseconds(text: str, milliseconds: int) -> None:
    assert unix_milliseconds(parse_iso(text)) == milliseconds


def test_writes_utc_whatever_the_zone() -> None:
    there = timezone(timedelta(hours=-5, minutes=-30))
    assert format_time(datetime(2024, 3, 1, 20, 0, tzinfo=there)) == "2024-03-02T01:30:00Z"
    assert format_time(None) is None


@pytest.mark.parametrize("duration", [pendulum.duration(months=1), pendulum.duration(years=1, days=2)])
def test_months_and_years_are_no_durations(duration: pendulum.Duration) -> None:
    with pytest.raises(TypeError, match="months and years"):
        plain_duration(duration)


def test_an_interval_knows_its_days() -> None:
    march = pendulum.datetime(2026, 4, 1) - pendulum.datetime(2026, 3, 1)
    assert (type(plain_duration(march)), plain_duration(march)) == (timedelta, timedelta(days=31))
