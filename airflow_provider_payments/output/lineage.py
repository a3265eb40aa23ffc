"""What was read and written, told to Airflow: asset events, hook lineage, OpenLineage."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_payments.output.location import StorageLocation

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_payments._compat import Context
    from airflow_provider_payments.hooks.base import PaymentsHook

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lineage:
    """Where a task's payments came from, and where they went.

    :param base_url: of the payment API.
    :param location: None for XCom.
    """

    base_url: str
    location: StorageLocation | None
    records: int
    bytes: int | None

    @property
    def source_uri(self) -> str:
        """The payments of an API, as an asset's URI."""
        return f"{self.base_url}/payments"

    def as_openlineage(self) -> OperatorLineage[Any, Any]:
        """Return it as OpenLineage's objects. Needs Airflow's OpenLineage provider."""
        from airflow.providers.common.compat.openlineage.facet import (
            InputDataset,
            OutputDataset,
            OutputStatisticsOutputDatasetFacet,
        )
        from airflow.providers.openlineage.extractors import OperatorLineage

        url = urlsplit(self.source_uri)
        source = InputDataset(namespace=f"{url.scheme}://{url.netloc}", name=url.path.lstrip("/"))
        if self.location is None:
            return OperatorLineage(inputs=[source])
        namespace, name = self.location.dataset
        counts = OutputStatisticsOutputDatasetFacet(rowCount=self.records, size=self.bytes)
        target = OutputDataset(namespace=namespace, name=name, outputFacets={"outputStatistics": counts})
        return OperatorLineage(inputs=[source], outputs=[target])

    def emit_hook_lineage(self, hook: PaymentsHook) -> None:
        """Add both ends to the task's hook lineage. What goes wrong there does not undo what was written."""
        from airflow_provider_payments import _compat

        try:
            if not _compat.is_hook_lineage_read():
                return
            collector = _compat.get_hook_lineage_collector()
            # 2.11's collector calls an asset a dataset.
            kind = "asset" if hasattr(collector, "add_input_asset") else "dataset"
            getattr(collector, f"add_input_{kind}")(context=hook, uri=self.source_uri)
            if self.location is not None:
                getattr(collector, f"add_output_{kind}")(context=hook, uri=self.location.uri)
        except Exception:
            _log.warning("Could not register the lineage of this task", exc_info=True)


def emit_outlet_events(outlets: Any, context: Context, location: StorageLocation, manifest: Mapping[str, Any]) -> None:
    """Let the events of a task's outlets carry what its manifest says.

    An asset's event gets it as ``extra``. An alias gets an event for the asset that the output's URI names; on Airflow
    2.11 lists and objects are JSON text there, for it fails on others.
    """
    from airflow_provider_payments._compat import Asset, AssetAlias

    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            extra = _flat(manifest) if Asset.__name__ == "Dataset" else dict(manifest)
            context["outlet_events"][outlet].add(Asset(uri=location.uri), extra=extra)
        elif isinstance(outlet, Asset):
            context["outlet_events"][outlet].extra.update(manifest)


def _flat(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {key: json.dumps(value) if isinstance(value, dict | list) else value for key, value in manifest.items()}
