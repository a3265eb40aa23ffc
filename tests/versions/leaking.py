"""A trigger that says in its log what it must not: so it shows who masks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_payments.triggers.client_pool import acquire_client


class LeakingTrigger(BaseTrigger):
    """Lists payments, so that the API issues a key where it does, and logs all secrets."""

    def __init__(self, payments_conn_id: str) -> None:
        super().__init__()
        self.payments_conn_id = payments_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.LeakingTrigger", {"payments_conn_id": self.payments_conn_id}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from airflow_provider_payments.hooks.listing_builders import build_listing
        from airflow_provider_payments.listing.lookup import Search
        from airflow_provider_payments.query import build_query

        async with acquire_client(self.payments_conn_id) as client:

            def list_all(api: Any) -> Any:
                return (
                    yield Search(
                        build_listing(api, build_query(known_provider_statuses=api.statuses)), lambda payment: True
                    )
                )

            found = await client.ask(list_all)
            self.log.warning("%d payments, and these leak: <%s>", len(found), "> <".join(client.api.secrets))
        yield TriggerEvent(self.payments_conn_id)
