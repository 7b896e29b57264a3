import graphene
from graphene_django import DjangoObjectType

from api.connections import KeysetConnection, connection_field
from api.loaders.appointment import AppointmentsByProviderId
from api.loaders.location import LocationsByProviderId
from api.loaders.provider import AvailabilityExceptionsByProviderId, AvailabilityRulesByProviderId
from api.loaders.reservation import ReservationsByProviderId
from api.loaders.service import ServicesByProviderId
from api.types import filters
from api.types.appointment import AppointmentConnection, ProviderAppointmentFilter
from api.types.availability import AvailabilityExceptionConnection, AvailabilityRuleConnection
from api.types.location import LocationType
from api.types.node import Node
from api.types.reservation import ReservationConnection
from api.types.scalars import DateTime
from api.types.service import ServiceType
from reservation import models


class ProviderType(DjangoObjectType):
    """Someone who gives care and publishes time for it."""

    class Meta:
        model = models.Provider
        name = "Provider"
        fields = ()
        interfaces = (Node,)
        use_connection = False

    name = graphene.String(required=True)
    npi = graphene.String(
        required=True, description="National Provider Identifier, 10 digits; empty when not known."
    )
    specialty = graphene.String(required=True, description="Empty when not known.")
    time_zone = graphene.String(required=True, description="IANA name, for example America/Chicago.")
    is_active = graphene.Boolean(required=True, description="One that is not takes no reservations.")
    created_at = DateTime(required=True)
    locations = graphene.List(
        graphene.NonNull(LocationType), required=True, description="Where it works, in order of name."
    )
    services = graphene.List(
        graphene.NonNull(ServiceType), required=True, description="What it offers, in order of name."
    )
    appointments = connection_field(
        AppointmentConnection,
        description="Its appointments that you may see, in order of start.",
        filter=ProviderAppointmentFilter(),
    )
    reservations = connection_field(
        ReservationConnection,
        description="Its reservations that you may see, in every state, in order of start.",
    )
    availability_rules = connection_field(
        AvailabilityRuleConnection,
        description="Its weekly windows, in order of weekday and start. Only it and the desk see any.",
    )
    availability_exceptions = connection_field(
        AvailabilityExceptionConnection,
        description="Exceptions to its weekly windows, in order of start. Only it and the desk see any.",
    )

    @staticmethod
    def resolve_locations(provider, info):
        return LocationsByProviderId.of(info.context).load(provider.pk)

    @staticmethod
    def resolve_services(provider, info):
        return ServicesByProviderId.of(info.context).load(provider.pk)

    @staticmethod
    def resolve_appointments(provider, info, filter=None, **page):
        pages = AppointmentsByProviderId.of(info.context)
        return filters.read_appointment_filter(filter, info).then(
            lambda wanted: pages.load_page(provider.pk, wanted, **page)
        )

    @staticmethod
    def resolve_reservations(provider, info, **page):
        return ReservationsByProviderId.of(info.context).load_page(provider.pk, **page)

    @staticmethod
    def resolve_availability_rules(provider, info, **page):
        return AvailabilityRulesByProviderId.of(info.context).load_page(provider.pk, **page)

    @staticmethod
    def resolve_availability_exceptions(provider, info, **page):
        return AvailabilityExceptionsByProviderId.of(info.context).load_page(provider.pk, **page)


class ProviderConnection(KeysetConnection):
    """A page of providers, in order of name."""

    class Meta:
        node = ProviderType
        strict_types = True


class ProviderFilter(graphene.InputObjectType):
    """Which providers; every field narrows."""

    service_id = graphene.ID(description="Only those who offer this service.")
    location_id = graphene.ID(description="Only those who work at this location.")
    is_active = graphene.Boolean(description="Only those who do, or do not, take reservations.")
