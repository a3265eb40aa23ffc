"""What the operator and the sensors share: a hook, and the delivery of payments to XCom or to object storage."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_payments._compat import AirflowException, AirflowNotFoundException, BaseHook, BaseOperator
from airflow_provider_payments.arguments import (
    missing_connection,
    optional,
    read_conn_id,
    read_flag,
    read_path,
    read_text,
    read_whole_number,
)
from airflow_provider_payments.exceptions import PaymentsConfigError, PaymentsError
from airflow_provider_payments.get_provider_info import get_provider_info

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_payments._compat import Context
    from airflow_provider_payments.hooks.base import PaymentListing, PaymentsHook
    from airflow_provider_payments.output.delivery import Delivery
    from airflow_provider_payments.output.lineage import Lineage


#: Templated arguments that say where payments go, and how.
DELIVERY_FIELDS = (
    "output_path",
    "file_format",
    "include_raw",
    "max_xcom_records",
    "max_records_per_file",
    "replace_nul",
)


class PaymentsTask(BaseOperator):
    """A task that reads a payment connection and delivers what it finds.

    Arguments are kept as they are given, for templates in them are yet to be rendered, and read when the task runs.

    :param payments_conn_id: the connection.
    :param output_path: None sends records to XCom.
    """

    payments_conn_id: str
    output_path: str | None
    file_format: str | None
    include_raw: bool | str
    max_xcom_records: int | str
    max_records_per_file: int | str | None
    replace_nul: bool | str
    _delivery: Delivery | None = None
    _lineage: Lineage | None = None
    _is_at_work = False

    @property
    def conn_id(self) -> str:
        """The id of the connection."""
        return read_conn_id("payments_conn_id", self.payments_conn_id)

    @property
    def takes_numbers(self) -> bool:
        """Whether a number among ids and filters may be taken for its digits.

        Not where templates are rendered natively, which makes the number 31 of the text ``0x1F``.
        """
        # From Airflow 3.3 on, a task may differ from its DAG.
        is_native: bool | None = getattr(self, "render_template_as_native_obj", None)
        if is_native is None:
            dag = self.get_dag()
            is_native = dag is not None and dag.render_template_as_native_obj
        return not is_native

    @cached_property
    def hook(self) -> PaymentsHook:
        """The hook that the connection's type names."""
        from airflow_provider_payments.hooks.base import PaymentsHook

        try:
            connection = BaseHook.get_connection(self.conn_id)
            hook: Any = connection.get_hook()  # type: ignore[no-untyped-call]
        except AirflowNotFoundException:
            raise missing_connection("payments_conn_id", self.conn_id) from None
        except AirflowException as error:
            if isinstance(error, PaymentsError):
                raise
            types = ", ".join(each["connection-type"] for each in get_provider_info()["connection-types"])
            raise PaymentsConfigError(
                f"Connection {self.conn_id!r} has the type {connection.conn_type!r}, for which Airflow has no hook "
                f"({error}). Write the type of your payment company as it is here: {types}."
            ) from None
        if not isinstance(hook, PaymentsHook):
            raise PaymentsConfigError(
                f"Connection {self.conn_id!r} is not of a payment company's type; its hook is "
                f"{type(hook).__name__}. Choose the type of your payment company in the connection."
            )
        hook.use_connection(connection)
        return hook

    def build_delivery(self) -> Delivery:
        """Return the way to where the payments go.

        :raises PaymentsConfigError: for an argument that cannot be read.
        """
        from airflow_provider_payments.output.delivery import Delivery

        return Delivery(
            output_path=optional(read_path, "output_path", self.output_path),
            file_format=optional(read_text, "file_format", self.file_format, "file_format='jsonl.gz'"),
            include_raw=read_flag("include_raw", self.include_raw),
            replace_nul=read_flag("replace_nul", self.replace_nul),
            max_xcom_records=read_whole_number("max_xcom_records", self.max_xcom_records, minimum=1),
            max_records_per_file=optional(
                read_whole_number, "max_records_per_file", self.max_records_per_file, minimum=1
            ),
            outlets=self.outlets,
        )

    def deliver(
        self,
        list_payments: Callable[[], PaymentListing],
        window: tuple[datetime | None, datetime | None],
        context: Context,
    ) -> list[dict[str, Any]] | dict[str, Any]:
        """Deliver the payments of a listing, and return what goes to XCom: the records, or a manifest."""
        self._delivery = self.build_delivery()
        self._is_at_work = True
        try:
            return self._delivery.deliver(self.hook, list_payments, window, context)
        finally:
            self._is_at_work = False

    def on_kill(self) -> None:
        """Stop, so that what is unfinished is removed. Airflow 3 would go on until it kills the process."""
        if self._is_at_work:  # Airflow also calls this after a timeout, when work has ended
            self._is_at_work = False  # a second signal is not to disturb the clean-up
            raise SystemExit(f"Task {self.task_id} was told to stop.")

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Tell OpenLineage the API that was read and the object that was written."""
        lineage = self._delivery.lineage if self._delivery else self._lineage
        return lineage.as_openlineage() if lineage else None
