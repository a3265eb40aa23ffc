"""How often an API is asked."""

from __future__ import annotations

from guards.guard import Guard

DRIVERS = "tests/http/test_drivers.py"

GUARDS = [
    Guard(
        "triggers await the supervisor",
        "_supervisor.py",
        "return channel if kind",
        "return None if kind",
        "tests/triggers/test_supervisor.py",
    ),
    Guard(
        "an exchange with the supervisor is not cut short",
        "_supervisor.py",
        "await asyncio.shield(task)",
        "await task",
        "tests/triggers/test_supervisor.py -k cut_short",
    ),
    Guard(
        "tasks speak to the supervisor from one thread",
        "http/requests_driver.py",
        "pool.submit(self._send, walk.request(step), stop)",
        "pool.submit(self.send, walk.request(step))",
        "tests/http/test_drivers.py -k thread_of_the_caller",
    ),
    Guard(
        "a watcher's state is written only when it has changed",
        "triggers/new_payments.py",
        "if store is None or not announced.is_outdated(self.lookback):",
        "if store is None:",
        "tests/triggers/test_new_payments.py -k has_not_changed",
    ),
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
]
