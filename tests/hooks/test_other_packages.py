"""A company in a package of its own, which Airflow finds by that package's entry point."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

#: A company whose reply tells what leads to the next page.
MODULE = """
from functools import partial

import msgspec

from airflow_provider_payments.api import HeaderAuth, ListPage, PaymentsApi, PaymentStatus, TokenReader
from airflow_provider_payments.hooks.base import PaymentsHook


class Row(msgspec.Struct):
    id: str
    state: str


class Page(msgspec.Struct):
    data: list[msgspec.Raw]
    next: str | None = None


class ElsewhereApi(PaymentsApi):
    name = "elsewhere"
    list_path = "/payments"
    default_page_size = max_page_size = 2
    page_type = Page
    row_type = Row
    statuses = {"paid": PaymentStatus.SUCCEEDED}

    def build_auth(self, credentials):
        return HeaderAuth({"X-Api-Key": credentials.password}, (credentials.password,))

    def list_reader(self, query):
        return partial(TokenReader, token_param="after")

    def to_page(self, page):
        return ListPage(page.data, next_cursor=page.next or "")

    def to_payment(self, row, raw):
        return self.new_payment(row.id, self.status_of(row.state), row.state, raw=raw)


class ElsewhereHook(PaymentsHook):
    conn_type = "elsewhere"
    hook_name = "Elsewhere"
    default_conn_name = "elsewhere_default"
    default_host = "https://api.elsewhere.example"
    api_class = ElsewhereApi


def get_provider_info():
    return {
        "package-name": "elsewhere",
        "name": "Elsewhere",
        "description": "Payments of Elsewhere.",
        "versions": ["1.0"],
        "connection-types": [
            {"connection-type": "elsewhere", "hook-class-name": "elsewhere.ElsewhereHook", "hook-name": "Elsewhere"}
        ],
    }
"""
PROGRAM = """
import json, os, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PAGES = {None: (["5", "4"], "b"), "b": (["3", "2"], "c"), "c": (["1"], None)}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        ids, following = PAGES[parse_qs(urlsplit(self.path).query).get("after", [None])[0]]
        body = json.dumps({"data": [{"id": each, "state": "paid"} for each in ids], "next": following}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
host = f"http://127.0.0.1:{server.server_port}"
os.environ["AIRFLOW_CONN_ELSEWHERE"] = json.dumps({"conn_type": "elsewhere", "host": host, "password": "a-long-key"})

from airflow_provider_payments._compat import BaseHook

hook = BaseHook.get_connection("elsewhere").get_hook()
with hook.list_payments() as payments:
    found = [payment.id for payment in payments]
print("found", type(hook).__name__, found, payments.report.is_complete, payments.report.requests)
"""


def test_a_company_of_another_package_is_one_file_and_one_entry(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text(MODULE)
    about = tmp_path / "elsewhere-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[apache_airflow_provider]\nprovider_info = elsewhere:get_provider_info\n")
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "AIRFLOW_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert "found ElsewhereHook ['5', '4', '3', '2', '1'] True 3" in done.stdout, done.stdout + done.stderr
