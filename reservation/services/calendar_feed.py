"""A provider's calendar feed: the secret address that calendar programs subscribe to."""

import secrets
from dataclasses import dataclass

from django.db import transaction

from reservation.models import Provider
from reservation.rules.policy import Actor
from reservation.selectors import calendar_feeds
from reservation.services import publishing


@dataclass(frozen=True, slots=True)
class CalendarFeed:
    """A provider's feed. token: opens it to whoever has it; only its digest is kept."""

    provider: Provider
    token: str


@transaction.atomic
def rotate_calendar_feed_token(*, actor: Actor, provider_id: int) -> CalendarFeed:
    """Give a provider's calendar feed a new token; the old one opens nothing from now on.

    The provider itself or the desk. Takes no idempotency key: to give the same answer again, the token would
    have to be kept; a retry makes a newer one, and that one counts. Locks the provider.
    Raises: NotFound, Forbidden.
    """
    provider = publishing.lock_calendar(actor, provider_id, path="providerId")
    # The id finds the row; what it opens rests on the 256 random bits.
    token = f"{provider.pk}-{secrets.token_urlsafe(32)}"
    provider.calendar_token_sha256 = calendar_feeds.digest(token)
    provider.save(update_fields=["calendar_token_sha256"])
    return CalendarFeed(provider, token)
