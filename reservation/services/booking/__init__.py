"""Reservations: hold, confirm, move, cancel, and how the visit went.

Locks are always taken in this order: the client, the appointments by id, the reservations. Whoever changes a
reservation locks its appointments first, so what was read after the lock stays true until commit.
"""

from reservation.services.booking.changes import (
    VersionConflict,
    cancel_reservation,
    confirm_reservation,
    fulfill_reservation,
    mark_no_show,
)
from reservation.services.booking.expiry import expire_holds
from reservation.services.booking.reserve import AppointmentTaken, reschedule_reservation, reserve_appointment

__all__ = [
    "AppointmentTaken",
    "VersionConflict",
    "cancel_reservation",
    "confirm_reservation",
    "expire_holds",
    "fulfill_reservation",
    "mark_no_show",
    "reschedule_reservation",
    "reserve_appointment",
]
