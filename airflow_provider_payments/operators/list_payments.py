"""The operator that lists payments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_payments.argument_lists import read_filters, read_statuses
from airflow_provider_payments.arguments import optional, read_duration
from airflow_provider_payments.operators.base import DELIVERY_FIELDS, PaymentsTask
from airflow_provider_payments.query import parse_bound, require_window
from airflow_provider_payments.times import look_back

if TYPE_CHECKING:
    from airflow_provider_payments._compat import Context


class ListPaymentsOperator(PaymentsTask):
    """List the payments behind a connection, normalised, to XCom or to object storage.

    The connection's type says which payment company it is; nothing else here does.

    To XCom the task returns a list of records. To storage it writes one object, which appears whole or not at all and
    is the same when the task is retried (but for ``listed_at``), and returns a manifest: counts, totals, and whether
    the listing is ``complete``.

    Numbers, booleans, lists and objects may also be text, as templates make them. Anything that could mean two
    things is an error.

    :param payments_conn_id: the connection. (templated)
    :param created_from: first instant of the window: an aware datetime of any class, or ISO 8601 text with a zone; None
        is unbounded. It applies to the payment's creation, or to its completion where the API does not tell the
        creation (HOT Pay). (templated)
    :param created_to: first instant after the window. (templated)
    :param lookback: moves ``created_from`` back, to list payments again whose status may have changed late: a
        ``timedelta``, or ISO 8601 text like ``P2D``. (templated)
    :param statuses: a list of normalised statuses (``succeeded``, ``pending``, …) or provider statuses; None for all.
        (templated)
    :param filters: the API's own filter parameters, like ``{"currency": "USDTTRC20"}``, one value for each. (templated)
    :param output_path: ``ObjectStoragePath`` URL of the object to write: ``s3://conn@bucket/…/payments.parquet``, ``gs://``,
        ``abfs://``, ``file://``. None sends records to XCom. (templated)
    :param file_format: ``jsonl``, ``jsonl.gz``, ``csv``, ``csv.gz`` or ``parquet``; None takes it from the suffix of
        ``output_path``. (templated)
    :param include_raw: whether records carry the API's own object under ``raw``. (templated)
    :param max_xcom_records: more records than this are an error rather than an XCom, and so are more than 4 MiB.
        (templated)
    :param max_records_per_file: cuts a big load into parts: ``output_path`` becomes a folder of
        ``part-00000.parquet`` and so on, with a ``_manifest.json`` that is published last. None writes one object.
        (templated)
    :param replace_nul: whether files have U+FFFD for U+0000, which PostgreSQL refuses: in texts, and in ``raw``. XCom
        always has. (templated)
    :raises PaymentsConfigError: for a bad argument, before the first request.
    :raises TooManyRecordsForXCom: naming ``output_path``; nothing is pushed.
    """

    template_fields: Sequence[str] = (
        "payments_conn_id",
        "created_from",
        "created_to",
        "lookback",
        "statuses",
        "filters",
        *DELIVERY_FIELDS,
    )
    ui_color = "#d9ead3"

    def __init__(
        self,
        *,
        payments_conn_id: str,
        created_from: datetime | str | None = None,
        created_to: datetime | str | None = None,
        lookback: timedelta | str = timedelta(0),
        statuses: Sequence[str] | str | None = None,
        filters: Mapping[str, object] | str | None = None,
        output_path: str | None = None,
        file_format: str | None = None,
        include_raw: bool | str = True,
        max_xcom_records: int | str = 1000,
        max_records_per_file: int | str | None = None,
        replace_nul: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.payments_conn_id = payments_conn_id
        self.created_from = created_from
        self.created_to = created_to
        self.lookback = lookback
        self.statuses = statuses
        self.filters = filters
        self.output_path = output_path
        self.file_format = file_format
        self.include_raw = include_raw
        self.max_xcom_records = max_xcom_records
        self.max_records_per_file = max_records_per_file
        self.replace_nul = replace_nul

    def execute(self, context: Context) -> list[dict[str, Any]] | dict[str, Any]:
        """List the payments."""
        start, end = self._window()
        list_payments = partial(
            self.hook.list_payments,
            created_from=start,
            created_to=end,
            statuses=optional(read_statuses, "statuses", self.statuses),
            filters=optional(read_filters, "filters", self.filters, takes_numbers=self.takes_numbers),
        )
        return self.deliver(list_payments, (start, end), context)

    def _window(self) -> tuple[datetime | None, datetime | None]:
        start, end = parse_bound("created_from", self.created_from), parse_bound("created_to", self.created_to)
        require_window(start, end)
        if end and end > datetime.now(timezone.utc):
            self.log.warning(
                "created_to=%s is yet to come: payments that are made until then are not listed.", end.isoformat()
            )
        lookback = read_duration("lookback", self.lookback)
        return (look_back(start, lookback) if start else None), end
