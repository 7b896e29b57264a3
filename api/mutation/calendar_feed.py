import graphene
from django.urls import reverse

from api.types.provider import ProviderType
from api.utils import decode_ids, errors_field, reports, requires
from reservation.rules.policy import Scope
from reservation.services import calendar_feed


class RotateCalendarFeedTokenInput(graphene.InputObjectType):
    """Whose calendar to give a new address."""

    provider_id = graphene.ID(required=True)


class RotateCalendarFeedToken(graphene.Mutation):
    """Give a provider's calendar a new secret address for calendar programs; the old one ends at once."""

    class Arguments:
        input = RotateCalendarFeedTokenInput(required=True)

    provider = graphene.Field(ProviderType)
    url = graphene.String(
        description="The iCalendar address. Whoever has it reads the calendar; no query ever shows it again."
    )
    errors = errors_field()

    @staticmethod
    @requires(Scope.SCHEDULE)
    @reports()
    def mutate(_root, info, input):
        feed = calendar_feed.rotate_calendar_feed_token(actor=info.context.actor, **decode_ids(input))
        path = reverse("calendar_feed", kwargs={"token": feed.token})
        return {"provider": feed.provider, "url": info.context.build_absolute_uri(path)}
