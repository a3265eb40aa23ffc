"""The asyncio tasks of the client for async callers. The twin of ``request_threads``."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class RequestTasks(Generic[T]):
    """Tasks that make calls, so many at once, in the order in which these were submitted.

    :param limit: calls that may be under way at once.
    """

    def __init__(self, limit: int) -> None:
        self._room = asyncio.Semaphore(limit)
        self._waiting: deque[tuple[asyncio.Future[T], Callable[[], Awaitable[T]]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._error: Exception | None = None

    def submit(self, call: Callable[[], Awaitable[T]], *, is_urgent: bool = False) -> asyncio.Future[T]:
        """Make a call as soon as there is room. Once one has raised an error, all that wait end with that error.

        :param is_urgent: whether it begins before all that wait.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.insert(0 if is_urgent else len(self._waiting), (future, call))
        if self._error:
            self._fail(self._error)
        else:
            task = asyncio.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return future

    async def close(self) -> None:
        """End all calls."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        async with self._room:
            if not self._waiting:
                return
            future, call = self._waiting.popleft()
            try:
                result = await call()
            except Exception as error:
                self._waiting.appendleft((future, call))
                self._fail(error)
            except BaseException:
                future.cancel()  # or who waits for it would wait for ever
                raise
            else:
                if not future.done():
                    future.set_result(result)

    def _fail(self, error: Exception) -> None:
        self._error = error
        while self._waiting:
            future, _ = self._waiting.popleft()
            if not future.done():
                future.set_exception(error)
                future.exception()  # nobody may ask for it any more, which asyncio would report
