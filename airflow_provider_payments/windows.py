"""Slices of a window, for tasks that list them side by side."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import pairwise

from airflow_provider_payments.arguments import read_duration, read_path, read_whole_number
from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.query import parse_bound, require_window

_EXAMPLE = "'s3://my_aws@my-bucket/payments/{slice}.jsonl.gz'"
#: Single braces: Jinja takes double ones, and would replace the word in them with nothing.
_PLACEHOLDER = re.compile(r"(?<!\{)\{slice\}(?!\})")


def slice_window(
    created_from: datetime | str,
    created_to: datetime | str,
    *,
    every: timedelta | str,
    output_path: str,
    max_slices: int = 1024,
) -> list[dict[str, str]]:
    """Cut a window into slices, each with an output object of its own, for dynamic task mapping.

    Return the arguments of one mapped task per slice, oldest first, for
    ``ListPaymentsOperator.partial(…).expand_kwargs(…)``::

        {
            "created_from": "2025-01-01T00:00:00Z",
            "created_to": "2025-01-08T00:00:00Z",
            "output_path": "s3://my_aws@my-bucket/payments/2025-01-01T000000Z.jsonl.gz",
        }

    Slices are half-open, as windows are. Each ends where the next one starts, so together they are exactly the window;
    the last one may be shorter. Borders are counted from ``created_from``, in UTC, and objects are named by the start
    of their slice. So the same window has the same objects each time, and one that only ends later changes none but the
    last, and adds to them.

    :param created_from: first instant of the window: an aware datetime of any class, or ISO 8601 text with a zone.
    :param created_to: first instant after the window.
    :param every: length of a slice: a ``timedelta``, or ISO 8601 text like ``P7D``. A day is 24 hours.
    :param output_path: URL for ``ListPaymentsOperator`` with ``{slice}`` in it, which becomes the start of the slice:
        ``2025-01-01T000000Z``, with microseconds where any slice can have them. The names sort by time. Anything else
        is left as it is, ``{{ ds }}`` too: the mapped task renders it.
    :param max_slices: more slices than this are an error. Airflow maps over at most ``[core] max_map_length``, which is
        1024 by default; raise both together.
    :raises PaymentsConfigError: for a window without both ends, or that is empty or reversed; for ``every`` that is not
        positive; for a path without ``{slice}``, to which all slices would write; and for too many slices.
    """
    start, end = parse_bound("created_from", created_from), parse_bound("created_to", created_to)
    if start is None or end is None:
        raise PaymentsConfigError("A window needs both ends to be cut into slices: give created_from and created_to.")
    require_window(start, end)
    every = read_duration("every", every, is_positive=True)
    output_path = read_path("output_path", output_path)
    max_slices = read_whole_number("max_slices", max_slices, minimum=1)
    if not _PLACEHOLDER.search(output_path):
        raise PaymentsConfigError(
            f"output_path={output_path!r} has no {{slice}}, so every slice would replace the object of the one before. "
            f"Write one like {_EXAMPLE}, and {{{{slice}}}} in an f-string."
        )
    number = -((start - end) // every)
    if number > max_slices:
        raise PaymentsConfigError(
            f"The window has {number} slices of {every}, which is more than {max_slices}. Take longer slices, or raise "
            "max_slices, and with it Airflow's [core] max_map_length, whose default is 1024."
        )
    borders = [*(start + count * every for count in range(number)), end]
    # Names of one length, or they would not sort by time.
    precision = "microseconds" if start.microsecond or every.microseconds else "seconds"
    return [
        {
            "created_from": _format(first),
            "created_to": _format(last),
            "output_path": _PLACEHOLDER.sub(_format(first, precision).replace(":", ""), output_path),
        }
        for first, last in pairwise(borders)
    ]


def _format(moment: datetime, precision: str = "auto") -> str:
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
