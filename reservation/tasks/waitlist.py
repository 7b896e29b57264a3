"""Periodic work on the waitlist."""

from celery import shared_task
from django.utils import timezone

from reservation.services import waitlist
from reservation.tasks import turns


@shared_task(name="reservation.fill_from_waitlist")  # type: ignore[untyped-decorator]  # Celery has no types
def fill_from_waitlist() -> int:
    """Offer free appointments to those who wait for them; return how many were offered."""
    with turns.one_at_a_time("reservation.fill_from_waitlist") as is_ours:
        return waitlist.fill_from_waitlist(now=timezone.now()) if is_ours else 0
