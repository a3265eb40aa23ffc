"""What a comparison with a table must find, and must not claim."""

from __future__ import annotations

from guards.guard import Guard

OPERATOR = "tests/operators/test_reconcile_payments.py"
COMPARISON = "tests/reconciliation/test_comparison.py"
VALUES = "tests/reconciliation/test_values.py"

GUARDS = [
    Guard(
        "a listing that is not complete proves nothing",
        "operators/reconcile_payments.py",
        "if not listing.report.is_complete:",
        "if False:",
        f"{OPERATOR} -k proves_nothing",
    ),
    Guard(
        "the result of a failed comparison is kept",
        "operators/reconcile_payments.py",
        '                context["ti"].xcom_push(key="return_value", value=result)\n',
        "                pass\n",
        f"{OPERATOR} -k with_templates",
    ),
    Guard(
        "a database that cannot be reached is found before hours of listing",
        "operators/reconcile_payments.py",
        "        check_query(database.get_conn, sql_conn_id, sql, parameters)\n",
        "",
        f"{OPERATOR} -k cannot_be_reached",
    ),
    Guard(
        "a wrong query is found before hours of listing",
        "operators/reconcile_payments.py",
        "        check_query(database.get_conn, sql_conn_id, sql, parameters)\n",
        "",
        f"{OPERATOR} -k is_wrong",
    ),
    Guard(
        "the last of many digits is compared",
        "reconciliation/values.py",
        "Context(prec=1000)",
        "Context(prec=16)",
        f"{VALUES} -k another_amount",
    ),
    Guard(
        "what Python alone takes for a number is none",
        "reconciliation/values.py",
        "_NUMBER.fullmatch(value) is None",
        "False",
        f"{VALUES} -k another_amount",
    ),
    Guard(
        "null is not 0",
        "reconciliation/values.py",
        "    if amount is None:\n        return None\n    return str(",
        "    if amount is None:\n        return _ZERO\n    return str(",
        f"{VALUES} -k another_amount",
    ),
    Guard(
        "rows that are doubled are found",
        "reconciliation/comparison.py",
        "payments, rows, repeated = payments - 1, rows - 1, rows - 1",
        "payments, rows, repeated = payments - 1, 0, 0",
        f"{COMPARISON} -k doubled",
    ),
    Guard(
        "rows without an id are found",
        "reconciliation/comparison.py",
        "            self._nameless += 1  # each by itself: rows without an id have none in common\n",
        "",
        f"{COMPARISON} -k without_an_id",
    ),
    Guard(
        "nothing is left of a comparison that is killed",
        "scratch.py",
        'sqlite3.connect("", ',
        'sqlite3.connect(__import__("tempfile").mktemp(), ',
        f"{COMPARISON} -k killed",
    ),
    Guard(
        "a column that is no currency does not fill the memory",
        "reconciliation/comparison.py",
        "if self.table.currencies > _MOST_CURRENCIES:",
        "if False:",
        f"{COMPARISON} -k no_currency",
    ),
    Guard(
        "rows stay with the server until they are asked for",
        "reconciliation/rows.py",
        'return connection.cursor("reconcile_payments", cursor_factory=plain)',
        "return connection.cursor(cursor_factory=plain)",
        "tests/reconciliation/test_rows.py -k stay_with_the_server",
    ),
]
