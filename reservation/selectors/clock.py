"""The database's clock: the one that every process agrees on."""

from datetime import datetime

from django.db import connection


def read_database_clock() -> datetime:
    """Return the database's current time, aware UTC; unlike now() it moves within a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (instant,) = cursor.fetchone()
    assert isinstance(instant, datetime)
    return instant


def after_waiting(now: datetime) -> datetime:
    """Return the later of `now` and the database's clock: what is true after a lock was waited for."""
    return max(now, read_database_clock())
