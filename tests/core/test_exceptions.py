from __future__ import annotations

import copy
import pickle

import pytest

from airflow_provider_payments import exceptions
from airflow_provider_payments._compat import AirflowException, AirflowFailException
from airflow_provider_payments.exceptions import (
    NamedPaymentNotFound,
    PaymentFailed,
    PaymentNotFound,
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsDiffer,
    PaymentsError,
    PaymentsNotAvailableYet,
    PaymentsProtocolError,
    PaymentsRequestError,
    PaymentsThrottled,
    PaymentsUnavailable,
    TooManyRecordsForXCom,
)

ALL = [
    PaymentsConfigError("text"),
    PaymentsAuthError("text"),
    PaymentsRequestError("text", 400, "36"),
    PaymentNotFound("text", 404, "41"),
    NamedPaymentNotFound("text"),
    PaymentFailed("text"),
    PaymentsDiffer("text"),
    PaymentsThrottled("text", 1.5),
    PaymentsUnavailable("text"),
    PaymentsNotAvailableYet("text"),
    PaymentsProtocolError("text"),
    TooManyRecordsForXCom("text"),
]


def test_the_list_here_is_whole() -> None:
    found = {value for value in vars(exceptions).values() if isinstance(value, type)}
    assert {each for each in found if issubclass(each, PaymentsError)} == {PaymentsError, *map(type, ALL)}


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_airflow_fails_at_once_where_a_retry_cannot_help(error: PaymentsError) -> None:
    assert isinstance(error, AirflowException)
    hopeless = (
        PaymentsConfigError,
        PaymentsAuthError,
        NamedPaymentNotFound,
        PaymentFailed,
        PaymentsDiffer,
        TooManyRecordsForXCom,
    )
    assert isinstance(error, AirflowFailException) is isinstance(error, hopeless)


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("twin", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_survive_the_way_between_processes(error: PaymentsError, twin: type) -> None:
    other = twin(error)
    assert (type(other), str(other), vars(other)) == (type(error), "text", vars(error))


def test_a_payment_not_found_is_a_refused_request() -> None:
    assert issubclass(PaymentNotFound, PaymentsRequestError)
    assert (PaymentsRequestError("t").status, PaymentsThrottled("t").retry_after) == (None, None)
