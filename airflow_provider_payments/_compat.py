"""The Airflow names that moved between 2.11 and 3.x: the newest home first, one name per line.

Each name is looked up on its own, because the homes did not move together: 3.0 has ``airflow.sdk`` without
``BaseHook``, 3.1 has ``airflow.sdk.exceptions`` without ``AirflowFailException``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Asset, AssetAlias, BaseHook, BaseOperator, Connection, Context, ObjectStoragePath
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowOptionalProviderFeatureException,
    )
    from airflow.sdk.lineage import get_hook_lineage_collector
else:
    _HOMES = {
        "AirflowException": ("airflow.sdk.exceptions", "airflow.exceptions"),
        "AirflowFailException": ("airflow.sdk.exceptions", "airflow.exceptions"),
        "AirflowNotFoundException": ("airflow.sdk.exceptions", "airflow.exceptions"),
        "AirflowOptionalProviderFeatureException": ("airflow.sdk.exceptions", "airflow.exceptions"),
        "Asset": ("airflow.sdk", "airflow.datasets:Dataset"),
        "AssetAlias": ("airflow.sdk", "airflow.datasets:DatasetAlias"),
        "BaseHook": ("airflow.sdk", "airflow.hooks.base"),
        "BaseOperator": ("airflow.sdk", "airflow.models.baseoperator"),
        "Connection": ("airflow.sdk", "airflow.models.connection"),
        "Context": ("airflow.sdk", "airflow.utils.context"),
        "ObjectStoragePath": ("airflow.sdk", "airflow.io.path"),
        "get_hook_lineage_collector": ("airflow.sdk.lineage", "airflow.lineage.hook"),
    }

    def __getattr__(name: str) -> Any:
        for home in _HOMES.get(name, ()):
            module, _, old_name = home.partition(":")
            try:
                value = getattr(import_module(module), old_name or name)
            except (ImportError, AttributeError):
                continue
            globals()[name] = value
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


async def get_connection_async(conn_id: str) -> Connection:
    """Return a connection without blocking the event loop (``BaseHook.aget_connection`` exists from Airflow 3.1 on)."""
    from airflow_provider_payments._compat import BaseHook

    if hasattr(BaseHook, "aget_connection"):
        return await BaseHook.aget_connection(conn_id)
    from asgiref.sync import sync_to_async

    return await sync_to_async(BaseHook.get_connection)(conn_id)


__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowOptionalProviderFeatureException",
    "Asset",
    "AssetAlias",
    "BaseHook",
    "BaseOperator",
    "Connection",
    "Context",
    "ObjectStoragePath",
    "get_connection_async",
    "get_hook_lineage_collector",
]
