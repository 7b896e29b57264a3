"""One owner for periodic work: two schedulers never run the same sweep at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections


@contextmanager
def one_at_a_time(name: str) -> Iterator[bool]:
    """Say whether the work of this name is ours to do, and keep it ours until the block ends.

    Holds an advisory lock in a transaction on a connection of its own: the work commits as it goes, and a
    lock of the session would not survive PgBouncer's transaction pooling. A worker that dies lets go.
    """
    connection = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        connection.set_autocommit(False)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
            (is_ours,) = cursor.fetchone()
        yield is_ours
    finally:
        connection.close()
