from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from reservation.admin import shown
from reservation.admin.scope import OwnRowsFilter, PracticeAdmin, ReadOnly
from reservation.models import Appointment
from reservation.services import publishing


@admin.register(Appointment)
class AppointmentPage(ReadOnly, PracticeAdmin):
    """The providers' time. It is made from the availability; by hand it is only blocked."""

    fields = ("practice", "provider", "location", "starts_at", "ends_at", "status", "block_reason")
    list_display = ("starts", "provider", "location", "state", "block_reason")
    list_filter = (
        shown.WhenFilter,
        ("provider", OwnRowsFilter),
        ("location", OwnRowsFilter),
        ("status", ChoicesDropdownFilter),
    )
    list_select_related = ("provider", "location")
    search_fields = ("provider__name", "location__name")
    date_hierarchy = "starts_at"
    ordering = ("starts_at", "id")
    actions = ("block", "unblock")

    @admin.display(ordering="starts_at")
    def starts(self, appointment: Appointment) -> str:
        return shown.on_local_clock(appointment.starts_at, appointment.provider.time_zone)

    @display(ordering="status", label={"Open": "success", "Blocked": "warning"})  # type: ignore[untyped-decorator]
    def state(self, appointment: Appointment) -> str:
        return appointment.get_status_display()

    @admin.action(description="Block the selected appointments", permissions=["view"])
    def block(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        shown.act_on_each(
            self,
            request,
            rows,
            lambda actor, pk, now: publishing.block_appointment(actor=actor, appointment_id=pk, now=now),
            done="blocked; reservations on them stand until moved or cancelled",
        )

    @admin.action(description="Unblock the selected appointments", permissions=["view"])
    def unblock(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        shown.act_on_each(
            self,
            request,
            rows,
            lambda actor, pk, now: publishing.unblock_appointment(actor=actor, appointment_id=pk, now=now),
            done="unblocked",
        )
