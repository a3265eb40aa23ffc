"""A page about outputs: :func:`payments_report`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

from airflow_provider_payments.report.newest import keep_newest
from airflow_provider_payments.report.outputs import find_outputs
from airflow_provider_payments.report.page import render_page
from airflow_provider_payments.report.rows import read_rows
from airflow_provider_payments.report.summary import ReportSummary

__all__ = ["payments_report"]


def payments_report(
    paths: str | PathLike[str] | Iterable[str | PathLike[str]] = (),
    *,
    manifests: Mapping[str, Any] | Iterable[Mapping[str, Any]] = (),
) -> str:
    """Return a page of HTML about payments that were written: one file, which needs neither network nor JavaScript.

    For each connection it has counts by status, exact totals by currency, payments and amounts by day, what is still
    on its way and since when, and what the manifests doubt or warn of. Of a payment that is in several outputs, the row
    that was listed last counts. Neither payers nor descriptions are read. The same input gives the same page.

    Memory stays the same however many payments there are; they are sorted in Python's temporary folder.

    :param paths: outputs, or one, in any of the formats: URLs as in ``output_path``, paths of this machine, or both. Of
        a folder with ``_manifest.json``, the parts that it lists; of any other folder, the outputs in it and below.
    :param manifests: what tasks with an ``output_path`` return, or one of them. Their outputs are read whether they are
        in ``paths`` or not. An output of one file has no other manifest, and without it nobody knows whether it is
        complete.
    :raises PaymentsConfigError: when there is nothing at a path, or what is there is no output.
    """
    outputs = find_outputs(
        [paths] if isinstance(paths, str | PathLike) else paths,
        [manifests] if isinstance(manifests, Mapping) else manifests,
    )
    summary = ReportSummary()
    for row, older in keep_newest(row for output in outputs for row in read_rows(output)):
        summary.add(row, older)
    for output in outputs:
        summary.add_output(output)
    return render_page(summary)
