"""The operator that lists payments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.operators.base import PaymentsTask
from airflow_provider_payments.query import parse_bound, require_window

if TYPE_CHECKING:
    from airflow_provider_payments._compat import Context


class ListPaymentsOperator(PaymentsTask):
    """List the payments behind a connection, normalised, to XCom or to object storage.

    The connection's type says which payment company it is; nothing else here does.

    To XCom the task returns a list of records. To storage it writes one object, which appears whole or not at all and
    is the same when the task is retried, and returns a manifest: counts, totals, and whether the listing is
    ``complete``.

    :param payments_conn_id: the connection. (templated)
    :param created_from: first instant of the window: an aware datetime or ISO 8601 text with a zone; None is unbounded.
        It applies to the payment's creation, or to its completion where the API does not tell the creation (HOT Pay).
        (templated)
    :param created_to: first instant after the window. (templated)
    :param lookback: moves ``created_from`` back, to list payments again whose status may have changed late.
    :param statuses: normalised statuses (``succeeded``, ``pending``, …) or the API's own words; None for all.
        (templated)
    :param filters: the API's own filter parameters, like ``{"currency": "USDTTRC20"}``. (templated)
    :param output_path: ``ObjectStoragePath`` URL of the object to write: ``s3://conn@bucket/…/payments.parquet``, ``gs://``,
        ``abfs://``, ``file://``. None sends records to XCom. (templated)
    :param file_format: ``jsonl``, ``jsonl.gz``, ``csv``, ``csv.gz`` or ``parquet``; None takes it from the suffix of
        ``output_path``. (templated)
    :param include_raw: whether records carry the API's own object under ``raw``.
    :param max_xcom_records: more records than this are an error rather than an XCom.
    :param max_records_per_file: cuts a big load into parts: ``output_path`` becomes a folder of
        ``part-00000.parquet`` and so on, with a ``_manifest.json`` that is published last. None writes one object.
    :param replace_nul: whether files have U+FFFD for U+0000, which PostgreSQL refuses: in texts, and in ``raw``. XCom
        always has.
    :raises PaymentsConfigError: for a bad window, status, filter or path, before the first request.
    :raises TooManyRecordsForXCom: naming ``output_path``; nothing is pushed.
    """

    template_fields: Sequence[str] = (
        "payments_conn_id",
        "created_from",
        "created_to",
        "statuses",
        "filters",
        "output_path",
        "file_format",
    )
    ui_color = "#d9ead3"

    def __init__(
        self,
        *,
        payments_conn_id: str,
        created_from: datetime | str | None = None,
        created_to: datetime | str | None = None,
        lookback: timedelta = timedelta(0),
        statuses: Sequence[str] | None = None,
        filters: Mapping[str, object] | None = None,
        output_path: str | None = None,
        file_format: str | None = None,
        include_raw: bool = True,
        max_xcom_records: int = 1000,
        max_records_per_file: int | None = None,
        replace_nul: bool = False,
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
            self.hook.list_payments, created_from=start, created_to=end, statuses=self.statuses, filters=self.filters
        )
        return self.deliver(list_payments, (start, end), context)

    def _window(self) -> tuple[datetime | None, datetime | None]:
        start, end = parse_bound("created_from", self.created_from), parse_bound("created_to", self.created_to)
        require_window(start, end)
        if self.lookback < timedelta(0):
            raise PaymentsConfigError(f"lookback must not be negative, and is {self.lookback}.")
        return (start - self.lookback if start else None), end
