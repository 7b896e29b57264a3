"""Real threads, each with a connection of its own."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from time import monotonic

from django.db import connection, connections


def race(*calls: Callable[[], object]) -> list[object]:
    """Run the calls at once; return what each returned, or the exception it raised."""
    barrier = Barrier(len(calls))

    def run(call):
        try:
            barrier.wait(timeout=30)
            return call()
        except Exception as raised:
            return raised
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


@contextmanager
def waiting(call: Callable[[], object]) -> Iterator[Future]:
    """Start a call, and enter the block once it waits for a lock that this thread's transaction has."""

    def run():
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(run)
        deadline = monotonic() + 30
        while not _anyone_waits():
            assert not future.done(), f"it waited for nothing: {future}"
            assert monotonic() < deadline
        yield future


def _anyone_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks "
            "WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        (waiting_for_us,) = cursor.fetchone()
    return waiting_for_us > 0
