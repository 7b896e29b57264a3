import dataclasses
import threading
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from reservation.models import IdempotencyKey, Location
from reservation.rules.errors import Invalid, NotFound
from reservation.rules.policy import Actor, Role
from reservation.services import idempotency
from reservation.services.idempotency import IdempotencyMismatch
from tests import factories


@dataclasses.dataclass(frozen=True)
class Opened:
    location: Location
    others: list[Location]
    count: int


@transaction.atomic
@idempotency.once
def open_location(*, actor, name, at=None, now=None, fail=False):
    location = Location.objects.create(practice_id=actor.practice_id, name=name, time_zone="UTC")
    if fail:
        raise Invalid
    return location


@transaction.atomic
@idempotency.once
def open_two(*, actor, name):
    first, second = (
        Location.objects.create(practice_id=actor.practice_id, name=f"{name} {i}", time_zone="UTC")
        for i in (1, 2)
    )
    return Opened(first, [second], 2)


@transaction.atomic
@idempotency.once
def close_location(*, actor, location_id):
    Location.objects.filter(pk=location_id).delete()


@pytest.mark.django_db
class TestOnce:
    def test_without_a_key_every_call_writes(self, desk):
        open_location(actor=desk, name="A")
        open_location(actor=desk, name="B")

        assert Location.objects.count() == 2
        assert not IdempotencyKey.objects.exists()

    def test_the_same_key_and_input_give_the_first_answer_again(self, desk):
        first = open_location(actor=desk, name="A", idempotency_key="k")
        second = open_location(actor=desk, name="A", idempotency_key="k")

        assert second == first
        assert Location.objects.count() == 1

    def test_the_clock_is_no_part_of_the_input(self, desk):
        first = open_location(actor=desk, name="A", now=datetime(2030, 1, 1, tzinfo=UTC), idempotency_key="k")
        second = open_location(
            actor=desk, name="A", now=datetime(2030, 1, 2, tzinfo=UTC), idempotency_key="k"
        )

        assert second == first

    def test_the_same_key_with_other_input_is_a_mismatch(self, desk):
        open_location(actor=desk, name="A", idempotency_key="k")

        with pytest.raises(IdempotencyMismatch) as refusal:
            open_location(actor=desk, name="B", idempotency_key="k")

        assert refusal.value.path == ("idempotencyKey",)
        assert Location.objects.count() == 1

    def test_a_microsecond_is_other_input(self, desk):
        instant = datetime(2030, 1, 1, microsecond=1, tzinfo=UTC)
        open_location(actor=desk, name="A", at=instant, idempotency_key="k")

        with pytest.raises(IdempotencyMismatch):
            open_location(actor=desk, name="A", at=instant.replace(microsecond=2), idempotency_key="k")

    def test_the_same_key_for_another_operation_is_a_mismatch(self, desk):
        open_location(actor=desk, name="A", idempotency_key="k")

        with pytest.raises(IdempotencyMismatch):
            open_two(actor=desk, name="A", idempotency_key="k")

    def test_a_refused_call_keeps_nothing_and_may_be_tried_again(self, desk):
        with pytest.raises(Invalid):
            open_location(actor=desk, name="A", fail=True, idempotency_key="k")

        assert open_location(actor=desk, name="A", idempotency_key="k").name == "A"

    def test_only_what_was_deleted_is_called_not_found(self, desk):
        open_location(actor=desk, name="A")

        with pytest.raises(IntegrityError, match="location_name_once_in_practice"):
            open_location(actor=desk, name="A")

    def test_keys_of_different_users_do_not_meet(self, desk, actor_as):
        first = open_location(actor=desk, name="A", idempotency_key="k")
        second = open_location(actor=actor_as(Role.STAFF), name="B", idempotency_key="k")

        assert first != second

    def test_an_answer_of_several_rows_is_given_again_whole(self, desk):
        first = open_two(actor=desk, name="A", idempotency_key="k")

        assert open_two(actor=desk, name="A", idempotency_key="k") == first

    def test_an_answer_of_nothing_is_given_again(self, desk, practice):
        location = factories.LocationFactory(practice=practice)

        assert close_location(actor=desk, location_id=location.pk, idempotency_key="k") is None
        assert close_location(actor=desk, location_id=location.pk, idempotency_key="k") is None

    def test_an_answer_that_was_deleted_since_is_not_found(self, desk):
        location = open_location(actor=desk, name="A", idempotency_key="k")
        location.delete()

        with pytest.raises(NotFound) as refusal:
            open_location(actor=desk, name="A", idempotency_key="k")

        assert refusal.value.path == ("idempotencyKey",)

    @pytest.mark.parametrize("key", ["", "x" * 256, "a\x00b", "line\nbreak"])
    def test_refuses_a_malformed_key(self, desk, key):
        with pytest.raises(Invalid) as refusal:
            open_location(actor=desk, name="A", idempotency_key=key)

        assert refusal.value.path == ("idempotencyKey",)
        assert not Location.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_retry_that_overlaps_the_first_call_waits_and_writes_nothing():
    practice = factories.PracticeFactory()
    actor = Actor(practice_id=practice.pk, role=Role.STAFF, user_id=factories.UserFactory().pk)
    barrier = threading.Barrier(8)
    answers = []

    def call():
        barrier.wait()
        try:
            answers.append(open_location(actor=actor, name="A", idempotency_key="k").pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 8
    assert set(answers) == {Location.objects.get().pk}
