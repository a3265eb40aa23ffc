"""Sandboxes for thousands of tests: made once in each process, and copied, each API when something asks for it."""

from __future__ import annotations

import pickle
from functools import cache
from threading import Lock
from typing import Any

from airflow_provider_payments.sandbox import Sandbox
from airflow_provider_payments.sandbox.api import Api

#: The server's thread and a test's may be the first at the same moment.
FILLING = Lock()


@cache
def pickle_apis(payments: int) -> dict[str, tuple[frozenset[str], bytes]]:
    """Make a sandbox's APIs; return the names of what each of them has of its own, and that pickled."""
    made = {}
    for name, api in Sandbox(payments=payments).apis.items():
        own = vars(api).copy()
        del own["clock"]  # the sandbox's
        for key, value in vars(api).items():
            try:
                pickle.dumps(value)
            except (TypeError, AttributeError, pickle.PicklingError):  # locks and keys, which are alike in each
                own.pop(key, None)
        made[name] = frozenset(own), pickle.dumps(own)
    return made


@cache
def make_lazy(api_class: type[Api], payments: int) -> type[Api]:
    """Make a class of an API that fills itself when the first of its own attributes is read."""
    _, pickled = pickle_apis(payments)[api_class.name]

    def fill(api: Api, name: str) -> Any:
        with FILLING:
            if type(api) is not api_class:
                # What a test has set meanwhile stays.
                vars(api).update({**pickle.loads(pickled), **vars(api)})
                api.__class__ = api_class
        return getattr(api, name)

    return type(api_class.__name__, (api_class,), {"__getattr__": fill})


def copy_sandbox(payments: int) -> Sandbox:
    """Return what ``Sandbox(payments=payments)`` makes, in a fraction of the time."""
    sandbox = Sandbox(payments=0)
    for name, (own, _) in pickle_apis(payments).items():
        api = sandbox.apis[name]
        for key in own:
            vars(api).pop(key, None)
        api.__class__ = make_lazy(type(api), payments)
    return sandbox
