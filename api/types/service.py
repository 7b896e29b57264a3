import graphene
from graphene_django import DjangoObjectType

from api.connections import KeysetConnection
from api.types.node import Node
from reservation import models


class ServiceType(DjangoObjectType):
    """A kind of visit: its length, its price, and where its booking policy differs from the practice's."""

    class Meta:
        model = models.Service
        name = "Service"
        fields = ()
        interfaces = (Node,)
        use_connection = False

    name = graphene.String(required=True, description="Unique in the practice.")
    slots = graphene.Int(
        required=True, description="Length of a visit, in consecutive appointments of 15 minutes; 1 to 32."
    )
    price_cents = graphene.Int(required=True, description="Price of a visit, in cents.")
    lead_time_minutes = graphene.Int(
        description="How long ahead a visit must be reserved, in minutes; null: as the practice has it."
    )
    hold_minutes = graphene.Int(
        description="How long a reservation may stay unconfirmed, in minutes; null: as the practice has it."
    )
    is_active = graphene.Boolean(required=True, description="Only the desk sees a service that is not.")


class ServiceConnection(KeysetConnection):
    """A page of services."""

    class Meta:
        node = ServiceType
        strict_types = True
