"""Payments of any supported payment company, listed by Apache Airflow into one schema."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("airflow-provider-payments")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"
