"""Periodic work on reservations."""

from celery import shared_task
from django.utils import timezone

from reservation.services import booking
from reservation.tasks import turns


@shared_task(name="reservation.expire_holds")  # type: ignore[untyped-decorator]  # Celery has no types
def expire_holds() -> int:
    """Write down which holds have run out; return how many."""
    with turns.one_at_a_time("reservation.expire_holds") as is_ours:
        return booking.expire_holds(now=timezone.now()) if is_ours else 0
