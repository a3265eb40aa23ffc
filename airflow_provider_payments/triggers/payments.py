"""The deferred halves of the sensors, and the trigger that watches for new payments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_payments._compat import AirflowOptionalProviderFeatureException
from airflow_provider_payments.texts import unpack
from airflow_provider_payments.times import parse_iso
from airflow_provider_payments.triggers.polling import PollingTrigger

if TYPE_CHECKING:
    from airflow_provider_payments.triggers.new_payments import NewPaymentsTrigger
    from airflow_provider_payments.waiting.wait import Wait

__all__ = ["NewPaymentsTrigger", "PaymentStatusTrigger", "PendingPaymentsTrigger"]


class PaymentStatusTrigger(PollingTrigger):
    """Waits until payments have reached a status; see
    :class:`~airflow_provider_payments.sensors.payments.PaymentStatusSensor`.

    :param payment_ids: the payments; or
    :param order_ids: the orders.
    :param created_from: ISO 8601 text; where the search for orders begins.
    :param long_poll_seconds: how long the API may hold its reply.
    :param known_ids: payments that the orders are known to have, by order.
    :param polling: the arguments of :class:`~airflow_provider_payments.triggers.polling.PollingTrigger`.
    """

    def __init__(
        self,
        *,
        payment_ids: Sequence[str] = (),
        order_ids: Sequence[str] = (),
        target_statuses: Sequence[str] | None = None,
        failure_statuses: Sequence[str] = (),
        created_from: str | None = None,
        long_poll_seconds: float = 0.0,
        known_ids: Mapping[str, Sequence[str]] | None = None,
        **polling: Any,
    ) -> None:
        super().__init__(**polling)
        self.payment_ids = unpack(payment_ids)
        self.order_ids = unpack(order_ids)
        self.target_statuses = unpack(target_statuses)
        self.failure_statuses = unpack(failure_statuses)
        self.created_from = created_from
        self.long_poll_seconds = long_poll_seconds
        self.known_ids = unpack(known_ids)

    @property
    def wait_arguments(self) -> dict[str, Any]:
        return {
            "payment_ids": list(self.payment_ids),
            "order_ids": list(self.order_ids),
            "target_statuses": None if self.target_statuses is None else list(self.target_statuses),
            "failure_statuses": list(self.failure_statuses),
            "created_from": self.created_from,
            "long_poll_seconds": self.long_poll_seconds,
            "known_ids": {name: list(ids) for name, ids in (self.known_ids or {}).items()},
        }

    @property
    def is_held(self) -> bool:
        return self.long_poll_seconds > 0 and len(self.payment_ids) == 1

    def build_wait(self) -> Wait:
        from airflow_provider_payments.waiting.status import StatusWait

        return StatusWait(
            payment_ids=self.payment_ids,
            order_ids=self.order_ids,
            target_statuses=self.target_statuses,
            failure_statuses=self.failure_statuses,
            created_from=parse_iso(self.created_from) if self.created_from else None,
            hold_seconds=self.long_poll_seconds,
            known_ids=self.known_ids or {},
        )


class PendingPaymentsTrigger(PollingTrigger):
    """Waits until nothing in a window seems pending, or something is; see
    :class:`~airflow_provider_payments.sensors.payments.PendingPaymentsSensor`.

    :param created_from: ISO 8601 text.
    :param created_to: ISO 8601 text.
    :param unsettled_id: a payment of the window that is known not to be final.
    :param polling: the arguments of :class:`~airflow_provider_payments.triggers.polling.PollingTrigger`.
    """

    def __init__(
        self,
        *,
        created_from: str | None = None,
        created_to: str | None = None,
        filters: Mapping[str, object] | None = None,
        until: str = "settled",
        unsettled_id: str | None = None,
        **polling: Any,
    ) -> None:
        super().__init__(**polling)
        self.created_from = created_from
        self.created_to = created_to
        self.filters = unpack(filters)
        self.until = until
        self.unsettled_id = unpack(unsettled_id)

    @property
    def wait_arguments(self) -> dict[str, Any]:
        return {
            "created_from": self.created_from,
            "created_to": self.created_to,
            "filters": None if self.filters is None else dict(self.filters),
            "until": self.until,
            "unsettled_id": self.unsettled_id,
        }

    def build_wait(self) -> Wait:
        from airflow_provider_payments.waiting.pending import PendingWait

        return PendingWait(**self.wait_arguments)


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
