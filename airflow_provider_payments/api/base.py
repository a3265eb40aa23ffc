"""What a payment API is, to this package: facts, and pure functions over its requests and responses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from airflow_provider_payments.api.credentials import Credentials
from airflow_provider_payments.api.decoding import Decoder, decode_reply, parse_rows, split_body
from airflow_provider_payments.api.facts import ApiFacts
from airflow_provider_payments.api.labels import name_fields
from airflow_provider_payments.exceptions import PaymentsProtocolError, PaymentsRequestError
from airflow_provider_payments.http.auth import AcceptedKey, Auth
from airflow_provider_payments.http.errors import ErrorMapper
from airflow_provider_payments.http.messages import Request, Response, build_url, quote_segment
from airflow_provider_payments.listing.plan import ListPage, Partition, Stage
from airflow_provider_payments.listing.readers import MakeReader
from airflow_provider_payments.payment import Payment, PaymentStatus
from airflow_provider_payments.query import PaymentQuery


class PaymentsApi(ApiFacts, ABC):
    """One payment API behind one connection. A subclass names facts and reads rows; it opens no socket and has no loop.

    :param credentials: what the connection says.
    :raises PaymentsConfigError: when the connection lacks something.
    """

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        #: Makes a payment of this connection: id, status and the provider status; what else it tells, by name.
        #: Only positionals + 2 * keywords <= 30 are fast: of a longer call, CPython makes a dict first.
        self.new_payment = partial(Payment, self.name, credentials.connection_id)
        self.auth = self.build_auth(credentials)
        self._key = AcceptedKey()
        self.error_mapper = ErrorMapper(
            provider=self.name,
            throttle_codes=self.throttle_codes,
            error_fields=self.error_fields,
            credentials=self.credentials_to_check,
            may_pass=lambda: not self.auth.renews_key and self._key.refuse(),
            proxy_for=credentials.options.proxy_for,
            secrets=lambda: (*self.secrets, credentials.login, credentials.password),
        )
        self.parse_row = Decoder(self.row_type).decode
        self._decode_page = Decoder(self.page_type).decode
        self.page_size = credentials.page_size or self.default_page_size
        if self.page_size > self.max_page_size:
            raise credentials.wrong("page_size", f"at most {self.max_page_size}, the most that {self.name} permits")

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must not show up anywhere."""
        return (*self.auth.secrets, *self.credentials.options.secrets)

    @property
    def credentials_to_check(self) -> str:
        """What to check when the API refuses the credentials, as the form calls it."""
        return f"{name_fields(self.name, self.credential_fields())} of connection {self.credentials.connection_id!r}"

    # What each API says for itself.

    @abstractmethod
    def build_auth(self, credentials: Credentials) -> Auth:
        """Return the way to authenticate."""

    def credential_fields(self) -> Sequence[str]:
        """Return the fields that the credentials are made of: ``host``, ``login``, ``password``, keys of extra."""
        return ("password",)

    @abstractmethod
    def list_reader(self, query: PaymentQuery) -> MakeReader:
        """Return what reads the list: a reader class, or one with some of its arguments."""

    @abstractmethod
    def to_page(self, page: Any) -> ListPage:
        """Take a decoded page (of :attr:`page_type`) apart."""

    @abstractmethod
    def to_payment(self, row: Any, raw: bytes) -> Payment:
        """Normalise a decoded row (of :attr:`row_type`)."""

    def second_reader(self, query: PaymentQuery) -> MakeReader | None:
        """Return what reads the list a second time, where that should go another way."""
        return None

    def build_params(self, query: PaymentQuery, provider_status: str | None) -> dict[str, str]:
        """Return the query parameters that stay the same on every page."""
        return {**query.filters, **({self.status_param: provider_status} if provider_status else {})}

    def provider_statuses_for(self, status: PaymentStatus) -> Sequence[str]:
        """Return the provider statuses that may mean a status."""
        return [each for each, meaning in self.statuses.items() if meaning is status]

    def detail_request(self, payment_id: str) -> Request | None:
        """Return the request for one payment, or None where the API has none."""
        return self.request(self.detail_path.format(id=quote_segment(payment_id))) if self.detail_path else None

    def query_for(self, payment_id: str) -> PaymentQuery | None:
        """Return what to list to find a payment by its id, where there is no :meth:`detail_request`.

        None where the list cannot be narrowed to it: then it is searched as a whole.
        """
        return None

    def is_not_found(self, error: PaymentsRequestError) -> bool:
        """Whether the API refused a request for one payment, or of one order, since it knows none by this id."""
        return error.status == 404

    def discovery_request(self, query: PaymentQuery) -> Request | None:
        """Return what the API has to be asked before it can list; None where that is nothing, or known already.

        :param query: what will be listed.
        """
        return None

    def discover(self, request: Request, response: Response) -> None:
        """Learn from the response to :meth:`discovery_request`, for :meth:`plan_listing`."""

    def order_ids_of(self, payment: Payment) -> Sequence[str]:
        """Return the ids by which the merchant may know the order that a payment belongs to."""
        return () if payment.order_id is None else (payment.order_id,)

    def unwrap_detail(self, body: bytes) -> bytes:
        """Return the payment's own JSON out of a detail response."""
        return body

    def particular_ids(self, payment: Payment) -> Sequence[str]:
        """Return ids that are more particular, for a payment whose id others may share; the last one nobody shares."""
        return ()

    def former_id(self, payment: Payment) -> str | None:
        """Return the id that a payment has, or had, while that is provisional; None where ids never change."""
        return None

    def check_body(self, request: Request, response: Response) -> None:
        """Raise the error that a response's body tells although its HTTP status is 200."""

    def matches(self, query: PaymentQuery, payment: Payment) -> bool:
        """Whether a row is a payment, and passes those filters that the API itself is not asked to apply."""
        return True

    # The same for all.

    def unlisted_reason(self, query: PaymentQuery) -> str | None:
        """Return which of the payments that a query asks for by their status no list shows, or None."""
        for each, sentence in self.unlisted_statuses.items():
            if each in query.provider_statuses or self.statuses[each] in query.statuses:
                return f"Payments are missing. {sentence} Ask for them by their ids."
        return None

    def unlisted_note(self, query: PaymentQuery) -> str | None:
        """Return what a listing of all statuses does not show, or None. It is complete: the API has no other list."""
        return None if query.has_statuses else " ".join(self.unlisted_statuses.values()) or None

    def request(self, path: str, params: Mapping[str, str] | None = None) -> Request:
        """Return a GET request for a path below the connection's host."""
        return Request("GET", build_url(self.credentials.base_url, path, params), {"Accept": "application/json"})

    def post_request(self, path: str, content: Mapping[str, str]) -> Request:
        """Return a POST request with a JSON object."""
        headers = {"Content-Type": "application/json"}
        return replace(self.request(path).with_headers(headers), method="POST", body=msgspec.json.encode(content))

    def list_request(self, params: Mapping[str, str]) -> Request:
        """Return the request of a page."""
        return self.request(self.list_path, params)

    def plan_listing(self, query: PaymentQuery, limit: int, max_concurrency: int) -> list[Stage]:
        """Return the lists that have every payment of a query: one for each provider status, or one of everything."""
        return [Stage([self.partition(query, each, limit, max_concurrency)]) for each in self.status_filters(query)]

    def partition(self, query: PaymentQuery, status: str | None, limit: int, max_concurrency: int) -> Partition:
        """Return the list that is filtered by a provider status, or the unfiltered one."""
        params = self.build_params(query, status)
        return Partition(self.list_reader(query), params, limit, max_concurrency, self.second_reader(query))

    def status_filters(self, query: PaymentQuery) -> Sequence[str | None]:
        """Return the provider statuses to filter by, in the order of :attr:`statuses`; None stands for no filter.

        Where a wanted one cannot be filtered by, only the unfiltered list has all. Where none has a wanted meaning,
        there is nothing to ask.
        """
        wanted = set(query.provider_statuses).union(*map(self.provider_statuses_for, query.statuses))
        has_any = not query.has_statuses or PaymentStatus.UNKNOWN in query.statuses
        is_filtered = not has_any and wanted.issubset(self.filterable_statuses)
        return [each for each in self.statuses if each in wanted] if is_filtered else [None]

    def raise_for_error(self, request: Request, response: Response) -> None:
        """Raise the error that a response means, if it means one."""
        self.error_mapper.raise_for_error(request, response)
        if not request.is_token_request:
            self.check_body(request, response)
            self._key.accept()

    def parse_page(self, request: Request, response: Response) -> ListPage:
        """Decode a page."""
        return decode_reply(self.error_mapper, request, response, lambda body: split_body(body, self._split_page))

    def parse_detail(self, request: Request, response: Response) -> Payment:
        """Decode the response to :meth:`detail_request`."""
        page = decode_reply(self.error_mapper, request, response, lambda body: split_body(body, self._split_detail))
        return self.parse_payment(page.rows[0])

    def parse_payment(self, row: bytes | msgspec.Raw) -> Payment:
        """Decode and normalise a row."""
        return self.parse_payments([row])[0]

    def parse_payments(self, rows: Sequence[bytes | msgspec.Raw]) -> list[Payment]:
        """Decode and normalise a page's rows."""
        return parse_rows(
            rows, self.parse_row, self.to_payment, id_field=self.id_field, unreadable=self._unreadable_row
        )

    def status_of(self, provider_status: str) -> PaymentStatus:
        """Translate a provider status. One that is not in the table is kept apart, never guessed."""
        return self.statuses.get(provider_status, PaymentStatus.UNKNOWN)

    def flags_of(self, provider_status: str) -> tuple[str, ...]:
        """Return the flags that a provider status carries."""
        return (self.flags[provider_status],) if provider_status in self.flags else ()

    def _split_page(self, body: bytes) -> ListPage:
        return self.to_page(self._decode_page(body))

    def _split_detail(self, body: bytes) -> ListPage:
        return ListPage([msgspec.json.decode(self.unwrap_detail(body), type=msgspec.Raw)])

    def _unreadable_row(self, which: str, error: Exception) -> PaymentsProtocolError:
        text = f"{self.name}: {which} is not what the API documents: {error}"
        return PaymentsProtocolError(self.error_mapper.redact(text))
