"""Sandboxes for thousands of tests: made once in each process, and copied."""

from __future__ import annotations

import pickle
from functools import cache

from airflow_provider_payments.sandbox import Sandbox


@cache
def pickle_apis(payments: int) -> dict[str, bytes]:
    """Make a sandbox's APIs, and pickle what each of them has of its own."""
    made = {}
    for name, api in Sandbox(payments=payments).apis.items():
        own = vars(api).copy()
        del own["clock"]  # the sandbox's
        for key, value in vars(api).items():
            try:
                pickle.dumps(value)
            except (TypeError, AttributeError, pickle.PicklingError):  # locks and keys, which are alike in each
                own.pop(key, None)
        made[name] = pickle.dumps(own)
    return made


def copy_sandbox(payments: int) -> Sandbox:
    """Return what ``Sandbox(payments=payments)`` makes, in a fraction of the time."""
    sandbox = Sandbox(payments=0)
    for name, own in pickle_apis(payments).items():
        vars(sandbox.apis[name]).update(pickle.loads(own))
    return sandbox
