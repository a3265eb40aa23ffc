"""Dice that fall the same way for the same seed, on every Python."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
TEXTS = (
    "Monthly plan",
    "Zażółć gęślą jaźń",
    "年間サブスクリプション",
    "عضوية سنوية",
    "Coffee ☕, two croissants 🥐🥐",
    'He said "hi"; then\tleft, quickly\nwithout paying',
    "=SUM(A1:A9)",
    " spaces around ",
    "Café creme – Größe L",
    "A very long description. " * 80,
    "",
)
NAMES = ("Mario R.", "Zoë K.", "Łukasz W.", "王 芳", "O'Neill P.", "Anaïs D.", "محمد ع.", "Bob")


class Dice(random.Random):
    """Seeded by a text, so that each API's data depends on nothing but the seed."""

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.getrandbits(128), version=4))

    def hex(self, length: int) -> str:
        return f"{self.getrandbits(4 * length):0{length}x}"

    def letters(self, length: int, alphabet: str = BASE58) -> str:
        return "".join(self.choices(alphabet, k=length))

    def chance(self, percent: int) -> bool:
        return self.randrange(100) < percent

    def gap(self) -> timedelta:
        """Time between two payments: about half an hour, now and then none at all."""
        return timedelta(0) if self.chance(5) else timedelta(microseconds=self.randrange(1, 3_600_000_000))

    def soon(self, low: int = 60, high: int = 1800) -> timedelta:
        return timedelta(seconds=self.randrange(low, high))

    def patience(self) -> float:
        """When a pending payment settles, in multiples of settle_seconds: mostly once, some stay longer."""
        return self.choice((1.0, 1.0, 1.0, 2.0, 3.0))

    def cents(self) -> int:
        """A price: round ones, odd ones, tiny and large ones."""
        return self.choice((100, 1000, 1010, 10, 1, 1999, self.randrange(50, 50_000), self.randrange(1, 10_000_000)))

    def word(self, index: int | None, weights: Mapping[str, int]) -> str:
        """A status: each in turn twice over for the newest payments, then by weight; None is the first."""
        words = list(weights)
        if index is None:
            return words[0]
        if index < 2 * len(words):
            return words[index % len(words)]
        return self.choices(words, list(weights.values()))[0]


class PromptDice(Dice):
    """For payments that are made as time goes by: they are complete within seconds, so no time lies ahead."""

    def soon(self, low: int = 60, high: int = 1800) -> timedelta:
        return super().soon(low, high) / 1000


#: Date and time of day; the digits after the second and the zone follow.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def shift_times(value: Any, seconds: int, numbers: Collection[str]) -> Any:
    """Return a payment, or a part of one, at another time.

    :param numbers: the fields that hold Unix seconds; all other times are texts.
    """
    if isinstance(value, dict):
        moved = {name: shift_times(part, seconds, numbers) for name, part in value.items()}
        for name in value.keys() & numbers:
            if isinstance(value[name], int) and value[name]:  # 0 is no time
                moved[name] += seconds
        return moved
    if isinstance(value, list):
        return [shift_times(part, seconds, numbers) for part in value]
    found = _MOMENT.match(value) if isinstance(value, str) else None
    if not found:
        return value
    moment = datetime.fromisoformat(found[0]) + timedelta(seconds=seconds)
    return moment.isoformat(timespec="seconds") + value[found.end() :]


def decimal_text(units: int, places: int) -> str:
    """1005 with 2 places is ``10.05``."""
    whole, fraction = divmod(units, 10**places)
    return f"{whole}.{fraction:0{places}d}"


def iso(moment: datetime, timespec: str = "milliseconds") -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec=timespec).replace("+00:00", "Z")
