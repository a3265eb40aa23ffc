"""Where a task's payments go: to XCom, or to object storage with a manifest."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from airflow_provider_payments.exceptions import PaymentsConfigError, TooManyRecordsForXCom
from airflow_provider_payments.output.atomic_output import AtomicOutput, open_output
from airflow_provider_payments.output.formats import FORMATS, choose_format
from airflow_provider_payments.output.lineage import Lineage, emit_outlet_events
from airflow_provider_payments.output.location import StorageLocation, require_whole_names
from airflow_provider_payments.output.nul import NulFilter
from airflow_provider_payments.output.stats import PaymentStats
from airflow_provider_payments.times import format_time

if TYPE_CHECKING:
    from airflow_provider_payments._compat import Context
    from airflow_provider_payments.hooks.base import PaymentListing, PaymentsHook

_log = logging.getLogger(__name__)

#: Bytes of JSON that a task may push to XCom. Airflow keeps an XCom as one value of its metadata database, which
#: MySQL takes up to 4 MiB of where it is set up sparingly, and sends it whole to each task that pulls it and to whoever
#: looks at it. A thousand records of usual size have about a third of this.
MAX_XCOM_BYTES = 4 << 20


@dataclass
class Delivery:
    """Delivers the payments of one listing.

    :param output_path: None for XCom.
    :param replace_nul: whether files have U+FFFD for U+0000.
    :param outlets: of the task; their events carry the manifest.
    :param lineage: where the payments came from and where they went; None before they are delivered.
    """

    output_path: str | None
    file_format: str | None
    include_raw: bool
    max_xcom_records: int
    max_records_per_file: int | None
    replace_nul: bool = False
    outlets: Any = ()
    lineage: Lineage | None = field(default=None, init=False)

    def deliver(
        self,
        hook: PaymentsHook,
        list_payments: Callable[[], PaymentListing],
        window: tuple[datetime | None, datetime | None],
        context: Context,
    ) -> list[dict[str, Any]] | dict[str, Any]:
        """List payments and return what the task pushes to XCom: the records, or a manifest.

        :param list_payments: called when the output is known to be writable.
        :param window: first instant and first instant after it, for the manifest.
        :raises PaymentsConfigError: for a location or format that cannot be written, before any request to the API.
        :raises TooManyRecordsForXCom: naming ``output_path``; nothing is pushed.
        """
        self.check()
        if self.output_path is None:
            with list_payments() as payments:
                return self._to_xcom(hook, payments)
        return self._to_storage(hook, list_payments, window, context)

    def check(self) -> None:
        """Refuse what is wrong with the arguments, before anything is written.

        :raises PaymentsConfigError: for such a path, format or limit, and a missing connection or package.
        """
        url, limit = self.output_path, self.max_records_per_file
        if limit is not None and url is None:
            raise PaymentsConfigError(f"max_records_per_file ({limit}) needs an output_path.")
        if url is None:
            if self.file_format is not None:
                choose_format("", self.file_format)
            return
        if not url.strip() or (url.endswith("/") and limit is None):
            raise PaymentsConfigError(f"output_path must name a file, not a directory: {url!r}.")
        choose_format(url, self.file_format)
        location = StorageLocation.parse(url)
        require_whole_names(url, FORMATS)
        _ = location.fs

    def _to_xcom(self, hook: PaymentsHook, payments: PaymentListing) -> list[dict[str, Any]]:
        stats = PaymentStats()
        # XCom is JSON in Airflow's own database, which refuses U+0000 if it is PostgreSQL.
        nul = NulFilter(replaces=True, include_raw=self.include_raw)
        records: list[dict[str, Any]] = []
        size = 0
        for payment in chain.from_iterable(map(nul.apply, payments.pages)):
            if len(records) == self.max_xcom_records:
                raise _too_many(f"There are more than {self.max_xcom_records} payments (max_xcom_records).")
            records.append(payment.to_dict(include_raw=self.include_raw))
            size += len(json.dumps(records[-1]))  # as Airflow writes them: in ASCII, so that characters are bytes
            if size > MAX_XCOM_BYTES:
                raise _too_many(f"{len(records)} payments and more take over {MAX_XCOM_BYTES >> 20} MiB of JSON.")
            stats.add([payment])
        _log_warnings([*payments.report.warnings(), *stats.warnings(), *nul.warnings()], payments.report.notes)
        _log.info("%d payments to XCom", len(records))
        self._emit(Lineage(hook.base_address, None, len(records), None), hook)
        return records

    def _to_storage(
        self,
        hook: PaymentsHook,
        list_payments: Callable[[], PaymentListing],
        window: tuple[datetime | None, datetime | None],
        context: Context,
    ) -> dict[str, Any]:
        began = time.monotonic()
        url, limit = self.output_path or "", self.max_records_per_file
        file_format = choose_format(url, self.file_format)
        location = StorageLocation.parse(url)
        stats = PaymentStats()
        nul = NulFilter(replaces=self.replace_nul, include_raw=self.include_raw)
        with (
            open_output(location, file_format, include_raw=self.include_raw, records_per_file=limit) as output,
            list_payments() as payments,
        ):
            for page in map(nul.apply, payments.pages):
                stats.add(page)
                output.write(page)
            output.finish()
            manifest = {
                "path": url,
                "format": file_format.name,
                "records": stats.records,
                "bytes": output.size,
                "sha256": output.sha256,
                "provider": hook.conn_type,
                "connection_id": hook.payments_conn_id,
                "created_from": format_time(window[0]),
                "created_to": format_time(window[1]),
                "listed_at": format_time(payments.report.listed_at),
                **stats.summary(output.amounts_unfit),
                **payments.report.summary(),
                "warnings": [*payments.report.warnings(), *stats.warnings(), *nul.warnings(), *_unfit(output)],
                "requests": payments.report.requests,
                "seconds": round(time.monotonic() - began, 3),
            }
            if output.is_folder:
                manifest["parts"] = output.parts
            output.publish(manifest)
        _log_warnings(manifest["warnings"], payments.report.notes)
        _log.info("%d payments to %s", stats.records, url)
        emit_outlet_events(self.outlets, context, location, manifest)
        self._emit(Lineage(hook.base_address, location, stats.records, output.size), hook)
        return manifest

    def _emit(self, lineage: Lineage, hook: PaymentsHook) -> None:
        self.lineage = lineage
        lineage.emit_hook_lineage(hook)


def _too_many(trouble: str) -> TooManyRecordsForXCom:
    return TooManyRecordsForXCom(
        f"{trouble} That is too much for XCom. Give the operator an output_path, like "
        "'s3://my_conn@my-bucket/payments.jsonl.gz', or ask for fewer payments."
    )


def _unfit(output: AtomicOutput) -> list[str]:
    if not output.amounts_unfit:
        return []
    return [
        f"{output.amounts_unfit} payments have an amount with more digits than a column of this format holds; "
        "it is null there, and whole in 'raw' and the totals."
    ]


def _log_warnings(warnings: list[str], notes: list[str]) -> None:
    for warning in warnings:
        # What each run of an API says would hide what one of them says.
        _log.log(logging.INFO if warning in notes else logging.WARNING, warning)
