from datetime import UTC, datetime, timedelta

import pytest

from reservation.models import Appointment, Reservation, ReservationEvent
from tests import factories
from tests.api.shapes import id_of, instant
from tests.api.writing import done, refused, write

SELECT = (
    "reservation { id status version startsAt expiresAt client { id } service { id } appointments { id } }"
)


@pytest.fixture
def appointment(practice):
    return factories.AppointmentFactory(provider__practice=practice)


def reserve(graphql, as_, **input):
    return write(graphql, "reserveAppointment", input, as_=as_, select=SELECT)


def test_holds_an_appointment_for_the_client_who_asks(graphql, client_member, appointment):
    payload = done(reserve(graphql, client_member, appointmentId=id_of(appointment)))

    reservation = Reservation.objects.get()
    assert payload == {
        "reservation": {
            "id": id_of(reservation),
            "status": "HELD",
            "version": 1,
            "startsAt": instant(appointment.starts_at),
            "expiresAt": instant(reservation.expires_at),
            "client": {"id": id_of(client_member.client)},
            "service": None,
            "appointments": [{"id": id_of(appointment)}],
        }
    }
    assert reservation.client == client_member.client


def test_holds_as_many_appointments_as_the_service_takes(graphql, practice, desk, client_member):
    service = factories.ServiceFactory(practice=practice, slots=2)
    provider = factories.ProviderFactory(practice=practice, services=[service])
    starts_at = factories.upcoming()
    first, second, _third = (
        factories.AppointmentFactory(provider=provider, starts_at=starts_at + n * factories.SLOT)
        for n in range(3)
    )

    payload = done(
        reserve(
            graphql,
            desk,
            appointmentId=id_of(first),
            clientId=id_of(client_member.client),
            serviceId=id_of(service),
        )
    )

    assert payload["reservation"]["service"] == {"id": id_of(service)}
    assert payload["reservation"]["appointments"] == [{"id": id_of(first)}, {"id": id_of(second)}]


def test_the_desk_must_say_whom_it_is_for(graphql, desk, appointment):
    answer = reserve(graphql, desk, appointmentId=id_of(appointment))

    assert refused(answer) == ("INVALID", ["clientId"])
    assert not Reservation.objects.exists()


def test_refuses_an_appointment_that_is_taken(graphql, client_member, appointment):
    factories.ReservationFactory(appointments=[appointment])

    answer = reserve(graphql, client_member, appointmentId=id_of(appointment))

    assert refused(answer) == ("APPOINTMENT_TAKEN", [])
    assert Reservation.objects.count() == 1


def test_takes_an_appointment_whose_hold_has_run_out(graphql, client_member, appointment):
    stale = factories.ReservationFactory(
        appointments=[appointment], expires_at=datetime.now(UTC) - timedelta(seconds=1)
    )

    done(reserve(graphql, client_member, appointmentId=id_of(appointment)))

    stale.refresh_from_db()
    assert stale.status == "EXPIRED"


def test_refuses_a_blocked_appointment(graphql, client_member, appointment):
    Appointment.objects.update(status=Appointment.Status.BLOCKED)

    answer = reserve(graphql, client_member, appointmentId=id_of(appointment))

    assert refused(answer) == ("APPOINTMENT_TAKEN", [])


@pytest.mark.parametrize(("days", "code"), [(0.5, "LEAD_TIME"), (91, "HORIZON")])
def test_refuses_a_start_outside_of_what_may_be_booked(graphql, client_member, practice, days, code):
    starts_at = factories.quarter_hour_after(datetime.now(UTC) + timedelta(days=days))
    appointment = factories.AppointmentFactory(provider__practice=practice, starts_at=starts_at)

    answer = reserve(graphql, client_member, appointmentId=id_of(appointment))

    assert refused(answer) == (code, [])
    assert not Reservation.objects.exists()


def test_the_desk_may_waive_the_lead_time_with_a_reason_that_is_kept(graphql, desk, client_member, practice):
    soon = factories.quarter_hour_after(datetime.now(UTC))
    appointment = factories.AppointmentFactory(provider__practice=practice, starts_at=soon)
    input = {"appointmentId": id_of(appointment), "clientId": id_of(client_member.client)}

    done(reserve(graphql, desk, **input, overrideReason="In pain"))

    assert Reservation.objects.get().override_reason == "In pain"
    assert ReservationEvent.objects.get().reason == "In pain"


def test_a_client_may_not_waive_the_lead_time(graphql, client_member, appointment):
    answer = reserve(graphql, client_member, appointmentId=id_of(appointment), overrideReason="In pain")

    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "FORBIDDEN", "path": ["overrideReason"]}
    assert not Reservation.objects.exists()


def test_refuses_a_second_visit_at_the_same_time(graphql, client_member, appointment):
    elsewhere = factories.AppointmentFactory(
        provider__practice=appointment.practice, starts_at=appointment.starts_at
    )
    factories.ReservationFactory(client=client_member.client, appointments=[elsewhere])

    answer = reserve(graphql, client_member, appointmentId=id_of(appointment))

    assert refused(answer) == ("CLIENT_OVERLAP", [])


def test_refuses_more_holds_than_a_client_may_have(graphql, client_member, appointment, settings):
    settings.BOOKING_MAX_OPEN_HOLDS = 1
    factories.ReservationFactory(client=client_member.client)

    answer = reserve(graphql, client_member, appointmentId=id_of(appointment))

    assert refused(answer) == ("HOLD_LIMIT", [])


def test_does_not_know_another_practice_s_appointment(graphql, client_member):
    elsewhere = factories.AppointmentFactory()

    answer = reserve(graphql, client_member, appointmentId=id_of(elsewhere))

    assert refused(answer) == ("NOT_FOUND", ["appointmentId"])


def test_the_same_key_reserves_once(graphql, client_member, appointment):
    input = {"appointmentId": id_of(appointment), "idempotencyKey": "k-1"}

    first = done(reserve(graphql, client_member, **input))
    again = done(reserve(graphql, client_member, **input))

    assert again == first
    assert Reservation.objects.count() == 1


def test_refuses_a_used_key_with_another_input(graphql, client_member, appointment):
    other = factories.AppointmentFactory(provider=appointment.provider)
    done(reserve(graphql, client_member, appointmentId=id_of(appointment), idempotencyKey="k-1"))

    answer = reserve(graphql, client_member, appointmentId=id_of(other), idempotencyKey="k-1")

    assert refused(answer) == ("IDEMPOTENCY_MISMATCH", ["idempotencyKey"])
    assert Reservation.objects.count() == 1


def test_what_comes_after_it_in_the_request_sees_what_it_did(graphql, client_member, practice):
    one, other = factories.AppointmentFactory.create_batch(2, provider__practice=practice)
    document = """
        mutation ($one: ID!, $other: ID!) {
            a: reserveAppointment(input: {appointmentId: $one}) { ...Booked }
            b: reserveAppointment(input: {appointmentId: $one}) { errors { code } }
            c: reserveAppointment(input: {appointmentId: $other}) { ...Booked }
        }
        fragment Booked on ReserveAppointment { reservation { appointments { bookable } } }
    """

    answer = graphql(document, {"one": id_of(one), "other": id_of(other)}, as_=client_member)

    assert answer == {
        "data": {
            "a": {"reservation": {"appointments": [{"bookable": False}]}},
            "b": {"errors": [{"code": "APPOINTMENT_TAKEN"}]},
            "c": {"reservation": {"appointments": [{"bookable": False}]}},
        }
    }
