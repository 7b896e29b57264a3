"""The desk's own pages: every table of a practice, for those who work there."""

from django.contrib import admin
from django.contrib.auth.models import Group

from reservation.admin import (
    account,
    appointment,
    availability,
    client,
    idempotency,
    location,
    outbox,
    practice,
    provider,
    reservation,
    service,
    waitlist,
)

__all__ = [
    "account",
    "appointment",
    "availability",
    "client",
    "idempotency",
    "location",
    "outbox",
    "practice",
    "provider",
    "reservation",
    "service",
    "waitlist",
]

# What a member may do follows from its role; Django's groups would be a second answer to the same question.
admin.site.unregister(Group)
