"""Periodic work on calendars."""

from celery import shared_task
from django.utils import timezone

from reservation.services import publishing
from reservation.tasks import turns


@shared_task(name="reservation.publish_appointments")  # type: ignore[untyped-decorator]  # Celery has no types
def publish_appointments() -> int:
    """Publish every active provider's appointments up to the horizon; return how many were opened."""
    with turns.one_at_a_time("reservation.publish_appointments") as is_ours:
        return publishing.publish_ahead(now=timezone.now()) if is_ours else 0
