"""Confirm, cancel, fulfil and no-show, and the sweeper."""

import logging
from datetime import timedelta

import pytest
from django.db import transaction

from reservation.models import OutboxEvent, Reservation, ReservationAppointment
from reservation.rules.errors import Invalid, NotFound
from reservation.rules.policy import Forbidden, Role
from reservation.rules.states import InvalidState, ReservationExpired
from reservation.services import booking
from reservation.services.booking import expiry
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def held(practice):
    return factories.ReservationFactory(practice=practice)


@pytest.fixture
def confirmed(practice):
    return factories.ReservationFactory(practice=practice, status="CONFIRMED", expires_at=None)


def snapshot():
    """Return everything that a refused change must leave as it was."""
    return (
        list(Reservation.objects.order_by("pk").values()),
        list(ReservationAppointment.objects.order_by("pk").values()),
        OutboxEvent.objects.count(),
    )


def test_confirms_a_hold(held, desk, now):
    booking.confirm_reservation(actor=desk, reservation_id=held.pk, now=now)

    held.refresh_from_db()
    assert (held.status, held.version, held.is_live) == ("CONFIRMED", 2, True)
    assert held.events.get().kind == "CONFIRMED"
    assert OutboxEvent.objects.get().kind == "reservation.confirmed"


def test_refuses_to_confirm_a_hold_that_ran_out(held, desk, now):
    Reservation.objects.filter(pk=held.pk).update(expires_at=now)
    before = snapshot()

    with pytest.raises(ReservationExpired):
        booking.confirm_reservation(actor=desk, reservation_id=held.pk, now=now)

    assert snapshot() == before


def test_judges_the_hold_by_the_database_clock_where_that_is_later(held, desk, now):
    Reservation.objects.filter(pk=held.pk).update(expires_at=now - timedelta(seconds=1))

    with pytest.raises(ReservationExpired):
        booking.confirm_reservation(actor=desk, reservation_id=held.pk, now=now - timedelta(hours=1))


def test_confirms_inside_the_lead_time(practice, desk, now):
    soon = factories.AppointmentFactory(
        provider=factories.ProviderFactory(practice=practice), starts_at=factories.quarter_hour_after(now)
    )
    held = factories.ReservationFactory(appointments=[soon])

    assert booking.confirm_reservation(actor=desk, reservation_id=held.pk, now=now).status == "CONFIRMED"


def test_refuses_to_confirm_twice(confirmed, desk, now):
    before = snapshot()

    with pytest.raises(InvalidState):
        booking.confirm_reservation(actor=desk, reservation_id=confirmed.pk, now=now)

    assert snapshot() == before


@pytest.mark.parametrize("reservation", ["held", "confirmed"])
def test_cancelling_frees_the_appointments(reservation, request, desk, now):
    cancelled = request.getfixturevalue(reservation)

    booking.cancel_reservation(actor=desk, reservation_id=cancelled.pk, reason=" moved away ", now=now)

    cancelled.refresh_from_db()
    assert (cancelled.status, cancelled.is_live) == ("CANCELLED", False)
    assert cancelled.cancellation_reason == "moved away"
    assert cancelled.events.get().reason == "moved away"
    assert not ReservationAppointment.objects.filter(is_live=True).exists()


def test_refuses_to_cancel_twice(held, desk, now):
    booking.cancel_reservation(actor=desk, reservation_id=held.pk, now=now)
    before = snapshot()

    with pytest.raises(InvalidState):
        booking.cancel_reservation(actor=desk, reservation_id=held.pk, now=now)

    assert snapshot() == before


def test_refuses_to_cancel_a_hold_that_ran_out(held, desk, now):
    Reservation.objects.filter(pk=held.pk).update(expires_at=now)

    with pytest.raises(InvalidState):
        booking.cancel_reservation(actor=desk, reservation_id=held.pk, now=now)


def test_refuses_a_reason_that_is_too_long(held, desk, now):
    with pytest.raises(Invalid) as refusal:
        booking.cancel_reservation(actor=desk, reservation_id=held.pk, reason="x" * 501, now=now)

    assert refusal.value.path == ("reason",)


def test_a_client_does_not_cancel_a_visit_that_has_started(confirmed, actor_as):
    client = actor_as(Role.CLIENT, client=confirmed.client)

    with pytest.raises(InvalidState):
        booking.cancel_reservation(actor=client, reservation_id=confirmed.pk, now=confirmed.starts_at)


def test_the_desk_cancels_a_visit_that_has_started(confirmed, desk):
    cancelled = booking.cancel_reservation(actor=desk, reservation_id=confirmed.pk, now=confirmed.starts_at)

    assert cancelled.status == "CANCELLED"


@pytest.mark.parametrize(
    ("service", "status"),
    [(booking.fulfill_reservation, "FULFILLED"), (booking.mark_no_show, "NO_SHOW")],
)
class TestClosingAVisit:
    def test_records_how_it_went(self, service, status, confirmed, actor_as):
        provider = actor_as(Role.PROVIDER, provider=confirmed.provider)

        service(actor=provider, reservation_id=confirmed.pk, now=confirmed.starts_at)

        confirmed.refresh_from_db()
        assert (confirmed.status, confirmed.is_live) == (status, False)

    def test_refuses_before_the_visit_starts(self, service, status, confirmed, desk):
        with pytest.raises(InvalidState):
            service(actor=desk, reservation_id=confirmed.pk, now=confirmed.starts_at - timedelta(seconds=1))

    def test_refuses_what_was_never_confirmed(self, service, status, held, desk, now):
        with pytest.raises(InvalidState):
            service(actor=desk, reservation_id=held.pk, now=now)

    def test_refuses_the_client(self, service, status, confirmed, actor_as):
        client = actor_as(Role.CLIENT, client=confirmed.client)

        with pytest.raises(Forbidden):
            service(actor=client, reservation_id=confirmed.pk, now=confirmed.starts_at)


def test_a_version_that_is_not_the_current_one_is_a_conflict(held, desk, now):
    before = snapshot()

    with pytest.raises(booking.VersionConflict) as refusal:
        booking.confirm_reservation(actor=desk, reservation_id=held.pk, expected_version=2, now=now)

    assert refusal.value.path == ("expectedVersion",)
    assert snapshot() == before


@pytest.mark.parametrize(
    "service",
    [
        booking.confirm_reservation,
        booking.cancel_reservation,
        booking.fulfill_reservation,
        booking.mark_no_show,
    ],
)
def test_a_reservation_of_another_practice_is_not_found(service, desk, now):
    foreign = factories.ReservationFactory()

    with pytest.raises(NotFound) as refusal:
        service(actor=desk, reservation_id=foreign.pk, now=now)

    assert refusal.value.path == ("reservationId",)


def test_another_clients_reservation_is_not_found(held, actor_as, practice, now):
    stranger = actor_as(Role.CLIENT, client=factories.ClientFactory(practice=practice))

    with pytest.raises(NotFound):
        booking.cancel_reservation(actor=stranger, reservation_id=held.pk, now=now)


class TestSweeper:
    def test_writes_down_the_holds_that_ran_out_and_no_other(self, held, confirmed, practice, now):
        running = factories.ReservationFactory(practice=practice)
        Reservation.objects.filter(pk=held.pk).update(expires_at=now - timedelta(seconds=1))

        assert booking.expire_holds(now=now) == 1

        held.refresh_from_db()
        assert (held.status, held.version) == ("EXPIRED", 2)
        assert (held.events.get().kind, held.events.get().user) == ("EXPIRED", None)
        running.refresh_from_db()
        assert running.status == "HELD"

    def test_does_nothing_the_second_time(self, held, now):
        Reservation.objects.filter(pk=held.pk).update(expires_at=now)

        assert booking.expire_holds(now=now) == 1
        assert booking.expire_holds(now=now) == 0

    def test_passes_over_a_hold_that_was_confirmed_since_it_was_listed(self, held, desk, now):
        booking.confirm_reservation(actor=desk, reservation_id=held.pk, now=now)

        assert expiry._expire(held.practice_id, held.pk, now=now + timedelta(hours=1)) is False

        held.refresh_from_db()
        assert held.status == "CONFIRMED"

    def test_a_bad_hold_stops_no_other(self, held, practice, now, monkeypatch, caplog):
        other = factories.ReservationFactory(practice=practice)
        Reservation.objects.update(expires_at=now)
        write_status = expiry.changes.write_status

        def fail_for_one(reservation, *args, **kwargs):
            write_status(reservation, *args, **kwargs)
            if reservation.pk == held.pk:
                raise RuntimeError

        monkeypatch.setattr(expiry.changes, "write_status", fail_for_one)

        with caplog.at_level(logging.ERROR):
            assert booking.expire_holds(now=now) == 1

        held.refresh_from_db()
        other.refresh_from_db()
        assert (held.status, other.status) == ("HELD", "EXPIRED")
        assert f"reservation {held.pk}" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_status_that_disagrees_with_what_the_reservation_takes_cannot_be_committed():
    cancelled = factories.ReservationFactory(status="CANCELLED")

    with pytest.raises(Exception, match="reservation_appointment_follows_reservation"), transaction.atomic():
        Reservation.objects.filter(pk=cancelled.pk).update(status="CONFIRMED")
