from django.contrib import admin

from reservation.admin.forms import CheckedForm
from reservation.admin.scope import PracticeAdmin
from reservation.models import Client
from reservation.services.directory import clients


class ClientForm(CheckedForm):
    checks = clients.FIELDS


@admin.register(Client)
class ClientPage(PracticeAdmin):
    form = ClientForm
    list_display = ("name", "email", "phone", "time_zone", "external_id")
    search_fields = ("name", "email", "phone", "=external_id")
    ordering = ("name", "id")
