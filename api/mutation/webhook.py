import graphene

from api.types.webhook import WebhookSubscriptionType
from api.utils import decode_ids, errors_field, reports, requires
from reservation.rules.policy import Scope
from reservation.services import webhooks


class CreateWebhookSubscriptionInput(graphene.InputObjectType):
    """Where to send which events."""

    url = graphene.String(
        required=True,
        description="An https address on the public Internet; unique in the practice.",
    )
    kinds = graphene.List(
        graphene.NonNull(graphene.String),
        required=True,
        description=f"One or more of {', '.join(f'`{kind}`' for kind in webhooks.KINDS)}.",
    )
    idempotency_key = graphene.String(description="Makes a retry safe: the same key writes once.")


class CreateWebhookSubscription(graphene.Mutation):
    """Have events sent to an address, each at least once, as signed POST requests."""

    class Arguments:
        input = CreateWebhookSubscriptionInput(required=True)

    webhook_subscription = graphene.Field(WebhookSubscriptionType)
    secret = graphene.String(
        description="The key that signs what is sent. Keep it: no query ever shows it again."
    )
    errors = errors_field()

    @staticmethod
    @requires(Scope.ADMIN)
    @reports()
    def mutate(_root, info, input):
        subscription = webhooks.create_webhook_subscription(actor=info.context.actor, **decode_ids(input))
        return {"webhook_subscription": subscription, "secret": subscription.secret}


class DeleteWebhookSubscriptionInput(graphene.InputObjectType):
    """Which webhook subscription to delete."""

    subscription_id = graphene.ID(required=True)
    idempotency_key = graphene.String(description="Makes a retry safe: the same key writes once.")


class DeleteWebhookSubscription(graphene.Mutation):
    """Stop sending events to an address, those not yet delivered included."""

    class Arguments:
        input = DeleteWebhookSubscriptionInput(required=True)

    deleted_webhook_subscription_id = graphene.ID()
    errors = errors_field()

    @staticmethod
    @requires(Scope.ADMIN)
    @reports()
    def mutate(_root, info, input):
        webhooks.delete_webhook_subscription(actor=info.context.actor, **decode_ids(input))
        return {"deleted_webhook_subscription_id": input["subscription_id"]}
