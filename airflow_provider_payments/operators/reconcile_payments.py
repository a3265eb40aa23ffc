"""The operator that compares a table with the payment company's own list."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_payments.argument_lists import read_filters, read_list, read_statuses
from airflow_provider_payments.arguments import (
    optional,
    read_choice,
    read_conn_id,
    read_text,
    read_whole_number,
    refuse,
)
from airflow_provider_payments.exceptions import PaymentsDiffer, PaymentsProtocolError
from airflow_provider_payments.operators.base import PaymentsTask
from airflow_provider_payments.query import parse_bound, require_window
from airflow_provider_payments.times import format_time

if TYPE_CHECKING:
    from airflow_provider_payments._compat import Context
    from airflow_provider_payments.hooks.base import PaymentListing
    from airflow_provider_payments.reconciliation.comparison import Comparison

#: So that the result stays small enough for an XCom.
_MOST_EXAMPLES = 10_000


class ReconcilePaymentsOperator(PaymentsTask):
    """Compare what a SQL query returns with the payment company's own list of the same window, payment by payment.

    The task fails with ``PaymentsDiffer`` when they differ, and Airflow does not try it again. Its result goes to XCom
    and to the log in either case::

        {
            "matched": 99_997,
            "missing": 1,
            "extra": 1,
            "different": 1,
            "duplicates": 0,
            "api_amounts": {"EUR": "1250000.00"},
            "table_amounts": {"EUR": "1249990.00"},
            "api_amounts_unknown": 0,
            "table_amounts_unknown": 0,
            "api_records": 99_999,
            "table_records": 99_999,
            "examples": {
                "missing": ["tr_1"],
                "extra": ["tr_2"],
                "duplicates": [],
                "different": [{"id": "tr_3", "field": "status", "api": "refunded", "table": "succeeded"}],
            },
            "complete": True,
            "warnings": [],
            "provider": "mollie",
            "connection_id": "mollie_default",
            "created_from": "2026-01-01T00:00:00Z",
            "created_to": "2026-02-01T00:00:00Z",
            "requests": 400,
            "seconds": 60.1,
        }

    - ``matched``: a row is the same as the payment in status, amount and currency.
    - ``missing``: the API has the payment, and the query no row.
    - ``extra``: the query has a row, and the API no such payment. A row without an id is one, and so is each row that
      an id has besides the first; ``duplicates`` counts these.
    - ``different``: there is a row, but none that is the same. A payment counts once; each field that differs is an
      example.
    - ``api_amounts`` and ``table_amounts``: the sums of ``amount`` of all payments, and of all rows, whatever their
      status; by currency. Amounts that are null or no number are counted beside them.

    So ``api_records`` are ``matched + different + missing``, and ``table_records`` are ``matched + different + extra``.

    Amounts are compared as numbers, to the last digit: 10 is 10.00, and null is null only. A float is taken by its
    shortest text, so a column of floats has no more than its 15 digits to compare. Ids, statuses and currencies are
    compared as text, in which spaces at the end do not count; an id may be a number. Values are shown up to 80
    characters, and of rows nothing but the four columns is read.

    The list is read first, and then the query is run; whether the database takes it is tried before. A listing that
    may have missed payments proves nothing, and is an error. Memory stays flat; a million payments take some 250 MB of
    disk for the time, where temporary files go.

    :param payments_conn_id: the payment company's connection. (templated)
    :param created_from: first instant of the window, as of ``ListPaymentsOperator``. (templated)
    :param created_to: first instant after the window. Let it be past: what is created meanwhile would differ.
        (templated)
    :param statuses: a list of normalised or provider statuses; None for all. The query has to choose the same.
        (templated)
    :param filters: the API's own filter parameters. The query has to choose the same. (templated)
    :param sql_conn_id: a connection of any database that Airflow's SQL operators take. (templated)
    :param sql: a SELECT with columns ``id``, ``status``, ``amount`` and ``currency``, by these names, in any order and
        case; others are left out. Or the name of a ``.sql`` file. Rows without a creation time belong to each window.
        (templated)
    :param parameters: of the query, as the database's driver takes them: a list, or a dictionary. (templated)
    :param on_difference: ``fail``, or ``report`` to succeed. (templated)
    :param max_examples: how many examples of each kind there are, at most. (templated)
    :raises PaymentsConfigError: for a bad argument or connection, and for a query that the database refuses or that
        lacks a column, before the first request.
    :raises PaymentsProtocolError: when the listing is not complete, also with ``report``.
    :raises PaymentsDiffer: on a difference.
    """

    template_fields: Sequence[str] = (
        "payments_conn_id",
        "created_from",
        "created_to",
        "statuses",
        "filters",
        "sql_conn_id",
        "sql",
        "parameters",
        "on_difference",
        "max_examples",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "parameters": "json"}
    ui_color = "#d9ead3"

    def __init__(
        self,
        *,
        payments_conn_id: str,
        sql_conn_id: str,
        sql: str,
        created_from: datetime | str | None = None,
        created_to: datetime | str | None = None,
        statuses: Sequence[str] | str | None = None,
        filters: Mapping[str, object] | str | None = None,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        on_difference: str = "fail",
        max_examples: int | str = 20,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.payments_conn_id = payments_conn_id
        self.created_from = created_from
        self.created_to = created_to
        self.statuses = statuses
        self.filters = filters
        self.sql_conn_id = sql_conn_id
        self.sql = sql
        self.parameters = parameters
        self.on_difference = on_difference
        self.max_examples = max_examples

    def execute(self, context: Context) -> dict[str, Any]:
        """Compare."""
        fails = read_choice("on_difference", self.on_difference, ("fail", "report")) == "fail"
        self._is_at_work = True
        try:
            result, trouble = self._reconcile()
        finally:
            self._is_at_work = False
        self.log.info("Compared: %s", json.dumps(result))
        if trouble and fails:
            if self.do_xcom_push and "ti" in context:
                # Airflow keeps what a task returns only if it succeeds.
                context["ti"].xcom_push(key="return_value", value=result)
            raise PaymentsDiffer(trouble)
        if trouble:
            self.log.warning(trouble)
        return result

    def _reconcile(self) -> tuple[dict[str, Any], str]:
        """Compare, and return the result, and what is wrong, in words; empty when nothing is."""
        from airflow_provider_payments.output.databases import find_database
        from airflow_provider_payments.reconciliation.comparison import Comparison
        from airflow_provider_payments.reconciliation.rows import check_query, read_rows

        began = time.monotonic()
        sql = read_text("sql", self.sql, "sql='SELECT id, status, amount, currency FROM payments'").strip().rstrip(";")
        parameters = self._read_parameters()
        max_examples = read_whole_number("max_examples", self.max_examples)
        if max_examples > _MOST_EXAMPLES:
            raise refuse("max_examples", max_examples, f"at most {_MOST_EXAMPLES}")
        start, end = parse_bound("created_from", self.created_from), parse_bound("created_to", self.created_to)
        require_window(start, end)
        listing = self.hook.list_payments(
            created_from=start,
            created_to=end,
            statuses=optional(read_statuses, "statuses", self.statuses),
            filters=optional(read_filters, "filters", self.filters, takes_numbers=self.takes_numbers),
        )
        sql_conn_id = read_conn_id("sql_conn_id", self.sql_conn_id)
        database = find_database(sql_conn_id, "sql_conn_id")
        check_query(database.get_conn, sql_conn_id, sql, parameters)
        with Comparison(max_examples) as comparison:
            # The list comes first. Payments change at the company, and the table follows. What changes there while the
            # list is read, or later, is then no difference; the other way round it would be one in a table that was
            # right when it was read. A load that runs in between can make the table newer than the list, but when
            # loads run, users choose. And no transaction is open in the database for as long as the list takes.
            self._add_list(listing, comparison)
            with closing(database.get_conn()) as connection:
                for rows in read_rows(connection, sql, parameters):
                    comparison.add_rows(rows)
            found = comparison.compare()
        result = {
            "matched": found.matched,
            "missing": found.missing,
            "extra": found.extra,
            "different": found.different,
            "duplicates": found.duplicates,
            "api_amounts": comparison.api.amounts(),
            "table_amounts": comparison.table.amounts(like=comparison.api),
            "api_amounts_unknown": comparison.api.amounts_unknown,
            "table_amounts_unknown": comparison.table.amounts_unknown,
            "api_records": comparison.api.records,
            "table_records": comparison.table.records,
            "examples": found.examples,
            "complete": listing.report.is_complete,
            "warnings": [*listing.report.warnings(), *comparison.warnings()],
            "provider": self.hook.conn_type,
            "connection_id": self.hook.payments_conn_id,
            "created_from": format_time(start),
            "created_to": format_time(end),
            "requests": listing.report.requests,
            "seconds": round(time.monotonic() - began, 3),
        }
        return result, found.explain(self.hook.conn_type) if found else ""

    def _add_list(self, listing: PaymentListing, comparison: Comparison) -> None:
        from airflow_provider_payments.output.lineage import Lineage

        with listing:
            for payments in listing.pages:
                comparison.add_payments(payments)
        if not listing.report.is_complete:
            raise PaymentsProtocolError(
                f"{self.hook.conn_type}: the listing is not complete, so it can prove nothing of the table. "
                f"{' '.join(listing.report.doubts)}"
            )
        self._lineage = Lineage(self.hook.base_address, None, comparison.api.records, None)
        self._lineage.emit_hook_lineage(self.hook)
        self.log.info("The API has %d payments in the window. Now the query is run.", comparison.api.records)

    def _read_parameters(self) -> list[object] | dict[str, object] | None:
        if isinstance(self.parameters, Mapping):
            return dict(self.parameters)
        example = "parameters=['2026-01-01']"
        return optional(read_list, "parameters", self.parameters, "values, or a dictionary of them", example)
