from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from reservation.admin import desk, shown
from reservation.admin.scope import OwnRowsFilter, PracticeAdmin, ReadOnly
from reservation.admin.titles import TitledPage
from reservation.models import Appointment
from reservation.selectors import calendar
from reservation.services import publishing

LINK = '<a class="font-medium text-primary-600 dark:text-primary-500" href="{}">{}</a>'


class FreeFilter(shown.WhenFilter):
    """What the desk may book, unless something else is asked for."""

    default = "free"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("free", "Free"), *super().lookups(request, model_admin)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "free":
            return desk.only_free(queryset, now=timezone.now())
        return super().queryset(request, queryset)


@admin.register(Appointment)
class AppointmentPage(ReadOnly, TitledPage, PracticeAdmin):
    """The providers' time, to be booked. It is made from the availability; by hand it is only blocked."""

    fields = ("practice", "provider", "location", "starts", "ends", "state", "block_reason", "reserved")
    list_display = ("starts", "provider", "location", "state", "block_reason", "booking")
    list_filter = (
        FreeFilter,
        ("provider", OwnRowsFilter),
        ("location", OwnRowsFilter),
        ("status", ChoicesDropdownFilter),
    )
    search_fields = ("provider__name", "location__name")
    date_hierarchy = "starts_at"
    ordering = ("starts_at", "id")
    actions = ("block", "unblock")
    actions_detail = ("book",)
    actions_detail_hide_default = True  # Django's own history: nothing is changed by its forms.

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        taken = calendar.taken(now=timezone.now()).values("reservation")
        rows: QuerySet[Any] = super().get_queryset(request).annotate(reserved_by=Subquery(taken[:1]))
        return rows.select_related("practice", "provider", "location")

    def title_of(self, row: Appointment) -> str:
        return f"{row.provider}, {shown.day_and_time(row.starts_at, row.provider.time_zone)}"

    @admin.display(ordering="starts_at")
    def starts(self, appointment: Appointment) -> str:
        return shown.on_local_clock(appointment.starts_at, appointment.provider.time_zone)

    @admin.display(ordering="ends_at")
    def ends(self, appointment: Appointment) -> str:
        return shown.on_local_clock(appointment.ends_at, appointment.provider.time_zone)

    @display(  # type: ignore[untyped-decorator]
        ordering="status", label={"Open": "success", "Booked": "info", "Blocked": "warning"}
    )
    def state(self, appointment: Any) -> str:
        if appointment.reserved_by and appointment.status == Appointment.Status.OPEN:
            return "Booked"
        return str(appointment.get_status_display())

    @admin.display
    def reserved(self, appointment: Any) -> str | None:
        """Link to whatever has the appointment."""
        if not appointment.reserved_by:
            return None
        address = reverse("admin:reservation_reservation_change", args=[appointment.reserved_by])
        return format_html(LINK, address, f"Reservation {appointment.reserved_by}")

    @admin.display
    def booking(self, appointment: Any) -> str | None:
        """Link to whatever has the appointment, or to where it is booked."""
        if not _is_free(appointment):
            return self.reserved(appointment)
        return format_html(LINK, reverse("admin:reservation_appointment_book", args=[appointment.pk]), "Book")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        appointment = self.get_object(request, object_id)
        is_free = appointment is not None and _is_free(appointment)
        return super().get_actions_detail(request, object_id) if is_free else []

    @action(  # type: ignore[untyped-decorator]
        description="Book", permissions=["view"], icon="event_available", variant=ActionVariant.PRIMARY
    )
    def book(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return desk.book(self, request, self.get_one(request, object_id))

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


def _is_free(appointment: Any) -> bool:
    return desk.find_refusal_to_book(appointment, now=timezone.now()) is None
