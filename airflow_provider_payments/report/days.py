"""Payments and amounts by day, as charts and in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from airflow_provider_payments.report.chart import Bar, Step, choose_step, draw_bars
from airflow_provider_payments.report.markup import (
    count_things,
    group_digits,
    make_table,
    plain_amount,
    show_amount,
    show_count,
    show_currency,
)
from airflow_provider_payments.report.summary import GROUPS, ConnectionSummary, Money

#: Charts of amounts, at most: those of the currencies with the most payments.
_CHARTS = 6
#: The class of each part of a bar.
STYLES = dict(zip(GROUPS, ("succeeded", "pending", "other", "unknown"), strict=True))
_WIDE, _NARROW = 960, 460


def draw_days(connection: ConnectionSummary) -> list[str]:
    """Return the charts of one connection: how many payments, and how much of each currency."""
    days = connection.days
    if not days.groups:
        return []
    step, starts = choose_step(days.groups)
    counts: dict[date, Counter[str]] = {}
    for day, groups in days.groups.items():
        counts.setdefault(step.start(day), Counter()).update(groups)
    drawn = [name for name in GROUPS if any(groups[name] for groups in counts.values())]
    keys = "".join(f'<span class="key" style="background:var(--{STYLES[name]})"></span>{name}' for name in drawn)
    bars = [
        Bar(
            step.label(start),
            [(STYLES[name], Decimal(counts.get(start, Counter())[name])) for name in GROUPS],
            f"{step.label(start)}: {_in_words(counts.get(start, Counter()))}",
        )
        for start in starts
    ]
    rows = [
        [step.label(start), *(show_count(counts[start][name]) for name in GROUPS), show_count(counts[start].total())]
        for start in sorted(counts)
    ]
    table = make_table([step.name.capitalize(), *(name.capitalize() for name in GROUPS), "All"], rows)
    chart = draw_bars(bars, f"Payments by {step.name}; the numbers are in the table below", _WIDE)
    order = sorted(days.money, key=lambda name: (-connection.money[name].payments, name))
    figures = [_draw_currency(name, days.money[name], step, starts) for name in order[:_CHARTS]]
    rest = len(order) - _CHARTS
    more = f'<p class="soft">{count_things(rest, "currency", "currencies")} with fewer payments not drawn.</p>'
    return [
        f"<h3>Payments by {step.name}</h3>",
        f"<figure><div class=scroll>{chart}</div><figcaption>{keys}</figcaption></figure>",
        f"<details><summary>In numbers</summary>{table}</details>",
        f'<h3>Amounts by {step.name}</h3><div class="columns">{"".join(figures)}</div>' if figures else "",
        more if rest > 0 else "",
    ]


def _in_words(groups: Counter[str]) -> str:
    return ", ".join(f"{groups[name]} {name}" for name in GROUPS if groups[name])


def _draw_currency(name: str, by_day: dict[date, Money], step: Step, starts: Sequence[date]) -> str:
    by_step: dict[date, Money] = {}
    for day, money in by_day.items():
        by_step.setdefault(step.start(day), Money()).merge(money)

    def text(start: date) -> str:
        money = by_step[start]
        succeeded, refunded = (group_digits(plain_amount(each, name)) for each in (money.succeeded, money.refunded))
        return f"{step.label(start)}: {succeeded} succeeded" + (f", {refunded} refunded" if money.refunded else "")

    bars = [
        Bar(
            step.label(start),
            [("succeeded", by_step[start].succeeded), ("refunded", by_step[start].refunded.copy_negate())],
            text(start),
        )
        if start in by_step
        else Bar(step.label(start), [], "")
        for start in starts
    ]
    rows = [
        [step.label(start), *(show_amount(each, name) for each in (money.succeeded, money.refunded, money.net))]
        for start, money in sorted(by_step.items())
    ]
    table = make_table([step.name.capitalize(), "Succeeded", "Refunded", "Net"], rows)
    keys = '<span class="key" style="background:var(--succeeded)"></span>succeeded'
    if any(money.refunded for money in by_step.values()):
        keys += '<span class="key" style="background:var(--refunded)"></span>refunded'
    chart = draw_bars(bars, f"Amounts by {step.name}; the numbers are in the table below", _NARROW)
    return (
        f"<figure><strong>{show_currency(name)}</strong>{chart}<figcaption>{keys}</figcaption>"
        f"<details><summary>In numbers</summary>{table}</details></figure>"
    )
