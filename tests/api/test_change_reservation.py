"""What clients and the desk do with a reservation: confirm, reschedule, cancel."""

from datetime import UTC, datetime, timedelta

import pytest

from reservation.models import ReservationEvent
from tests import factories
from tests.api.shapes import id_of, instant
from tests.api.writing import all_rows, done, refused, write

SELECT = "reservation { id status version startsAt cancellationReason }"


@pytest.fixture
def held(client_member):
    return factories.ReservationFactory(client=client_member.client)


@pytest.fixture
def free(held):
    """Another appointment of the same provider."""
    return factories.AppointmentFactory(provider=held.provider)


def change(graphql, field, as_, **input):
    return write(graphql, field, input, as_=as_, select=SELECT)


# -- confirmReservation --------------------------------------------------------------------------------------


def test_confirm_reservation_books_what_was_held(graphql, client_member, held):
    payload = done(change(graphql, "confirmReservation", client_member, reservationId=id_of(held)))

    assert payload["reservation"] == {
        "id": id_of(held),
        "status": "CONFIRMED",
        "version": 2,
        "startsAt": instant(held.starts_at),
        "cancellationReason": "",
    }
    assert ReservationEvent.objects.get().kind == "CONFIRMED"


def test_confirm_reservation_refuses_a_hold_that_has_run_out(graphql, client_member):
    stale = factories.ReservationFactory(
        client=client_member.client, expires_at=datetime.now(UTC) - timedelta(seconds=1)
    )
    before = all_rows()

    answer = change(graphql, "confirmReservation", client_member, reservationId=id_of(stale))

    assert refused(answer) == ("RESERVATION_EXPIRED", [])
    assert all_rows() == before


def test_confirm_reservation_refuses_what_is_confirmed(graphql, client_member, held):
    done(change(graphql, "confirmReservation", client_member, reservationId=id_of(held)))

    answer = change(graphql, "confirmReservation", client_member, reservationId=id_of(held))

    assert refused(answer) == ("INVALID_STATE", [])


def test_confirm_reservation_twice_with_the_same_key_answers_alike(graphql, client_member, held):
    input = {"reservationId": id_of(held), "idempotencyKey": "k-1"}

    first = done(change(graphql, "confirmReservation", client_member, **input))
    again = done(change(graphql, "confirmReservation", client_member, **input))

    assert again == first
    assert ReservationEvent.objects.count() == 1


# -- rescheduleReservation -----------------------------------------------------------------------------------


def test_reschedule_reservation_moves_it_and_keeps_its_id(graphql, client_member, held, free):
    payload = done(
        change(
            graphql,
            "rescheduleReservation",
            client_member,
            reservationId=id_of(held),
            appointmentId=id_of(free),
            expectedVersion=1,
        )
    )

    assert payload["reservation"] == {
        "id": id_of(held),
        "status": "HELD",
        "version": 2,
        "startsAt": instant(free.starts_at),
        "cancellationReason": "",
    }


def reschedule(graphql, as_, reservation, appointment):
    return change(
        graphql,
        "rescheduleReservation",
        as_,
        reservationId=id_of(reservation),
        appointmentId=id_of(appointment),
    )


def test_reschedule_reservation_refuses_a_taken_appointment(graphql, client_member, held, free):
    factories.ReservationFactory(appointments=[free])

    answer = reschedule(graphql, client_member, held, free)

    assert refused(answer) == ("APPOINTMENT_TAKEN", [])


def test_reschedule_reservation_refuses_where_it_is_already(graphql, client_member, held):
    answer = reschedule(graphql, client_member, held, held.appointments.get())

    assert refused(answer) == ("INVALID", ["appointmentId"])


@pytest.mark.parametrize(("days", "code"), [(0.5, "LEAD_TIME"), (91, "HORIZON")])
def test_reschedule_reservation_judges_the_new_start(graphql, client_member, held, days, code):
    starts_at = factories.quarter_hour_after(datetime.now(UTC) + timedelta(days=days))
    outside = factories.AppointmentFactory(provider=held.provider, starts_at=starts_at)

    answer = reschedule(graphql, client_member, held, outside)

    assert refused(answer) == (code, [])


def test_reschedule_reservation_refuses_a_time_the_client_has_another_visit(
    graphql, client_member, held, free
):
    elsewhere = factories.AppointmentFactory(provider__practice=held.practice, starts_at=free.starts_at)
    factories.ReservationFactory(client=client_member.client, appointments=[elsewhere])

    answer = reschedule(graphql, client_member, held, free)

    assert refused(answer) == ("CLIENT_OVERLAP", [])


def test_reschedule_reservation_refuses_a_hold_that_has_run_out(graphql, client_member, free):
    stale = factories.ReservationFactory(
        client=client_member.client, expires_at=datetime.now(UTC) - timedelta(seconds=1)
    )

    answer = reschedule(graphql, client_member, stale, free)

    assert refused(answer) == ("RESERVATION_EXPIRED", [])


def test_reschedule_reservation_refuses_what_was_cancelled(graphql, client_member, free):
    cancelled = factories.ReservationFactory(client=client_member.client, status="CANCELLED")

    answer = reschedule(graphql, client_member, cancelled, free)

    assert refused(answer) == ("INVALID_STATE", [])


# -- cancelReservation ---------------------------------------------------------------------------------------


def test_cancel_reservation_frees_its_appointments_and_keeps_the_reason(graphql, client_member, held):
    document = """
        mutation ($id: ID!) {
            cancelReservation(input: {reservationId: $id, reason: "Feeling well again"}) {
                reservation { status cancellationReason appointments { bookable } }
            }
        }
    """

    answer = graphql(document, {"id": id_of(held)}, as_=client_member)

    assert answer["data"]["cancelReservation"]["reservation"] == {
        "status": "CANCELLED",
        "cancellationReason": "Feeling well again",
        "appointments": [{"bookable": True}],
    }


def test_cancel_reservation_refuses_what_was_cancelled(graphql, client_member, held):
    done(change(graphql, "cancelReservation", client_member, reservationId=id_of(held)))
    before = all_rows()

    answer = change(graphql, "cancelReservation", client_member, reservationId=id_of(held))

    assert refused(answer) == ("INVALID_STATE", [])
    assert all_rows() == before


def test_cancel_reservation_refuses_an_endless_reason(graphql, client_member, held):
    answer = change(graphql, "cancelReservation", client_member, reservationId=id_of(held), reason="x" * 501)

    assert refused(answer) == ("INVALID", ["reason"])


# -- expectedVersion -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["confirmReservation", "rescheduleReservation", "cancelReservation"])
def test_refuses_to_change_what_was_changed_meanwhile(graphql, client_member, held, free, field):
    input = {"reservationId": id_of(held), "expectedVersion": 7}
    if field == "rescheduleReservation":
        input["appointmentId"] = id_of(free)
    before = all_rows()

    answer = change(graphql, field, client_member, **input)

    assert refused(answer) == ("VERSION_CONFLICT", ["expectedVersion"])
    assert all_rows() == before
