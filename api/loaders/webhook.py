from django.db.models import QuerySet

from api.loaders.rows import RowById
from reservation.models import WebhookSubscription
from reservation.selectors import directory


class WebhookSubscriptionById(RowById[WebhookSubscription]):
    def rows(self) -> QuerySet[WebhookSubscription]:
        return directory.list_webhook_subscriptions(self.context.actor)
