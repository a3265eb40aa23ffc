"""Arguments as Airflow hands them out."""

from __future__ import annotations

from guards.guard import Guard

GUARDS = [
    Guard(
        "a time of another class is Python's own, in UTC",
        "query.py",
        "        return to_utc(moment)\n",
        "        return moment.astimezone(__import__('datetime').timezone.utc)\n",
        "tests/arguments/test_times.py -k plain_time",
    ),
    Guard(
        "a time that is there twice is read by its offset",
        "times.py",
        "        ) - plain_duration(offset)\n",
        "        ) - plain_duration(moment.replace(fold=0).utcoffset())\n",
        "tests/arguments/test_times.py -k plain_time",
    ),
    Guard(
        "a path with a hole is refused",
        "output/delivery.py",
        "        require_whole_names(url, FORMATS)\n",
        "        pass\n",
        "tests/operators/test_list_payments.py -k bad_question",
    ),
    Guard(
        "a misspelled key of extra is refused",
        "hooks/http_hook.py",
        "        credentials.refuse_misspelled()\n",
        "        pass\n",
        "tests/hooks/test_contract_connection.py -k misspelled",
    ),
    Guard(
        "False as text is not true",
        "arguments.py",
        "    return _FLAGS.get(word.strip().lower())\n",
        "    return bool(value)\n",
        "tests/arguments/test_all_arguments.py -k raw_is_left_out",
    ),
    Guard(
        "a list is no value of a filter",
        "argument_lists.py",
        '    if not isinstance(value, str):\n        raise PaymentsConfigError(\n            f"{what} must be one text',
        '    if False:\n        raise PaymentsConfigError(\n            f"{what} must be one text',
        "tests/arguments/test_all_arguments.py -k 'list_payments-filters or Operator-filters'",
        ('return _require_one(f"{what} is", plain_text(value))', "return str(value)"),
    ),
    Guard(
        "0x1F is not 31",
        "operators/base.py",
        "        return not is_native\n",
        "        return True\n",
        "tests/arguments/test_dag_runs.py -k native_rendering",
    ),
    Guard(
        "a missing value is no text",
        "argument_lists.py",
        '    if text.strip() == "None":\n',
        "    if False:\n",
        "tests/arguments/test_all_arguments.py -k 'list_payments-filters or Operator-filters'",
    ),
    Guard(
        "a filter of Stripe's other list is an error before any request",
        "hooks/stripe.py",
        "if other := query.filters.keys() - set(self.own_filters):",
        "if other := query.filters.keys() & set():",
        "tests/hooks/test_stripe.py -k other_list",
    ),
]
