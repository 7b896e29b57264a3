import graphene
from graphene_django import DjangoObjectType

from api.connections import KeysetConnection
from api.types.node import Node
from reservation import models


class LocationType(DjangoObjectType):
    """A place where visits happen."""

    class Meta:
        model = models.Location
        name = "Location"
        fields = ()
        interfaces = (Node,)
        use_connection = False

    name = graphene.String(required=True, description="Unique in the practice.")
    address = graphene.String(required=True, description="One line; empty when not known.")
    time_zone = graphene.String(required=True, description="IANA name, for example America/Chicago.")


class LocationConnection(KeysetConnection):
    """A page of locations."""

    class Meta:
        node = LocationType
        strict_types = True
