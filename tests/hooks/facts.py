"""What the contract suite has to be told of each API: a sixth one adds an entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """One API, as its documentation has it.

    :param id_field: field of the sandbox's rows that is the payment's id.
    :param statuses: every documented word, and what it means.
    :param flags: flags that words carry.
    :param wrong: changes to the connection that make its credentials wrong.
    :param odd_extra: a value of extra that is wrong, and what the error has to name.
    :param is_listed: whether a list shows a row.
    :param is_refunded: whether amounts, rather than its word, tell that a row's payment was refunded.
    :param lists: of how many lists a listing consists.
    :param filters: the documented filters, less status, dates, sorting and paging.
    :param pending_questions: requests that has_pending takes at most, those for tokens not counted. None: a walk.
    :param undated: a row without any time.
    """

    id_field: str
    statuses: Mapping[str, str]
    wrong: Mapping[str, str]
    filters: frozenset[str]
    max_page_size: int
    default_host: str
    pending_questions: int | None
    undated: Mapping[str, Any]
    flags: Mapping[str, str] = field(default_factory=dict)
    is_listed: Callable[[Row], bool] = lambda row: True
    is_refunded: Callable[[Row], bool] = lambda row: False
    lists: int = 1

    def status_of(self, row: Row) -> str:
        """Return what a row's payment is."""
        return "refunded" if self.is_refunded(row) else self.statuses.get(row["status"], "unknown")


def is_received_or_given_back(row: Row) -> bool:
    """Whether a row of PayPal's ledger is a payment to the account, or a refund from it."""
    code, is_credit = row["transaction_event_code"], not row["transaction_amount"]["value"].startswith("-")
    if code[:3] in ("T00", "T30"):
        return is_credit
    refunds = ("T1106", "T1107", "T1113", "T1114", "T1115", "T1116", "T1118")
    return (code in refunds and not is_credit) or code in ("T1201", "T1202", "T1205", "T1207", "T1208")


FACTS = {
    "hotpay": Facts(
        id_field="payment_id",
        statuses={
            "PENDING": "pending",
            "PENDING_DEPOSIT": "pending",
            "KNOWN_DEPOSIT_TX": "processing",
            "PROCESSING": "processing",
            "INCOMPLETE_DEPOSIT": "processing",
            "SUCCESS": "succeeded",
            "REFUNDED": "refunded",
            "FAILED": "failed",
        },
        flags={"INCOMPLETE_DEPOSIT": "underpaid"},
        wrong={"password": "a-wrong-token"},
        filters=frozenset({"item_id", "memo", "sender_id"}),
        max_page_size=1000,
        default_host="https://api.hot-labs.org",
        pending_questions=None,
        undated={"timestamp": 0},
    ),
    "cryptofuse": Facts(
        id_field="transaction_id",
        statuses={
            "waiting": "pending",
            "pending": "pending",
            "partially_paid": "processing",
            "confirming": "processing",
            "confirmed": "processing",
            "sending": "processing",
            "completed": "succeeded",
            "partially_completed": "partial",
            "expired": "expired",
            "failed": "failed",
        },
        flags={"partially_paid": "underpaid", "partially_completed": "underpaid"},
        wrong={"password": "a-wrong-secret"},
        filters=frozenset({"currency", "blockchain", "token"}),
        max_page_size=100,
        default_host="https://api.cryptofuse.io",
        pending_questions=4,
        undated={"created_at": None},
    ),
    "spacepay": Facts(
        id_field="id",
        statuses={
            "pending": "pending",
            "processing": "processing",
            "completed": "succeeded",
            "failed": "failed",
            "expired": "expired",
            "cancelled": "canceled",
        },
        wrong={"password": "a-wrong-key"},
        filters=frozenset({"type", "search"}),
        max_page_size=1000,
        default_host="https://api.spacepay.solutions",
        pending_questions=2,
        undated={"createdAt": None, "receipt": None},
    ),
    "satispay": Facts(
        id_field="id",
        statuses={
            "PENDING": "pending",
            "AUTHORIZED": "authorized",
            "ACCEPTED": "succeeded",
            "CANCELED": "canceled",
        },
        wrong={"login": "a-wrong-key-id"},
        filters=frozenset(),
        max_page_size=100,
        default_host="https://authservices.satispay.com",
        pending_questions=1,
        undated={"insert_date": ""},
        is_listed=lambda row: row["status"] != "AUTHORIZED",
    ),
    "jframework": Facts(
        id_field="id",
        statuses={
            "Created": "pending",
            "Pending": "pending",
            "Reserved": "authorized",
            "Completed": "succeeded",
            "CanceledReversal": "succeeded",
            "Refunded": "refunded",
            "Failed": "failed",
            "Denied": "failed",
            "Voided": "canceled",
            "Deleted": "canceled",
        },
        flags={"CanceledReversal": "reversal_canceled"},
        wrong={"password": "a-wrong-key"},
        filters=frozenset(
            {
                "AppIntegrationPaymentGatewayId",
                "PriceId",
                "Code",
                "UserId",
                "ReferralUserCode",
                "PaymentType",
                "CurrencyCode",
                "Keywords",
                "TestMode",
            }
        ),
        max_page_size=1000,
        default_host="https://protocol.jframework.io",
        pending_questions=3,
        undated={"createdDate": None, "paymentDate": None},
        is_listed=lambda row: not row.get("testMode"),
    ),
    "stripe": Facts(
        id_field="id",
        statuses={
            "requires_payment_method": "pending",
            "requires_confirmation": "pending",
            "requires_action": "pending",
            "processing": "processing",
            "requires_capture": "authorized",
            "succeeded": "succeeded",
            "canceled": "canceled",
        },
        wrong={"password": "rk_test_wrong"},
        filters=frozenset({"customer", "customer_account", "payment_intent", "transfer_group"}),
        max_page_size=100,
        default_host="https://api.stripe.com",
        pending_questions=None,
        undated={"created": None, "latest_charge": None},
    ),
    "gocardless": Facts(
        id_field="id",
        statuses={
            "pending_customer_approval": "pending",
            "pending_submission": "pending",
            "submitted": "processing",
            "confirmed": "succeeded",
            "paid_out": "succeeded",
            "charged_back": "refunded",
            "failed": "failed",
            "customer_approval_denied": "failed",
            "cancelled": "canceled",
        },
        flags={"charged_back": "charged_back"},
        wrong={"password": "a-wrong-token"},
        filters=frozenset(
            {
                "creditor",
                "customer",
                "mandate",
                "subscription",
                "currency",
                "scheme",
                "charge_date[gt]",
                "charge_date[gte]",
                "charge_date[lt]",
                "charge_date[lte]",
            }
        ),
        max_page_size=500,
        default_host="https://api.gocardless.com",
        pending_questions=3,
        undated={"created_at": None},
        is_refunded=lambda row: (
            row["status"] in ("confirmed", "paid_out") and row["amount_refunded"] >= row["amount"] > 0
        ),
    ),
    "mollie": Facts(
        id_field="id",
        statuses={
            "open": "pending",
            "pending": "processing",
            "authorized": "authorized",
            "paid": "succeeded",
            "canceled": "canceled",
            "expired": "expired",
            "failed": "failed",
        },
        wrong={"password": "live_aWrongKeyAWrongKeyAWrongKeyAWro"},
        filters=frozenset(),
        max_page_size=250,
        default_host="https://api.mollie.com",
        pending_questions=None,
        undated={"createdAt": None, "paidAt": None},
        is_listed=lambda row: (row["mode"], row["profileId"]) == ("live", "pfl_SandboxOne"),
    ),
    "razorpay": Facts(
        id_field="id",
        statuses={
            "created": "pending",
            "pending": "pending",
            "authorized": "authorized",
            "captured": "succeeded",
            "refunded": "refunded",
            "failed": "failed",
        },
        wrong={"password": "a-wrong-secret"},
        filters=frozenset(),
        max_page_size=100,
        default_host="https://api.razorpay.com",
        pending_questions=None,
        undated={"created_at": None},
    ),
    "square": Facts(
        id_field="id",
        statuses={
            "PENDING": "processing",
            "APPROVED": "authorized",
            "COMPLETED": "succeeded",
            "FAILED": "failed",
            "CANCELED": "canceled",
        },
        wrong={"password": "a-wrong-token"},
        filters=frozenset({"location_id", "total", "last_4", "card_brand", "is_offline_payment"}),
        max_page_size=100,
        default_host="https://connect.squareup.com",
        pending_questions=None,
        undated={"created_at": None, "card_details": None},
        is_refunded=lambda row: (
            row["status"] == "COMPLETED"
            and row.get("refunded_money", {}).get("amount", 0) >= row["total_money"]["amount"] > 0
        ),
        lists=3,
    ),
    "paypal": Facts(
        id_field="transaction_id",
        statuses={"P": "pending", "D": "failed", "S": "succeeded", "F": "succeeded", "V": "succeeded"},
        flags={"F": "partly_refunded", "V": "reversed"},
        wrong={"password": "a-wrong-secret"},
        filters=frozenset(
            {
                "balance_affecting_records_only",
                "payment_instrument_type",
                "store_id",
                "terminal_id",
                "transaction_amount",
                "transaction_currency",
                "transaction_id",
                "transaction_type",
            }
        ),
        max_page_size=500,
        default_host="https://api-m.paypal.com",
        pending_questions=1,
        undated={"transaction_initiation_date": None},
        is_listed=is_received_or_given_back,
        lists=3,
    ),
}
