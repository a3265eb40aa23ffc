"""What the sensors share: modes, deadlines, failed polls, and the delivery of what was waited for."""

from __future__ import annotations

import inspect
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_payments._compat import (
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
    get_first_reschedule,
)
from airflow_provider_payments.arguments import read_flag, read_whole_number
from airflow_provider_payments.exceptions import TRANSIENT_ERRORS, PaymentFailed, PaymentsError
from airflow_provider_payments.operators.base import PaymentsTask
from airflow_provider_payments.sensors.trigger_errors import find_retry_after, raise_failure
from airflow_provider_payments.texts import unpack
from airflow_provider_payments.waiting.arguments import WaitArguments
from airflow_provider_payments.waiting.failures import FailureCounter

if TYPE_CHECKING:
    from airflow_provider_payments._compat import Context
    from airflow_provider_payments.triggers.polling import PollingTrigger
    from airflow_provider_payments.waiting.condition import WaitCondition


class PaymentsSensor(PaymentsTask, BaseSensorOperator):
    """Base of the sensors.

    In every mode the worker polls first. A deferred sensor goes on in the triggerer, and when that finds that the wait
    seems over, the worker polls again and delivers: nothing but ids passes through the metadata database.

    ``timeout`` counts from the first start, across deferrals and reschedules. A failed poll (network, 5xx, "wait", a
    reply that makes no sense) is survived ``max_poll_failures`` times in a row; a rescheduled sensor keeps its worker
    slot until a poll succeeds again. Wrong credentials and a wrong configuration fail the task at once, and for good.
    ``soft_fail`` skips on ``timeout`` and on a failure status, never on those.
    """

    #: Class of the wait's arguments. Each of them is an attribute of the sensor, too.
    arguments_type: ClassVar[type[WaitArguments]]

    def __init__(
        self,
        *,
        payments_conn_id: str,
        output_path: str | None = None,
        file_format: str | None = None,
        include_raw: bool | str = True,
        max_xcom_records: int | str = 1000,
        max_records_per_file: int | str | None = None,
        replace_nul: bool | str = False,
        max_poll_failures: int | str = 10,
        deferrable: bool | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.payments_conn_id = payments_conn_id
        self.output_path = output_path
        self.file_format = file_format
        self.include_raw = include_raw
        self.max_xcom_records = max_xcom_records
        self.max_records_per_file = max_records_per_file
        self.replace_nul = replace_nul
        self.max_poll_failures = max_poll_failures
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self._condition: WaitCondition | None = None
        self._started: float | None = None
        self._failures = FailureCounter()

    @abstractmethod
    def build_trigger(self, **arguments: Any) -> PollingTrigger:
        """Return the trigger that waits for the same."""

    @cached_property
    def wait_arguments(self) -> WaitArguments:
        """The wait's arguments, read once: an iterator among them would be empty the second time."""
        kind = self.arguments_type
        names = [each.name for each in fields(kind) if each.name not in kind.state_fields]
        return kind(**{name: getattr(self, name) for name in names}, takes_numbers=self.takes_numbers)

    def build_condition(self, state: Mapping[str, Any]) -> WaitCondition:
        """Return the wait condition.

        :param state: what an earlier process of this task found out: ids only.
        """
        return self.wait_arguments.build_condition(state)

    @property
    def deadline(self) -> float:
        """When to give up, in seconds since 1970."""
        self._started = self._started or time.time()
        return self._started + self.timeout

    def execute(self, context: Context) -> Any:
        """Wait, and return what was waited for."""
        with self._skip_softly():
            if read_flag("deferrable", self.deferrable):
                return self._check_or_defer(context)
            first = get_first_reschedule(context) if self.reschedule else None
            self._started = first.timestamp() if first else time.time()
            if first:
                self._condition = self.build_condition(self.arguments_type.state_after_poll)
            # Unwrapped: Airflow's decorator mistakes this call of super() for an operator run inside another operator.
            return inspect.unwrap(BaseSensorOperator.execute)(self, context)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after a deferral. Airflow's own would skip on any error when ``soft_fail`` is set."""
        with self._skip_softly():
            if next_method == "__fail__":
                raise_failure(next_kwargs or {})
                return self._check_finally(context, "The triggerer did not answer.")
            return getattr(self, next_method)(context, **(next_kwargs or {}))

    def execute_complete(self, context: Context, event: Any = None) -> Any:
        """Check whether the trigger is right, and deliver the payments or wait on.

        :param event: the trigger's outcome, its deadline in seconds since 1970, and its condition's state.
        """
        from airflow_provider_payments.triggers.polling import CHECK, FINAL_CHECK, TIMEOUT

        is_ours = isinstance(event, Mapping) and isinstance(event.get("deadline"), int | float)
        if not is_ours or event.get("outcome") not in (CHECK, FINAL_CHECK, TIMEOUT):
            raise PaymentsError(f"The trigger's event is none of {self.task_type}'s, so it proves nothing: {event!r}.")
        if event["outcome"] == TIMEOUT:
            raise self._time_out(event.get("last", ""))
        self._started = event["deadline"] - self.timeout
        self._condition = self.build_condition(unpack(event.get("state", {})))
        if event["outcome"] == FINAL_CHECK:
            return self._check_finally(context, event.get("last", ""))
        self._failures.count = event.get("look_failures", 0)
        return self._check_or_defer(context)

    def poke(self, context: Context) -> PokeReturnValue | bool:
        """Poll once; while polls fail, wait for the next here."""
        while True:
            try:
                found = self._check(context)
            except TRANSIENT_ERRORS as error:
                self._failures.add(error, self.log, self.conn_id)
                pause = max(self.poke_interval, find_retry_after(error))
            else:
                self._failures.reset()
                return found
            left = self.deadline - time.time()
            if self.reschedule:
                # Another process would not know how many polls have failed.
                time.sleep(max(min(pause, left + 0.1), 0.0))
            else:
                # Airflow waits for the interval itself, or for less when it backs off.
                own = 0.0 if self.exponential_backoff else self.poke_interval
                time.sleep(max(min(pause - own, left + 0.1), 0.0))
            if not self.reschedule or pause >= left:
                return False

    def _check_or_defer(self, context: Context) -> Any:
        deadline = self.deadline
        pause = self.poke_interval
        try:
            found = self._check(context)
        except TRANSIENT_ERRORS as error:
            self._failures.add(error, self.log, self.conn_id)
            pause = max(pause, find_retry_after(error))
        else:
            self._failures.reset()
            if isinstance(found, PokeReturnValue):
                return found.xcom_value
        now = time.time()
        if now >= deadline:
            raise self._time_out(self._condition.describe() if self._condition else "")
        trigger = self.build_trigger(
            payments_conn_id=self.conn_id,
            poke_interval=self.poke_interval,
            deadline=deadline,
            next_poll=now + pause,
            max_poll_failures=self._failures.limit,
            poll_failures=self._failures.count,
            look_failures=self._failures.count,
            **self.wait_arguments.with_state(self._condition.state if self._condition else None),
        )
        self.defer(
            trigger=trigger,
            method_name="execute_complete",
            timeout=timedelta(seconds=deadline - now),
        )

    def _check_finally(self, context: Context, last: str) -> Any:
        """Poll once more after the deadline: the condition may have been met since the last poll."""
        try:
            found = self._check(context)
        except TRANSIENT_ERRORS as error:
            self.log.warning("%s: the final check failed. %s", self.task_type, error)
        else:
            if isinstance(found, PokeReturnValue):
                return found.xcom_value
        raise self._time_out(last)

    def _check(self, context: Context) -> PokeReturnValue | bool:
        """Poll, and deliver the payments when the condition is met."""
        from airflow_provider_payments.waiting.condition import ONE_ATTEMPT, StillWaiting

        condition = self._condition = self._condition or self.build_condition({})
        self.build_delivery().check()  # now, not after hours
        self._failures.limit = read_whole_number("max_poll_failures", self.max_poll_failures)
        is_met = self.hook.look_up(condition.poll, retry=ONE_ATTEMPT, report=condition.report)
        self.log.info("%s", condition.describe())
        if not is_met:
            return False
        try:
            value = self.deliver(lambda: condition.list_payments(self.hook), self.wait_arguments.window, context)
        except StillWaiting as reason:
            self.log.info("%s goes on waiting, for the listing shows: %s", self.task_type, reason)
            return False
        return PokeReturnValue(is_done=True, xcom_value=value)

    def _time_out(self, last: str = "") -> AirflowSensorTimeout:
        return AirflowSensorTimeout(f"{self.task_type} timed out after {self.timeout:g} s. {last}".strip())

    @contextmanager
    def _skip_softly(self) -> Iterator[None]:
        """Apply ``soft_fail`` and ``never_fail``: Airflow's ``execute`` skips on errors that are not soft."""
        try:
            yield
        except AirflowSkipException as skip:
            cause = skip.__cause__
            if self.soft_fail and isinstance(cause, PaymentsError) and not isinstance(cause, PaymentFailed):
                raise cause from None
            raise
        except (AirflowSensorTimeout, PaymentFailed) as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from error
            raise
        except PaymentsError as error:
            if self.never_fail:
                raise AirflowSkipException(str(error)) from error
            raise
