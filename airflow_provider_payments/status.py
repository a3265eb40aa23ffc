"""What a payment's status can be, and its kind."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import NoReturn


def _assert_never(value: NoReturn) -> NoReturn:
    raise AssertionError(f"unhandled value: {value!r}")


class PaymentStatus(str, Enum):
    """What a payment's status word means, whichever company said it."""

    PENDING = "pending"  #: nothing received yet
    PROCESSING = "processing"  #: money seen, not final
    AUTHORIZED = "authorized"  #: money held, the merchant must act
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"  #: closed with less money than asked
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELED = "canceled"
    REFUNDED = "refunded"
    UNKNOWN = "unknown"  #: a word this provider does not know: neither pending nor final

    __hash__ = str.__hash__  # as it compares; Enum's own is slow

    @cached_property  # asked for every payment of a file
    def is_final(self) -> bool:
        """Whether the payment has ended. An unknown status has not."""
        return self._stage == "final"

    @cached_property
    def is_pending(self) -> bool:
        """Whether the payment is still on its way. An unknown status is not known to be."""
        return self._stage == "pending"

    @property
    def _stage(self) -> str:
        match self:
            case PaymentStatus.PENDING | PaymentStatus.PROCESSING | PaymentStatus.AUTHORIZED:
                return "pending"
            case (
                PaymentStatus.SUCCEEDED
                | PaymentStatus.PARTIAL
                | PaymentStatus.FAILED
                | PaymentStatus.EXPIRED
                | PaymentStatus.CANCELED
                | PaymentStatus.REFUNDED
            ):
                return "final"
            case PaymentStatus.UNKNOWN:
                return "unknown"
            case _:
                _assert_never(self)


def after_refunds(
    status: PaymentStatus, amount: Decimal | int | None, refunded: Decimal | int | None
) -> tuple[PaymentStatus, tuple[str, ...]]:
    """Return a payment's status, and its flags, after what went back to the payer.

    A payment that succeeded is ``refunded`` once all of it went back, and has the flag ``partly_refunded`` before. Any
    other status stays.

    :param amount: what was received; in the same unit as ``refunded``.
    :param refunded: refunds and chargebacks together. They may exceed the amount.
    """
    if status is not PaymentStatus.SUCCEEDED or not refunded or refunded < 0:
        return status, ()
    if amount and refunded >= amount:
        return PaymentStatus.REFUNDED, ()
    return status, ("partly_refunded",)


class PaymentKind(str, Enum):
    """Which way the money goes, and whether its amount was asked for."""

    PAYMENT = "payment"
    DEPOSIT = "deposit"  #: the payer chose the amount
    REFUND = "refund"  #: money back to the payer, a payment of its own
