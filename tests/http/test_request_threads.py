"""The threads of the client for tasks: how many calls at once, in which order, and in which thread."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from concurrent.futures import CancelledError
from functools import partial

import pytest

from airflow_provider_payments.http.request_threads import RequestThreads
from tests.http.server import WAIT


def test_calls_begin_in_order_and_urgent_ones_before_all_that_wait() -> None:
    threads: RequestThreads[None] = RequestThreads(1)
    go_on, has_begun, begun = threading.Event(), threading.Event(), []

    def wait() -> None:
        has_begun.set()
        assert go_on.wait(WAIT)
        begun.append("first")

    first = threads.submit(wait)
    assert has_begun.wait(WAIT)
    calls = [threads.submit(partial(begun.append, name), is_urgent=name == "urgent") for name in ("a", "b", "urgent")]
    go_on.set()
    for each in (first, *calls):
        each.result(WAIT)
    threads.close(WAIT)
    assert begun == ["first", "urgent", "a", "b"]


def test_threads_rotate_so_that_each_rests_until_its_page_is_done_with() -> None:
    """The page that a call has read is used while the next call is made, so that is made by another thread."""
    for limit in (1, 3):
        threads: RequestThreads[int] = RequestThreads(limit)
        taken = [threads.submit(threading.get_ident).result(WAIT) for _ in range(5 * (limit + 1))]
        threads.close(WAIT)
        assert len(set(taken)) == limit + 1
        assert all(len(set(taken[at : at + limit + 1])) == limit + 1 for at in range(len(taken) - limit))


def test_the_thread_of_the_oldest_page_is_the_next_whichever_was_done_first() -> None:
    """Pages are received in order: the one that was asked for first is the first that is done with."""
    threads: RequestThreads[int] = RequestThreads(2)
    go_on = threading.Event()
    late = threads.submit(lambda: threading.get_ident() if go_on.wait(WAIT) else 0)
    early = [threads.submit(threading.get_ident).result(WAIT) for _ in range(2)]
    go_on.set()
    taken = [late.result(WAIT), *early]
    assert [threads.submit(threading.get_ident).result(WAIT) for _ in range(6)] == taken * 2
    threads.close(WAIT)


def test_an_error_ends_those_that_wait_and_not_those_that_have_begun() -> None:
    threads: RequestThreads[str] = RequestThreads(2)
    go_on, has_failed = threading.Event(), threading.Event()

    def fail() -> str:
        raise ValueError("no")

    begun = threads.submit(lambda: "done" if go_on.wait(WAIT) else "late")
    failed = threads.submit(lambda: fail() if has_failed.wait(WAIT) else "late")
    waiting = threads.submit(lambda: "made")
    has_failed.set()
    for each in (failed, waiting):
        with pytest.raises(ValueError, match="no"):
            each.result(WAIT)
    with pytest.raises(ValueError, match="no"):
        threads.submit(lambda: "made").result(WAIT)
    go_on.set()
    assert begun.result(WAIT) == "done"
    threads.close(WAIT)


def test_closing_ends_those_that_wait_and_is_patient_with_the_others() -> None:
    threads: RequestThreads[str] = RequestThreads(1)
    go_on, has_begun, is_over = threading.Event(), threading.Event(), threading.Event()

    def call() -> str:
        has_begun.set()
        assert go_on.wait(WAIT)
        is_over.set()
        return "done"

    begun, waiting = threads.submit(call), threads.submit(lambda: "made")
    assert has_begun.wait(WAIT)
    threads.close(0.01)
    with pytest.raises(CancelledError):
        waiting.result(WAIT)
    assert not is_over.is_set()
    go_on.set()
    assert is_over.wait(WAIT)
    with pytest.raises(CancelledError):
        begun.result(WAIT)


class Outcome(Exception):
    """A response, or an error that has one."""


@pytest.mark.parametrize("is_error", [False, True])
def test_what_comes_after_closing_is_kept_by_nobody(is_error: bool) -> None:
    """A page may be large, and an error's frames hold a response, and its socket."""
    threads: RequestThreads[Outcome] = RequestThreads(1)
    go_on, has_begun, is_gone = threading.Event(), threading.Event(), threading.Event()

    def call() -> Outcome:
        outcome = Outcome()
        weakref.finalize(outcome, is_gone.set)
        has_begun.set()
        assert go_on.wait(WAIT)
        if is_error:
            raise outcome  # whose traceback has this frame, which has the error
        return outcome

    future = threads.submit(call)
    assert has_begun.wait(WAIT)
    threads.close(0.01)
    gc.disable()
    try:
        go_on.set()
        assert is_gone.wait(5)
    finally:
        gc.enable()
    with pytest.raises(CancelledError):
        future.result(WAIT)


def test_no_call_begins_once_the_interpreter_ends() -> None:
    """With a listing that was left half read, and not closed: nobody will read what is asked for."""
    script = """
import gc
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from airflow_provider_payments.http.request_threads import RequestThreads

threads, other, is_ending = RequestThreads(2), ThreadPoolExecutor(1), threading.Event()

def watch():
    try:
        while True:
            other.submit(int).result()
    except RuntimeError:  # no more calls are taken, for the interpreter ends
        is_ending.set()

def call():
    print("begun", flush=True)
    assert is_ending.wait(30)

threading.Thread(target=watch, daemon=True).start()
calls = [threads.submit(call) for _ in range(5)]
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=WAIT, check=False)
    assert (done.stdout.count("begun"), done.stderr, done.returncode) == (2, "", 0)
