"""Load payments of every API, from a local sandbox, through a real Airflow DAG run, and show what was loaded.

``make demo`` runs this. ``make demo-ui`` runs it with ``--ui``: the same sandbox behind a real Airflow UI.
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import demo_ui
from local_sandbox import ROOT, running_sandbox

OUTPUT = ROOT / "output"
REPORT = OUTPUT / "report.html"


def configure_airflow() -> None:
    """Settings of the demo's own Airflow. Before anything imports Airflow."""
    os.environ.update(
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "example_dags"),
        AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
    )
    Path(os.environ["AIRFLOW_HOME"]).mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, stdout=subprocess.DEVNULL)


def run_example() -> None:
    """Run the example DAG that lists all connections, and then make a page of what it returns."""
    from airflow.sdk import task

    from airflow_provider_payments.report import payments_report

    example = runpy.run_path(str(ROOT / "example_dags" / "example_list_payments_of_all_connections.py"))

    @task
    def write_report(manifests: Any) -> None:
        REPORT.write_text(payments_report(manifests=manifests[:]), encoding="utf-8")

    with example["dag"]:
        write_report(example["listed"].output)
    run = example["dag"].test(run_conf={"output": OUTPUT.as_uri()})
    if run.state != "success":
        raise SystemExit(f"The DAG run ended as {run.state!r}; its log is above.")


def describe(path: Path) -> list[str]:
    """Return a row of the table: what one file holds."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    statuses = Counter(record["status"] for record in records)
    totals: dict[str, Decimal] = {}
    unknown = 0
    for record in records:
        if record["amount"] is None:
            unknown += 1
        elif record["status"] == "succeeded":
            currency, amount = record["currency"], Decimal(record["amount"])
            net = -amount if record["kind"] == "refund" else amount - Decimal(record["refunded_amount"] or 0)
            totals[currency] = totals.get(currency, Decimal(0)) + net
    shown = [f"{amount:f} {currency}" for currency, amount in sorted(totals.items())]
    shown += [f"{unknown} without a known amount"] * bool(unknown)
    return [
        records[0]["provider"],
        str(len(records)),
        ", ".join(f"{number} {status}" for status, number in statuses.most_common()),
        "\n".join(shown),
    ]


def print_table(rows: list[list[str]]) -> None:
    """Print rows whose last cell may have several lines."""
    head = ["provider", "payments", "statuses", "net of refunds, exact"]
    widths = [max(len(line) for row in [head, *rows] for line in row[i].splitlines() or [""]) for i in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        cells = [cell.splitlines() or [""] for cell in row]
        for i in range(max(map(len, cells))):
            line = [(cell[i] if i < len(cell) else "").ljust(width) for cell, width in zip(cells, widths, strict=True)]
            print("  ".join(line).rstrip())


def main() -> int:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ui", action="store_true", help="serve a real Airflow UI instead of running one DAG")
    parser.add_argument("--port", type=int, default=8085, help="of the sandbox (default: %(default)s)")
    parser.add_argument("--ui-port", type=int, default=8080, help="of the UI (default: %(default)s)")
    parser.add_argument("--payments", type=int, default=200, help="of each API (default: %(default)s)")
    arguments = parser.parse_args()
    options = ["--port", str(arguments.port), "--payments", str(arguments.payments)]
    if arguments.ui:
        return demo_ui.run(arguments.ui_port, options)
    configure_airflow()
    with running_sandbox(sys.executable, *options) as connections:
        os.environ.update(connections)
        run_example()
    files = sorted(OUTPUT.glob("*.jsonl"))
    print()
    print_table([describe(path) for path in files])
    print("\nEvery line of these files is one payment:")
    for path in files:
        print(f"  {path.relative_to(ROOT)}")
    print(f"\nThe same, and more, as a page for the browser: {REPORT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
