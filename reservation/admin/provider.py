from django.contrib import admin

from reservation.admin.forms import CheckedForm
from reservation.admin.scope import OwnRowsFilter, PracticeAdmin, PracticeInline
from reservation.models import Provider, ProviderLocation, ProviderService
from reservation.services.directory import providers


class ProviderForm(CheckedForm):
    checks = providers.FIELDS


class LocationInline(PracticeInline):
    model = ProviderLocation
    autocomplete_fields = ("location",)
    verbose_name_plural = "works at"


class ServiceInline(PracticeInline):
    model = ProviderService
    autocomplete_fields = ("service",)
    verbose_name_plural = "offers"


@admin.register(Provider)
class ProviderPage(PracticeAdmin):
    form = ProviderForm
    inlines = (LocationInline, ServiceInline)
    list_display = ("name", "specialty", "npi", "time_zone", "is_active")
    list_filter = ("is_active", ("locations", OwnRowsFilter), ("services", OwnRowsFilter))
    search_fields = ("name", "specialty", "=npi")
    ordering = ("name", "id")
