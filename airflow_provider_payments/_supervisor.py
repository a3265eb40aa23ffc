"""What an event loop asks of Airflow: connections, and that secrets be masked in logs.

On Airflow 3 both go to the supervisor, the process behind this one. Airflow's plain functions block until it has
replied. In a triggerer nothing may block: before 3.2, a thread that waits there reads the stream that the event loop
reads, and the whole process ends, with everybody's triggers. So in a triggerer such an exchange is awaited.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Coroutine, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_payments._compat import AirflowNotFoundException, BaseHook, mask_secret

if TYPE_CHECKING:
    from airflow_provider_payments._compat import Connection

T = TypeVar("T")

_log = logging.getLogger(__name__)
_under_way: set[asyncio.Task[Any]] = set()


async def get_connection_async(conn_id: str, hook: Any = BaseHook) -> Connection:
    """Return a connection without blocking the event loop.

    :param hook: who is asked, for a subclass may get its connections elsewhere. In a triggerer only by
        ``aget_connection``, from Airflow 3.3 on.
    :raises AirflowNotFoundException: when there is none.
    """
    channel = _channel_of_triggerer()
    if channel is None:
        found: Connection = await _in_thread(hook.get_connection, conn_id)
        return found
    # Before 3.3, `aget_connection` masks by blocking, and 3.0 does not have it.
    masks_awaited = hasattr(import_module("airflow.sdk.log"), "amask_secret")
    return await await_to_end(hook.aget_connection(conn_id) if masks_awaited else _look_up(channel, conn_id))


async def mask_secrets_async(secrets: Sequence[str]) -> None:
    """Have secrets masked in the logs of this process, without blocking the event loop."""
    channel = _channel_of_triggerer()
    if channel is None:
        await _in_thread(mask_secret, list(secrets))
    elif secrets:
        # All that a triggerer logs passes through its supervisor, which masks it.
        await await_to_end(channel.asend(_messages().MaskSecret(value=list(secrets))))


def _channel_of_triggerer() -> Any:
    """Return what leads to the supervisor if this process runs triggers; None in a task and on Airflow 2."""
    job = sys.modules.get("airflow.jobs.triggerer_job_runner")
    kind = getattr(job, "TriggerCommsDecoder", None)
    channel = getattr(sys.modules.get("airflow.sdk.execution_time.task_runner"), "SUPERVISOR_COMMS", None)
    return channel if kind is not None and isinstance(channel, kind) else None


async def _in_thread(function: Any, argument: Any) -> Any:
    """Call a function that blocks: always in the same thread, for tasks before 3.2 have a channel without a lock."""
    from asgiref.sync import sync_to_async

    return await sync_to_async(function)(argument)


async def await_to_end(exchange: Coroutine[Any, Any, T]) -> T:
    """Await an exchange that goes on when the trigger is cancelled.

    Before 3.2, a reply that nobody waits for any more is taken for the reply to the next request.
    """
    task = asyncio.ensure_future(exchange)
    _under_way.add(task)  # the loop itself holds no more than a weak reference
    task.add_done_callback(_under_way.discard)
    return await asyncio.shield(task)


async def _look_up(channel: Any, conn_id: str) -> Connection:
    """Look a connection up in the secrets backends, then at the API server, as Airflow 3.0 to 3.2 do."""
    context: Any = import_module("airflow.sdk.execution_time.context")
    # The first name is that of 3.0.
    convert = getattr(context, "_convert_connection_result_conn", None) or context._process_connection_result_conn
    connection = await asyncio.to_thread(_ask_backends, conn_id)
    if connection is None:
        connection = convert(await _ask(channel, _messages().GetConnection(conn_id=conn_id), conn_id))
    await mask_secrets_async([text for text in (connection.password, connection.extra) if text])
    return connection  # type: ignore[no-any-return]


def _ask_backends(conn_id: str) -> Any:
    """Return what the secrets backends know of a connection, if anything."""
    supervisor: Any = import_module("airflow.sdk.execution_time.supervisor")
    denials = getattr(import_module("airflow.sdk.exceptions"), "AirflowSecretsBackendAccessDenied", ())
    for backend in supervisor.ensure_secrets_backend_loaded():
        if type(backend).__name__ == "ExecutionAPISecretsBackend":
            continue  # the API server, by blocking
        try:
            if connection := backend.get_connection(conn_id=conn_id):
                return connection
        except denials:
            raise
        except Exception:
            _log.warning("Secrets backend %s cannot be asked", type(backend).__name__, exc_info=True)
    return None


async def _ask(channel: Any, message: Any, conn_id: str) -> Any:
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType

    try:
        reply = await channel.asend(message)
        if isinstance(reply, _messages().ErrorResponse):
            raise AirflowRuntimeError(reply)
    except AirflowRuntimeError as error:
        if error.error.error == ErrorType.CONNECTION_NOT_FOUND:
            raise AirflowNotFoundException(f"The conn_id `{conn_id}` isn't defined") from None
        raise
    return reply


def _messages() -> Any:
    return import_module("airflow.sdk.execution_time.comms")
