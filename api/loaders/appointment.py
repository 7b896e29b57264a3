from django.db.models import QuerySet

from api.connections import Keyset
from api.loaders.base import Loader
from api.loaders.rows import PageByParentId, RowById, RowsByParentId
from reservation.models import Appointment
from reservation.selectors import calendar, reservations
from reservation.selectors.calendar import AppointmentFilter


class AppointmentById(RowById[Appointment]):
    def rows(self) -> QuerySet[Appointment]:
        return calendar.list_appointments(self.context.actor, now=self.context.now)


class AppointmentsByProviderId(PageByParentId):
    # A provider has one appointment at a time: its start says which, and there is an index of just that.
    keyset = Keyset("Provider.appointments", Appointment, ("starts_at",))
    parent = "provider"

    def rows(self, wanted: AppointmentFilter) -> QuerySet[Appointment]:
        return calendar.list_appointments(self.context.actor, now=self.context.now, wanted=wanted)


class AppointmentsByReservationId(RowsByParentId):
    parent = "reserved_appointments__reservation"
    order = ("starts_at", "id")

    def rows(self) -> QuerySet[Appointment]:
        return reservations.list_reserved_appointments(self.context.actor, now=self.context.now)


class BookableByAppointmentId(Loader[int, bool]):
    """Loads whether reserving an appointment would be accepted now."""

    missing = bool

    def batch_load(self, keys: list[int]) -> dict[int, bool]:
        ids = calendar.find_bookable_ids(self.context.actor, keys, now=self.context.now)
        return dict.fromkeys(ids, True)
