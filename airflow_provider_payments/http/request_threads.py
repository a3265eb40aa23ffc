"""The threads of the client for tasks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Generic, TypeAlias, TypeVar

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
                self._runs[thread] = thread.submit(self._run, thread, (future, call))
            else:
                self._waiting.insert(0 if is_urgent else len(self._waiting), (future, call))
        return future

    def close(self, patience: float) -> None:
        """Begin no more calls, and wait for the threads to end.

        :param patience: seconds to wait. Threads whose calls take longer end when these do.
        """
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

    def _run(self, thread: ThreadPoolExecutor, given: _Submitted[T] | None) -> None:
        while given:
            future, call = given
            settle: Callable[[], object]
            try:
                settle = partial(future.set_result, call())
            except CancelledError:  # nobody waits any more, and its traceback would keep the response, and its socket
                settle = future.cancel
            except BaseException as error:
                self._fail(error)
                settle = partial(future.set_exception, error)
            given = self._next(thread)  # now, so that who waits for the result finds this thread at rest
            settle()
            del future, call, settle  # or this page would be kept while the next one is read

    def _next(self, thread: ThreadPoolExecutor) -> _Submitted[T] | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._running -= 1
            self._resting.add(thread)
            return None

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self._error = self._error or error
            waiting, self._waiting = self._waiting, deque()
        for future, _ in waiting:
            future.set_exception(error)
