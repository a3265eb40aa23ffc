"""How often an API is asked."""

from __future__ import annotations

from guards.guard import Guard

DRIVERS = "tests/http/test_drivers.py"

GUARDS = [
    Guard(
        "a wait that the API asks for is one of all",
        "http/retry.py",
        "pause(state.upcoming_sleep)",
        "pass",
        f"{DRIVERS} -k during_a_wait",
    ),
    Guard(
        "403 with code 70 means wait (Satispay)",
        "hooks/satispay.py",
        '((403, "70"),)',
        "()",
        "tests/hooks/test_satispay.py",
    ),
    Guard(
        "attempts are limited",
        "http/retry.py",
        "state.attempt_number >= self.max_attempts",
        "state.attempt_number > self.max_attempts",
        "tests/http/test_retry.py",
    ),
    Guard(
        "a long Retry-After is left to the task",
        "http/retry.py",
        "or retry_after > self.max_retry_after",
        "",
        "tests/http/test_retry.py",
    ),
    Guard(
        "waits have a budget",
        "http/retry.py",
        "or state.idle_for + max(state.upcoming_sleep, retry_after) > self.budget",
        "",
        "tests/http/test_retry.py",
    ),
    Guard(
        "refusals are not tried again",
        "http/retry.py",
        "tenacity.retry_if_exception_type((PaymentsThrottled, PaymentsUnavailable))",
        "tenacity.retry_if_exception_type(Exception)",
        f"{DRIVERS} -k refusals",
    ),
    Guard(
        "aiohttp sends nothing again by itself",
        "http/aiohttp_driver.py",
        "client._retry_connection = False",
        "client._retry_connection = True",
        f"{DRIVERS} -k behind_our_back",
    ),
    Guard(
        "an evenly spaced pace",
        "http/transport.py",
        "turn = max(now, self._next, self._pause_ends)",
        "turn = max(now, self._pause_ends)",
        "tests/http/test_transport.py",
    ),
    Guard(
        "a reply has a size",
        "http/body.py",
        "        if self.size > MAX_BODY:\n",
        "        if False:\n",
        "tests/http/test_body.py",
    ),
    Guard(
        "what is packed small has a size, too",
        "http/body.py",
        "decoder.decompress(packed, left + 1)",
        "decoder.decompress(packed)",
        "tests/faults/test_places.py -k memory",
    ),
    Guard(
        "a reply that drips ends",
        "http/requests_driver.py",
        "        if time.monotonic() > deadline:\n",
        "        if False:\n",
        "tests/faults/test_matrix.py -k dripping",
    ),
    Guard(
        "errors are on one line",
        "exceptions.py",
        "super().__init__(escape_controls(str(message)))",
        "super().__init__(str(message))",
        "tests/core/test_texts.py -k errors_are",
    ),
    Guard(
        "a database keeps every trigger's arguments",
        "triggers/polling.py",
        "{name: pack(value) for name, value in self.wait_arguments.items()}",
        "self.wait_arguments",
        "tests/triggers/test_hostile_texts.py -k arguments",
    ),
    Guard(
        "a database keeps what a trigger remembers",
        "triggers/polling.py",
        "pack(dict(wait.remember()))",
        "dict(wait.remember())",
        "tests/triggers/test_hostile_texts.py -k remembers",
    ),
    Guard(
        "a database keeps the records in XCom",
        "output/delivery.py",
        "NulFilter(replaces=True,",
        "NulFilter(replaces=False,",
        "tests/operators/test_list_payments.py -k databases_refuse",
    ),
]
