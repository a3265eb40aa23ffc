"""A wait: asked again and again until it is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from airflow_provider_payments.hooks.api import PaymentsApi
from airflow_provider_payments.hooks.base import PaymentListing, PaymentsHook
from airflow_provider_payments.hooks.inquiry import Inquiry
from airflow_provider_payments.hooks.report import ListingReport
from airflow_provider_payments.http.retry import RetryPolicy

#: A poll sends each request once: the next poll is its retry.
ONE_ATTEMPT = RetryPolicy(max_attempts=1)


class StillWaiting(Exception):
    """What looked over at the poll was not, when the payments were listed."""


class WaitCondition(Protocol):
    """What is waited for. It may remember between polls what the one before found, but need not.

    :param report: counts the requests of polls.
    """

    report: ListingReport

    def poll(self, api: PaymentsApi) -> Inquiry[bool]:
        """Ask whether it is over, as cheaply as the API permits.

        :raises PaymentsConfigError: when it can never be over, before any request.
        :raises PaymentFailed: when a payment has reached a failure status.
        """

    def describe(self) -> str:
        """Say what the last poll found, in a sentence for the log."""

    def list_payments(self, hook: PaymentsHook) -> PaymentListing:
        """List the payments that were waited for.

        :raises StillWaiting: while they are read, when it is not over after all.
        """

    @property
    def state(self) -> Mapping[str, Any]:
        """What another process needs to know to go on: arguments of the same wait, ids only."""
