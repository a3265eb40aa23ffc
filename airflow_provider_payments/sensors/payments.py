"""The sensors: wait until payments have reached a status, or until nothing is pending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_payments.arguments import read_flag
from airflow_provider_payments.operators.base import DELIVERY_FIELDS
from airflow_provider_payments.sensors.base import PaymentsSensor
from airflow_provider_payments.waiting.arguments import PendingArguments, StatusArguments

if TYPE_CHECKING:
    from airflow_provider_payments.triggers.polling import PollingTrigger
    from airflow_provider_payments.waiting.condition import WaitCondition


class PaymentStatusSensor(PaymentsSensor):
    """Wait until payments have reached a status.

    Named by their ids, or by the merchant's order ids. All must get there; one that cannot be found yet is waited for.
    Their records are pushed, to XCom or to object storage, as by
    :class:`~airflow_provider_payments.operators.list_payments.ListPaymentsOperator`.

    Where the API can be asked for an order, it is (HOT Pay's ``memo``, JFramework's ``Code``, Razorpay's own orders).
    Else orders are searched for among the latest 2,000 payments, and what was found is asked for by its id from then
    on. An order may have several payments: one that has succeeded decides; else the order is undecided while one is not
    final; else the latest decides. All of them are pushed: check amount and currency before you deliver goods, for in
    some APIs a payer can choose the reference.

    :param payments_conn_id: the connection. (templated)
    :param payment_ids: the payments to wait for: a list of ids, which are texts. Not for HOT Pay, whose payments have
        no ids. (templated)
    :param order_ids: or the orders to wait for. (templated)
    :param target_statuses: a list of normalised or provider statuses; None is any final status. (templated)
    :param failure_statuses: one of these fails the task at once, with ``PaymentFailed``. (templated)
    :param created_from: older payments of an order do not count: an aware datetime of any class, or ISO 8601 text with
        a zone. It makes a search cheaper. (templated)
    :param long_poll_seconds: how long the API may hold its reply until the status changes, so that the sensor learns
        of it at once: seconds, or a ``timedelta``. Satispay can (up to 60), when one payment id is waited for; for
        others it has no effect. (templated)
    :param output_path: as in ``ListPaymentsOperator``, like ``file_format``, ``include_raw``, ``max_xcom_records``,
        ``max_records_per_file`` and ``replace_nul``. (templated)
    :param max_poll_failures: failed polls in a row that are survived. (templated)
    :param deferrable: whether to wait in the triggerer; None is ``[operators] default_deferrable``.
    :param kwargs: of ``BaseSensorOperator``: ``poke_interval`` and ``timeout`` in seconds, ``mode``, ``soft_fail``.
    :raises PaymentsConfigError: for bad arguments or a bad connection, before the first request.
    :raises PaymentFailed: when a payment reaches a failure status.
    """

    arguments_type = StatusArguments
    template_fields: Sequence[str] = (
        "payments_conn_id",
        "payment_ids",
        "order_ids",
        "target_statuses",
        "failure_statuses",
        "created_from",
        "long_poll_seconds",
        "max_poll_failures",
        *DELIVERY_FIELDS,
    )

    def __init__(
        self,
        *,
        payment_ids: Sequence[str] | str = (),
        order_ids: Sequence[str] | str = (),
        target_statuses: Sequence[str] | str | None = None,
        failure_statuses: Sequence[str] | str = (),
        created_from: datetime | str | None = None,
        long_poll_seconds: float | timedelta | str = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.payment_ids = payment_ids
        self.order_ids = order_ids
        self.target_statuses = target_statuses
        self.failure_statuses = failure_statuses
        self.created_from = created_from
        self.long_poll_seconds = long_poll_seconds

    def build_condition(self, state: Mapping[str, Any]) -> WaitCondition:
        arguments = self.wait_arguments
        if read_flag("deferrable", self.deferrable):  # the triggerer is to wait for the reply, not the worker
            arguments = StatusArguments(**arguments.to_dict() | {"long_poll_seconds": 0.0})
        return arguments.build_condition(state)

    def build_trigger(self, **arguments: Any) -> PollingTrigger:
        from airflow_provider_payments.triggers.payments import PaymentStatusTrigger

        return PaymentStatusTrigger(**arguments)


class PendingPaymentsSensor(PaymentsSensor):
    """Wait until nothing in a window is pending, or until something is.

    ``until="settled"`` pushes the payments of the window, ``until="pending"`` those of them that are pending: to XCom
    or to object storage, as by
    :class:`~airflow_provider_payments.operators.list_payments.ListPaymentsOperator`.

    Waiting is cheap: one small request for each pending status where the API can filter. Before ``settled`` is
    believed, the window is listed once in full, and must show final payments only (and such as ``pending_statuses``
    leaves out): a payment that moved between two small requests, or whose status is unknown, keeps the
    sensor waiting.

    :param payments_conn_id: the connection. (templated)
    :param created_from: first instant of the window: an aware datetime of any class, or ISO 8601 text with a zone; None
        is unbounded. (templated)
    :param created_to: first instant after the window. Without it, new payments keep an active shop from ever being
        settled. (templated)
    :param filters: the API's own filter parameters. (templated)
    :param until: ``settled`` or ``pending``. (templated)
    :param pending_statuses: a list of those of ``pending``, ``processing`` and ``authorized`` that count as pending;
        None is all three. A payment that its payer has abandoned may stay ``pending`` for ever: where that happens,
        wait for ``["processing", "authorized"]``. (templated)
    :param output_path: as in ``ListPaymentsOperator``, like ``file_format``, ``include_raw``, ``max_xcom_records``,
        ``max_records_per_file`` and ``replace_nul``. (templated)
    :param max_poll_failures: failed polls in a row that are survived. (templated)
    :param deferrable: whether to wait in the triggerer; None is ``[operators] default_deferrable``.
    :param kwargs: of ``BaseSensorOperator``: ``poke_interval`` and ``timeout`` in seconds, ``mode``, ``soft_fail``.
    :raises PaymentsConfigError: for bad arguments or a bad connection, before the first request.
    """

    arguments_type = PendingArguments
    template_fields: Sequence[str] = (
        "payments_conn_id",
        "created_from",
        "created_to",
        "filters",
        "until",
        "pending_statuses",
        "max_poll_failures",
        *DELIVERY_FIELDS,
    )

    def __init__(
        self,
        *,
        created_from: datetime | str | None = None,
        created_to: datetime | str | None = None,
        filters: Mapping[str, object] | str | None = None,
        until: str = "settled",
        pending_statuses: Sequence[str] | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.created_from = created_from
        self.created_to = created_to
        self.filters = filters
        self.until = until
        self.pending_statuses = pending_statuses

    def build_trigger(self, **arguments: Any) -> PollingTrigger:
        from airflow_provider_payments.triggers.payments import PendingPaymentsTrigger

        return PendingPaymentsTrigger(**arguments)
