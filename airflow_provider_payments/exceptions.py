"""Errors, by who must act.

::

    PaymentsError (AirflowException)
    ├── PaymentsConfigError (AirflowFailException)   you: the DAG or the connection is wrong; a retry cannot help
    ├── PaymentsAuthError (AirflowFailException)     you: the payment company refuses the credentials
    ├── PaymentsRequestError                         you or they: the API understood the request and refused it
    │   └── PaymentNotFound                          nobody yet: no payment has this id (for now)
    │       └── NamedPaymentNotFound (AirflowFailException)  you: ids that a task was given have no payment
    ├── PaymentFailed (AirflowFailException)         you: a payment that a sensor waited for has failed
    ├── PaymentsDiffer (AirflowFailException)        you: a table does not have what the payment company has
    ├── PaymentsThrottled                            wait: ``retry_after`` says how many seconds
    ├── PaymentsUnavailable                          wait: network, something in between, or the API is down
    │   └── PaymentsNotAvailableYet                  wait: the API's data does not reach as far as was asked
    ├── PaymentsProtocolError                        they: the reply is not what the API documents
    └── TooManyRecordsForXCom                        you: name an ``output_path``

Messages carry the provider, the HTTP status, the API's error code and its request id. They never carry a credential or
a whole body, and control characters in them are escaped, for logs and databases take those badly. The classes are
public: map them in an Airflow 3.3 retry policy, or catch them in a ``@task``.
"""

from __future__ import annotations

from typing import NoReturn

from airflow_provider_payments._compat import AirflowException, AirflowFailException
from airflow_provider_payments.texts import escape_controls


class PaymentsError(AirflowException):
    """Any error of this provider.

    :param message: the whole sentence. Control characters in it are escaped.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(escape_controls(str(message)))


class PaymentsConfigError(PaymentsError, AirflowFailException):
    """The DAG or the connection asks for something impossible. Raised before any request where that is possible."""


class PaymentsAuthError(PaymentsError, AirflowFailException):
    """The payment company refused the credentials: 401 for a key that it had not accepted before, or after one renewal;
    or a 403 that does not mean "wait".

    Both in the API's own words; otherwise it may be a proxy or firewall that refuses, and is PaymentsUnavailable.
    """


class PaymentsRequestError(PaymentsError):
    """The API understood the request and refused it.

    :param message: the whole sentence.
    :param status: HTTP status of the reply.
    :param code: the API's own error code, as text, when it gave one.
    """

    def __init__(self, message: str, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = None if code is None else escape_controls(code)


class PaymentNotFound(PaymentsRequestError):
    """No payment has this id. To a sensor this means "still waiting", never "gone"."""


class NamedPaymentNotFound(PaymentNotFound, AirflowFailException):
    """Ids that a task was given have no payment. A retry would ask for all of them again, and find the same."""


class PaymentFailed(PaymentsError, AirflowFailException):
    """A payment that was waited for has reached a failure status. A retry would find the same."""


class PaymentsDiffer(PaymentsError, AirflowFailException):
    """A table and the payment company's list differ. A retry would find the same, for it mends neither."""


class PaymentsThrottled(PaymentsError):
    """The API, or something in between, asks to wait; raised when the attempts are used up, or the wait is too long.

    :param message: the whole sentence.
    :param retry_after: seconds the API asked to wait, None when it did not say.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PaymentsUnavailable(PaymentsError):
    """The API could not be reached, or answered 5xx or another status that may pass, after all attempts.

    :param message: the whole sentence.
    :param status: HTTP status of the last reply, None when there was none.
    """

    def __init__(self, message: object = "", status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class PaymentsNotAvailableYet(PaymentsUnavailable):
    """The API says that its data does not reach as far as was asked. Hours may pass: left to the task's own retries."""


class PaymentsProtocolError(PaymentsError):
    """The reply is not what the API documents: truncated, HTML, too large, a redirect, or pages without progress."""


class TooManyRecordsForXCom(PaymentsError, AirflowFailException):
    """More records, or more of their bytes, than XCom should carry. Nothing was pushed; use an ``output_path``."""


#: Errors that may pass by themselves, so that a poll may be made again. Any other needs somebody to act.
TRANSIENT_ERRORS = (PaymentsThrottled, PaymentsUnavailable, PaymentsProtocolError)


def refuse_xcom(kind: str) -> NoReturn:
    """Refuse to become an XCom, and say what a task returns instead: no task could read payments out of an XCom.

    Airflow's ``[core] allowed_deserialization_classes`` lets none but its own classes through by default.

    :param kind: what the task returned.
    """
    raise PaymentsConfigError(
        f"A {kind} is nothing that an XCom can hold. Return records: [payment.to_dict() for payment in payments]; "
        "or let ListPaymentsOperator write them to an output_path."
    )
