from django.contrib import admin

from reservation.admin.forms import CheckedForm
from reservation.admin.scope import PracticeAdmin
from reservation.models import Location
from reservation.rules import availability


class LocationForm(CheckedForm):
    checks = {"time_zone": availability.check_time_zone}


@admin.register(Location)
class LocationPage(PracticeAdmin):
    form = LocationForm
    list_display = ("name", "address", "time_zone")
    search_fields = ("name", "address")
    ordering = ("name", "id")
