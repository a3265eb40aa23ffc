"""Take the pictures of the connection forms that the documentation shows, with made-up values.

``make screenshots`` runs this; it writes ``docs/images/forms/<connection type>-<version of Airflow>.png``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from browser.airflow_ui import ROOT, AirflowUi
from browser.chromium import open_chromium
from browser.pictures import save_form
from test_forms import FIELDS, TYPES

PICTURES = ROOT / "docs" / "images" / "forms"
#: Of Airflow 2, whose forms are plainer, two are enough: one with few fields and one with many.
ON_AIRFLOW_2 = ("spacepay", "stripe")
LARGEST = 60_000


def fields_of(conn_type: str) -> dict[str, str]:
    """Return what is filled in: the default host, secrets that are none, and every field that is the type's own."""
    behaviour = TYPES[conn_type]["ui-field-behaviour"]
    shown = [name for name in ("login", "password") if name not in behaviour["hidden-fields"]]
    own = {name: str(value) for name, value in FIELDS.get(conn_type, {}).items()}
    own |= {name: "/run/secrets/payments.pem" for name, value in own.items() if value == "KEY FILE"}
    return {"host": behaviour["placeholders"]["host"], **dict.fromkeys(shown, "made-up-value"), **own}


def main() -> int:
    """Take every picture; return 1 if one is too large."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pythons", nargs="+", type=Path, help="interpreters of environments with Airflow")
    too_large = 0
    with tempfile.TemporaryDirectory() as folder, open_chromium(height=2600) as browser:
        for number, python in enumerate(parser.parse_args().pythons):
            home = Path(folder) / str(number)
            home.mkdir()
            with AirflowUi(python, home) as airflow:
                for conn_type in ON_AIRFLOW_2 if airflow.is_airflow_2 else TYPES:
                    path = PICTURES / f"{conn_type}-{airflow.version}.png"
                    hook_name = TYPES[conn_type]["hook-name"]
                    save_form(browser, airflow, conn_type, path, hook_name=hook_name, fields=fields_of(conn_type))
                    size = path.stat().st_size
                    too_large += size > LARGEST
                    print(f"{path.relative_to(ROOT)}: {size / 1000:.0f} kB", flush=True)
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main())
