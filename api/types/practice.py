import graphene
from graphene_django import DjangoObjectType

from api.types.node import Node
from reservation import models


class PracticeType(DjangoObjectType):
    """A care practice: whatever you read or change is your own practice's."""

    class Meta:
        model = models.Practice
        name = "Practice"
        fields = ()
        interfaces = (Node,)
        use_connection = False

    name = graphene.String(required=True)
    slug = graphene.String(required=True, description="Names the practice at sign-in.")
    time_zone = graphene.String(required=True, description="IANA name, for example America/Chicago.")
