"""The threads of the client for tasks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Generic, TypeAlias, TypeVar

from airflow_provider_payments.http.redaction import without_traceback

T = TypeVar("T")
_Submitted: TypeAlias = tuple[Future[T], Callable[[], T]]


class RequestThreads(Generic[T]):
    """Threads that make calls, so many at once, in the order in which these were submitted.

    There is one thread more than that, and calls rotate among them, so that each rests until its last page is done
    with. For the C library keeps memory that a thread once took for that thread: those that happened to read several
    long pages in a row would each keep room for as many.

    :param limit: calls that may be under way at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting: deque[_Submitted[T]] = deque()
        # Executors of one thread each, with what it did last; the one whose calls began longest ago comes first.
        self._runs: dict[ThreadPoolExecutor, Future[None]] = {}
        self._resting: set[ThreadPoolExecutor] = set()
        self._running = 0
        self._error: BaseException | None = None
        #: Set when nobody waits for any result any more.
        self.closed = threading.Event()

    def submit(self, call: Callable[[], T], *, is_urgent: bool = False) -> Future[T]:
        """Make a call as soon as there is room. Once one has raised an error, all that wait end with that error.

        :param is_urgent: whether it begins before all that wait.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._error:
                future.set_exception(self._error)
                return future
            if self._running < self._limit:
                self._running += 1
                thread = self._choose_thread()
                self._runs[thread] = thread.submit(self._run, thread, future, call)
            else:
                self._waiting.insert(0 if is_urgent else len(self._waiting), (future, call))
        return future

    def close(self, patience: float) -> None:
        """Begin no more calls, and wait for the threads to end. Nothing is kept of what comes later.

        :param patience: seconds to wait. Threads whose calls take longer end when these do.
        """
        self.closed.set()
        self._fail(CancelledError())
        late = wait(self._runs.values(), patience).not_done
        for thread in self._runs:
            thread.shutdown(wait=not late)

    def _choose_thread(self) -> ThreadPoolExecutor:
        if len(self._runs) <= self._limit:
            return ThreadPoolExecutor(1, "payments")
        thread = next(each for each in self._runs if each in self._resting)
        self._resting.remove(thread)
        del self._runs[thread]
        return thread

    def _run(self, thread: ThreadPoolExecutor, future: Future[T], call: Callable[[], T]) -> None:
        settle: Callable[[], object]
        try:
            settle = partial(future.set_result, call())
        except BaseException as error:
            self._fail(error)
            if self.closed.is_set():  # its frames would keep the response, and its socket, until garbage is collected
                without_traceback(error)
            settle = partial(future.set_exception, error)
        self._go_on(thread)  # now, so that who waits for the result finds this thread at rest
        if self.closed.is_set():
            settle = future.cancel
        settle()

    def _go_on(self, thread: ThreadPoolExecutor) -> None:
        """Make the next call that waits, if there is one."""
        try:
            with self._lock:
                if self._waiting:
                    self._runs[thread] = thread.submit(self._run, thread, *self._waiting[0])
                    self._waiting.popleft()
                else:
                    self._running -= 1
                    self._resting.add(thread)
        except RuntimeError as error:  # the interpreter ends, and takes no more calls
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self._error = self._error or error
            waiting, self._waiting = self._waiting, deque()
        for future, _ in waiting:
            future.set_exception(error)
