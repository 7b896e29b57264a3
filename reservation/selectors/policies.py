"""The booking policy in force: the settings, overridden by a service."""

from datetime import timedelta

from django.conf import settings

from reservation.models import Service
from reservation.rules import booking
from reservation.rules.booking import BookingPolicy


def get_booking_policy(service: Service | None = None) -> BookingPolicy:
    """Return the policy for visits of this service; without one, the policy of the settings.

    A horizon that was lowered below a service's lead time leaves nothing to book, and refuses no search.
    """
    default = BookingPolicy(
        lead_time=timedelta(minutes=settings.BOOKING_LEAD_TIME_MINUTES),
        horizon=timedelta(days=settings.BOOKING_HORIZON_DAYS),
        hold=timedelta(minutes=settings.BOOKING_HOLD_MINUTES),
        max_open_holds=settings.BOOKING_MAX_OPEN_HOLDS,
    )
    if service is None:
        return default
    longest_minutes = int(default.horizon / timedelta(minutes=1)) - 1
    lead_time_minutes = service.lead_time_minutes
    if lead_time_minutes is not None:
        lead_time_minutes = min(lead_time_minutes, longest_minutes)
    return booking.policy_for(default, lead_time_minutes=lead_time_minutes, hold_minutes=service.hold_minutes)
