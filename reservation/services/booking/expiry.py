"""The sweeper: writes down that holds have run out, which every reader knew already."""

import logging
from datetime import datetime

from django.db import transaction

from reservation.models import Reservation
from reservation.rules import states
from reservation.rules.policy import system_actor
from reservation.rules.states import ReservationStatus
from reservation.services.booking import changes

logger = logging.getLogger(__name__)


def expire_holds(*, now: datetime, limit: int = 500) -> int:
    """Write the EXPIRED state of holds whose time is over, oldest first; return how many.

    All practices; each hold in its own transaction, so that a bad one stops no other.
    """
    stale = (
        Reservation.objects.filter(status=ReservationStatus.HELD, expires_at__lte=now)
        .order_by("expires_at")
        .values_list("practice_id", "pk")[:limit]
    )
    return sum(_expire(practice_id, reservation_id, now=now) for practice_id, reservation_id in stale)


def _expire(practice_id: int, reservation_id: int, *, now: datetime) -> bool:
    try:
        with transaction.atomic():
            reservation, now = changes.lock_reservation(system_actor(practice_id), reservation_id, now=now)
            # Confirmed, cancelled or reclaimed by another booking since it was listed.
            is_stale = reservation.status == ReservationStatus.HELD and (
                states.status_at(reservation.status, reservation.expires_at, now=now)
                == ReservationStatus.EXPIRED
            )
            if is_stale:
                changes.write_status(reservation, ReservationStatus.EXPIRED, user_id=None, now=now)
            return is_stale
    except Exception:
        logger.exception("could not expire the hold of reservation %s", reservation_id)
        return False
