"""The same instant, as DAG authors, Airflow and other libraries write it: for every test that gives a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
import pytest
import pytz
from dateutil import tz
from lazy_object_proxy import Proxy

from tests.waits import Shop

ROME = ZoneInfo("Europe/Rome")


class Wayward(datetime):
    """A time of a class whose arithmetic is its own, and of no use: what is left of it has no zone."""

    def __add__(self, other: Any) -> Any:
        return datetime(1999, 1, 1)  # noqa: DTZ001 - the point

    __sub__ = __radd__ = __rsub__ = __add__  # type: ignore[assignment]

    def astimezone(self, tz: Any = None) -> Any:
        return self.replace(tzinfo=None)

    def isoformat(self, *args: Any, **kwargs: Any) -> str:
        return "1999-01-01"


def _wayward(moment: datetime) -> datetime:
    there = moment.astimezone(ROME)
    fields = (there.year, there.month, there.day, there.hour, there.minute, there.second, there.microsecond)
    return Wayward(*fields, tzinfo=ROME, fold=there.fold)


def _pendulum(zone: str) -> Callable[[datetime], Any]:
    return lambda moment: pendulum.instance(moment).in_timezone(zone)


#: By name, how to write an instant that is given in UTC. Between two o'clock and three in the night when summer ends,
#: those in Rome have a ``fold``.
FORMS: dict[str, Callable[[datetime], Any]] = {
    "utc": lambda moment: moment,
    "new_york": lambda moment: moment.astimezone(ZoneInfo("America/New_York")),
    "rome": lambda moment: moment.astimezone(ROME),
    "pendulum_utc": _pendulum("UTC"),
    "pendulum_rome": _pendulum("Europe/Rome"),
    "pendulum_kathmandu": _pendulum("Asia/Kathmandu"),
    "pytz": lambda moment: moment.astimezone(pytz.timezone("Europe/Rome")),
    "dateutil": lambda moment: moment.astimezone(tz.gettz("Europe/Rome")),
    "subclass": _wayward,
    "proxy": lambda moment: Proxy(lambda: _pendulum("Europe/Rome")(moment)),
    "text": lambda moment: moment.isoformat().replace("+00:00", "Z"),
    "text_of_rome": lambda moment: moment.astimezone(ROME).isoformat(),
    "text_of_pendulum": lambda moment: str(_pendulum("Asia/Kathmandu")(moment)),
    "text_proxy": lambda moment: Proxy(lambda: moment.isoformat()),
}
in_every_form = pytest.mark.parametrize("write", FORMS.values(), ids=FORMS)

#: In Rome, all of these are 02:30, or half an hour from it: the clocks show it twice.
TWICE = datetime(2025, 10, 26, 0, 30, tzinfo=timezone.utc), datetime(2025, 10, 26, 1, 30, tzinfo=timezone.utc)
HALF_AN_HOUR = timedelta(minutes=30)


def sell_at(shop: Shop, at: datetime) -> None:
    """Take a payment that has succeeded, at a time."""
    # HOT Pay tells when a payment was finished, in seconds.
    time_of = {"timestamp": int(at.timestamp())} if shop.conn_type == "hotpay" else {}
    shop.sell("succeeded", f"order-{at.timestamp()}", at=at, **time_of)
