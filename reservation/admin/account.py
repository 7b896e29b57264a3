from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from reservation.admin.scope import OwnRowsFilter, PracticeAdmin, is_superuser
from reservation.models import Membership, User


@admin.register(User)
class UserPage(UserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]  # unfold has no types
    """For superusers alone: a user may be a member of several practices."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_filter = ("is_active", "is_staff", "is_superuser")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("May sign in", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)


@admin.register(Membership)
class MembershipPage(PracticeAdmin):
    """The desk sees who its members are; superusers, who see the users too, decide it."""

    list_display = ("user", "role", "practice", "provider", "client")
    list_filter = ("role", ("provider", OwnRowsFilter))
    list_select_related = ("user", "practice", "provider", "client")
    search_fields = ("user__username", "user__email", "user__last_name", "provider__name", "client__name")
    autocomplete_fields = ("user", "provider", "client")
    ordering = ("user__username", "id")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)
