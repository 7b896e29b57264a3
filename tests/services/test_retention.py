from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from graphql_jwt.refresh_token.models import RefreshToken

from reservation import tasks
from reservation.models import IdempotencyKey, OutboxEvent, WebhookDelivery
from reservation.services import retention
from tests import factories

pytestmark = pytest.mark.django_db

NOW = timezone.now()
OLD = NOW - timedelta(days=retention.KEPT_DAYS, seconds=1)
RECENT = NOW - timedelta(days=retention.KEPT_DAYS - 1)


@pytest.fixture
def keys(practice):
    user = factories.UserFactory()
    return {
        created_at: IdempotencyKey.objects.create(
            practice=practice, user=user, key=str(created_at), operation="x", created_at=created_at
        )
        for created_at in (OLD, RECENT)
    }


def test_deletes_old_idempotency_keys_and_no_recent_one(keys):
    assert retention.purge(now=NOW) == 1

    assert list(IdempotencyKey.objects.all()) == [keys[RECENT]]


def test_deletes_old_events_that_were_relayed_with_their_deliveries(practice):
    subscription = factories.WebhookSubscriptionFactory(practice=practice)
    relayed, waiting, recent = (
        OutboxEvent.objects.create(
            practice=practice, kind="x", payload={}, created_at=created_at, relayed_at=relayed_at
        )
        for created_at, relayed_at in ((OLD, OLD), (OLD, None), (RECENT, RECENT))
    )
    for event in (relayed, recent):
        WebhookDelivery.objects.create(
            practice=practice, subscription=subscription, event=event, next_attempt_at=NOW
        )

    assert retention.purge(now=NOW) == 1

    assert set(OutboxEvent.objects.all()) == {waiting, recent}
    assert WebhookDelivery.objects.get().event == recent


def test_deletes_sign_ins_that_can_no_longer_be_renewed():
    lasts = settings.GRAPHQL_JWT["JWT_REFRESH_EXPIRATION_DELTA"]
    user = factories.UserFactory()
    ended, open_ = (RefreshToken.objects.create(user=user) for _ in range(2))
    RefreshToken.objects.filter(pk=ended.pk).update(created=NOW - lasts - timedelta(seconds=1))

    assert retention.purge(now=NOW) == 1

    assert RefreshToken.objects.get() == open_


def test_deletes_in_batches(keys, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 1)

    assert retention.purge(now=NOW + timedelta(days=2)) == 2


def test_the_daily_task_purges(keys):
    assert tasks.purge() == 1
