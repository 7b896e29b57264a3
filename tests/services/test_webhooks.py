import base64
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection, transaction

from reservation import tasks
from reservation.adapters.webhooks import Failure, Outcome
from reservation.models import OutboxEvent, WebhookDelivery, WebhookSubscription
from reservation.rules import webhooks as rules
from reservation.rules.errors import Invalid, NotFound
from reservation.rules.policy import Forbidden, Role
from reservation.services import outbox, webhooks
from tests import factories
from tests.receivers import Receiver, hang
from tests.services.racing import race

# Later than the database's clock, which the services would otherwise go by.
NOW = datetime(2100, 1, 1, tzinfo=UTC)
URL = "https://example.org/hooks"
OK = Outcome(status=200)


@pytest.fixture
def admin(actor_as):
    return actor_as(Role.ADMIN)


@pytest.fixture
def subscription(practice):
    return factories.WebhookSubscriptionFactory(practice=practice, secret="a-secret")


@pytest.fixture
def bad(practice):
    """A subscription that Sender(bad=...) answers as told."""
    return factories.WebhookSubscriptionFactory(practice=practice, url="https://example.org/bad")


def event_of(subscription, *, at=NOW, **payload):
    return OutboxEvent.objects.create(
        practice=subscription.practice,
        kind=subscription.kinds[0],
        payload=payload or {"reservation": 1},
        created_at=at,
    )


def delivery_to(subscription, *, at=NOW, next_attempt_at=NOW, **fields):
    return WebhookDelivery.objects.create(
        practice=subscription.practice,
        subscription=subscription,
        event=event_of(subscription, at=at),
        next_attempt_at=next_attempt_at,
        **fields,
    )


def state(delivery):
    delivery.refresh_from_db()
    return delivery.status, delivery.attempts, delivery.next_attempt_at, delivery.response_status


class Sender:
    """Sends nothing; keeps what it was given and answers what it was told for the URL, else 200."""

    def __init__(self, **outcomes):
        self.sent = []
        self.outcomes = outcomes

    def __call__(self, *, url, body, headers):
        self.sent.append((url, body, headers))
        outcome = self.outcomes.get(url.rpartition("/")[2], OK)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @property
    def counts(self):
        return Counter(headers["Frontdesk-Event-Id"] for _, _, headers in self.sent)


class TestCreateWebhookSubscription:
    def test_makes_a_secret_and_keeps_the_kinds_in_order(self, admin):
        subscription = webhooks.create_webhook_subscription(
            actor=admin, url=URL, kinds=["waitlist.offered", "reservation.held"]
        )

        kept = WebhookSubscription.objects.get()
        assert kept == subscription
        assert (kept.practice_id, kept.url) == (admin.practice_id, URL)
        assert kept.kinds == ["reservation.held", "waitlist.offered"]
        assert len(bytes.fromhex(kept.secret)) == 32
        assert kept.is_active

    def test_makes_another_secret_each_time(self, admin):
        secrets = {
            webhooks.create_webhook_subscription(actor=admin, url=f"{URL}/{i}", kinds=rules.KINDS).secret
            for i in range(2)
        }

        assert len(secrets) == 2

    @pytest.mark.parametrize(
        ("url", "kinds", "path"),
        [
            ("http://example.org/", ["reservation.held"], "url"),
            ("https://user:secret@example.org/", ["reservation.held"], "url"),
            ("https://127.0.0.1/", ["reservation.held"], "url"),
            ("https://localhost/", ["reservation.held"], "url"),
            (URL, ["reservation.opened"], "kinds"),
            (URL, [], "kinds"),
        ],
    )
    def test_refuses_bad_input(self, admin, url, kinds, path):
        with pytest.raises(Invalid) as refused:
            webhooks.create_webhook_subscription(actor=admin, url=url, kinds=kinds)

        assert refused.value.path == (path,)
        assert not WebhookSubscription.objects.exists()

    def test_allows_http_in_debug_alone(self, admin, settings):
        settings.DEBUG = True

        assert webhooks.create_webhook_subscription(
            actor=admin, url="http://example.org/", kinds=["reservation.held"]
        )

    def test_allows_private_addresses_by_a_setting_alone(self, admin, settings):
        settings.WEBHOOK_PRIVATE_ADDRESSES = True

        assert webhooks.create_webhook_subscription(
            actor=admin, url="https://10.0.0.1/", kinds=["reservation.held"]
        )

    def test_refuses_a_url_that_the_practice_has_already(self, admin, subscription):
        with pytest.raises(Invalid, match="already") as refused:
            webhooks.create_webhook_subscription(
                actor=admin, url=subscription.url, kinds=["reservation.held"]
            )

        assert refused.value.path == ("url",)
        assert WebhookSubscription.objects.get() == subscription

    def test_another_practice_may_have_the_same_url(self, admin):
        other = factories.WebhookSubscriptionFactory()

        mine = webhooks.create_webhook_subscription(actor=admin, url=other.url, kinds=["reservation.held"])

        assert mine.practice_id == admin.practice_id != other.practice_id

    def test_a_retry_gives_the_same_subscription(self, admin):
        first, second = (
            webhooks.create_webhook_subscription(
                actor=admin, url=URL, kinds=["reservation.held"], idempotency_key="key"
            )
            for _ in range(2)
        )

        assert (first.pk, first.secret) == (second.pk, second.secret)
        assert WebhookSubscription.objects.count() == 1

    @pytest.mark.parametrize("role", [Role.PROVIDER, Role.CLIENT])
    def test_is_for_the_desk(self, actor_as, role):
        with pytest.raises(Forbidden):
            webhooks.create_webhook_subscription(actor=actor_as(role), url=URL, kinds=["reservation.held"])

        assert not WebhookSubscription.objects.exists()


class TestDeleteWebhookSubscription:
    def test_deletes_its_deliveries_too_and_no_others(self, admin, subscription):
        delivery_to(subscription)
        other = delivery_to(factories.WebhookSubscriptionFactory(practice=subscription.practice))

        deleted = webhooks.delete_webhook_subscription(actor=admin, subscription_id=subscription.pk)

        assert deleted == subscription.pk
        assert WebhookSubscription.objects.get() == other.subscription
        assert WebhookDelivery.objects.get() == other

    def test_a_retry_gives_the_same_answer(self, admin, subscription):
        answers = [
            webhooks.delete_webhook_subscription(
                actor=admin, subscription_id=subscription.pk, idempotency_key="key"
            )
            for _ in range(2)
        ]

        assert answers == [subscription.pk, subscription.pk]

    def test_finds_none_of_another_practice(self, admin):
        other = factories.WebhookSubscriptionFactory()

        with pytest.raises(NotFound) as refused:
            webhooks.delete_webhook_subscription(actor=admin, subscription_id=other.pk)

        assert refused.value.path == ("subscriptionId",)
        assert WebhookSubscription.objects.get() == other

    def test_is_for_the_desk(self, actor_as, subscription):
        with pytest.raises(Forbidden):
            webhooks.delete_webhook_subscription(
                actor=actor_as(Role.PROVIDER), subscription_id=subscription.pk
            )

        assert WebhookSubscription.objects.get() == subscription

    @pytest.mark.django_db(transaction=True)
    def test_waits_for_a_fan_out_to_it(self, admin, subscription):
        event_of(subscription)
        answers = []

        def delete():
            answers.append(webhooks.delete_webhook_subscription(actor=admin, subscription_id=subscription.pk))
            connection.close()

        with transaction.atomic():
            webhooks.fan_out(now=NOW)
            deletion = threading.Thread(target=delete)
            deletion.start()
            wait_until_somebody_waits_for_us()
        deletion.join()

        assert answers == [subscription.pk]
        assert not WebhookDelivery.objects.exists()
        assert OutboxEvent.objects.get().relayed_at == NOW


def wait_until_somebody_waits_for_us():
    with connection.cursor() as cursor:
        for _ in range(1000):
            cursor.execute(
                "SELECT count(*) FROM pg_locks, pg_sleep(0.01)"
                " WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
            )
            if cursor.fetchone() != (0,):
                return
    pytest.fail("nobody waits")


class TestRedeliverWebhook:
    @pytest.mark.parametrize("status", list(WebhookDelivery.Status))
    def test_is_sent_again_however_it_ended(self, admin, subscription, status):
        delivery = delivery_to(
            subscription, status=status, attempts=15, next_attempt_at=NOW + timedelta(days=1)
        )
        sender = Sender()

        answer = webhooks.redeliver_webhook(actor=admin, delivery_id=delivery.pk, now=NOW)
        webhooks.deliver_due(now=NOW, send=sender)

        assert answer == delivery
        assert sender.counts == {str(delivery.event.event_id): 1}
        assert state(delivery)[:2] == ("DELIVERED", 16)

    def test_an_old_event_is_tried_once(self, admin, bad):
        delivery = delivery_to(bad, status="FAILED", attempts=15, at=NOW - timedelta(days=2))

        webhooks.redeliver_webhook(actor=admin, delivery_id=delivery.pk, now=NOW)
        webhooks.deliver_due(now=NOW, send=Sender(bad=Outcome(status=500)))

        assert state(delivery) == ("FAILED", 16, NOW, 500)

    def test_finds_none_of_another_practice(self, admin):
        delivery = delivery_to(factories.WebhookSubscriptionFactory(), status="FAILED")

        with pytest.raises(NotFound) as refused:
            webhooks.redeliver_webhook(actor=admin, delivery_id=delivery.pk, now=NOW)

        assert refused.value.path == ("deliveryId",)
        assert state(delivery)[0] == "FAILED"

    def test_is_for_the_desk(self, actor_as, subscription):
        delivery = delivery_to(subscription, status="FAILED")

        with pytest.raises(Forbidden):
            webhooks.redeliver_webhook(actor=actor_as(Role.CLIENT), delivery_id=delivery.pk, now=NOW)

        assert state(delivery)[0] == "FAILED"


class TestFanOut:
    def test_writes_a_due_delivery_to_each_subscription_that_wants_it(self, practice):
        wanting = [
            factories.WebhookSubscriptionFactory(practice=practice, kinds=kinds)
            for kinds in (["reservation.held"], ["reservation.confirmed", "reservation.held"])
        ]
        factories.WebhookSubscriptionFactory(practice=practice, kinds=["reservation.confirmed"])
        factories.WebhookSubscriptionFactory(practice=practice, kinds=["reservation.held"], is_active=False)
        factories.WebhookSubscriptionFactory(kinds=["reservation.held"])
        event = event_of(wanting[0])

        assert webhooks.fan_out(now=NOW) == 1

        deliveries = WebhookDelivery.objects.order_by("pk")
        assert [delivery.subscription for delivery in deliveries] == wanting
        for delivery in deliveries:
            assert delivery.event == event
            assert delivery.practice == practice
            assert state(delivery) == ("PENDING", 0, NOW, None)
        event.refresh_from_db()
        assert event.relayed_at == NOW

    def test_an_event_is_relayed_once_whether_or_not_anybody_wants_it(self, practice):
        outbox.record(practice_id=practice.pk, kind="reservation.held", payload={})

        assert [webhooks.fan_out(now=NOW) for _ in range(2)] == [1, 0]

        assert not WebhookDelivery.objects.exists()

    def test_tells_no_practice_of_anothers_events(self, subscription):
        other = factories.WebhookSubscriptionFactory()
        events = {event_of(subscription).pk: subscription.pk, event_of(other).pk: other.pk}

        assert webhooks.fan_out(now=NOW) == 2

        assert dict(WebhookDelivery.objects.values_list("event", "subscription")) == events
        assert WebhookDelivery.objects.count() == 2

    def test_goes_on_batch_after_batch_in_order(self, subscription, monkeypatch):
        monkeypatch.setattr(webhooks, "FAN_OUT_BATCH", 2)
        events = [event_of(subscription) for _ in range(5)]

        assert webhooks.fan_out(now=NOW) == 5

        deliveries = WebhookDelivery.objects.order_by("pk")
        assert [delivery.event for delivery in deliveries] == events

    def test_the_number_of_statements_does_not_grow_with_the_events(
        self, subscription, django_assert_num_queries
    ):
        for _ in range(20):
            event_of(subscription)
            factories.WebhookSubscriptionFactory(practice=subscription.practice)

        # The batch in a savepoint: events, subscriptions, deliveries, the mark; and the look for more.
        with django_assert_num_queries(6 + 3):
            webhooks.fan_out(now=NOW)

        assert WebhookDelivery.objects.count() == 20 * 21

    @pytest.mark.django_db(transaction=True)
    def test_skips_what_another_relay_has(self, subscription):
        taken, free = event_of(subscription), event_of(subscription)
        relayed = []

        def relay():
            relayed.append(webhooks.fan_out(now=NOW))
            connection.close()

        with transaction.atomic():
            OutboxEvent.objects.select_for_update(no_key=True).get(pk=taken.pk)
            other = threading.Thread(target=relay)
            other.start()
            other.join()

        assert relayed == [1]
        assert WebhookDelivery.objects.get().event == free
        assert webhooks.fan_out(now=NOW) == 1


class TestDeliverDue:
    def test_sends_what_happened_signed(self, subscription):
        delivery = delivery_to(subscription)
        OutboxEvent.objects.update(
            payload={"reservation": 5, "waitlist_entry": 6, "provider": 7, "version": 2, "starts_at": "x"}
        )
        sender = Sender()

        assert webhooks.deliver_due(now=NOW, send=sender) == 1

        ((url, body, headers),) = sender.sent
        assert url == subscription.url
        assert json.loads(body) == {
            "id": str(delivery.event.event_id),
            "kind": "reservation.confirmed",
            "createdAt": "2100-01-01T00:00:00Z",
            "data": {
                "reservationId": base64.b64encode(b"Reservation:5").decode(),
                "waitlistEntryId": base64.b64encode(b"WaitlistEntry:6").decode(),
                "providerId": base64.b64encode(b"Provider:7").decode(),
                "version": 2,
                "startsAt": "x",
            },
        }
        assert headers == {
            "Content-Type": "application/json",
            "User-Agent": "Frontdesk-Webhooks",
            "Frontdesk-Event-Id": str(UUID(json.loads(body)["id"])),
            "Frontdesk-Signature": rules.sign(body, secret="a-secret", at=NOW),
        }
        assert state(delivery) == ("DELIVERED", 1, NOW + timedelta(seconds=60), 200)

    def test_sends_nothing_that_is_not_due_not_pending_or_not_wanted_any_more(self, subscription):
        delivery_to(subscription, next_attempt_at=NOW + timedelta(microseconds=1))
        delivery_to(subscription, status="DELIVERED")
        delivery_to(subscription, status="FAILED")
        delivery_to(factories.WebhookSubscriptionFactory(is_active=False))
        sender = Sender()

        assert webhooks.deliver_due(now=NOW, send=sender) == 0

        assert sender.sent == []

    def test_sends_to_a_subscription_in_the_order_of_events(self, subscription):
        deliveries = [delivery_to(subscription) for _ in range(3)]
        sender = Sender()

        assert webhooks.deliver_due(now=NOW, send=sender) == 3

        sent = [headers["Frontdesk-Event-Id"] for _, _, headers in sender.sent]
        assert sent == [str(delivery.event.event_id) for delivery in deliveries]

    @pytest.mark.parametrize(
        ("outcome", "status"),
        [
            (Outcome(status=500), 500),
            (Outcome(status=302), 302),
            (Outcome(status=200, failure=Failure.BROKEN), 200),
            (Outcome(failure=Failure.TIMEOUT), None),
        ],
    )
    def test_tries_again_later_after_a_failure(self, bad, outcome, status):
        delivery = delivery_to(bad)
        sender = Sender(bad=outcome)

        assert webhooks.deliver_due(now=NOW, send=sender) == 0
        assert state(delivery) == ("PENDING", 1, NOW + timedelta(seconds=10), status)

        assert webhooks.deliver_due(now=NOW + timedelta(seconds=9), send=sender) == 0
        assert len(sender.sent) == 1

        later = NOW + timedelta(seconds=10)
        assert webhooks.deliver_due(now=later, send=sender) == 0
        assert state(delivery) == ("PENDING", 2, later + timedelta(seconds=20), status)

    def test_gives_up_a_day_after_the_event(self, bad):
        delivery = delivery_to(bad, at=NOW - timedelta(hours=24), attempts=14)

        webhooks.deliver_due(now=NOW, send=Sender(bad=Outcome(status=503)))

        assert state(delivery) == ("FAILED", 15, NOW, 503)

    def test_a_receiver_that_fails_has_one_send_a_run_and_stops_nobody(self, bad, subscription, caplog):
        for _ in range(3):
            delivery_to(bad)
            delivery_to(subscription)
        sender = Sender(bad=Outcome(failure=Failure.TIMEOUT))

        assert webhooks.deliver_due(now=NOW, send=sender) == 3

        assert Counter(url for url, _, _ in sender.sent) == {bad.url: 1, subscription.url: 3}
        assert f"subscription {bad.pk} failed (TIMEOUT)" in caplog.text
        assert "example.org" not in caplog.text

    def test_a_delivery_that_cannot_be_sent_is_logged_and_stops_nobody(self, bad, subscription, caplog):
        spoilt, sound = delivery_to(bad), delivery_to(subscription)

        with caplog.at_level(logging.ERROR):
            delivered = webhooks.deliver_due(now=NOW, send=Sender(bad=RuntimeError("a bug")))

        assert delivered == 1
        assert state(spoilt) == ("PENDING", 1, NOW + timedelta(seconds=10), None)
        assert state(sound)[0] == "DELIVERED"
        assert f"could not send webhook delivery {spoilt.pk}" in caplog.text

    def test_serves_more_receivers_than_it_waits_for_at_once(self, practice, monkeypatch):
        monkeypatch.setattr(webhooks, "CONCURRENCY", 2)
        for _ in range(5):
            delivery_to(factories.WebhookSubscriptionFactory(practice=practice))

        assert webhooks.deliver_due(now=NOW, send=Sender()) == 5

    def test_begins_no_round_after_its_time(self, subscription, monkeypatch):
        delivery_to(subscription)
        delivery_to(subscription)
        clock = iter([NOW, NOW, NOW + timedelta(seconds=60)])
        monkeypatch.setattr(webhooks.clock, "after_waiting", lambda now: next(clock))

        assert webhooks.deliver_due(now=NOW, send=Sender()) == 1

    def test_a_failure_recorded_after_the_lease_ran_out_leaves_the_delivery_to_who_took_it(self, bad):
        delivery = delivery_to(bad)
        later = NOW + timedelta(seconds=60)
        slow = Sender(bad=Outcome(failure=Failure.TIMEOUT))
        claimed = webhooks._claim((), now=NOW)

        taken_over = webhooks._claim((), now=later)
        ((late, outcome),) = webhooks._send_all(claimed, slow, now=NOW)
        webhooks._record(late, outcome, now=later)

        assert taken_over == [delivery]
        assert state(delivery) == ("PENDING", 2, later + timedelta(seconds=60), None)

    def test_a_success_recorded_after_the_lease_ran_out_counts(self, subscription):
        delivery = delivery_to(subscription)
        (claimed,) = webhooks._claim((), now=NOW)
        webhooks._claim((), now=NOW + timedelta(seconds=60))

        webhooks._record(claimed, OK, now=NOW + timedelta(seconds=61))

        assert state(delivery)[0] == "DELIVERED"

    def test_the_number_of_statements_per_round_does_not_grow_with_the_backlog(
        self, bad, django_assert_num_queries
    ):
        for _ in range(20):
            delivery_to(bad)
        failing = Sender(bad=Outcome(status=500))

        # The clock twice, what is due, its claim, its record and the clock then; and the look for more.
        with django_assert_num_queries(7):
            webhooks.deliver_due(now=NOW, send=failing)


@pytest.mark.django_db(transaction=True)
class TestAtLeastOnce:
    def test_two_deliverers_send_each_delivery_once(self, practice):
        for _ in range(30):
            subscription = factories.WebhookSubscriptionFactory(practice=practice)
            for _ in range(2):
                delivery_to(subscription)
        sender = Sender()

        delivered = race(*[lambda: webhooks.deliver_due(now=NOW, send=sender)] * 4)

        assert len(sender.counts) == 60
        assert set(sender.counts.values()) == {1}
        assert sum(delivered) == 60
        assert set(WebhookDelivery.objects.values_list("status", "attempts")) == {("DELIVERED", 1)}

    def test_only_one_of_those_who_saw_the_same_delivery_takes_it(self, subscription):
        delivery = delivery_to(subscription)
        seen = [WebhookDelivery.objects.get() for _ in range(2)]

        assert [webhooks._take(each, now=NOW) for each in seen] == [True, False]
        assert state(delivery)[:2] == ("PENDING", 1)

    def test_what_a_killed_deliverer_sent_is_sent_again_when_its_lease_runs_out(self, subscription):
        delivery = delivery_to(subscription)

        with Receiver() as receiver:
            WebhookSubscription.objects.update(url=receiver.url)
            killed = run_and_kill_after_the_send()
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert len(receiver.requests) == 1
        assert state(delivery) == ("PENDING", 1, NOW + timedelta(seconds=60), None)

        sender = Sender()
        assert webhooks.deliver_due(now=NOW + timedelta(seconds=59), send=sender) == 0
        assert webhooks.deliver_due(now=NOW + timedelta(seconds=60), send=sender) == 1

        again = receiver.requests[0].headers["frontdesk-event-id"]
        assert sender.counts == {again: 1}
        assert state(delivery)[:2] == ("DELIVERED", 2)


def run_and_kill_after_the_send():
    """Deliver in a process that is killed between the receiver's answer and the record of it."""
    program = f"""
import os, signal, django
django.setup()
from datetime import datetime
from reservation.adapters import webhooks as wire
from reservation.services import webhooks

def send(**request):
    assert wire.send(**request).is_delivered
    os.kill(os.getpid(), signal.SIGKILL)

webhooks.deliver_due(now=datetime.fromisoformat("{NOW.isoformat()}"), send=send)
"""
    database = connection.settings_dict
    url = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    environment = {**os.environ, "DATABASE_URL": url, "WEBHOOK_PRIVATE_ADDRESSES": "true"}
    root = Path(__file__).parent.parent.parent
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=root, capture_output=True, timeout=60
    )


@pytest.mark.django_db(transaction=True)
class TestTask:
    def test_what_happened_arrives(self, subscription, settings):
        settings.WEBHOOK_PRIVATE_ADDRESSES = True

        with Receiver() as receiver:
            WebhookSubscription.objects.update(url=receiver.url)
            event = outbox.record(
                practice_id=subscription.practice_id, kind="reservation.confirmed", payload={"reservation": 1}
            )

            assert tasks.deliver_webhooks() == 1
            assert tasks.deliver_webhooks() == 0

        (request,) = receiver.requests
        assert request.headers["frontdesk-event-id"] == str(event.event_id)

    def test_a_receiver_that_hangs_keeps_nobody_from_theirs(self, practice, settings, monkeypatch):
        settings.WEBHOOK_PRIVATE_ADDRESSES = True
        monkeypatch.setattr(webhooks.wire.send, "__kwdefaults__", {"deadline_s": 0.3})
        outbox.record(practice_id=practice.pk, kind="reservation.confirmed", payload={"reservation": 1})

        with Receiver(hang) as hanging, Receiver() as receiver:
            for url in (hanging.url, receiver.url):
                factories.WebhookSubscriptionFactory(practice=practice, url=url)

            assert tasks.deliver_webhooks() == 1

        assert len(hanging.requests) == len(receiver.requests) == 1

    def test_is_left_alone_while_another_has_its_turn(self, subscription):
        outbox.record(practice_id=subscription.practice_id, kind="reservation.confirmed", payload={})

        with tasks.outbound.turns.one_at_a_time("reservation.deliver_webhooks"):
            assert tasks.deliver_webhooks() == 0

        assert OutboxEvent.objects.get().relayed_at is None

    def test_is_on_the_schedule(self, settings):
        scheduled = {entry["task"]: entry["schedule"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

        assert scheduled[tasks.deliver_webhooks.name] == 10.0
