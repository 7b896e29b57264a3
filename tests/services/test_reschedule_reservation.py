from datetime import timedelta

import pytest

from reservation.models import Appointment, OutboxEvent, Reservation, ReservationAppointment
from reservation.rules.booking import ClientOverlap, LeadTime
from reservation.rules.errors import Invalid, NotFound
from reservation.rules.policy import Forbidden, Role
from reservation.rules.states import InvalidState, ReservationExpired
from reservation.services import booking
from reservation.services.booking import changes
from tests import factories
from tests.factories import upcoming

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(practice):
    return factories.ProviderFactory(practice=practice)


@pytest.fixture
def run(provider):
    return [factories.AppointmentFactory(provider=provider, starts_at=upcoming(i)) for i in range(6)]


@pytest.fixture
def reservation(run):
    return factories.ReservationFactory(appointments=run[:1], status="CONFIRMED", expires_at=None)


@pytest.fixture
def reschedule(desk, reservation, run, now):
    """Move the reservation to the fourth appointment as the desk, but for what the test says."""

    def call(**but):
        arguments = {
            "actor": desk,
            "reservation_id": reservation.pk,
            "appointment_id": run[3].pk,
            "now": now,
            **but,
        }
        return booking.reschedule_reservation(**arguments)

    return call


def snapshot():
    return (
        list(Reservation.objects.order_by("pk").values()),
        list(ReservationAppointment.objects.order_by("pk").values()),
        OutboxEvent.objects.count(),
    )


def test_moves_the_reservation_and_keeps_its_id_and_status(reschedule, reservation, run):
    moved = reschedule()

    moved.refresh_from_db()
    assert moved.pk == reservation.pk
    assert (moved.status, moved.version, moved.starts_at) == ("CONFIRMED", 2, run[3].starts_at)
    assert list(moved.appointments.all()) == [run[3]]
    event = moved.events.get()
    assert (event.kind, event.starts_at) == ("RESCHEDULED", run[3].starts_at)


def test_frees_the_appointment_it_leaves(reschedule, run, practice, desk, now):
    reschedule()

    other = factories.ClientFactory(practice=practice)
    taken = booking.reserve_appointment(actor=desk, appointment_id=run[0].pk, client_id=other.pk, now=now)
    assert taken.status == "HELD"


def test_a_hold_keeps_its_end(run, desk, now):
    held = factories.ReservationFactory(appointments=run[1:2])

    moved = booking.reschedule_reservation(
        actor=desk, reservation_id=held.pk, appointment_id=run[4].pk, now=now
    )

    moved.refresh_from_db()
    assert (moved.status, moved.expires_at) == ("HELD", held.expires_at)


def test_a_longer_visit_moves_by_one_appointment_of_its_own(practice, desk, now):
    service = factories.ServiceFactory(practice=practice, slots=2)
    provider = factories.ProviderFactory(practice=practice, services=[service])
    run = [factories.AppointmentFactory(provider=provider, starts_at=upcoming(i)) for i in range(3)]
    visit = factories.ReservationFactory(appointments=run[:2], service=service)

    moved = booking.reschedule_reservation(
        actor=desk, reservation_id=visit.pk, appointment_id=run[1].pk, now=now
    )

    assert list(moved.appointments.order_by("starts_at")) == run[1:]


def test_moves_to_another_provider(reschedule, practice, reservation):
    elsewhere = factories.AppointmentFactory(
        provider=factories.ProviderFactory(practice=practice), starts_at=reservation.starts_at
    )

    assert reschedule(appointment_id=elsewhere.pk).provider == elsewhere.provider


def test_refuses_an_appointment_that_is_taken(reschedule, run):
    factories.ReservationFactory(appointments=run[3:4])
    before = snapshot()

    with pytest.raises(booking.AppointmentTaken):
        reschedule()

    assert snapshot() == before


def test_takes_over_from_a_hold_that_ran_out(reschedule, run, now):
    stale = factories.ReservationFactory(appointments=run[3:4], expires_at=now - timedelta(seconds=1))

    reschedule()

    stale.refresh_from_db()
    assert stale.status == "EXPIRED"


def test_refuses_an_appointment_that_is_not_open(reschedule, run):
    Appointment.objects.filter(pk=run[3].pk).update(status="BLOCKED")

    with pytest.raises(booking.AppointmentTaken):
        reschedule()


def test_refuses_the_appointment_it_has(reschedule, run):
    with pytest.raises(Invalid) as refusal:
        reschedule(appointment_id=run[0].pk)

    assert refusal.value.path == ("appointmentId",)


def test_judges_the_lead_time_again(reschedule, run):
    before = snapshot()

    with pytest.raises(LeadTime):
        reschedule(now=run[3].starts_at - timedelta(hours=23))

    assert snapshot() == before


def test_the_desk_waives_the_lead_time(reschedule, run):
    moved = reschedule(now=run[3].starts_at - timedelta(hours=1), override_reason="the provider is ill")

    moved.refresh_from_db()
    assert moved.override_reason == "the provider is ill"
    assert moved.events.get().reason == "the provider is ill"


def test_refuses_where_the_client_is_elsewhere(reschedule, reservation, practice, run):
    elsewhere = factories.AppointmentFactory(
        provider=factories.ProviderFactory(practice=practice), starts_at=run[3].starts_at
    )
    factories.ReservationFactory(appointments=[elsewhere], client=reservation.client)

    with pytest.raises(ClientOverlap):
        reschedule()


def test_refuses_a_hold_that_ran_out(run, desk, now):
    stale = factories.ReservationFactory(appointments=run[1:2], expires_at=now)

    with pytest.raises(ReservationExpired):
        booking.reschedule_reservation(actor=desk, reservation_id=stale.pk, appointment_id=run[4].pk, now=now)


def test_refuses_what_was_cancelled(run, desk, now):
    cancelled = factories.ReservationFactory(appointments=run[1:2], status="CANCELLED")

    with pytest.raises(InvalidState):
        booking.reschedule_reservation(
            actor=desk, reservation_id=cancelled.pk, appointment_id=run[4].pk, now=now
        )


def test_a_lost_update_is_a_conflict(reschedule, run):
    reschedule(expected_version=1)
    before = snapshot()

    with pytest.raises(booking.VersionConflict):
        reschedule(appointment_id=run[4].pk, expected_version=1)

    assert snapshot() == before


def test_a_move_during_the_wait_for_the_lock_is_a_conflict(reschedule, reservation, run, monkeypatch):
    seen = iter([{run[0].pk}, {run[5].pk}])
    monkeypatch.setattr(changes, "_appointment_ids", lambda *_: next(seen))

    with pytest.raises(booking.VersionConflict) as refusal:
        reschedule()

    assert refusal.value.path == ()


def test_a_reservation_of_another_practice_is_not_found(reschedule):
    with pytest.raises(NotFound) as refusal:
        reschedule(reservation_id=factories.ReservationFactory().pk)

    assert refusal.value.path == ("reservationId",)


def test_an_appointment_of_another_practice_is_not_found(reschedule):
    with pytest.raises(NotFound) as refusal:
        reschedule(appointment_id=factories.AppointmentFactory().pk)

    assert refusal.value.path == ("appointmentId",)


def test_a_client_moves_its_own(reschedule, reservation, actor_as):
    assert reschedule(actor=actor_as(Role.CLIENT, client=reservation.client)).version == 2


def test_a_provider_does_not_move_to_another_calendar(reschedule, reservation, actor_as, practice):
    elsewhere = factories.AppointmentFactory(provider=factories.ProviderFactory(practice=practice))

    with pytest.raises(Forbidden):
        reschedule(actor=actor_as(Role.PROVIDER, provider=reservation.provider), appointment_id=elsewhere.pk)


def test_a_provider_who_does_not_offer_the_service_is_wrong_of_the_appointment(practice, desk, now):
    service = factories.ServiceFactory(practice=practice)
    visit = factories.ReservationFactory(
        appointments=[factories.AppointmentFactory(provider__practice=practice)], service=service
    )
    elsewhere = factories.AppointmentFactory(provider=factories.ProviderFactory(practice=practice))

    with pytest.raises(Invalid) as refusal:
        booking.reschedule_reservation(
            actor=desk, reservation_id=visit.pk, appointment_id=elsewhere.pk, now=now
        )

    assert refusal.value.path == ("appointmentId",)
