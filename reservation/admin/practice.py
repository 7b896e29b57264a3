from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from reservation.admin.forms import CheckedForm
from reservation.admin.scope import PracticeAdmin, is_superuser
from reservation.models import Practice
from reservation.rules import availability


class PracticeForm(CheckedForm):
    checks = {"time_zone": availability.check_time_zone}


@admin.register(Practice)
class PracticePage(PracticeAdmin):
    """The desk sees its own practice; superusers keep the list. Deleting one is no matter of a click."""

    practice_path = "pk"
    form = PracticeForm
    list_display = ("name", "slug", "host", "time_zone", "created_at")
    search_fields = ("name", "slug", "host")
    ordering = ("name",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
