"""The example DAGs, to copy: ``python -m airflow_provider_payments.examples list_payments > my_payments.py``."""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Sequence
from pathlib import Path

_PACKAGE = Path(__file__).parent
PREFIX = "example_"


def find_examples() -> dict[str, Path]:
    """Return the files by their short names. A wheel has them within the package, a clone beside it."""
    folder = _PACKAGE / "example_dags"
    if not folder.is_dir():
        folder = _PACKAGE.parent / "example_dags"
    return {path.stem.removeprefix(PREFIX): path for path in sorted(folder.glob(f"{PREFIX}*.py"))}


def list_examples(examples: dict[str, Path]) -> str:
    """Return a line for each example: its name, and the title that it gives itself."""
    width = max(map(len, examples), default=0)
    titles = {name: ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "" for name, path in examples.items()}
    return "".join(f"{name:{width}}  {title.partition(chr(10))[0].lstrip('# ')}\n" for name, title in titles.items())


def main(arguments: Sequence[str] | None = None) -> int:
    examples = find_examples()
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_payments.examples",
        description="Print an example DAG, to be copied. What to change is marked CHANGE.",
    )
    parser.add_argument(
        "name",
        help='"list" names all; with "example_" before it or without',
        type=lambda name: name.removeprefix(PREFIX).removesuffix(".py"),
        choices=["list", *examples],
        metavar="NAME",
    )
    name = parser.parse_args(arguments).name
    sys.stdout.write(list_examples(examples) if name == "list" else examples[name].read_text("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
