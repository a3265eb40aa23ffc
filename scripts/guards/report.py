"""What the page about outputs says."""

from __future__ import annotations

from guards.guard import Guard

TESTS = "tests/report/test_report.py"

GUARDS = [
    Guard(
        "of a payment in several outputs, the report counts the newest row",
        "report/newest.py",
        "ORDER BY {_COLUMNS}",
        "ORDER BY provider, connection_id, id, listed_at DESC",
        f"{TESTS} -k several_outputs",
    ),
    Guard(
        "the report escapes what others write",
        "report/markup.py",
        '    return f"<bdi>{escape(escape_controls(whole))}</bdi>"',
        '    return f"<bdi>{escape_controls(whole)}</bdi>"',
        f"{TESTS} -k escaped",
    ),
    Guard(
        "the report escapes warnings",
        "report/markup.py",
        '    return f"<bdi>{escape(escape_controls(str(text)))}</bdi>"',
        '    return f"<bdi>{escape_controls(str(text))}</bdi>"',
        f"{TESTS} -k escaped",
    ),
    Guard(
        "the report's sums are exact",
        "report/summary.py",
        "            self.succeeded = add(self.succeeded, amount)\n",
        "            self.succeeded += amount\n",
        f"{TESTS} -k sums",
    ),
    Guard(
        "the report's memory stays the same",
        "report/newest.py",
        '({places})", rows)',
        '({places})", list(rows))',
        f"{TESTS} -k memory",
    ),
    Guard(
        "the report compares what it reads with the manifest",
        "report/outputs.py",
        "        if counted != self.records:\n",
        "        if False:\n",
        f"{TESTS} -k doubts",
    ),
    Guard(
        "a part that no manifest lists is not read",
        "report/outputs.py",
        "            outputs.append(_read_folder(location))\n            continue\n",
        "            pass\n",
        f"{TESTS} -k parts",
    ),
]
