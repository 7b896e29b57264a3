from typing import Any

from django.contrib import admin

from reservation.admin.forms import CheckedForm
from reservation.admin.scope import PracticeAdmin
from reservation.models import Service
from reservation.rules.grid import SLOT
from reservation.services.directory import services


class ServiceForm(CheckedForm):
    checks = services.FIELDS

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        overrides = {name: cleaned.get(name) for name in ("lead_time_minutes", "hold_minutes")}
        self.check_whole(lambda: services.check_policy(Service(**overrides)))
        return cleaned


@admin.register(Service)
class ServicePage(PracticeAdmin):
    form = ServiceForm
    list_display = ("name", "minutes", "price", "lead_time_minutes", "hold_minutes", "is_active")
    list_filter = ("is_active",)
    search_fields = ("name",)
    ordering = ("name", "id")

    @admin.display(ordering="slots")
    def minutes(self, service: Service) -> int:
        return int((service.slots * SLOT).total_seconds() // 60)

    @admin.display(ordering="price_cents")
    def price(self, service: Service) -> str:
        return f"{service.price_cents / 100:,.2f}"
