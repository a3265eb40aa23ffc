"""A connection, resolved: as what our HTTP clients need, and as an ``HttpHook`` for Airflow's own HTTP operators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from airflow.providers.http.hooks.http import HttpHook
from requests import RequestException

from airflow_provider_payments._compat import mask_secret
from airflow_provider_payments._supervisor import get_connection_async, mask_secrets_async
from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.api.credentials import Credentials, parse_connection
from airflow_provider_payments.arguments import is_none, read_conn_id
from airflow_provider_payments.exceptions import PaymentsConfigError, PaymentsError
from airflow_provider_payments.hooks import forms_211
from airflow_provider_payments.http.async_client import AsyncClient
from airflow_provider_payments.http.async_session import open_client_session
from airflow_provider_payments.http.client import ClientConfig
from airflow_provider_payments.http.messages import Request, Response, parse_headers
from airflow_provider_payments.http.rate_limit import RateLimiter
from airflow_provider_payments.http.redaction import without_traceback
from airflow_provider_payments.http.retry import RetryPolicy
from airflow_provider_payments.http.sync_client import SyncClient
from airflow_provider_payments.http.sync_session import PoolAdapter, SessionAuth, open_session, settings_for

if TYPE_CHECKING:
    import requests
    from requests import PreparedRequest, Session
    from requests.adapters import BaseAdapter

    from airflow_provider_payments._compat import Connection


_OK_STATUSES = (200, 201, 202, 204)


class ApiHttpHook(HttpHook):
    """An ``HttpHook`` that authenticates as the connection's API asks, and never sends ``extra`` as headers.

    :param payments_conn_id: the connection.
    :param http_conn_id: the same, by the name that ``HttpHook`` gives it.
    :param method: HTTP method of :meth:`run`.
    :param http_options: further arguments of ``HttpHook``. ``auth_type`` has no effect: the API decides.
    """

    conn_name_attr = "payments_conn_id"
    api_class: ClassVar[type[PaymentsApi]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not forms_211.is_declared(cls.conn_type):
            return  # a company of another package, which declares its own form
        # Airflow 2.11 looks for these in the class's own dictionary only.
        forms_of_211 = {
            "get_ui_field_behaviour": forms_211.field_behaviour,
            "get_connection_form_widgets": forms_211.form_widgets,
        }
        for name, make in forms_of_211.items():
            setattr(cls, name, staticmethod(partial(make, cls.conn_type)))

    def __init__(
        self,
        payments_conn_id: str | None = None,
        *,
        http_conn_id: str | None = None,
        method: str = "GET",
        **http_options: Any,
    ) -> None:
        given = {
            "payments_conn_id": payments_conn_id,
            "http_conn_id": http_conn_id,
            "conn_name": self.default_conn_name,
        }
        name, value = next((name, value) for name, value in given.items() if not is_none(value))
        conn_id = read_conn_id(name, value)
        super().__init__(method=method, http_conn_id=conn_id, **http_options)
        self.payments_conn_id = conn_id
        self._connection: Connection | None = None
        self._resolved: tuple[PaymentsApi, ClientConfig] | None = None
        self._session: Session | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was read from the connection: it is read again, and no secret is pickled."""
        return {**vars(self), "_connection": None, "_resolved": None, "_session": None}

    def use_connection(self, connection: Connection) -> None:
        """Use a connection that was looked up already, rather than look it up again."""
        self._connection = connection

    def build_api(self, credentials: Credentials) -> PaymentsApi:
        """Return the API behind the connection, where ``extra`` chooses among several."""
        return self.api_class(credentials)

    def resolve(self) -> tuple[PaymentsApi, ClientConfig]:
        """Read the connection, once."""
        if self._resolved is not None:
            return self._resolved
        if self._connection is None:
            self._connection = self.get_connection(self.payments_conn_id)
        resolved = self._read_connection()
        mask_secret(list(resolved[0].secrets))
        self._resolved = resolved
        return resolved

    async def aresolve(self) -> tuple[PaymentsApi, ClientConfig]:
        """Read the connection, once, without blocking the event loop."""
        if self._resolved is not None:
            return self._resolved
        if self._connection is None:
            self._connection = await get_connection_async(self.payments_conn_id, self)
        # In a thread, for checking an RSA key takes tens of milliseconds.
        resolved = await asyncio.to_thread(self._read_connection)
        await mask_secrets_async(resolved[0].secrets)
        self._resolved = resolved
        return resolved

    @property
    def base_address(self) -> str:
        """Where the API is: origin and optional path prefix."""
        return self.resolve()[0].credentials.base_url

    @contextmanager
    def sync_client(self, config: ClientConfig) -> Iterator[SyncClient]:
        """Open a client for tasks. It shares the hook's sockets; listings have a client of their own."""
        if self._session is None:
            self._session = open_session(config.options, self._make_adapter(config))
        yield SyncClient(config, self._session)

    @contextmanager
    def own_client(self, config: ClientConfig) -> Iterator[SyncClient]:
        """Open a client for tasks with sockets of its own, and close these at the end."""
        with open_session(config.options, self._make_adapter(config)) as session:
            yield SyncClient(config, session)

    @asynccontextmanager
    async def async_client(self, config: ClientConfig) -> AsyncIterator[AsyncClient]:
        """Open a client for async callers."""
        async with open_client_session(config.options) as session:
            yield AsyncClient(config, session)

    def _make_adapter(self, config: ClientConfig) -> BaseAdapter:
        """Return what sends a session's requests: the caller's own adapter, or one with ``HttpHook``'s keep-alive."""
        socket_options = getattr(self.keep_alive_adapter, "socket_options", None)
        size = 2 * config.options.max_concurrency  # one listing may be read while another is left
        return self.adapter or PoolAdapter(size, socket_options=socket_options)

    def _read_connection(self) -> tuple[PaymentsApi, ClientConfig]:
        # The connection is no variable here: error trackers show those of the frames that an error passes.
        try:
            return self._configure(cast("Connection", self._connection))
        except PaymentsError as error:
            trouble = without_traceback(error)
        raise trouble

    def _configure(self, connection: Connection) -> tuple[PaymentsApi, ClientConfig]:
        if connection.conn_type != self.conn_type:
            raise PaymentsConfigError(
                f"Connection {self.payments_conn_id!r} is of type {connection.conn_type!r}; "
                f"{type(self).__name__} needs {self.conn_type!r}."
            )
        credentials = parse_connection(connection, self.default_host)
        if credentials.is_unencrypted:
            self.log.warning("Connection %r sends its credentials unencrypted (http).", self.payments_conn_id)
        if credentials.options.verify is False:
            self.log.warning("Connection %r does not verify TLS certificates ('verify').", self.payments_conn_id)
        api = self.build_api(credentials)
        credentials.refuse_misspelled()
        pace = credentials.options.requests_per_second
        if credentials.value("requests_per_second") is None:
            pace = api.default_requests_per_second
        return api, ClientConfig(
            auth=api.auth,
            error_mapper=api.error_mapper,
            raise_for_error=api.raise_for_error,
            options=credentials.options,
            retry=RetryPolicy(max_attempts=credentials.max_attempts, throttle_wait=api.throttle_wait),
            # A little slower than permitted, for requests do not all take the same time to arrive.
            rate_limiter=RateLimiter((pace or 0) * 0.98),
            log=self.log.warning,
            mask=lambda secrets: mask_secret(list(secrets)),
            amask=mask_secrets_async,
        )

    # What HttpHook.run, and so Airflow's own HTTP operators, use.

    def get_conn(self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None) -> Session:
        """Return a session that authenticates its requests.

        :param headers: added to every request.
        :param extra_options: ``HttpHook``'s; ``check_response`` counts, transport options come from the connection.
        """
        api, config = self.resolve()
        session = open_session(config.options, self._make_adapter(config))
        session.headers.update(headers or {})
        session.auth = SessionAuth(SyncClient(config, open_session(config.options)).authorize)
        self.base_url, self._base_url_initialized = api.credentials.base_url, True
        self.merged_extra = dict(extra_options or {})
        return session

    def url_from_endpoint(self, endpoint: str | None) -> str:
        """Return the URL of an endpoint below the connection's host."""
        base_url = self.base_address
        return f"{base_url}/{(endpoint or '').lstrip('/')}" if endpoint else base_url

    def run_and_check(
        self, session: Session, prepped_request: PreparedRequest, extra_options: dict[Any, Any] | None = None
    ) -> requests.Response:
        """Send a prepared request with the connection's transport options; an error reply, or none, raises ours."""
        _, config = self.resolve()
        options = config.options
        try:
            response = session.send(
                prepped_request,
                timeout=(options.connect_timeout, options.read_timeout),
                **settings_for(session, prepped_request.url or ""),
            )
        except RequestException as error:
            request = Request(prepped_request.method or "GET", prepped_request.url or "")
            trouble = config.error_mapper.unreachable(request, error)
        else:
            if (extra_options or {}).get("check_response", True):
                self.check_response(response)
            return response
        raise trouble

    def check_response(self, response: requests.Response) -> None:
        """Raise the error that a reply means. Unlike ``HttpHook``'s, it logs no body, for that holds personal data."""
        if response.status_code in _OK_STATUSES:
            return
        _, config = self.resolve()
        sent = response.request
        config.error_mapper.raise_for_error(
            Request(sent.method or "GET", sent.url or "", dict(sent.headers)),
            Response(
                response.status_code,
                parse_headers(response.headers.items()),
                response.content,
            ),
        )
