"""Nothing is missing, and nothing twice."""

from __future__ import annotations

from guards.guard import Guard

LISTING = "tests/listing/test_listing.py"
PAGING = "tests/http/test_paging.py"

GUARDS = [
    Guard(
        "a listing that was left is not called complete",
        "hooks/report.py",
        "return self.is_read_to_end and not self.doubts",
        "return not self.doubts",
        "tests/hooks/test_closing.py",
    ),
    Guard("duplicates are dropped", "hooks/listing.py", "if all(new):", "if True:", LISTING),
    Guard("ids that were seen are kept", "hooks/listing.py", "group += mark", "pass", LISTING),
    Guard(
        "pages of offsets overlap",
        "http/offset_paging.py",
        "overlap = int(step.overlaps if page.under_way else limit > 1 and page.rows > 1)",
        "overlap = 0",
        f"{LISTING} -k rows_that_leave",
    ),
    Guard(
        "a first page cut short shows the API's own limit",
        "http/offset_paging.py",
        "is_cut = step.position == 0 and page.rows and follow",
        "is_cut = False",
        PAGING,
    ),
    Guard(
        "offsets that make no progress",
        "http/offset_paging.py",
        "if page.rows and not page.new_rows:",
        "if False:",
        f"{PAGING} -k offsets_that_lead_nowhere",
    ),
    Guard(
        "page numbers that make no progress",
        "http/offset_paging.py",
        "if page.stale_pages > 1:",
        "if False:",
        f"{PAGING} -k page_that_repeats",
    ),
    Guard(
        "cursors that make no progress",
        "http/paging.py",
        "if place == step.cursor or repeats or page.stale_pages > MAX_STALE_PAGES:",
        "if False:",
        f"{PAGING} -k cursors_that_lead_nowhere",
    ),
    Guard(
        "fewer payments than the API counts are a doubt",
        "hooks/walk.py",
        "if counted is not None and progress.seen < counted and not progress.has_passed_window:",
        "if False:",
        f"{LISTING} -k total",
    ),
    Guard(
        "a list that shrinks is a doubt",
        "http/offset_paging.py",
        "    if now == before:\n",
        "    if True:\n",
        f"{PAGING} -k shrinks",
    ),
    Guard(
        "a window's end is not in it",
        "query.py",
        "moment >= self.created_to",
        "moment > self.created_to",
        "tests/core/test_query.py",
    ),
    Guard(
        "a window's start is in it",
        "query.py",
        "moment < self.created_from",
        "moment <= self.created_from",
        "tests/core/test_query.py",
    ),
    Guard("a window of no length", "query.py", "start >= end:", "start > end:", "tests/core/test_query.py"),
    Guard(
        "a payment without a time is in every window",
        "query.py",
        "return moment is None or not (",
        "return moment is not None and not (",
        "tests/core/test_query.py",
    ),
    Guard(
        "Completed payments of JFramework may still change",
        "hooks/jframework.py",
        'return word == "Completed" or super()',
        "return super()",
        "tests/hooks/test_jframework.py -k refund_between",
    ),
    Guard(
        "Satispay's PENDING comes before the others",
        "hooks/satispay.py",
        "return [*pending, Stage(list(strands.values()))] if strands else pending",
        "return [Stage(list(strands.values())), *pending] if strands else pending",
        "tests/hooks/test_satispay.py tests/hooks/test_contract_listing.py -k satispay",
    ),
    Guard(
        "HTTP 200 proves nothing (JFramework)",
        "hooks/jframework.py",
        "if verdict.success is not True:",
        "if False:",
        "tests/hooks/test_jframework.py",
    ),
    Guard(
        "XCom is not cut",
        "output/delivery.py",
        "if len(records) == self.max_xcom_records:",
        "if False:",
        "tests/operators/test_list_payments.py",
    ),
    Guard(
        "ids that are no Unicode stay different",
        "hooks/reading.py",
        "        if type(row) is MendedRow:\n",
        "        if False:\n",
        "tests/hooks/test_odd_values.py -k stay_different",
    ),
    Guard(
        "payments without an id are not taken for one",
        "hooks/reading.py",
        "        if not payment.id:\n",
        "        if False:\n",
        "tests/hooks/test_odd_values.py -k without_an_id",
    ),
]
