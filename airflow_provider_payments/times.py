"""Times and durations: read from replies and arguments, as Python's own classes; times in UTC."""

from __future__ import annotations

import operator
import re
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_provider_payments.exceptions import PaymentsProtocolError

# datetime.fromisoformat of Python 3.10 reads neither "Z" nor the seven fractional digits that .NET writes.
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|z|[+-]\d\d(?::?\d\d)?)?)?"
)

# ISO 8601 without months and years, whose length differs.
_DURATION = re.compile(
    r"P(?=[\dT])(?:(?P<weeks>\d{1,9})W)?(?:(?P<days>\d{1,9})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9}(?:\.\d{1,9})?)S)?)?",
    re.ASCII,
)
# As Python writes a timedelta.
_PYTHONS_DURATION = re.compile(
    r"(?:(?P<days>-?\d{1,9}) days?(?:, |$))?"
    r"(?:(?P<hours>\d\d?):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d{1,6})?))?",
    re.ASCII,
)

# Python's own reader takes more than a time, so it is only asked for what surely is one. It cuts digits as we do.
_is_rfc_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII).fullmatch
_MARKS = slice(4, 20, 3)
_UNSET = "0001-01-01~"  # sorts behind every time of .NET's first day, and before all others
_read_iso = datetime.fromisoformat if sys.version_info >= (3, 11) else lambda text: parse_iso(text)

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_iso(text: str) -> datetime:
    """Read ISO 8601 text; digits beyond microseconds are cut. The result is naive when the text names no zone.

    :raises ValueError: when the text is no ISO 8601 date or time.
    """
    match = _ISO.fullmatch(text.strip())
    if match is None:
        raise ValueError("not an ISO 8601 time")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    moment = datetime(  # noqa: DTZ001 - the zone follows
        int(year),
        int(month),
        int(day),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        int((fraction or "0").ljust(6, "0")[:6]),
    )
    if zone is None:
        return moment
    if zone in "Zz":
        return moment.replace(tzinfo=timezone.utc)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    moment = moment.replace(tzinfo=timezone(-offset if zone[0] == "-" else offset))
    try:
        moment.astimezone(timezone.utc)
    except OverflowError:
        raise ValueError("out of range in UTC") from None
    return moment


def parse_time(text: str | None) -> datetime | None:
    """Read a time out of an API's reply, as UTC. None when absent, .NET's unset year 1, or without a zone.

    A time without a zone is no instant, and a guess would put the payment into the wrong window.
    """
    # Nearly all are written so, and read ten times as fast. What most have, milliseconds and Z, is seen faster still:
    # that is half a microsecond for a payment with three times.
    if text and ((text[23:] == "Z" and text[_MARKS] == "--T::.") or _is_rfc_3339(text)):
        try:
            moment = _read_iso(text)
            if moment.tzinfo is not UTC:
                moment = moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # the careful reader says what is wrong
        else:
            return moment if text > _UNSET else None
    if not text or text.startswith("0001-01-01"):
        return None
    try:
        moment = parse_iso(text)
    except ValueError:
        raise PaymentsProtocolError("A time in the reply is not ISO 8601.") from None
    if moment.tzinfo is None:
        return None
    return moment.astimezone(timezone.utc)


def parse_unix_seconds(seconds: int | None) -> datetime | None:
    """Read Unix seconds. None when absent or 0, which stands for "not yet"."""
    if not seconds:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)  # half as fast with ``tz=``
    except (ValueError, OverflowError, OSError):
        raise PaymentsProtocolError("A timestamp in the reply is not in Unix seconds.") from None


def parse_expiry(value: object, now: datetime) -> datetime | None:
    """Read when something expires: seconds from now, or a time (ISO 8601, or Unix seconds or milliseconds).

    None when the value is absent, makes no sense, or has passed: a token that has expired is refused by the API.

    :param value: as it stands in a reply; numbers may be text.
    """
    try:
        seconds = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        try:
            moment = parse_time(str(value).strip())
        except PaymentsProtocolError:
            return None
        return moment if moment and moment > now else None
    since_1970 = (now - EPOCH).total_seconds()
    if seconds >= since_1970 / 2:  # a moment, not a lifetime: nothing is issued for decades
        seconds = (seconds / 1000 if seconds >= 100 * since_1970 else seconds) - since_1970  # 100 times: milliseconds
    if not 0 < seconds < since_1970:  # NaN fails both comparisons, too
        return None
    return shift(now, timedelta(seconds=seconds))


def to_utc(moment: datetime) -> datetime:
    """Return an aware time of any class as Python's own datetime in UTC.

    Classes like pendulum's have an arithmetic of their own, which loses the zone. So nothing but their fields and their
    offset is used; with those, a ``fold`` counts.

    :raises ValueError: when it has no zone, or is out of range in UTC.
    """
    try:
        offset = moment.utcoffset()
        if moment.tzinfo is None or offset is None:
            raise ValueError("no time zone")
        return datetime(
            moment.year,
            moment.month,
            moment.day,
            moment.hour,
            moment.minute,
            moment.second,
            moment.microsecond,
            timezone.utc,
        ) - plain_duration(offset)
    except (OverflowError, TypeError):
        raise ValueError("out of range in UTC") from None


def plain_duration(duration: object) -> timedelta:
    """Return a duration of any class as Python's own timedelta.

    :raises TypeError: when it is none.
    """
    if not isinstance(duration, timedelta):
        raise TypeError("not a duration")
    # Pendulum's durations count 30 days for a month; its intervals know their days.
    foreign: Any = duration
    if not hasattr(foreign, "start") and (getattr(foreign, "months", None) or getattr(foreign, "years", None)):
        raise TypeError("months and years have no length")
    # Not a subclass's addition, which makes another of its own. A proxy is none, and has only what it stands for.
    own = duration if issubclass(type(duration), timedelta) else duration + timedelta(0)
    return timedelta.__add__(timedelta(0), own)


def parse_duration(text: str) -> timedelta:
    """Read ISO 8601 text like ``P2D`` and ``PT36H``, or what Python writes, like ``2 days, 0:00:00``.

    :raises ValueError: when the text is neither.
    """
    match = _DURATION.fullmatch(text.strip()) or _PYTHONS_DURATION.fullmatch(text.strip())
    parts = {unit: float(number) for unit, number in match.groupdict().items() if number} if match else {}
    if not parts:
        raise ValueError("not a duration")
    try:
        return timedelta(**parts)
    except OverflowError:
        raise ValueError("longer than a duration can be") from None


def look_back(moment: datetime, by: timedelta) -> datetime:
    """Return an earlier time; the first one of all when there is none so early."""
    try:
        return moment - by
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def shift(moment: datetime, by: timedelta) -> datetime:
    """Move a time, as far as the calendar goes."""
    try:
        return moment + by
    except OverflowError:
        return moment


def unix_milliseconds(moment: datetime) -> int:
    """Return whole milliseconds since 1970, rounded down."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def format_milliseconds(moment: datetime) -> str:
    """Write an instant as RFC 3339 in UTC with ``Z`` and milliseconds, rounded down."""
    return to_utc(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def format_time(moment: datetime | None) -> str | None:
    """Write an instant as RFC 3339 in UTC with ``Z``."""
    return None if moment is None else to_utc(moment).isoformat().replace("+00:00", "Z")


def is_newest_first(times: Sequence[datetime]) -> bool:
    """Return whether no time is later than the one before, and not all are the same."""
    return len(times) > 1 and times[0] > times[-1] and all(map(operator.ge, times, times[1:]))
