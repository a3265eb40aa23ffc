"""Wait conditions: what a sensor or trigger polls until it is met."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.hooks.base import PaymentListing, PaymentsHook
from airflow_provider_payments.http.retry import RetryPolicy
from airflow_provider_payments.listing.lookup import Lookup
from airflow_provider_payments.listing.report import ListingReport

#: A poll sends each request once: the next poll is its retry.
ONE_ATTEMPT = RetryPolicy(max_attempts=1)


class StillWaiting(Exception):
    """The poll found the wait finished, but listing the payments showed that it is not."""


class WaitCondition(Protocol):
    """What is waited for. It may keep what a poll found for the next one.

    :param report: the number of requests that the polls sent.
    """

    report: ListingReport

    def poll(self, api: PaymentsApi) -> Lookup[bool]:
        """Ask the API whether the condition is met, with as few requests as it permits.

        :raises PaymentsConfigError: when it can never be met, before any request.
        :raises PaymentFailed: when a payment has reached a failure status.
        """

    def describe(self) -> str:
        """Say what the last poll found, in a sentence for the log."""

    def list_payments(self, hook: PaymentsHook) -> PaymentListing:
        """List the payments that were waited for.

        :raises StillWaiting: while they are read, when the condition is not met after all.
        """

    @property
    def state(self) -> Mapping[str, Any]:
        """What another process needs to go on: some of the condition's arguments, as JSON, ids only."""
