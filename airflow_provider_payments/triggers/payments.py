"""The deferred halves of the sensors, and the trigger that watches for new payments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_payments._compat import AirflowOptionalProviderFeatureException
from airflow_provider_payments.argument_lists import read_filters, read_id, read_ids, read_known_ids, read_statuses
from airflow_provider_payments.arguments import optional, read_seconds, read_text
from airflow_provider_payments.query import parse_bound
from airflow_provider_payments.texts import unpack
from airflow_provider_payments.times import format_time
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
    :param created_from: where the search for orders begins: an aware datetime of any class, or ISO 8601 text.
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
        created_from: datetime | str | None = None,
        long_poll_seconds: float = 0.0,
        known_ids: Mapping[str, Sequence[str]] | None = None,
        **polling: Any,
    ) -> None:
        super().__init__(**polling)
        self.payment_ids = read_ids("payment_ids", unpack(payment_ids))
        self.order_ids = read_ids("order_ids", unpack(order_ids))
        self.target_statuses = optional(read_statuses, "target_statuses", unpack(target_statuses))
        self.failure_statuses = optional(read_statuses, "failure_statuses", unpack(failure_statuses)) or []
        self.created_from = format_time(parse_bound("created_from", created_from))
        self.long_poll_seconds = read_seconds("long_poll_seconds", long_poll_seconds)
        self.known_ids = read_known_ids(unpack(known_ids))

    @property
    def wait_arguments(self) -> dict[str, Any]:
        return {
            "payment_ids": self.payment_ids,
            "order_ids": self.order_ids,
            "target_statuses": self.target_statuses,
            "failure_statuses": self.failure_statuses,
            "created_from": self.created_from,
            "long_poll_seconds": self.long_poll_seconds,
            "known_ids": self.known_ids,
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
            created_from=parse_bound("created_from", self.created_from),
            hold_seconds=self.long_poll_seconds,
            known_ids=self.known_ids,
        )


class PendingPaymentsTrigger(PollingTrigger):
    """Waits until nothing in a window seems pending, or something is; see
    :class:`~airflow_provider_payments.sensors.payments.PendingPaymentsSensor`.

    :param created_from: an aware datetime of any class, or ISO 8601 text.
    :param created_to: the same.
    :param unsettled_id: a payment of the window that is known not to be final.
    :param polling: the arguments of :class:`~airflow_provider_payments.triggers.polling.PollingTrigger`.
    """

    def __init__(
        self,
        *,
        created_from: datetime | str | None = None,
        created_to: datetime | str | None = None,
        filters: Mapping[str, object] | None = None,
        until: str = "settled",
        unsettled_id: str | None = None,
        **polling: Any,
    ) -> None:
        super().__init__(**polling)
        self.created_from = format_time(parse_bound("created_from", created_from))
        self.created_to = format_time(parse_bound("created_to", created_to))
        self.filters = optional(read_filters, "filters", unpack(filters))
        self.until = read_text("until", until, "until='settled'")
        self.unsettled_id = optional(read_id, "unsettled_id is", unpack(unsettled_id))

    @property
    def wait_arguments(self) -> dict[str, Any]:
        return {
            "created_from": self.created_from,
            "created_to": self.created_to,
            "filters": self.filters,
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
