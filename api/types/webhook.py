import graphene
from graphene_django import DjangoObjectType

from api.connections import KeysetConnection
from api.types.node import Node
from api.types.scalars import DateTime
from reservation import models


class WebhookSubscriptionType(DjangoObjectType):
    """An address that is told of events. The secret that signs them is shown once, when it is made."""

    class Meta:
        model = models.WebhookSubscription
        name = "WebhookSubscription"
        fields = ()
        interfaces = (Node,)
        use_connection = False

    url = graphene.String(required=True)
    kinds = graphene.List(
        graphene.NonNull(graphene.String), required=True, description="For example reservation.confirmed."
    )
    is_active = graphene.Boolean(required=True)
    created_at = DateTime(required=True)


class WebhookSubscriptionConnection(KeysetConnection):
    """A page of webhook subscriptions."""

    class Meta:
        node = WebhookSubscriptionType
        strict_types = True
