"""Answers questions to one Airflow, a line of JSON each: its command line, and what its database holds.

A program of its own, run by the interpreter of that Airflow, which takes seconds to import.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import Any

# Airflow writes its log to the standard output, from its import on; answers have it for themselves.
_ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

from airflow.cli.cli_parser import get_parser  # noqa: E402
from airflow.models.connection import Connection  # noqa: E402
from airflow.utils.session import create_session  # noqa: E402


def run(arguments: list[str]) -> str:
    """Run a command, and return what it printed."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            chosen = get_parser().parse_args(arguments)
            chosen.func(chosen)
        except SystemExit as end:
            if end.code not in (None, 0):
                raise RuntimeError(f"{end.code} {output.getvalue()}") from None
    return output.getvalue()


def read_stored(conn_id: str) -> dict[str, Any]:
    """Return a connection as it is stored."""
    with create_session() as session:
        stored = session.query(Connection).filter(Connection.conn_id == conn_id).one()
        names = ("conn_type", "description", "host", "port", "schema", "login", "password")
        return {**{name: getattr(stored, name) for name in names}, "extra": json.loads(stored.extra or "{}")}


def main() -> None:
    """Answer until there are no more questions."""
    for line in sys.stdin:
        question = json.loads(line)
        try:
            result = run(question["run"]) if "run" in question else read_stored(question["stored"])
            answer = {"result": result}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=_ANSWERS, flush=True)


if __name__ == "__main__":
    main()
