"""The operator that lists payments."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_payments._compat import BaseHook, BaseOperator
from airflow_provider_payments.exceptions import PaymentsConfigError, TooManyRecordsForXCom
from airflow_provider_payments.query import parse_bound, require_window
from airflow_provider_payments.times import format_time

if TYPE_CHECKING:
    from airflow_provider_payments._compat import Context
    from airflow_provider_payments.hooks.base import PaymentListing, PaymentsHook


class ListPaymentsOperator(BaseOperator):
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
    :param output_path: ``ObjectStoragePath`` URL of the object to write: ``s3://conn@bucket/…/payments.jsonl.gz``, ``gs://``,
        ``abfs://``, ``file://``. None sends records to XCom. (templated)
    :param file_format: ``jsonl`` or ``jsonl.gz``; None takes it from the suffix of ``output_path``. (templated)
    :param include_raw: whether records carry the API's own object under ``raw``.
    :param max_xcom_records: more records than this are an error rather than an XCom.
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

    @cached_property
    def hook(self) -> PaymentsHook:
        """The hook that the connection's type names."""
        from airflow_provider_payments.hooks.base import PaymentsHook

        hook = BaseHook.get_hook(self.payments_conn_id)
        if not isinstance(hook, PaymentsHook):
            raise PaymentsConfigError(
                f"Connection {self.payments_conn_id!r} is not of a payment company's type; its hook is "
                f"{type(hook).__name__}. Choose the type of your payment company in the connection."
            )
        return hook

    def execute(self, context: Context) -> list[dict[str, Any]] | dict[str, Any]:
        """List the payments."""
        start, end = self._window()
        if self.output_path is None:
            return self._list_to_xcom(self._list(start, end))
        return self._list_to_storage(start, end)

    def _window(self) -> tuple[datetime | None, datetime | None]:
        start, end = parse_bound("created_from", self.created_from), parse_bound("created_to", self.created_to)
        require_window(start, end)
        if self.lookback < timedelta(0):
            raise PaymentsConfigError(f"lookback must not be negative, and is {self.lookback}.")
        return (start - self.lookback if start else None), end

    def _list(self, start: datetime | None, end: datetime | None) -> PaymentListing:
        return self.hook.list_payments(created_from=start, created_to=end, statuses=self.statuses, filters=self.filters)

    def _list_to_xcom(self, payments: PaymentListing) -> list[dict[str, Any]]:
        from airflow_provider_payments.output.manifest import Tally

        tally = Tally()
        counted = tally.count(islice(payments, self.max_xcom_records + 1))
        records = [payment.to_dict(include_raw=self.include_raw) for payment in counted]
        if len(records) > self.max_xcom_records:
            raise TooManyRecordsForXCom(
                f"There are more than {self.max_xcom_records} payments (max_xcom_records). Give the operator an "
                "output_path, like 's3://my_conn@my-bucket/payments.jsonl.gz', or a smaller window."
            )
        for warning in (*payments.report.doubts, *tally.warnings()):
            self.log.warning(warning)
        self.log.info("%d payments to XCom", len(records))
        return records

    def _list_to_storage(self, start: datetime | None, end: datetime | None) -> dict[str, Any]:
        from airflow_provider_payments.output.files import choose_format
        from airflow_provider_payments.output.manifest import Tally
        from airflow_provider_payments.output.storage import open_target, publish

        began = time.monotonic()
        file_format = choose_format(self.output_path or "", self.file_format)
        target = open_target(self.output_path or "")
        payments = self._list(start, end)
        tally = Tally()
        written = publish(target, file_format, tally.count(payments), include_raw=self.include_raw)
        manifest = {
            "path": str(self.output_path),
            "format": file_format.name,
            "records": tally.records,
            "bytes": written.bytes,
            "sha256": written.sha256,
            "provider": self.hook.conn_type,
            "connection_id": self.payments_conn_id,
            "created_from": format_time(start),
            "created_to": format_time(end),
            **tally.summary(),
            "duplicates_dropped": payments.report.duplicates_dropped,
            "complete": payments.report.is_complete,
            "warnings": [*payments.report.doubts, *tally.warnings()],
            "requests": payments.report.requests,
            "seconds": round(time.monotonic() - began, 3),
        }
        for warning in manifest["warnings"]:
            self.log.warning(warning)
        self.log.info("%d payments to %s", tally.records, self.output_path)
        return manifest
