"""Pieces of HTML, in which every text of others is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from html import escape

from airflow_provider_payments.money import currency_decimals
from airflow_provider_payments.texts import escape_controls
from airflow_provider_payments.times import EPOCH

_LONGEST = 120
_LONGEST_CURRENCY = 20
_MINUS = "\u2212"


def show_text(text: object, longest: int = _LONGEST) -> str:
    """Escape a text of others: controls are visible, and the direction of writing stays inside.

    :param longest: characters. A longer one loses its middle: ends tell more.
    """
    whole = str(text)
    if len(whole) > longest:
        whole = f"{whole[: longest // 2]}…{whole[-(longest // 2) :]}"
    return f"<bdi>{escape(escape_controls(whole))}</bdi>"


def show_sentence(text: object) -> str:
    """Escape a sentence, like a warning, whole."""
    return f"<bdi>{escape(escape_controls(str(text)))}</bdi>"


def plain_amount(amount: Decimal, currency: str) -> str:
    """Return all digits of an amount, with no fewer decimals than its currency has, and no zeros after those."""
    whole, _, fraction = format(amount, "f").partition(".")
    fraction = fraction.rstrip("0").ljust(currency_decimals(currency) or 0, "0")
    return f"{whole}.{fraction}" if fraction else whole


def group_digits(amount: str) -> str:
    """Return an amount with commas between thousands and a real minus."""
    whole, point, fraction = amount.lstrip("-").partition(".")
    return f"{_MINUS if amount.startswith('-') else ''}{int(whole):,}{point}{fraction}"


def show_amount(amount: Decimal, currency: str) -> str:
    """Show an amount, exact, for people and for programs."""
    plain = plain_amount(amount, currency)
    return f'<data value="{plain}">{group_digits(plain)}</data>'


def show_currency(currency: str) -> str:
    """Show a currency, or that there is none."""
    return show_text(currency) if currency else "<i>none</i>"


def show_money(amount: Decimal, currency: str) -> str:
    """Show an amount and its currency, of which the middle is left out when it is long."""
    return f'<span class="money">{show_amount(amount, currency)} {show_text(currency, _LONGEST_CURRENCY)}</span>'


def show_count(number: int) -> str:
    """Show a number of things."""
    return f"{number:,}"


def count_things(number: int, one: str, many: str | None = None) -> str:
    """Return ``1 payment`` or ``2 payments``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def format_moment(microseconds: int) -> str:
    """Write a moment to the second, in UTC."""
    return f"{EPOCH + timedelta(microseconds=microseconds):%Y-%m-%d %H:%M:%S}"


def show_moment(microseconds: int | None) -> str:
    """Show a moment in UTC."""
    if microseconds is None:
        return "–"
    text = format_moment(microseconds)
    return f'<time datetime="{text.replace(" ", "T")}Z">{text}</time>'


def format_age(microseconds: int) -> str:
    """Write an age in its two largest units."""
    minutes = max(microseconds, 0) // 60_000_000
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days:,} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def make_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1, foot: Sequence[str] = ()) -> str:
    """Return a table of cells that are HTML already.

    :param texts: columns at the beginning that hold texts; all others hold numbers.
    """

    def cells(row: Sequence[str], name: str) -> str:
        return "".join(
            f"<{name}{'' if number < texts else ' class=n'}{' scope=col' if name == 'th' else ''}>{cell}</{name}>"
            for number, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>\n" for row in rows)
    last = f"<tfoot><tr>{cells(foot, 'td')}</tr></tfoot>" if foot else ""
    return (
        f'<div class="scroll"><table><thead><tr>{cells(head, "th")}</tr></thead>'
        f"<tbody>\n{body}</tbody>{last}</table></div>"
    )
