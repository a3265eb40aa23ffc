"""Take every connection form of Airflow 2 and 3 through a real browser: add, save, edit another field, save, test.

``make test-forms`` runs this. Connections are made by the form, from JSON and from a URI. After each edit what Airflow
has stored must be what it was, but for the edited field, and ``airflow connections test`` must succeed against the
sandbox. Pictures of all forms are left in ``build/forms``, to be looked at.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from browser.airflow_ui import ROOT, AirflowUi
from browser.chromium import open_chromium, save_screenshot
from browser.form_page import STANDARD_FIELDS, FormPage, form_page
from local_sandbox import running_sandbox
from selenium.webdriver.remote.webdriver import WebDriver

sys.path.insert(0, str(ROOT))
from airflow_provider_payments.get_provider_info import get_provider_info

PICTURES = ROOT / "build" / "forms"
TYPES: dict[str, Any] = {each["connection-type"]: each for each in get_provider_info()["connection-types"]}
PASSPHRASE = "correct horse battery"  # noqa: S105
DECIMALS = {"nep141:usdt.tether-token.near": 6, "nep141:wrap.near": 24}
OPTIONS = {"page_size": 50, "max_concurrency": 2, "requests_per_second": 9.5}
#: A value for every other field of the forms. "KEY FILE" becomes the path of one.
FIELDS: dict[str, dict[str, Any]] = {
    "hotpay": {"auth_scheme": "raw", "decimals": ", ".join(f"{token}={number}" for token, number in DECIMALS.items())},
    "cryptofuse": {"scope": "read write", "client_auth": "body", "auth_path": "/o/token/"},
    "satispay": {"key_path": "KEY FILE", "private_key_passphrase": PASSPHRASE},
    "jframework": {"brand_url": "sandbox.example.com", "first_page": 0},
    "stripe": {
        "resource": "charges",
        "stripe_account": "acct_sandbox",
        "api_version": "2026-06-24.dahlia",
        "order_key": "order_id",
    },
    "gocardless": {"order_key": "order_id"},
    "mollie": {"profile_id": "pfl_SandboxOne", "testmode": "false", "order_key": "order_id"},
    "razorpay": {"account_id": "acc_sandbox0000001", "order_key": "shop_order"},
    "square": {"location_ids": "LSANDBOXMAIN01, LSANDBOXTOKYO2", "api_version": "2026-08-19"},
}
#: Credentials with which every field may be filled in, where the sandbox's own permit fewer.
PASSWORDS = {"mollie": "access_SandboxSandboxSandboxSandboxSandb"}
#: Versions whose own button refuses to test a connection without a port (https://github.com/apache/airflow/pull/73298).
CANNOT_TEST = ("3.3.1", "3.3.2")
#: What forms have no field for: former names of fields, options that are no texts. Schema and port are hidden.
OTHERS: dict[str, dict[str, Any]] = {
    "hotpay": {"token_decimals": DECIMALS},
    "cryptofuse": {"token_path": "/o/token/"},
    "satispay": {"private_key_path": "KEY FILE", "private_key_passphrase": PASSPHRASE},
    "jframework": {"brand_url": "sandbox.example.com"},
    "square": {"location_ids": ["LSANDBOXMAIN01", "LSANDBOXTOKYO2"]},
}
OTHER_OPTIONS = {"timeout": [5, 60], "verify": True, "max_attempts": None, "max_concurrency": 2}

_ENCRYPT = """
import sys
from cryptography.hazmat.primitives.serialization import *
pem, passphrase = sys.stdin.read().encode(), sys.argv[1].encode()
key = load_pem_private_key(pem, None)
sys.stdout.buffer.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase)))
"""


@dataclass(frozen=True)
class Case:
    """A connection, and how it is made.

    :param made_from: ``form``, ``sparse`` (the form, with what is required only), ``json``, ``others`` (JSON with what
        forms have no field for) or ``uri``.
    :param fields: standard fields and ``extra``, as they are stored in the end.
    """

    conn_type: str
    made_from: str
    fields: dict[str, Any]

    @property
    def conn_id(self) -> str:
        return f"{self.conn_type}_{self.made_from}"


def cases(connections: dict[str, str], python: Path, folder: Path) -> Iterator[Case]:
    """Return every case."""
    for conn_type, described in TYPES.items():
        plain = json.loads(connections[f"AIRFLOW_CONN_{conn_type.upper()}_DEFAULT"])
        fields = {name: value for name, value in plain.items() if name in STANDARD_FIELDS}
        key_file = folder / "key.pem"
        if "PRIVATE KEY" in fields["password"]:
            encrypt = [python, "-W", "ignore", "-c", _ENCRYPT, PASSPHRASE]
            fields["password"] = subprocess.run(
                encrypt, input=fields["password"], text=True, check=True, stdout=subprocess.PIPE
            ).stdout
            key_file.write_text(fields["password"])

        def fill_in(values: dict[str, Any], key_file: Path = key_file) -> dict[str, Any]:
            return {name: str(key_file) if value == "KEY FILE" else value for name, value in values.items()}

        extra = fill_in({**FIELDS.get(conn_type, {}), **OPTIONS})
        filled = {**fields, "password": PASSWORDS.get(conn_type, fields["password"])}
        forgotten = set(described["conn-fields"]) ^ set(extra)
        if forgotten:
            sys.exit(f"{conn_type}: FIELDS in {Path(__file__).name} and the form differ in {', '.join(forgotten)}")
        required = {name: value for name, value in extra.items() if is_required(described, name)}
        if "private_key_passphrase" in extra:
            required["private_key_passphrase"] = PASSPHRASE  # for the key is encrypted
        yield Case(conn_type, "form", {**filled, "extra": extra})
        yield Case(conn_type, "sparse", {**fields, "extra": required})
        yield Case(conn_type, "json", {**filled, "extra": extra})
        others = fill_in({**OTHERS.get(conn_type, {}), **OTHER_OPTIONS})
        yield Case(conn_type, "others", {**fields, "schema": "http", "port": 8085, "extra": others})
        yield Case(conn_type, "uri", {**filled, "extra": {name: str(value) for name, value in extra.items()}})


def is_required(described: dict[str, Any], name: str) -> bool:
    """Say whether a form's extra field has to be filled in."""
    return "null" not in described["conn-fields"][name]["schema"]["type"]


class FormTest:
    """Takes one case through an Airflow."""

    def __init__(self, airflow: AirflowUi, browser: WebDriver, case: Case) -> None:
        self._airflow = airflow
        self._case = case
        self._described = TYPES[case.conn_type]
        self._page: FormPage = form_page(browser, airflow, case.conn_type)

    def run(self) -> None:
        """Make the connection, edit it twice, and try it."""
        case = self._case
        if case.made_from in ("form", "sparse"):
            self._fill_in_form()
        else:
            self._add_by_command()
        stored = self._stored()
        self._check_what_was_made(stored)
        stored = self._edit(stored, "description", "Edited")
        if case.made_from != "sparse":  # Airflow 3 shows the extra fields that are stored
            self._edit(stored, "max_concurrency", "3")
        self._airflow.run("connections", "test", case.conn_id)

    def _add_by_command(self) -> None:
        case = self._case
        if case.made_from != "uri":
            text = json.dumps({"conn_type": case.conn_type, **case.fields})
            self._airflow.run("connections", "add", case.conn_id, "--conn-json", text)
            return
        login, password, host = (quote(case.fields.get(name, ""), safe="") for name in ("login", "password", "host"))
        uri = f"{case.conn_type}://{login}:{password}@{host}/?{urlencode(case.fields['extra'])}"
        self._airflow.run("connections", "add", case.conn_id, "--conn-uri", uri)

    def _fill_in_form(self) -> None:
        case, page = self._case, self._page
        page.open_new(case.conn_id, self._described["hook-name"])
        if case.made_from == "form":
            self._check_marks()
        extra = {name: str(value) for name, value in case.fields["extra"].items()}
        page.fill({**{name: value for name, value in case.fields.items() if name != "extra"}, **extra})
        if case.made_from == "form":
            page.save_pictures(self._picture("add"))
        if self._airflow.is_airflow_2:
            self._press_test()
        page.save()
        if not self._airflow.is_airflow_2:
            self._press_test()

    def _press_test(self) -> None:
        expected = "Bad Request" if self._airflow.version in CANNOT_TEST else "payments can be listed"
        said = self._page.press_test(self._case.conn_id)
        if expected not in said:
            raise AssertionError(f"the button that tests the connection says {said!r}, not {expected!r}")

    def _check_marks(self) -> None:
        """What is required has an asterisk and cannot be left out; drop-downs offer words of ours only."""
        fields = self._described["conn-fields"]
        required = [name for name in fields if is_required(self._described, name)]
        expect("fields with an asterisk", [name for name in fields if self._page.has_asterisk(name)], required)
        self._page.fill({"password": "x"})
        if not self._airflow.is_airflow_2 or required:
            expect("the empty form can be saved", self._page.can_save(), not required)
        for name, field in fields.items():
            words = self._page.read_words(name)
            if words:
                expect(f"what {name} offers", words, field["schema"]["enum"])

    def _check_what_was_made(self, stored: dict[str, Any]) -> None:
        case = self._case
        made = {**case.fields, "extra": dict(case.fields["extra"])}
        is_from_form = case.made_from in ("form", "sparse")
        for name in ("host", "login"):
            expect(name, stored[name] or "", made.get(name, ""))
        # A one-line field has no line breaks.
        same = (lambda text: re.sub(r"\s", "", text)) if is_from_form else str
        expect("password", same(stored["password"]), same(made["password"]))
        extra = stored["extra"]
        if is_from_form:  # Airflow 3 writes null for what was left empty
            extra = {name: value for name, value in extra.items() if value is not None}
        if case.made_from == "uri":  # Airflow 2 stores texts, Airflow 3.3 what is JSON as that
            extra = {name: value if isinstance(value, str) else json.dumps(value) for name, value in extra.items()}
        expect("extra", extra, made["extra"])

    def _edit(self, before: dict[str, Any], name: str, text: str) -> dict[str, Any]:
        """Change one field in the form, and expect every other one to be as it was."""
        page = self._page
        page.open_stored(self._case.conn_id)
        for each, value in before["extra"].items():
            field = self._described["conn-fields"].get(each)
            if field and value:
                is_secret = field["schema"].get("format") == "password"
                shown = page.read(each)
                if is_secret:
                    expect(f"{each} is shown as it is", shown == value, False)
                else:
                    expect(f"what {each} shows", shown, self._text_of(value))
        if name == "description":
            page.save_pictures(self._picture("edit"))
        page.fill({name: text})
        page.save()
        after = self._stored()
        expected = {**before, "extra": dict(before["extra"])}
        if name in STANDARD_FIELDS:
            expected[name] = text
        else:
            expected["extra"][name] = json.loads(text)
        expect(f"what is stored after {name} was edited", after, expected)
        return after

    def _text_of(self, value: object) -> str:
        """Return a stored value as a one-line field shows it."""
        if not isinstance(value, list):
            return str(value)
        return json.dumps(value) if self._airflow.is_airflow_2 else ",".join(value)

    def _stored(self) -> dict[str, Any]:
        # Airflow 2 stores what is left empty as "", Airflow 3 as NULL: both mean the same to everybody.
        stored = self._airflow.stored(self._case.conn_id)
        return {name: None if value == "" else value for name, value in stored.items()}

    def _picture(self, what: str) -> Path:
        return PICTURES / self._airflow.version / f"{self._case.conn_type}-{self._case.made_from}-{what}.png"


def expect(what: str, found: object, expected: object) -> None:
    """Compare, types included: to Python 1, 1.0 and True are equal."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in found.keys() | expected.keys():
            expect(f"{what}: {name}", found.get(name, "nothing"), expected.get(name, "nothing"))
    elif json.dumps(found) != json.dumps(expected):
        raise AssertionError(f"{what}: {str(found)[:300]!r}, not {str(expected)[:300]!r}")


def main() -> int:
    """Run every case on every Airflow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pythons", nargs="+", type=Path, help="interpreters of environments with Airflow")
    parser.add_argument("--only", default="", help="run the cases with this in their name only: satispay_uri")
    arguments = parser.parse_args()
    passed, failed = 0, []
    for old in PICTURES.glob("*/FAILED-*"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder, open_chromium() as browser:
        for number, python in enumerate(arguments.pythons):
            home = Path(folder) / str(number)
            home.mkdir()
            with running_sandbox(python, "--port", "0") as connections, AirflowUi(python, home) as airflow:
                for case in cases(connections, python, home):
                    name = f"Airflow {airflow.version}: {case.conn_id}"
                    if arguments.only not in case.conn_id:
                        continue
                    try:
                        FormTest(airflow, browser, case).run()
                    except Exception:
                        failed.append(name)
                        print(f"{name} FAILED\n{traceback.format_exc()}\n{airflow.last_words()}", flush=True)
                        save_screenshot(browser, PICTURES / airflow.version / f"FAILED-{case.conn_id}.png")
                    else:
                        passed += 1
                        print(f"{name} passed", flush=True)
    print(f"\nPictures: {PICTURES.relative_to(ROOT)}", *failed, f"{passed} passed, {len(failed)} failed", sep="\n")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
