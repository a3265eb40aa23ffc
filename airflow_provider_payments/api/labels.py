"""What a connection's fields are called in its form, for messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow_provider_payments.get_provider_info import get_provider_info


def name_fields(conn_type: str, fields: Iterable[str]) -> str:
    """Return fields as the form calls them, in a row: ``'Client id' and 'Client secret'``.

    :param fields: ``host``, ``login``, ``password``, or keys of extra. One that the form lacks keeps its own name.
    """
    types = (each for each in get_provider_info()["connection-types"] if each["connection-type"] == conn_type)
    form: dict[str, Any] = next(types, {"ui-field-behaviour": {"relabeling": {}}, "conn-fields": {}})
    labels = {"host": "Host", "login": "Login", "password": "Password"}  # as Airflow calls them
    labels |= {name: field["label"] for name, field in form["conn-fields"].items()}
    labels |= form["ui-field-behaviour"]["relabeling"]
    *others, last = (repr(labels.get(name, name)) for name in fields)
    return f"{', '.join(others)} and {last}" if others else last
