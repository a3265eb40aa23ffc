"""What is read of an Airflow connection, whichever version of Airflow it is of."""

from __future__ import annotations

from typing import Any, Protocol


class Connection(Protocol):
    """An Airflow connection. Its fields are as Airflow's form has them."""

    conn_id: Any
    conn_type: Any
    host: Any
    login: Any
    schema: Any
    port: Any

    @property
    def password(self) -> Any:
        """The password, decrypted."""

    @property
    def extra(self) -> Any:
        """The extra, as JSON text."""
