"""Errors of the trigger, as the sensor raises them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from airflow_provider_payments import exceptions
from airflow_provider_payments.exceptions import PaymentsError, PaymentsThrottled

_log = logging.getLogger(__name__)


def raise_failure(next_kwargs: Mapping[str, Any]) -> None:
    """Raise the error that the trigger failed with; return if Airflow says that it only timed out.

    :param next_kwargs: what Airflow passes to the task; the error is in it as the text of its traceback.
    """
    traceback, reason = next_kwargs.get("traceback"), str(next_kwargs.get("error", "unknown"))
    if not traceback:
        if "timeout" in reason.lower():
            return
        raise PaymentsError(f"The trigger failed: {reason}.")
    _log.error("The trigger failed:\n%s", "".join(traceback))
    name, _, message = traceback[-1].strip().partition(": ")
    module, _, name = name.rpartition(".")
    kind = getattr(exceptions, name, None) if module == exceptions.__name__ else None
    if isinstance(kind, type) and issubclass(kind, PaymentsError):
        raise kind(message)
    raise PaymentsError(f"The trigger failed: {traceback[-1].strip()}")


def find_retry_after(error: Exception) -> float:
    """Return how long the API asked to wait, in seconds."""
    return error.retry_after or 0.0 if isinstance(error, PaymentsThrottled) else 0.0
