"""Weekly windows, exceptions to them, publishing and blocking."""

from datetime import timedelta

import pytest
from django.utils import timezone

from reservation.models import Appointment, AvailabilityException, AvailabilityRule
from tests import factories
from tests.api.shapes import id_of, instant
from tests.api.writing import all_rows, done, refused, write

RULE = "availabilityRule { weekday startTime endTime timeZone validFrom validUntil location { id } }"
AFFECTED = "affectedReservations { id }"


@pytest.fixture
def provider(provider_member):
    return provider_member.provider


@pytest.fixture
def window(provider):
    """The input of a weekly window: Mondays from 09:00 to 10:00 in Chicago."""
    return {
        "providerId": id_of(provider),
        "weekday": "MONDAY",
        "startTime": "09:00",
        "endTime": "10:00",
        "timeZone": "America/Chicago",
        "validFrom": "2020-01-01",
    }


@pytest.fixture
def booked(provider):
    """A confirmed reservation of an appointment that no window gives any more."""
    appointment = factories.AppointmentFactory(provider=provider)
    return factories.ReservationFactory(appointments=[appointment], status="CONFIRMED", expires_at=None)


# -- rules ---------------------------------------------------------------------------------------------------


def test_create_availability_rule_publishes_its_appointments(graphql, provider_member, window):
    location = factories.LocationFactory(practice=provider_member.practice)
    input = {**window, "validUntil": "2999-12-31", "locationId": id_of(location)}

    payload = done(
        write(graphql, "createAvailabilityRule", input, as_=provider_member, select=f"{RULE} {AFFECTED}")
    )

    del input["providerId"], input["locationId"]
    assert payload == {
        "availabilityRule": {**input, "location": {"id": id_of(location)}},
        "affectedReservations": [],
    }
    # 13 Mondays of four quarter-hours in 90 days and the margin, or one less at an end of it.
    assert Appointment.objects.filter(location=location).count() in (48, 49, 50, 51, 52)


def test_create_availability_rule_once_for_a_key(graphql, provider_member, window):
    input = {**window, "idempotencyKey": "k-1"}

    first = done(write(graphql, "createAvailabilityRule", input, as_=provider_member, select=RULE))
    again = done(write(graphql, "createAvailabilityRule", input, as_=provider_member, select=RULE))

    assert again == first
    assert AvailabilityRule.objects.count() == 1


WRONG_WINDOWS = [
    ({"startTime": "09:07"}, "startTime"),
    ({"endTime": "09:59"}, "endTime"),
    ({"endTime": "09:00"}, "endTime"),
    ({"endTime": "08:00"}, "endTime"),
    ({"timeZone": "Mars/Olympus"}, "timeZone"),
    ({"validFrom": "2030-01-02", "validUntil": "2030-01-01"}, "validUntil"),
]


@pytest.mark.parametrize(("change", "path"), WRONG_WINDOWS)
def test_create_availability_rule_refuses_a_window_that_no_week_has(
    graphql, provider_member, window, change, path
):
    answer = write(graphql, "createAvailabilityRule", {**window, **change}, as_=provider_member, select=RULE)

    assert refused(answer) == ("INVALID", [path])
    assert not AvailabilityRule.objects.exists()


@pytest.mark.parametrize(("change", "path"), WRONG_WINDOWS)
def test_update_availability_rule_refuses_a_window_that_no_week_has(
    graphql, provider_member, provider, change, path
):
    rule = factories.AvailabilityRuleFactory(provider=provider, end_time="10:00")
    before = all_rows()

    answer = write(
        graphql, "updateAvailabilityRule", {"ruleId": id_of(rule), **change}, as_=provider_member, select=RULE
    )

    assert refused(answer) == ("INVALID", [path])
    assert all_rows() == before


@pytest.mark.parametrize("field", ["weekday", "startTime", "endTime", "timeZone", "validFrom"])
def test_update_availability_rule_refuses_null_where_there_must_be_something(
    graphql, provider_member, provider, field
):
    rule = factories.AvailabilityRuleFactory(provider=provider)
    input = {"ruleId": id_of(rule), field: None}

    answer = write(graphql, "updateAvailabilityRule", input, as_=provider_member)

    assert refused(answer) == ("INVALID", [field])


def test_update_availability_rule_changes_what_is_given_and_null_clears(graphql, provider_member, provider):
    location = factories.LocationFactory(practice=provider.practice)
    rule = factories.AvailabilityRuleFactory(provider=provider, location=location, valid_until="2999-12-31")
    input = {"ruleId": id_of(rule), "weekday": "FRIDAY", "validUntil": None, "locationId": None}

    payload = done(write(graphql, "updateAvailabilityRule", input, as_=provider_member, select=RULE))

    assert payload == {
        "availabilityRule": {
            "weekday": "FRIDAY",
            "startTime": "09:00",
            "endTime": "17:00",
            "timeZone": "America/Chicago",
            "validFrom": "2020-01-01",
            "validUntil": None,
            "location": None,
        }
    }


def test_delete_availability_rule_lists_the_bookings_it_leaves(graphql, provider_member, provider, booked):
    rule = factories.AvailabilityRuleFactory(provider=provider)

    payload = done(
        write(
            graphql,
            "deleteAvailabilityRule",
            {"ruleId": id_of(rule)},
            as_=provider_member,
            select=f"deletedAvailabilityRuleId {AFFECTED}",
        )
    )

    assert payload == {
        "deletedAvailabilityRuleId": id_of(rule),
        "affectedReservations": [{"id": id_of(booked)}],
    }
    booked.refresh_from_db()
    assert booked.status == "CONFIRMED"


# -- exceptions ----------------------------------------------------------------------------------------------


def test_create_availability_exception_removes_time_and_lists_its_bookings(
    graphql, provider_member, provider, booked
):
    input = {
        "providerId": id_of(provider),
        "kind": "REMOVE",
        "startsAt": instant(booked.starts_at),
        "endsAt": instant(booked.ends_at),
        "reason": "Conference",
    }

    payload = done(
        write(
            graphql,
            "createAvailabilityException",
            input,
            as_=provider_member,
            select=f"availabilityException {{ kind startsAt endsAt reason }} {AFFECTED}",
        )
    )

    del input["providerId"]
    assert payload == {"availabilityException": input, "affectedReservations": [{"id": id_of(booked)}]}


def test_create_availability_exception_adds_time(graphql, provider_member, provider):
    starts_at = factories.upcoming()
    input = {
        "providerId": id_of(provider),
        "kind": "ADD",
        "startsAt": instant(starts_at),
        "endsAt": instant(starts_at + 2 * factories.SLOT),
    }

    done(write(graphql, "createAvailabilityException", input, as_=provider_member))

    starts = Appointment.objects.order_by("starts_at").values_list("starts_at", flat=True)
    assert list(starts) == [starts_at, starts_at + factories.SLOT]


@pytest.mark.parametrize(
    ("minutes", "length", "path"),
    [(1, 15, "startsAt"), (0, 16, "endsAt"), (0, 0, "endsAt"), (0, -15, "endsAt"), (0, 367 * 1440, "endsAt")],
)
def test_create_availability_exception_refuses_times_off_the_grid_and_out_of_order(
    graphql, provider_member, provider, minutes, length, path
):
    starts_at = factories.upcoming() + timedelta(minutes=minutes)
    input = {
        "providerId": id_of(provider),
        "kind": "REMOVE",
        "startsAt": instant(starts_at),
        "endsAt": instant(starts_at + timedelta(minutes=length)),
    }

    answer = write(graphql, "createAvailabilityException", input, as_=provider_member)

    assert refused(answer) == ("INVALID", [path])
    assert not AvailabilityException.objects.exists()


def test_delete_availability_exception_opens_what_it_had_removed(graphql, provider_member, provider):
    now = timezone.now()
    factories.AvailabilityRuleFactory(
        provider=provider, weekday=(now + timedelta(days=3)).weekday(), time_zone="UTC"
    )
    exception = factories.AvailabilityExceptionFactory(
        provider=provider,
        starts_at=factories.quarter_hour_after(now),
        ends_at=factories.quarter_hour_after(now + timedelta(days=200)),
    )

    payload = done(
        write(
            graphql,
            "deleteAvailabilityException",
            {"exceptionId": id_of(exception)},
            as_=provider_member,
            select=f"deletedAvailabilityExceptionId {AFFECTED}",
        )
    )

    assert payload == {"deletedAvailabilityExceptionId": id_of(exception), "affectedReservations": []}
    assert Appointment.objects.filter(status="OPEN").exists()


# -- appointments --------------------------------------------------------------------------------------------


def test_publish_appointments_counts_and_a_second_time_does_nothing(
    graphql, provider_member, provider, booked
):
    factories.AvailabilityExceptionFactory(
        provider=provider, kind="ADD", starts_at=booked.ends_at, ends_at=booked.ends_at + 3 * factories.SLOT
    )
    select = f"provider {{ id }} openedCount withdrawnCount {AFFECTED}"
    input = {"providerId": id_of(provider)}

    first = done(write(graphql, "publishAppointments", input, as_=provider_member, select=select))
    again = done(write(graphql, "publishAppointments", input, as_=provider_member, select=select))

    assert first == {
        "provider": {"id": id_of(provider)},
        "openedCount": 3,
        "withdrawnCount": 1,
        "affectedReservations": [{"id": id_of(booked)}],
    }
    assert (again["openedCount"], again["withdrawnCount"]) == (0, 0)


def test_block_appointment_keeps_its_bookings_and_lists_them(graphql, provider_member, booked):
    appointment = booked.appointments.get()
    input = {"appointmentId": id_of(appointment), "reason": "Repairs"}

    payload = done(
        write(
            graphql,
            "blockAppointment",
            input,
            as_=provider_member,
            select=f"appointment {{ id status blockReason bookable }} {AFFECTED}",
        )
    )

    assert payload == {
        "appointment": {
            "id": id_of(appointment),
            "status": "BLOCKED",
            "blockReason": "Repairs",
            "bookable": False,
        },
        "affectedReservations": [{"id": id_of(booked)}],
    }


def test_block_appointment_refuses_one_that_was_withdrawn(graphql, provider_member, provider):
    appointment = factories.AppointmentFactory(provider=provider, status="WITHDRAWN")

    answer = write(graphql, "blockAppointment", {"appointmentId": id_of(appointment)}, as_=provider_member)

    assert refused(answer) == ("INVALID_STATE", ["appointmentId"])


def test_block_appointment_refuses_an_endless_reason(graphql, provider_member, provider):
    appointment = factories.AppointmentFactory(provider=provider)
    input = {"appointmentId": id_of(appointment), "reason": "x" * 201}

    answer = write(graphql, "blockAppointment", input, as_=provider_member)

    assert refused(answer) == ("INVALID", ["reason"])


def test_unblock_appointment_withdraws_what_no_window_gives(graphql, provider_member, provider):
    appointment = factories.AppointmentFactory(provider=provider, status="BLOCKED", block_reason="Repairs")

    payload = done(
        write(
            graphql,
            "unblockAppointment",
            {"appointmentId": id_of(appointment)},
            as_=provider_member,
            select="appointment { status blockReason }",
        )
    )

    assert payload == {"appointment": {"status": "WITHDRAWN", "blockReason": ""}}


def test_unblock_appointment_refuses_one_that_is_open(graphql, provider_member, provider):
    appointment = factories.AppointmentFactory(provider=provider)

    answer = write(graphql, "unblockAppointment", {"appointmentId": id_of(appointment)}, as_=provider_member)

    assert refused(answer) == ("INVALID_STATE", ["appointmentId"])
