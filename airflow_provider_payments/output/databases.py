"""Connections to SQL databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_payments._compat import AirflowException, AirflowNotFoundException, BaseHook
from airflow_provider_payments.arguments import missing_connection, read_conn_id
from airflow_provider_payments.exceptions import PaymentsConfigError

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook


def find_database(conn_id: str, argument: str = "database") -> DbApiHook:
    """Return the hook of a connection to a SQL database. Nothing is opened.

    :param argument: that names the connection, for errors.
    :raises PaymentsConfigError: when there is none, or Airflow's provider for it is not installed.
    """
    try:
        from airflow.providers.common.sql.hooks.sql import DbApiHook
    except ImportError as error:
        raise PaymentsConfigError(
            f"A database needs Airflow's provider for SQL: {error}. "
            "Install it: pip install apache-airflow-providers-common-sql"
        ) from None
    try:
        connection = BaseHook.get_connection(read_conn_id(argument, conn_id))
    except AirflowNotFoundException:
        raise missing_connection(argument, conn_id) from None
    try:
        hook: Any = connection.get_hook()  # type: ignore[no-untyped-call]
    except (AirflowException, ImportError) as error:
        raise PaymentsConfigError(
            f"Connection {conn_id!r} is of type {connection.conn_type!r}, and Airflow has no hook for it: {error}. "
            "Install the provider of your database, like apache-airflow-providers-postgres."
        ) from None
    if not isinstance(hook, DbApiHook):
        raise PaymentsConfigError(
            f"Connection {conn_id!r} is of no SQL database's type; its hook is {type(hook).__name__}. "
            "Choose one that Airflow's SQL operators take."
        )
    return hook
