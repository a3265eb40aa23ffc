"""What sensors and triggers are told to wait for: their arguments, read once, as plain values.

A sensor reads them, a trigger carries them through the metadata database as JSON, and the wait condition is built of
them. They import no HTTP client, for DAG files import the sensors, and a triggerer makes triggers in its event loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_payments.argument_lists import read_filters, read_id, read_ids, read_known_ids, read_statuses
from airflow_provider_payments.arguments import optional, read_choice, read_flag, read_seconds
from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.query import parse_bound
from airflow_provider_payments.status import PaymentStatus
from airflow_provider_payments.times import format_time

if TYPE_CHECKING:
    from airflow_provider_payments.waiting.condition import WaitCondition

SETTLED = "settled"
#: What ``until`` may be.
UNTIL = (SETTLED, "pending")
#: What ``pending_statuses`` may contain.
PENDING_STATUSES = tuple(status.value for status in PaymentStatus if status.is_pending)


@dataclass(kw_only=True)
class WaitArguments(ABC):
    """Arguments of a wait, and what the processes of one task tell each other of its state.

    Given as users and templates give them, they are read by the constructor; the annotations say what they are then.

    :param takes_numbers: whether a number among ids and filters is taken for its digits (see
        :func:`~airflow_provider_payments.argument_lists.read_id`).
    :raises PaymentsConfigError: for a bad argument.
    """

    takes_numbers: InitVar[bool] = True
    #: The arguments that are state: found out while waiting, not told by the user.
    state_fields: ClassVar[Sequence[str]] = ()
    #: What of it holds wherever an earlier process has polled.
    state_after_poll: ClassVar[Mapping[str, Any]] = {}

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments as JSON values, to make equal arguments of. None, the default, is left out."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.init}
        return {
            name: format_time(value) if isinstance(value, datetime) else value
            for name, value in values.items()
            if value is not None
        }

    @property
    def window(self) -> tuple[datetime | None, datetime | None]:
        """The window for the manifest: first instant, and first instant after it."""
        return None, None

    @property
    def is_long_poll(self) -> bool:
        """Whether the API is asked to hold its reply until something changes."""
        return False

    @abstractmethod
    def build_condition(self, state: Mapping[str, Any] | None = None) -> WaitCondition:
        """Return the condition that these arguments describe.

        :param state: what another process has found out; see
            :attr:`~airflow_provider_payments.waiting.condition.WaitCondition.state`.
        """

    def with_state(self, state: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the arguments as a dict, with the state that another process has found out."""
        told = {name: value for name, value in (state or {}).items() if name in self.state_fields and value is not None}
        return self.to_dict() | told


@dataclass(kw_only=True)
class StatusArguments(WaitArguments):
    """Until every payment has reached a target status.

    :param payment_ids: ids of the payments; or
    :param order_ids: the merchant's ids of the orders, each decided by one of its payments (see
        :func:`~airflow_provider_payments.waiting.orders.choose_decisive`).
    :param target_statuses: normalised or provider statuses; None is any final status.
    :param failure_statuses: one of these ends the wait at once.
    :param created_from: payments from here on are searched for orders, where the API cannot be asked for them: an aware
        datetime of any class, or ISO 8601 text.
    :param long_poll_seconds: seconds that the API may hold its reply, where it can and one payment only is waited for.
    :param known_ids: ids of payments that orders are known to have, by order.
    :param is_list_proven: whether a poll that found nothing has seen that the API's list is where the connection leads.
    """

    payment_ids: Sequence[str] = ()
    order_ids: Sequence[str] = ()
    target_statuses: Sequence[str] | None = None
    failure_statuses: Sequence[str] = ()
    created_from: datetime | None = None
    long_poll_seconds: float = 0.0
    known_ids: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_list_proven: bool | None = None
    state_fields: ClassVar[Sequence[str]] = ("known_ids", "is_list_proven")
    state_after_poll: ClassVar[Mapping[str, Any]] = {"is_list_proven": True}

    def __post_init__(self, takes_numbers: bool) -> None:
        self.payment_ids = read_ids("payment_ids", self.payment_ids, takes_numbers=takes_numbers)
        self.order_ids = read_ids("order_ids", self.order_ids, takes_numbers=takes_numbers)
        self.target_statuses = optional(read_statuses, "target_statuses", self.target_statuses)
        self.failure_statuses = optional(read_statuses, "failure_statuses", self.failure_statuses) or []
        self.created_from = parse_bound("created_from", self.created_from)
        self.long_poll_seconds = read_seconds("long_poll_seconds", self.long_poll_seconds)
        self.known_ids = read_known_ids(self.known_ids)
        self.is_list_proven = optional(read_flag, "is_list_proven", self.is_list_proven)
        if self.target_statuses and set(self.target_statuses) <= set(self.failure_statuses):
            raise PaymentsConfigError(
                f"target_statuses and failure_statuses both have {self.target_statuses[0]!r}, and no other target is "
                "left. Keep it in one of them."
            )
        if bool(self.payment_ids) == bool(self.order_ids):
            raise PaymentsConfigError(
                "Name what to wait for: payment_ids or order_ids, one of them, and not an empty list."
            )

    @property
    def is_long_poll(self) -> bool:
        return self.long_poll_seconds > 0 and len(self.payment_ids) == 1

    def build_condition(self, state: Mapping[str, Any] | None = None) -> WaitCondition:
        from airflow_provider_payments.waiting.status import StatusCondition

        return StatusCondition(**self.with_state(state))


@dataclass(kw_only=True)
class PendingArguments(WaitArguments):
    """Until nothing in a window is pending, or until something is.

    :param created_from: first instant of the window: an aware datetime of any class, or ISO 8601 text; None is
        unbounded.
    :param created_to: first instant after the window.
    :param filters: the API's own filter parameters.
    :param until: ``settled`` or ``pending``.
    :param pending_statuses: the normalised statuses that count as pending; None is all three.
    :param unsettled_id: id of a payment that was not final when the window was last looked at: as long as it is not,
        the API is asked for nothing else.
    """

    created_from: datetime | None = None
    created_to: datetime | None = None
    filters: Mapping[str, str] | None = None
    until: str = SETTLED
    pending_statuses: Sequence[str] | None = None
    unsettled_id: str | None = None
    state_fields: ClassVar[Sequence[str]] = ("unsettled_id",)

    def __post_init__(self, takes_numbers: bool) -> None:
        self.created_from = parse_bound("created_from", self.created_from)
        self.created_to = parse_bound("created_to", self.created_to)
        self.filters = optional(read_filters, "filters", self.filters, takes_numbers=takes_numbers)
        self.until = read_choice("until", self.until, UNTIL)
        self.pending_statuses = optional(read_statuses, "pending_statuses", self.pending_statuses, PENDING_STATUSES)
        self.unsettled_id = optional(read_id, "unsettled_id is", self.unsettled_id)

    @property
    def window(self) -> tuple[datetime | None, datetime | None]:
        return self.created_from, self.created_to

    def build_condition(self, state: Mapping[str, Any] | None = None) -> WaitCondition:
        from airflow_provider_payments.waiting.pending import PendingCondition

        return PendingCondition(**self.with_state(state))
