"""What the tests of availability and publishing share: a fixed week, and calendars read as clock times."""

from datetime import UTC, date, datetime, time

from django.db import connection

from reservation.models import Appointment
from tests import factories

NOW = datetime(2040, 1, 2, 8, 7, tzinfo=UTC)
"""A Monday, off the grid; later than the database's own clock, which booking would follow otherwise."""


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a time of January 2040."""
    return datetime(2040, 1, day, hour, minute, tzinfo=UTC)


def rule(provider, **fields):
    """Give a provider Wednesdays from 9 to 10 UTC, once: on 4 January; unless told otherwise."""
    once = {
        "weekday": 2,
        "start_time": time(9),
        "end_time": time(10),
        "time_zone": "UTC",
        "valid_from": date(2040, 1, 1),
        "valid_until": date(2040, 1, 8),
    }
    return factories.AvailabilityRuleFactory(provider=provider, **{**once, **fields})


def clock_times(provider, status="OPEN") -> list[str]:
    """Return when the provider's appointments of a status start, as "4 09:15"."""
    starts = Appointment.objects.filter(provider=provider, status=status).order_by("starts_at")
    return [f"{start.day} {start:%H:%M}" for start in starts.values_list("starts_at", flat=True)]


def row_versions(table: str = "reservation_appointment") -> list[tuple[int, str, str]]:
    """Return each row's key and where its present version is: equal before and after means not written to."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, xmin::text, ctid::text FROM {table} ORDER BY id")
        return cursor.fetchall()
