"""The daily clean-up."""

from celery import shared_task
from django.utils import timezone

from reservation.services import retention
from reservation.tasks import turns


@shared_task(name="reservation.purge")  # type: ignore[untyped-decorator]  # Celery has no types
def purge() -> int:
    """Delete what is no longer of use; return how many rows."""
    with turns.one_at_a_time("reservation.purge") as is_ours:
        return retention.purge(now=timezone.now()) if is_ours else 0
