"""What is published, and when."""

from __future__ import annotations

from guards.guard import Guard

RUNS = "tests/operators/test_concurrent_runs.py"
STORAGE = "tests/output/test_atomic_output.py"
WAREHOUSE = "tests/output/test_warehouse.py"

GUARDS = [
    Guard(
        "all rows of a listing say when it began",
        "listing/listing.py",
        "        stamp(payments, self.report.listed_at)\n",
        "        stamp(payments, datetime.now(UTC))\n",
        "tests/hooks/test_contract_listing.py -k began",
    ),
    Guard(
        "payments of several requests have one time",
        "waiting/status.py",
        "        stamp(payments.values(), self.report.listed_at)",
        "        pass",
        "tests/waiting/test_status.py -k one_request_for_each",
    ),
    Guard(
        "XCom is guarded by bytes",
        "output/delivery.py",
        "if size > MAX_XCOM_BYTES:",
        "if False:",
        "tests/operators/test_list_payments.py -k bytes_for_xcom",
    ),
    Guard(
        "a file appears whole",
        "output/local_store.py",
        '        self._file = scratch / uuid4().hex\n        self._stream = self._file.open("xb")\n',
        '        self._file = Path(location.path)\n        self._stream = self._file.open("wb")\n',
        f"{STORAGE} -k file",
    ),
    Guard(
        "what waits to be uploaded is not written upon",
        "output/object_writer.py",
        "        self._buffer = self._spare.pop() if self._spare else io.BytesIO()\n",
        "        self._buffer.seek(0)\n",
        "tests/output/test_object_writer.py -k slow_upload",
    ),
    Guard(
        "parts that are written keep no memory",
        "output/object_writer.py",
        "        self._buffer, self._spare = io.BytesIO(), []",
        "        pass",
        "tests/output/test_object_writer.py -k keep_no_memory",
    ),
    Guard(
        "the manifest comes last",
        "output/atomic_output.py",
        "                self._remove(before & {MANIFEST_NAME})\n",
        "                last.commit()\n",
        f"{STORAGE} -k no_manifest",
        # It cannot come twice.
        besides=("each in self._written})\n                last.commit()\n", "each in self._written})\n"),
    ),
    Guard(
        "what a longer run left is removed",
        "output/atomic_output.py",
        "self._remove({name for name in before if _PART.fullmatch(name)} - {each.name for each in self._written})",
        "pass",
        f"{STORAGE} -k shorter_run",
    ),
    Guard(
        "runs on a disk publish one after the other",
        "output/local_store.py",
        "            _lock(descriptor)\n            yield\n",
        "            yield\n",
        f"{RUNS} -k moment_on_a_disk",
    ),
    Guard(
        "a run on S3 aborts others",
        "output/s3_store.py",
        "        self._abort_others()\n        return self\n",
        "        return self\n",
        f"{RUNS} -k zombie",
    ),
    Guard(
        "runs on S3 publish parts one after the other",
        "output/s3_store.py",
        "        self._abort_others()\n        yield\n",
        "        yield\n",
        f"{RUNS} -k moment_on_s3",
    ),
    Guard(
        "CSV cells are quoted",
        "output/formats.py",
        "if self._needs_quotes(cell) else cell",
        "if False else cell",
        "tests/output/test_formats.py",
    ),
    Guard(
        "an empty text is not null in CSV", "output/formats.py", r"|\s$|^$')", r"|\s$')", "tests/output/test_formats.py"
    ),
    Guard(
        "a later row of a payment stays in a table",
        "output/warehouse.py",
        "    WHERE held.listed_at IS NULL OR excluded.listed_at >= held.listed_at",
        "    WHERE 1 = 1",
        f"{WAREHOUSE} -k later_stays",
    ),
    Guard(
        "and where there is MERGE",
        "output/warehouse.py",
        "WHEN MATCHED AND (held.listed_at IS NULL OR excluded.listed_at >= held.listed_at) THEN",
        "WHEN MATCHED THEN",
        f"{WAREHOUSE} -k later_stays",
    ),
    Guard(
        "an object is loaded whole",
        "output/warehouse.py",
        'if batches.rows != manifest["records"]:',
        "if False:",
        f"{WAREHOUSE} -k leaves_the_table",
    ),
    Guard(
        "no amount is rounded by a column",
        "output/warehouse.py",
        "return None if hook.conn_type in _TYPES else _OTHER_SCALE",
        "return None",
        f"{WAREHOUSE} -k 24_digits",
    ),
    Guard(
        "a table without the key is refused before the payments are read",
        "output/warehouse.py",
        "            _require_key(cursor, write, table)\n",
        "            pass\n",
        "tests/output/test_warehouse.py -k without_the_key",
    ),
    Guard(
        "what no list shows is told, and is no doubt",
        "listing/listing.py",
        "self.report.notes.append(note)",
        "self.report.doubts.append(note)",
        "tests/operators/test_list_payments.py -k what_no_list_shows",
    ),
    Guard(
        "lineage that nobody reads loads no asset types",
        "output/lineage.py",
        "if not _compat.is_hook_lineage_read():",
        "if False:",
        "tests/operators/test_storage_runs.py -k asset_types",
    ),
]
