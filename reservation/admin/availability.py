from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from reservation.admin.forms import CheckedForm
from reservation.admin.scope import OwnRowsFilter, PracticeAdmin, desk_actor
from reservation.models import AvailabilityException, AvailabilityRule
from reservation.rules import availability
from reservation.rules.availability import Change, ChangeKind
from reservation.services import publishing


class RuleForm(CheckedForm):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        # What the model's constraints say too is said here in the words of the rules, at its field.
        self.check_whole(lambda: availability.check_window(publishing.window_of(AvailabilityRule(**cleaned))))
        return cleaned


class ExceptionForm(CheckedForm):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self.check_whole(
            lambda: availability.check_change(
                Change(ChangeKind(cleaned["kind"]), cleaned["starts_at"], cleaned["ends_at"])
            )
        )
        return cleaned


class CalendarPage(PracticeAdmin):
    """A page whose every change is published at once; it says which bookings that leaves without time."""

    autocomplete_fields: tuple[str, ...] = ("provider",)
    list_select_related: tuple[str, ...] = ("provider",)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return () if obj is None else ("provider",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self._publish(request, {(obj.practice_id, obj.provider_id)})

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        self._publish(request, {(obj.practice_id, obj.provider_id)})

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        calendars = set(queryset.values_list("practice_id", "provider_id"))
        super().delete_queryset(request, queryset)
        self._publish(request, calendars)

    def _publish(self, request: HttpRequest, calendars: set[tuple[int, int]]) -> None:
        for practice_id, provider_id in sorted(calendars):
            published = publishing.publish_appointments(
                actor=desk_actor(request, practice_id), provider_id=provider_id, now=timezone.now()
            )
            self.message_user(
                request,
                f"{published.provider}: {published.opened} appointments opened, "
                f"{published.withdrawn} withdrawn.",
            )
            for reservation in published.affected_reservations:
                self.message_user(
                    request,
                    f"Reservation {reservation.pk} ({reservation}) stands, though its time is not open any "
                    "more: move or cancel it.",
                    messages.WARNING,
                )


@admin.register(AvailabilityRule)
class AvailabilityRulePage(CalendarPage):
    form = RuleForm
    list_display = (
        "provider",
        "weekday",
        "start_time",
        "end_time",
        "time_zone",
        "location",
        "valid_from",
        "valid_until",
    )
    list_filter = (("provider", OwnRowsFilter), ("location", OwnRowsFilter), "weekday")
    list_select_related = ("provider", "location")
    search_fields = ("provider__name", "location__name")
    autocomplete_fields = ("provider", "location")
    ordering = ("provider__name", "weekday", "start_time", "id")


@admin.register(AvailabilityException)
class AvailabilityExceptionPage(CalendarPage):
    form = ExceptionForm
    list_display = ("provider", "kind", "starts_at", "ends_at", "reason")
    list_filter = (("provider", OwnRowsFilter), "kind")
    search_fields = ("provider__name", "reason")
    date_hierarchy = "starts_at"
    ordering = ("-starts_at", "id")
