from datetime import timedelta
from zoneinfo import ZoneInfo

import graphene

from api import utils
from api.connections import Keyset, Paging, connection_field, read_page
from api.loaders.appointment import AppointmentById
from api.loaders.provider import ProviderById
from api.types import filters
from api.types.appointment import (
    AppointmentConnection,
    AppointmentFilter,
    AppointmentType,
    AvailableDay,
    ProviderNextAvailable,
)
from api.utils import requires
from reservation.models import Appointment
from reservation.rules import availability
from reservation.rules.errors import Invalid
from reservation.rules.policy import Scope
from reservation.selectors import calendar

KEYSET = Keyset("Query.appointments", Appointment, ("starts_at", "id"))
MOST_PER_PROVIDER = 10
LONGEST_RANGE = timedelta(days=92)


class AppointmentQuery(graphene.ObjectType):
    appointment = graphene.Field(
        AppointmentType,
        id=graphene.ID(required=True),
        description="The appointment with this id; null when there is none that you may see.",
    )
    appointments = connection_field(
        AppointmentConnection,
        description="The appointments that you may see, in order of start. With `bookable: true`, just those "
        "that can be reserved right now.",
        filter=AppointmentFilter(),
    )
    next_available_appointments = graphene.List(
        graphene.NonNull(ProviderNextAvailable),
        filter=AppointmentFilter(),
        per_provider=graphene.Int(
            required=True, description=f"So many of each provider, 1 to {MOST_PER_PROVIDER}."
        ),
        description="The next appointments that can be reserved, by provider in order of name, however far "
        "ahead they are; without the providers who have none.",
    )
    availability_by_day = graphene.List(
        graphene.NonNull(AvailableDay),
        filter=AppointmentFilter(required=True),
        time_zone=graphene.String(
            required=True,
            description="IANA name of the clocks that date the days: America/Chicago.",
        ),
        description="How many appointments can be reserved on each day that has any, in order. The filter "
        f"must have `startsAtGte` and `startsAtLt`, {LONGEST_RANGE.days} days apart at most.",
    )

    @staticmethod
    @requires(Scope.READ)
    def resolve_appointment(_root, info, id):
        return AppointmentById.of(info.context).load(utils.decode_id(id, "Appointment", path=("id",)))

    @staticmethod
    @requires(Scope.READ)
    def resolve_appointments(_root, info, filter=None, **page):
        paging = Paging.of(KEYSET, **page)

        def read(wanted: calendar.AppointmentFilter):
            rows = calendar.list_appointments(info.context.actor, now=info.context.now, wanted=wanted)
            return read_page(rows, KEYSET, paging)

        return filters.read_appointment_filter(filter, info).then(read)

    @staticmethod
    @requires(Scope.READ)
    def resolve_next_available_appointments(_root, info, per_provider, filter=None):
        if not 1 <= per_provider <= MOST_PER_PROVIDER:
            raise Invalid(f"perProvider must be from 1 to {MOST_PER_PROVIDER}.", path=("perProvider",))
        _refuse_unbookable(filter or {})

        def read(wanted: calendar.AppointmentFilter):
            next_ids = calendar.list_next_available(
                info.context.actor, now=info.context.now, wanted=wanted, per_provider=per_provider
            )
            return [
                {
                    "provider": ProviderById.of(info.context).load(provider_id),
                    "appointments": AppointmentById.of(info.context).load_many(ids),
                }
                for provider_id, ids in next_ids.items()
            ]

        return filters.read_appointment_filter(filter, info).then(read)

    @staticmethod
    @requires(Scope.READ)
    def resolve_availability_by_day(_root, info, filter, time_zone):
        availability.check_time_zone(time_zone)
        _refuse_unbookable(filter)
        _require_range(filter)

        def read(wanted: calendar.AppointmentFilter):
            return calendar.list_availability_by_day(
                info.context.actor, now=info.context.now, wanted=wanted, time_zone=ZoneInfo(time_zone)
            )

        return filters.read_appointment_filter(filter, info).then(read)


def _refuse_unbookable(filter: dict) -> None:
    if filter.get("bookable") is False:
        raise Invalid("Only bookable appointments are available.", path=("filter", "bookable"))


def _require_range(filter: dict) -> None:
    for field, argument in (("starts_at_gte", "startsAtGte"), ("starts_at_lt", "startsAtLt")):
        if filter.get(field) is None:
            raise Invalid(f"{argument} is needed here.", path=("filter", argument))
    if filter["starts_at_lt"] - filter["starts_at_gte"] > LONGEST_RANGE:
        message = f"startsAtLt may be {LONGEST_RANGE.days} days after startsAtGte at most."
        raise Invalid(message, path=("filter", "startsAtLt"))
