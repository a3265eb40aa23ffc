"""The operator that gets payments by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_payments.argument_lists import ON_MISSING, read_names
from airflow_provider_payments.arguments import read_choice
from airflow_provider_payments.operators.base import DELIVERY_FIELDS, PaymentsTask
from airflow_provider_payments.query import parse_bound

if TYPE_CHECKING:
    from airflow_provider_payments._compat import Context


class GetPaymentsOperator(PaymentsTask):
    """Get payments that are named, as they are now, to XCom or to object storage.

    For payments that were listed before they had ended: the warehouse knows which, this tells what became of them.
    They are asked for side by side, within the limits of the connection, and delivered in the order of their ids as by
    :class:`~airflow_provider_payments.operators.list_payments.ListPaymentsOperator`. The manifest has ``missing``
    besides, how many of the ids the API knows no payment by, and the first hundred of these as ``missing_ids``.

    Ids are a list of texts; or what another task returned, like the rows with one column of a
    ``SQLExecuteQueryOperator``. An empty list is nothing to do: no request, and no payment. None is an error.

    :param payments_conn_id: the connection. (templated)
    :param payment_ids: ids of the payments. Not for HOT Pay, whose payments have none; expensive for PayPal, whose
        ledger is searched. (templated)
    :param order_ids: or the merchant's ids of orders, of which all payments are got. Where the API cannot be asked for
        an order, its list is read once for all of them. (templated)
    :param created_from: where payments have to be searched for, they are from here on, and older payments of an order
        do not count: an aware datetime of any class, or ISO 8601 text with a zone. It makes a search cheaper.
        (templated)
    :param on_missing: ``fail`` when the API knows no payment by some of the ids, once all were asked for; or ``report``
        them, and deliver the others. (templated)
    :param output_path: as in ``ListPaymentsOperator``, like ``file_format``, ``include_raw``, ``max_xcom_records``,
        ``max_records_per_file`` and ``replace_nul``. (templated)
    :raises PaymentsConfigError: for a bad argument, before the first request.
    :raises NamedPaymentNotFound: a ``PaymentNotFound`` that is not tried again; nothing is delivered.
    :raises TooManyRecordsForXCom: naming ``output_path``; nothing is pushed.
    """

    template_fields: Sequence[str] = (
        "payments_conn_id",
        "payment_ids",
        "order_ids",
        "created_from",
        "on_missing",
        *DELIVERY_FIELDS,
    )
    ui_color = "#d9ead3"

    def __init__(
        self,
        *,
        payments_conn_id: str,
        payment_ids: Sequence[Any] | str | None = None,
        order_ids: Sequence[Any] | str | None = None,
        created_from: datetime | str | None = None,
        on_missing: str = "fail",
        output_path: str | None = None,
        file_format: str | None = None,
        include_raw: bool | str = True,
        max_xcom_records: int | str = 1000,
        max_records_per_file: int | str | None = None,
        replace_nul: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.payments_conn_id = payments_conn_id
        self.payment_ids = payment_ids
        self.order_ids = order_ids
        self.created_from = created_from
        self.on_missing = on_missing
        self.output_path = output_path
        self.file_format = file_format
        self.include_raw = include_raw
        self.max_xcom_records = max_xcom_records
        self.max_records_per_file = max_records_per_file
        self.replace_nul = replace_nul

    def execute(self, context: Context) -> list[dict[str, Any]] | dict[str, Any]:
        """Get the payments."""
        payment_ids, order_ids = read_names(self.payment_ids, self.order_ids, takes_numbers=self.takes_numbers)
        created_from = parse_bound("created_from", self.created_from)
        get_payments = partial(
            self.hook.get_payments,
            payment_ids=payment_ids,
            order_ids=order_ids,
            created_from=created_from,
            on_missing=read_choice("on_missing", self.on_missing, ON_MISSING),
        )
        return self.deliver(get_payments, (created_from, None), context)
