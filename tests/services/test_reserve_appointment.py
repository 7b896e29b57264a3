from datetime import timedelta

import pytest
from django.utils import timezone

from reservation.models import (
    Appointment,
    IdempotencyKey,
    OutboxEvent,
    Reservation,
    ReservationAppointment,
    ReservationEvent,
)
from reservation.rules.booking import ClientOverlap, HoldLimit, Horizon, LeadTime
from reservation.rules.errors import Invalid, NotFound
from reservation.rules.grid import SLOT
from reservation.rules.policy import Forbidden, Role
from reservation.services import booking
from tests import factories
from tests.factories import upcoming

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(practice):
    return factories.ProviderFactory(practice=practice)


@pytest.fixture
def client(practice):
    return factories.ClientFactory(practice=practice)


@pytest.fixture
def appointment(provider):
    return factories.AppointmentFactory(provider=provider, starts_at=upcoming())


@pytest.fixture
def reserve(desk, appointment, client, now):
    """Reserve the appointment for the client as the desk, but for what the test says."""

    def call(**but):
        arguments = {
            "actor": desk,
            "appointment_id": appointment.pk,
            "client_id": client.pk,
            "now": now,
            **but,
        }
        return booking.reserve_appointment(**arguments)

    return call


def run_of(provider, length, *, starts_at=None):
    first = starts_at or upcoming()
    return [
        factories.AppointmentFactory(provider=provider, starts_at=first + i * SLOT) for i in range(length)
    ]


def assert_nothing_written():
    assert not Reservation.objects.exists()
    assert not ReservationEvent.objects.exists()
    assert not OutboxEvent.objects.exists()
    assert not IdempotencyKey.objects.exists()


def test_holds_an_open_appointment(reserve, appointment, client, desk, now):
    reservation = reserve()

    reservation.refresh_from_db()
    assert reservation.status == "HELD"
    assert reservation.is_live is True
    assert reservation.version == 1
    assert reservation.client == client
    assert reservation.provider == appointment.provider
    assert (reservation.starts_at, reservation.ends_at) == (appointment.starts_at, appointment.ends_at)
    assert timedelta(minutes=30) <= reservation.expires_at - now < timedelta(minutes=31)
    assert list(reservation.appointments.all()) == [appointment]
    event = reservation.events.get()
    assert (event.kind, event.version, event.user_id) == ("HELD", 1, desk.user_id)


def test_tells_the_outbox_ids_and_no_person(reserve, appointment):
    reservation = reserve()

    event = OutboxEvent.objects.get()
    assert event.kind == "reservation.held"
    assert event.payload == {
        "reservation": reservation.pk,
        "version": 1,
        "status": "HELD",
        "provider": appointment.provider_id,
        "starts_at": appointment.starts_at.isoformat().replace("+00:00", "Z"),
    }


def test_refuses_an_appointment_that_is_held(reserve, practice):
    reserve()

    with pytest.raises(booking.AppointmentTaken):
        reserve(client_id=factories.ClientFactory(practice=practice).pk)

    assert Reservation.objects.count() == 1


def test_refuses_an_appointment_that_is_confirmed(reserve, practice, desk, now):
    booking.confirm_reservation(actor=desk, reservation_id=reserve().pk, now=now)

    with pytest.raises(booking.AppointmentTaken):
        reserve(client_id=factories.ClientFactory(practice=practice).pk)


def test_takes_over_from_a_hold_that_ran_out_before_any_sweep(reserve, practice, now):
    stale = reserve()
    Reservation.objects.filter(pk=stale.pk).update(expires_at=now - timedelta(seconds=1))
    other = factories.ClientFactory(practice=practice)

    taken_over = reserve(client_id=other.pk)

    stale.refresh_from_db()
    assert stale.status == "EXPIRED"
    assert list(stale.events.order_by("version").values_list("kind", "user")[1:]) == [("EXPIRED", None)]
    assert list(
        ReservationAppointment.objects.filter(is_live=True).values_list("reservation", flat=True)
    ) == [taken_over.pk]


@pytest.mark.parametrize("status", [Appointment.Status.BLOCKED, Appointment.Status.WITHDRAWN])
def test_refuses_an_appointment_that_is_not_open(reserve, appointment, status):
    Appointment.objects.filter(pk=appointment.pk).update(status=status)

    with pytest.raises(booking.AppointmentTaken):
        reserve()

    assert_nothing_written()


def test_refuses_an_appointment_of_an_inactive_provider(reserve, provider):
    provider.is_active = False
    provider.save()

    with pytest.raises(booking.AppointmentTaken):
        reserve()

    assert_nothing_written()


def test_refuses_a_hold_inside_the_lead_time(reserve, appointment):
    with pytest.raises(LeadTime):
        reserve(now=appointment.starts_at - timedelta(hours=23, minutes=59))

    assert_nothing_written()


def test_accepts_a_hold_at_the_lead_time_exactly(reserve, appointment):
    assert reserve(now=appointment.starts_at - timedelta(hours=24)).status == "HELD"


def test_judges_the_lead_time_by_the_database_clock_when_the_caller_waited(reserve, provider, now):
    soon = factories.AppointmentFactory(
        provider=provider, starts_at=factories.quarter_hour_after(timezone.now() + timedelta(hours=23))
    )

    with pytest.raises(LeadTime):
        reserve(appointment_id=soon.pk, now=now - timedelta(days=2))


def test_refuses_an_appointment_beyond_the_horizon(reserve, provider):
    far = factories.AppointmentFactory(provider=provider, starts_at=upcoming() + timedelta(days=90))

    with pytest.raises(Horizon):
        reserve(appointment_id=far.pk)

    assert_nothing_written()


def test_the_desk_waives_the_lead_time_with_a_reason_that_is_kept(reserve, appointment):
    reservation = reserve(now=appointment.starts_at - timedelta(hours=1), override_reason=" emergency ")

    assert reservation.override_reason == "emergency"
    assert reservation.events.get().reason == "emergency"


def test_nobody_waives_the_past(reserve, appointment):
    with pytest.raises(LeadTime):
        reserve(now=appointment.starts_at, override_reason="emergency")

    assert_nothing_written()


def test_a_client_waives_nothing(reserve, actor_as, client, appointment):
    with pytest.raises(Forbidden) as refusal:
        reserve(actor=actor_as(Role.CLIENT, client=client), override_reason="I am in a hurry")

    assert refusal.value.path == ("overrideReason",)
    assert_nothing_written()


def test_refuses_a_client_who_holds_as_many_as_allowed(reserve, provider):
    holds = run_of(provider, 4, starts_at=upcoming(20))
    for appointment in holds[:3]:
        reserve(appointment_id=appointment.pk)

    with pytest.raises(HoldLimit):
        reserve(appointment_id=holds[3].pk)

    assert Reservation.objects.count() == 3


def test_holds_that_ran_out_or_were_confirmed_do_not_count_as_open(reserve, provider, desk, now):
    appointments = run_of(provider, 5, starts_at=upcoming(20))
    first, second, *_ = [reserve(appointment_id=appointment.pk) for appointment in appointments[:3]]
    booking.confirm_reservation(actor=desk, reservation_id=first.pk, now=now)
    Reservation.objects.filter(pk=second.pk).update(expires_at=now - timedelta(seconds=1))

    reserve(appointment_id=appointments[3].pk)
    fifth = reserve(appointment_id=appointments[4].pk)

    assert fifth.status == "HELD"


def test_refuses_a_client_who_is_elsewhere_at_that_time(reserve, practice, appointment, desk, now):
    elsewhere = factories.AppointmentFactory(
        provider=factories.ProviderFactory(practice=practice), starts_at=appointment.starts_at
    )
    reserve()

    with pytest.raises(ClientOverlap):
        reserve(appointment_id=elsewhere.pk)

    assert Reservation.objects.count() == 1


def test_a_longer_service_takes_the_appointments_that_follow(reserve, practice):
    service = factories.ServiceFactory(practice=practice, slots=3)
    provider = factories.ProviderFactory(practice=practice, services=[service])
    run = run_of(provider, 4)

    reservation = reserve(appointment_id=run[0].pk, service_id=service.pk)

    assert list(reservation.appointments.order_by("starts_at")) == run[:3]
    assert reservation.ends_at == run[2].ends_at


def test_a_longer_visit_is_all_or_none(reserve, practice):
    service = factories.ServiceFactory(practice=practice, slots=3)
    provider = factories.ProviderFactory(practice=practice, services=[service])
    run = run_of(provider, 3)
    taken = factories.ReservationFactory(appointments=[run[2]])

    with pytest.raises(booking.AppointmentTaken):
        reserve(appointment_id=run[0].pk, service_id=service.pk)

    assert list(Reservation.objects.all()) == [taken]


def test_refuses_a_longer_visit_where_too_few_appointments_follow(reserve, practice):
    service = factories.ServiceFactory(practice=practice, slots=3)
    provider = factories.ProviderFactory(practice=practice, services=[service])
    run = run_of(provider, 2)

    with pytest.raises(booking.AppointmentTaken, match="3 open appointments in a row"):
        reserve(appointment_id=run[0].pk, service_id=service.pk)

    assert_nothing_written()


def test_a_service_brings_its_own_lead_time_and_hold(reserve, practice, now):
    service = factories.ServiceFactory(practice=practice, lead_time_minutes=60, hold_minutes=5)
    provider = factories.ProviderFactory(practice=practice, services=[service])
    soon = factories.AppointmentFactory(
        provider=provider, starts_at=factories.quarter_hour_after(now + timedelta(hours=2))
    )

    reservation = reserve(appointment_id=soon.pk, service_id=service.pk)

    assert timedelta(minutes=5) <= reservation.expires_at - now < timedelta(minutes=6)


def test_refuses_a_service_that_the_provider_does_not_offer(reserve, practice):
    service = factories.ServiceFactory(practice=practice)

    with pytest.raises(Invalid) as refusal:
        reserve(service_id=service.pk)

    assert refusal.value.path == ("serviceId",)
    assert_nothing_written()


def test_refuses_an_inactive_service(reserve, practice):
    service = factories.ServiceFactory(practice=practice, is_active=False)

    with pytest.raises(NotFound) as refusal:
        reserve(service_id=service.pk)

    assert refusal.value.path == ("serviceId",)


@pytest.mark.parametrize(
    ("argument", "path"),
    [("appointment_id", "appointmentId"), ("client_id", "clientId"), ("service_id", "serviceId")],
)
def test_what_belongs_to_another_practice_is_not_found(reserve, argument, path):
    foreign = {
        "appointment_id": factories.AppointmentFactory,
        "client_id": factories.ClientFactory,
        "service_id": factories.ServiceFactory,
    }[argument]().pk

    with pytest.raises(NotFound) as refusal:
        reserve(**{argument: foreign})

    assert refusal.value.path == (path,)
    assert_nothing_written()


def test_a_client_reserves_for_itself(reserve, actor_as, client):
    assert reserve(actor=actor_as(Role.CLIENT, client=client)).client == client


def test_a_client_does_not_reserve_for_another(reserve, actor_as, practice, client):
    other = factories.ClientFactory(practice=practice)

    with pytest.raises(NotFound) as refusal:
        reserve(actor=actor_as(Role.CLIENT, client=client), client_id=other.pk)

    assert refusal.value.path == ("clientId",)


def test_a_provider_reserves_on_its_own_calendar_for_a_client_it_has_seen(
    reserve, actor_as, provider, client, practice
):
    factories.ReservationFactory(
        appointments=[factories.AppointmentFactory(provider=provider)], client=client, status="CANCELLED"
    )

    assert reserve(actor=actor_as(Role.PROVIDER, provider=provider)).provider == provider


def test_a_provider_does_not_reserve_on_another_calendar(reserve, actor_as, practice, client):
    other = factories.ProviderFactory(practice=practice)
    factories.ReservationFactory(
        appointments=[factories.AppointmentFactory(provider=other)], client=client, status="CANCELLED"
    )

    with pytest.raises(Forbidden):
        reserve(actor=actor_as(Role.PROVIDER, provider=other))
