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
    "square": Company("tokens of several lists", "constant key", "a currency's smallest unit"),
}

EVERY = "every company"
SHARED = {
    # What each API says, and what this package makes of it.
    "tests/hooks/": EVERY,
    "tests/core/": EVERY,
    "tests/secrets/": EVERY,
    # What a connection's fields go through.
    "tests/hooks/test_contract_connection.py": "authentication",
    "tests/hooks/test_http_operator.py": "authentication",
    # Above the hooks, companies differ in how their list is read.
    "tests/waiting/": "paging",
    "tests/operators/": "paging",
    "tests/faults/": "paging",
    "tests/faults/test_matrix.py": EVERY,  # it chooses by itself
    "tests/sensors/": "paging",
    "tests/triggers/": "paging",
}
"""By the beginning of a test's path, of which the longest counts: every company, or one of each kind of this."""
