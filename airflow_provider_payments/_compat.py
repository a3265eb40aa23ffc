"""The Airflow names that moved between 2.11 and 3.x: the newest home first, one name per line.

Each name is looked up on its own, because the homes did not move together: 3.0 has ``airflow.sdk`` without
``BaseHook``, 3.1 has ``airflow.sdk.exceptions`` without ``AirflowFailException``.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import (
        Asset,
        AssetAlias,
        BaseHook,
        BaseOperator,
        BaseSensorOperator,
        Connection,
        Context,
        ObjectStoragePath,
        PokeReturnValue,
    )
    from airflow.sdk.configuration import conf
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowOptionalProviderFeatureException,
        AirflowSensorTimeout,
        AirflowSkipException,
    )
    from airflow.sdk.lineage import get_hook_lineage_collector
    from airflow.sdk.log import mask_secret
else:
    _HOMES = {
        "AirflowException": ("airflow.sdk.exceptions", "airflow.exceptions"),
        "AirflowFailException": ("airflow.sdk.exceptions", "airflow.exceptions"),
        "AirflowNotFoundException": ("airflow.sdk.exceptions", "airflow.exceptions"),
        "AirflowOptionalProviderFeatureException": ("airflow.sdk.exceptions", "airflow.exceptions"),
        "AirflowSensorTimeout": ("airflow.sdk.exceptions", "airflow.exceptions"),
        "AirflowSkipException": ("airflow.sdk.exceptions", "airflow.exceptions"),
        "Asset": ("airflow.sdk", "airflow.datasets:Dataset"),
        "AssetAlias": ("airflow.sdk", "airflow.datasets:DatasetAlias"),
        "BaseHook": ("airflow.sdk", "airflow.hooks.base"),
        "BaseOperator": ("airflow.sdk", "airflow.models.baseoperator"),
        "BaseSensorOperator": ("airflow.sdk", "airflow.sensors.base"),
        "Connection": ("airflow.sdk", "airflow.models.connection"),
        "Context": ("airflow.sdk", "airflow.utils.context"),
        "ObjectStoragePath": ("airflow.sdk", "airflow.io.path"),
        "PokeReturnValue": ("airflow.sdk", "airflow.sensors.base"),
        "conf": ("airflow.sdk.configuration", "airflow.configuration"),
        "get_hook_lineage_collector": ("airflow.sdk.lineage", "airflow.lineage.hook"),
        "mask_secret": (
            "airflow.sdk.log",
            "airflow.sdk.execution_time.secrets_masker",
            "airflow.utils.log.secrets_masker",
        ),
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


def is_hook_lineage_read() -> bool:
    """Whether a plugin reads what hooks tell of a task's lineage; true where Airflow does not say.

    Where none does, Airflow's collector drops what it is told. It had better not be made then: from 3.0 on, making it
    loads the packages of all asset types that are installed.
    """
    plugins: Any
    with suppress(ImportError, AttributeError):
        plugins = import_module("airflow.sdk.plugins_manager")
        return bool(plugins.get_hook_lineage_readers_plugins())
    with suppress(ImportError, AttributeError):  # before 3.2
        plugins = import_module("airflow.plugins_manager")
        plugins.initialize_hook_lineage_readers_plugins()
        return bool(plugins.hook_lineage_reader_classes)
    return True


def get_first_reschedule(context: Context) -> datetime | None:
    """Return when a task that reschedules itself first started; None while it has not yet."""
    task_instance: Any = context["ti"]
    if hasattr(task_instance, "get_first_reschedule_date"):
        found = task_instance.get_first_reschedule_date(context)
        if isinstance(found, str):
            # `dag.test()` of 3.0. Airflow's own part of the sensor asks the same, and would calculate with the text.
            found = datetime.fromisoformat(found.replace("Z", "+00:00"))
            vars(task_instance)["get_first_reschedule_date"] = lambda context: found
        return found  # type: ignore[no-any-return]
    find: Any = import_module("airflow.sensors.base")._orig_start_date  # 2.11
    first_try = (task_instance.max_tries or 0) - (task_instance.task.retries or 0) + 1
    keys = {name: getattr(task_instance, name) for name in ("dag_id", "task_id", "run_id", "map_index")}
    first: datetime | None = find(**keys, try_number=first_try)
    return first


__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowOptionalProviderFeatureException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "Asset",
    "AssetAlias",
    "BaseHook",
    "BaseOperator",
    "BaseSensorOperator",
    "Connection",
    "Context",
    "ObjectStoragePath",
    "PokeReturnValue",
    "conf",
    "get_first_reschedule",
    "get_hook_lineage_collector",
    "is_hook_lineage_read",
    "mask_secret",
]
