"""Which shared tests run for every payment company, and which for one company of each kind.

A company that is added needs a line in ``COMPANIES``. Where it is of a kind that is there already, ``make test`` runs
for it only what ``SHARED`` gives to every company; ``make test-all`` runs everything.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Company:
    """The kinds that a company is of. Words of one's own, the same where two companies are alike.

    :param paging: how its list is read.
    :param authentication: how requests prove who sends them.
    :param amounts: how it writes an amount.
    """

    paging: str
    authentication: str
    amounts: str


COMPANIES = {
    "hotpay": Company("offsets without a total", "constant key", "a token's smallest unit"),
    "cryptofuse": Company("offsets", "token", "decimal text"),
    "spacepay": Company("offsets", "constant key", "cents"),
    "satispay": Company("cursors", "signature", "cents"),
    "jframework": Company("creation times", "session key", "JSON numbers"),
    "stripe": Company("cursors", "constant key", "a currency's smallest unit"),
    "gocardless": Company("tokens", "constant key", "a currency's smallest unit"),
    "mollie": Company("tokens", "constant key", "decimal text"),
    "razorpay": Company("offsets without a total, newest first", "constant key", "a currency's smallest unit"),
    "square": Company("tokens of several lists", "constant key", "a currency's smallest unit"),
    "paypal": Company("windows", "token", "decimal text"),
}

EVERY = "every company"
ONE = "one company"
SHARED = {
    # What each API says, and what this package makes of it.
    "tests/hooks/": EVERY,
    "tests/api/": EVERY,
    "tests/core/": EVERY,
    "tests/secrets/": EVERY,
    # What is in a request; what a company's own replies repeat is in tests/hooks/test_secrets.py.
    "tests/secrets/test_faults.py": "authentication",
    # What a connection's fields go through.
    "tests/hooks/test_contract_connection.py": "authentication",
    "tests/hooks/test_http_operator.py": "authentication",
    # What anybody may reply: companies differ in what their pages are read with.
    "tests/hooks/test_hostile_replies.py": "amounts",
    "tests/hooks/test_contract_listing.py::test_a_fault_now_and_then_is_survived": "paging",
    "tests/hooks/test_closing.py": "paging",
    # The random lists, and everything above the hooks: companies differ in how their list is read.
    "tests/listing/test_drift.py": "paging",
    "tests/listing/test_drift.py::test_what_was_lost_once": EVERY,
    "tests/waiting/": "paging",
    "tests/operators/": "paging",
    "tests/operators/test_get_payments.py": EVERY,  # by which request, or search, each is asked
    "tests/faults/": "paging",
    "tests/faults/test_matrix.py": EVERY,  # it chooses by itself
    "tests/sensors/": "paging",
    "tests/triggers/": "paging",
}
"""By the beginning of a test's path, of which the longest counts: every company, one, or one of each kind of this."""

SHARED_ON_AIRFLOW_2 = {
    **SHARED,
    # A page of a company knows nothing of Airflow, and what is between the two is the same for all.
    "tests/hooks/": ONE,
    "tests/hooks/test_contract_registration.py": EVERY,
    "tests/hooks/test_forms_of_airflow_2.py": EVERY,
    "tests/core/test_exact_money.py": ONE,
    "tests/secrets/": "authentication",
}
"""The same for Airflow 2."""


def one_of_each(kind: str) -> list[str]:
    """Return the first company of each kind, for tests that take them all at once."""
    first: dict[str, str] = {}
    for name, company in COMPANIES.items():
        first.setdefault(getattr(company, kind), name)
    return [*first.values()]
