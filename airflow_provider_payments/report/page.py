"""The page of a report, from its numbers."""

from __future__ import annotations

from airflow_provider_payments.report.connection import render_connection
from airflow_provider_payments.report.markup import (
    count_things,
    format_moment,
    make_table,
    show_count,
    show_money,
    show_sentence,
    show_text,
)
from airflow_provider_payments.report.outputs import Output
from airflow_provider_payments.report.style import STYLE
from airflow_provider_payments.report.summary import ConnectionSummary, ReportSummary

# Nothing may be loaded, whatever the page says.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
#: Outputs that are listed at once; more of them, when somebody asks.
_OUTPUTS = 50
#: Currencies of a connection that the first table names.
_CURRENCIES = 4
_COMPLETE = {
    True: '<span class="tag good">complete</span>',
    False: '<span class="tag bad">may miss payments</span>',
    None: '<span class="tag">not known</span>',
}


def render_page(report: ReportSummary) -> str:
    """Return the page."""
    sections = [render_connection(each, number) for number, each in enumerate(report.connections, 1)]
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Payments report</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
            "<h1>Payments report</h1>",
            _say_what_it_is_of(report),
            _say_what_may_be_missing(report),
            _list_connections(report),
            *sections,
            _list_outputs(report),
            _explain(),
            "</main>\n</body>\n</html>\n",
        ]
    )


def _say_what_it_is_of(report: ReportSummary) -> str:
    moments = [moment for each in report.connections for moment in (each.first_listed_at, each.last_listed_at)]
    listed = [moment for moment in moments if moment is not None]
    parts = [
        count_things(sum(each.records for each in report.connections), "payment"),
        f"{count_things(len(report.connections), 'connection')}",
        f"{count_things(len(report.outputs), 'output')}",
    ]
    if listed:
        first, last = (format_moment(each)[:16] for each in (min(listed), max(listed)))
        parts.append(f"listed {last} UTC" if first == last else f"listed {first} to {last} UTC")
    return f'<p class="soft">{" · ".join(parts)}</p>'


def _say_what_may_be_missing(report: ReportSummary) -> str:
    doubted = [each for each in report.outputs if each.is_complete is False]
    silent = [each for each in report.outputs if each.is_complete is None]
    found = []
    if doubted:
        items = "".join(f"<li>{show_text(each.name)}: {_reasons(each)}</li>" for each in doubted)
        found.append(f'<div class="say bad"><strong>Payments may be missing.</strong><ul>{items}</ul></div>')
    if silent:
        all_of_them = "The output has" if len(silent) == 1 else "The outputs have"
        some = f"{len(silent)} of the outputs {'has' if len(silent) == 1 else 'have'}"
        which = all_of_them if len(silent) == len(report.outputs) else some
        found.append(
            f'<p class="say">{which} no manifest here, so this page cannot tell whether the listing was complete. Give '
            "the manifests that the tasks return.</p>"
        )
    if not doubted and not silent and report.outputs:
        found.append(
            '<p class="say good">Every listing was complete: nothing that the companies’ lists show for these windows '
            "is missing.</p>"
        )
    return "\n".join(found)


def _reasons(output: Output) -> str:
    reasons = [show_sentence(each) for each in output.doubts]
    if output.manifest is not None and not output.is_vouched_for:
        reasons.append("its listing could not vouch for every payment" + (", see its warnings" * bool(output.warnings)))
    return "; ".join(reasons)


def _list_connections(report: ReportSummary) -> str:
    def row(number: int, each: ConnectionSummary) -> list[str]:
        currencies = sorted(each.money.items(), key=lambda item: (-item[1].payments, item[0]))
        net = [f"<div>{show_money(money.net, name)}</div>" for name, money in currencies[:_CURRENCIES]]
        if len(currencies) > _CURRENCIES:
            more = count_things(len(currencies) - _CURRENCIES, "more currency", "more currencies")
            net.append(f'<div class="soft">and {more}</div>')
        if each.amounts_unknown:
            net.append(f'<div class="soft">{show_count(each.amounts_unknown)} without a known amount</div>')
        return [
            f'<a href="#connection-{number}">{show_text(each.connection_id)}</a><br>'
            f'<span class="soft">{show_text(each.provider)}</span>',
            _COMPLETE[each.is_complete],
            show_count(each.records),
            show_count(each.statuses["succeeded"]),
            show_count(each.pending),
            show_count(each.statuses["unknown"]),
            f'<div class="sums">{"".join(net) or "–"}</div>',
        ]

    head = ["Connection", "Listing", "Payments", "Succeeded", "On their way", "Unknown status", "Net of refunds"]
    rows = [row(number, each) for number, each in enumerate(report.connections, 1)]
    if not rows:
        return '<p class="say">There are no payments in these outputs.</p>'
    return f'<section class="card"><h2>Connections</h2>{make_table(head, rows, texts=2)}</section>'


def _list_outputs(report: ReportSummary) -> str:
    def row(output: Output) -> list[str]:
        manifest = output.manifest or {}
        window = " to ".join(show_text(manifest.get(name) or "…") for name in ("created_from", "created_to"))
        return [
            show_text(output.name),
            window if output.manifest is not None else "not known",
            _COMPLETE[output.is_complete],
            show_count(output.records),
        ]

    rows = [row(each) for each in report.outputs]
    table = make_table(["Output", "Window (UTC)", "Listing", "Records"], rows, texts=3)
    if len(rows) > _OUTPUTS:
        table = f"<details><summary>{count_things(len(rows), 'output')}</summary>{table}</details>"
    return f'<section class="card"><h2>Outputs</h2>{table}</section>'


def _explain() -> str:
    return (
        '<section class="soft"><p><strong>Net</strong> is what succeeded less what was refunded. A payment that went '
        "back whole has the status refunded, and is in neither sum. <strong>On its way</strong> are pending, "
        "processing and authorized payments; since when is counted from the payment’s creation to its listing. Days "
        "and times are UTC; a payment is on the day it was created, or completed where the company does not tell the "
        "creation. Sums are exact. The first table has, of each connection, the four currencies with the most "
        "payments.</p></section>"
    )
