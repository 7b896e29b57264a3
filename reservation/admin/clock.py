"""The clock that times in the admin are typed on: the practice's."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from reservation.admin.scope import desk_roles
from reservation.models import AvailabilityException, Practice, User, WaitlistEntry

TYPED_ON = frozenset(
    f"reservation_{model._meta.model_name}_{kind}"
    for model in (AvailabilityException, User, WaitlistEntry)
    for kind in ("add", "change")
)
"""The pages on which somebody types an instant; everywhere else a time names its zone."""


def desk_clock(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Run the admin's pages on the clock of the practice at whose desk the user works; UTC for others."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(reverse("admin:index")):
            return get_response(request)
        with timezone.override(_find_time_zone(request)):
            return get_response(request)

    return middleware


def badge(request: HttpRequest) -> list[str] | None:
    """Return what the head of a form says of the clock it is typed on, and the badge's colour."""
    if request.resolver_match is None or request.resolver_match.url_name not in TYPED_ON:
        return None
    return [f"Times you type: {timezone.get_current_timezone_name()}", "info"]


def _find_time_zone(request: HttpRequest) -> str:
    practices = Practice.objects.filter(pk__in=desk_roles(request)) if request.user.is_authenticated else []
    zones = {practice.time_zone for practice in practices}
    return zones.pop() if len(zones) == 1 else "UTC"
