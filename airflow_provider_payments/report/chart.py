"""Bars by day, as plain SVG."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from html import escape

#: Bars of a chart, at most. Of more days than that, a bar is of a week, a month, a year, and so on.
MOST_BARS = 124
_HEIGHT, _LEFT, _TOP, _BOTTOM = 190, 58, 12, 24
_WIDEST_BAR = 40
_ANCHORS = {"start": Decimal(0), "middle": Decimal("0.5"), "end": Decimal(1)}


@dataclass(frozen=True)
class Step:
    """How much time a bar is of.

    :param name: as in "by day".
    :param start: gives the first day of the step that a day is in.
    :param following: gives the first day of the next one; None at the end of the calendar.
    :param label: names it, by its first day.
    """

    name: str
    start: Callable[[date], date]
    following: Callable[[date], date | None]
    label: Callable[[date], str]


def _years(number: int) -> Step:
    def start(day: date) -> date:
        return date(max(day.year // number * number, 1), 1, 1)

    def following(day: date) -> date | None:
        year = day.year // number * number + number
        return None if year > date.max.year else date(year, 1, 1)

    return Step("year" if number == 1 else f"{number} years", start, following, lambda day: f"{day.year:04d}")


def _later(days: int) -> Callable[[date], date | None]:
    return lambda day: day + timedelta(days) if date.max - day >= timedelta(days) else None


def _next_month(day: date) -> date | None:
    if day.month < 12:
        return day.replace(month=day.month + 1)
    return None if day.year == date.max.year else date(day.year + 1, 1, 1)


STEPS = (
    Step("day", lambda day: day, _later(1), date.isoformat),
    Step(
        "week",  # from Monday on; the calendar begins with one
        lambda day: day - timedelta(day.weekday()),
        _later(7),
        lambda day: f"week of {day.isoformat()}",
    ),
    Step("month", lambda day: day.replace(day=1), _next_month, lambda day: day.isoformat()[:7]),
    *(_years(number) for number in (1, 10, 100)),
)


def choose_step(days: Collection[date]) -> tuple[Step, list[date]]:
    """Return the shortest step of which days have no more than :data:`MOST_BARS`, and all steps from first to last."""
    first, last = min(days), max(days)
    for step in STEPS:
        starts: list[date] = []
        following: date | None = step.start(first)
        while following is not None and following <= last and len(starts) <= MOST_BARS:
            starts.append(following)
            following = step.following(following)
        if len(starts) <= MOST_BARS:
            break
    return step, starts


@dataclass(frozen=True)
class Bar:
    """One bar.

    :param label: what it is of.
    :param parts: the class of each, and its size; from zero upwards, the negative ones downwards.
    :param text: what it shows, in words and exact.
    """

    label: str
    parts: Sequence[tuple[str, Decimal]]
    text: str

    def height(self, sign: int) -> Decimal:
        """Return how far it goes upwards (1) or downwards (-1)."""
        return sum((size * sign for _, size in self.parts if size * sign > 0), Decimal(0))


def draw_bars(bars: Sequence[Bar], description: str, width: int) -> str:
    """Return a picture of bars.

    :param description: for whoever does not see it.
    :param width: of the picture, in the unit in which a letter is 11 high.
    """
    top, low = (max(bar.height(sign) for bar in bars) for sign in (1, -1))
    interval = _choose_interval(max(top, low))
    above = _steps(top, interval) or int(not low)
    # What goes down has room for itself, however little it is beside the rest, and no more.
    room = max(low, interval / 10) if low else Decimal(0)
    scale = (_HEIGHT - _TOP - _BOTTOM) / (interval * above + room)
    zero = _TOP + interval * above * scale
    slot = Decimal(width - _LEFT - 8) / len(bars)
    thick = min(slot * Decimal("0.78"), Decimal(_WIDEST_BAR))
    parts = [
        f'<svg class="chart" viewBox="0 0 {width} {_HEIGHT}" role="img" aria-label="{escape(description)}">',
    ]
    for number in range(-int(room // interval), above + 1):
        y = zero - number * interval * scale
        css = "zero" if number == 0 else "grid"
        parts.append(f'<line class="{css}" x1="{_LEFT}" x2="{width}" y1="{_px(y)}" y2="{_px(y)}"/>')
        tick = _format_tick(number * interval)
        parts.append(f'<text x="{_LEFT - 6}" y="{_px(y + 4)}" text-anchor="end">{tick}</text>')
    for number, bar in enumerate(bars):
        x = _LEFT + 4 + slot * number + (slot - thick) / 2
        shapes = []
        ends = {1: zero, -1: zero}
        for css, size in bar.parts:
            if size:
                sign = 1 if size > 0 else -1
                tall = max(abs(size) * scale, Decimal(1))  # what is there is to be seen, however small it is
                y = ends[sign] - tall if sign > 0 else ends[sign]
                ends[sign] -= tall * sign
                place = f'x="{_px(x)}" y="{_px(y)}" width="{_px(thick)}" height="{_px(tall)}"'
                shapes.append(f'<rect class="{css}" {place}/>')
        if shapes:
            parts.append(f"<g><title>{escape(bar.text)}</title>{''.join(shapes)}</g>")
    for number, anchor in _label_places(len(bars), width):
        x = _LEFT + 4 + slot * number + slot * _ANCHORS[anchor]
        label = escape(bars[number].label.removeprefix("week of "))
        parts.append(f'<text x="{_px(x)}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{label}</text>')
    return "".join([*parts, "</svg>"])


def _label_places(number: int, width: int) -> list[tuple[int, str]]:
    most = width // 150
    if number <= most:
        return [(each, "middle") for each in range(number)]
    anchors = ["start", *["middle"] * (most - 2), "end"]
    return [(each * (number - 1) // (most - 1), anchor) for each, anchor in enumerate(anchors)]


def _choose_interval(largest: Decimal) -> Decimal:
    """Return 1, 2 or 5 times a power of ten, of which the largest size has two to five."""
    if not largest:
        return Decimal(1)
    unit = Decimal(1).scaleb(largest.adjusted())
    for factor in (Decimal("0.2"), Decimal("0.5"), Decimal(1), Decimal(2)):
        if largest / (unit * factor) <= 5:
            return unit * factor
    return unit * 5


def _steps(size: Decimal, interval: Decimal) -> int:
    whole, rest = divmod(size, interval)
    return int(whole) + bool(rest)


def _format_tick(tick: Decimal) -> str:
    """Write a tick of the scale; it has few digits, and so has its text."""
    sign = "\u2212" if tick < 0 else ""
    size = abs(tick)
    for name, power in (("T", 12), ("B", 9), ("M", 6)):
        if 0 <= size.adjusted() - power < 3 and size:
            return f"{sign}{_plain(size.scaleb(-power))}{name}"
    if size and not -6 <= size.adjusted() < 12:
        return f"{sign}{size.scaleb(-size.adjusted()).normalize():f}e{size.adjusted()}"
    return sign + _plain(size)


def _plain(size: Decimal) -> str:
    return f"{size.normalize():,f}" if size else "0"


def _px(size: Decimal | int) -> str:
    return f"{round(Decimal(size), 1).normalize():f}"
