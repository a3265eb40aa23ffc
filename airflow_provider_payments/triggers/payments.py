"""The deferred halves of the sensors, and the trigger that watches for new payments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_payments._compat import AirflowOptionalProviderFeatureException
from airflow_provider_payments.triggers.polling import PollingTrigger
from airflow_provider_payments.waiting.arguments import PendingArguments, StatusArguments

if TYPE_CHECKING:
    from airflow_provider_payments.triggers.new_payments import NewPaymentsTrigger

__all__ = ["NewPaymentsTrigger", "PaymentStatusTrigger", "PendingPaymentsTrigger"]


class PaymentStatusTrigger(PollingTrigger):
    """Waits until payments have reached a status; see
    :class:`~airflow_provider_payments.sensors.payments.PaymentStatusSensor`.

    Its arguments are those of :class:`~airflow_provider_payments.waiting.arguments.StatusArguments`, and of
    :class:`~airflow_provider_payments.triggers.polling.PollingTrigger`.
    """

    arguments_type = StatusArguments


class PendingPaymentsTrigger(PollingTrigger):
    """Waits until nothing in a window seems pending, or something is; see
    :class:`~airflow_provider_payments.sensors.payments.PendingPaymentsSensor`.

    Its arguments are those of :class:`~airflow_provider_payments.waiting.arguments.PendingArguments`, and of
    :class:`~airflow_provider_payments.triggers.polling.PollingTrigger`.
    """

    arguments_type = PendingArguments


def __getattr__(name: str) -> Any:
    if name != "NewPaymentsTrigger":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from airflow.triggers import base

    if not hasattr(base, "BaseEventTrigger"):
        raise AirflowOptionalProviderFeatureException(
            "NewPaymentsTrigger needs Airflow 3, for Airflow 2 cannot watch assets. Schedule a DAG that lists the "
            "payments of its interval instead, as example_list_payments does."
        )
    from airflow_provider_payments.triggers.new_payments import NewPaymentsTrigger

    return NewPaymentsTrigger
