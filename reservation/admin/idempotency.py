from django.contrib import admin

from reservation.admin.scope import PracticeAdmin, ReadOnly, SuperusersAlone
from reservation.models import IdempotencyKey


@admin.register(IdempotencyKey)
class IdempotencyKeyPage(SuperusersAlone, ReadOnly, PracticeAdmin):
    list_display = ("created_at", "operation", "user", "key")
    list_select_related = ("user",)
    search_fields = ("key", "operation", "user__username")
    ordering = ("-id",)
