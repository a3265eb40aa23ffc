"""What a report says of one connection."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from airflow_provider_payments.report.days import STYLES, draw_days
from airflow_provider_payments.report.markup import (
    count_things,
    format_age,
    make_table,
    show_amount,
    show_count,
    show_currency,
    show_moment,
    show_money,
    show_sentence,
    show_text,
)
from airflow_provider_payments.report.summary import (
    AGES,
    LISTED,
    NO_AGE,
    ConnectionSummary,
    group_of,
)
from airflow_provider_payments.status import PaymentStatus

#: Words that are listed, at most: those that came most often.
_WORDS = 20
_ORDER = {status.value: number for number, status in enumerate(PaymentStatus)}


def render_connection(connection: ConnectionSummary, number: int) -> str:
    """Return the section of one connection."""
    parts = [
        f"<h2>{show_text(connection.connection_id)} <span class=soft>{show_text(connection.provider)}</span></h2>",
        _say_how_many(connection),
        _list_warnings(connection),
    ]
    if connection.records:
        parts += [
            '<div class="columns">',
            f"<div>{_count_statuses(connection)}</div><div>{_count_others(connection)}</div></div>",
            _sum_up(connection),
            *draw_days(connection),
            _list_pending(connection),
        ]
    return f'<section class="card" id="connection-{number}">{"".join(parts)}</section>'


def _say_how_many(connection: ConnectionSummary) -> str:
    notes = [count_things(connection.records, "payment")]
    if connection.refunds:
        notes.append(f"{count_things(connection.refunds, 'of them a refund', 'of them refunds')}")
    if connection.first_listed_at is not None:
        first, last = show_moment(connection.first_listed_at), show_moment(connection.last_listed_at)
        notes.append(f"listed {first} UTC" if first == last else f"listed {first} to {last} UTC")
    if tests := connection.flags["test"]:
        notes.append(f"<strong>{show_count(tests)} in test mode: no real money</strong>")
    if connection.older:
        notes.append(f"{count_things(connection.older, 'older row')} of payments that were listed again left out")
    if connection.days.undated:
        notes.append(f"{show_count(connection.days.undated)} without a time, so on no day")
    return f'<p class="soft">{" · ".join(notes)}</p>'


def _list_warnings(connection: ConnectionSummary) -> str:
    found: Counter[str] = Counter()
    is_bad = False
    for output in connection.outputs:
        is_bad = is_bad or output.is_complete is False
        found.update([*output.doubts, *output.warnings])
    if not found:
        return ""
    times = {sentence: f" ({number} outputs)" if number > 1 else "" for sentence, number in found.items()}
    items = "".join(f"<li>{show_sentence(sentence)}{times[sentence]}</li>" for sentence in sorted(found))
    head = "<strong>Payments may be missing.</strong>" if is_bad else "<strong>Warnings</strong>"
    return f'<div class="say{" bad" * is_bad}">{head}<ul>{items}</ul></div>'


def _count_statuses(connection: ConnectionSummary) -> str:
    statuses = sorted(connection.statuses, key=lambda name: (_ORDER.get(name, len(_ORDER)), name))
    rows = []
    for name in statuses:
        number = connection.statuses[name]
        share = f"{Decimal(number) / connection.records:.1%}"
        css = STYLES[group_of(name)]
        bar = f'<svg class="share" aria-hidden="true"><rect class="{css}" width="{share}" height="100%"/></svg>'
        rows.append([show_text(name), bar, show_count(number), share])
    table = make_table(
        ["Status", "", "Payments", "Share"],
        rows,
        texts=2,
        foot=["all", "", show_count(connection.records), ""],
    )
    return f"<h3>By status</h3>{table}"


def _count_others(connection: ConnectionSummary) -> str:
    names = [name for name in (*(name for name, _ in AGES), NO_AGE) if connection.ages[name]]
    rows = [[name, show_count(connection.ages[name])] for name in names]
    ages = make_table(["Since", "Payments"], rows, foot=["all", show_count(connection.pending)])
    return "".join(
        [
            f"<h3>On their way</h3>{ages if rows else '<p class=soft>No payment is.</p>'}",
            _list_words("Status words that are not known", "As the company writes it", connection.unknown_words),
            _list_words("Flags", "Flag", connection.flags),
        ]
    )


def _list_words(title: str, head: str, words: Counter[str]) -> str:
    if not words:
        return ""
    ordered = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    rows = [[show_text(word) if word else "<i>none</i>", show_count(number)] for word, number in ordered[:_WORDS]]
    if len(ordered) > _WORDS:
        rest = ordered[_WORDS:]
        rows.append([f"{count_things(len(rest), 'other')}", show_count(sum(number for _, number in rest))])
    return f"<h3>{title}</h3>{make_table([head, 'Payments'], rows)}"


def _sum_up(connection: ConnectionSummary) -> str:
    rows = [
        [
            show_currency(name),
            show_count(money.payments),
            show_amount(money.succeeded, name),
            show_amount(money.refunded, name),
            f"<strong>{show_amount(money.net, name)}</strong>",
        ]
        for name, money in sorted(connection.money.items())
    ]
    unknown = count_things(connection.amounts_unknown, "payment")
    note = f'<p class="soft">Without an amount, so in no sum: {unknown}.</p>'
    table = make_table(["Currency", "Payments", "Succeeded", "Refunded", "Net"], rows)
    return f"<h3>By currency</h3>{table if rows else '<p>Nothing has succeeded.</p>'}" + (
        note if connection.amounts_unknown else ""
    )


def _list_pending(connection: ConnectionSummary) -> str:
    if not connection.pending:
        return ""
    rows = [
        [
            show_text(each.row.id),
            show_text(each.row.status),
            show_text(each.row.provider_status),
            NO_AGE if each.age is None else format_age(each.age),
            "–" if each.row.amount is None else show_money(Decimal(each.row.amount), each.row.currency),
            show_moment(each.row.occurred_at),
            show_moment(each.row.listed_at),
        ]
        for each in connection.oldest_pending
    ]
    is_cut = connection.pending > LISTED
    which = f"the oldest {LISTED} of {show_count(connection.pending)}" if is_cut else "the oldest first"
    head = ["Payment", "Status", "Company’s word", "Age", "Amount", "Created", "Listed"]
    return f"<h3>On their way, {which}</h3>{make_table(head, rows, texts=3)}"
