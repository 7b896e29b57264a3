"""Periodic work on what others hear of."""

from celery import shared_task
from django.utils import timezone

from reservation.services import webhooks
from reservation.tasks import turns


@shared_task(name="reservation.deliver_webhooks")  # type: ignore[untyped-decorator]  # Celery has no types
def deliver_webhooks() -> int:
    """Hand new events to the subscriptions that want them and send what is due; return how many arrived."""
    with turns.one_at_a_time("reservation.deliver_webhooks") as is_ours:
        if not is_ours:
            return 0
        webhooks.fan_out(now=timezone.now())
        return webhooks.deliver_due(now=timezone.now())
