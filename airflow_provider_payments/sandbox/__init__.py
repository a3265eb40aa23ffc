"""A local server that speaks every payment API, for examples and tests.

On the command line: ``python -m airflow_provider_payments.sandbox --port 8085``.
In a test: ``with Sandbox() as sandbox: ...`` (see :class:`Sandbox`).
"""

from __future__ import annotations

from airflow_provider_payments.sandbox.api import Answer, Api, Call, Row
from airflow_provider_payments.sandbox.faults import Faults
from airflow_provider_payments.sandbox.server import Sandbox

__all__ = ["Answer", "Api", "Call", "Faults", "Row", "Sandbox"]
