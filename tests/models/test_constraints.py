"""What the database itself refuses, whatever the code does."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from reservation.models import (
    Appointment,
    Membership,
    Reservation,
    ReservationEvent,
    WaitlistEntry,
)
from reservation.models.constraints import SamePractice
from tests import factories
from tests.factories import upcoming

pytestmark = pytest.mark.django_db


def refused(constraint):
    """Expect the database to refuse what follows, at once or at commit, by this constraint."""
    return pytest.raises(IntegrityError, match=constraint)


def check_at_commit():
    connection.check_constraints()


def test_an_appointment_starts_on_the_quarter_hour():
    with refused("appointment_on_the_quarter_hour"):
        factories.AppointmentFactory(starts_at=upcoming() + timedelta(minutes=1))


def test_an_appointment_starts_on_the_quarter_hour_to_the_microsecond():
    with refused("appointment_on_the_quarter_hour"):
        factories.AppointmentFactory(starts_at=upcoming() + timedelta(microseconds=1))


def test_an_appointment_lasts_15_minutes():
    with refused("appointment_lasts_15_minutes"):
        factories.AppointmentFactory(starts_at=upcoming(), ends_at=upcoming() + timedelta(minutes=30))


def test_a_provider_has_one_appointment_at_a_time():
    first = factories.AppointmentFactory()

    with refused("appointment_once_per_provider_and_start"):
        factories.AppointmentFactory(provider=first.provider, starts_at=first.starts_at)


def test_an_appointment_has_one_live_reservation():
    first = factories.ReservationFactory()

    with refused("appointment_reserved_once"):
        factories.ReservationFactory(appointments=list(first.appointments.all()))


def test_an_appointment_may_have_had_other_reservations():
    cancelled = factories.ReservationFactory(status="CANCELLED")

    second = factories.ReservationFactory(appointments=list(cancelled.appointments.all()))

    assert second.is_live is True


@pytest.mark.parametrize(("before", "after"), [("CANCELLED", "CONFIRMED"), ("CONFIRMED", "CANCELLED")])
def test_a_status_agrees_with_what_the_reservation_takes(before, after):
    reservation = factories.ReservationFactory(status=before)
    Reservation.objects.filter(pk=reservation.pk).update(status=after)

    with refused("reservation_appointment_follows_reservation"):
        check_at_commit()


def test_a_hold_has_an_end():
    with refused("reservation_hold_has_an_end"):
        factories.ReservationFactory(expires_at=None)


def test_history_has_one_event_per_version():
    event = factories.ReservationEventFactory()

    with refused("event_once_per_version"):
        factories.ReservationEventFactory(reservation=event.reservation)


def test_history_is_not_rewritten():
    event = factories.ReservationEventFactory()

    with pytest.raises(TypeError, match="append-only"):
        ReservationEvent.objects.update(kind="CANCELLED")
    with pytest.raises(TypeError, match="append-only"):
        ReservationEvent.objects.filter(pk=event.pk).delete()


def test_a_provider_membership_names_its_provider():
    membership = factories.MembershipFactory()

    with refused("membership_names_its_provider"):
        Membership.objects.filter(pk=membership.pk).update(role="PROVIDER")


def test_a_client_membership_names_its_client():
    membership = factories.MembershipFactory()

    with refused("membership_names_its_client"):
        Membership.objects.filter(pk=membership.pk).update(role="CLIENT")


def test_a_rule_starts_before_it_ends():
    with refused("rule_starts_before_it_ends"):
        factories.AvailabilityRuleFactory(start_time="17:00", end_time="09:00")


def test_a_rule_may_end_at_midnight():
    assert factories.AvailabilityRuleFactory(start_time="17:00", end_time="00:00").pk


def test_a_wish_waits_once():
    entry = factories.WaitlistEntryFactory()

    with refused("waitlist_once_per_wish"):
        WaitlistEntry.objects.create(
            practice=entry.practice,
            client=entry.client,
            starts_from=entry.starts_from,
            starts_until=entry.starts_until,
        )


POINTERS = [
    (factories.AppointmentFactory, "provider", factories.ProviderFactory),
    (factories.AppointmentFactory, "location", factories.LocationFactory),
    (factories.ReservationFactory, "client", factories.ClientFactory),
    (factories.ReservationFactory, "provider", factories.ProviderFactory),
    (factories.ReservationFactory, "service", factories.ServiceFactory),
    (factories.ReservationEventFactory, "reservation", factories.ReservationFactory),
    (factories.AvailabilityRuleFactory, "provider", factories.ProviderFactory),
    (factories.AvailabilityRuleFactory, "location", factories.LocationFactory),
    (factories.AvailabilityExceptionFactory, "provider", factories.ProviderFactory),
    (factories.WaitlistEntryFactory, "client", factories.ClientFactory),
    (factories.WaitlistEntryFactory, "provider", factories.ProviderFactory),
    (factories.WaitlistEntryFactory, "service", factories.ServiceFactory),
    (factories.WaitlistEntryFactory, "reservation", factories.ReservationFactory),
]


@pytest.mark.parametrize(("make", "field", "make_foreign"), POINTERS)
def test_nothing_points_into_another_practice(make, field, make_foreign):
    row, foreign = make(), make_foreign()

    with refused("same_practice"), transaction.atomic():
        # Past the model: the history's own manager refuses to rewrite it.
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {row._meta.db_table} SET {field}_id = %s WHERE id = %s", [foreign.pk, row.pk]
            )
        check_at_commit()


def test_the_admin_is_told_before_the_database_is():
    appointment = factories.AppointmentFactory()
    appointment.provider = factories.ProviderFactory()

    with pytest.raises(ValidationError, match="another practice"):
        appointment.validate_constraints()


def test_an_empty_pointer_and_an_excluded_one_are_valid():
    appointment = factories.AppointmentFactory(location=None)
    appointment.validate_constraints()
    appointment.provider = factories.ProviderFactory()

    appointment.validate_constraints(exclude={"provider"})


def test_the_constraint_compares_by_what_it_says():
    constraint = SamePractice(field="provider", name="a")

    assert constraint == SamePractice(field="provider", name="a")
    assert hash(constraint) == hash(SamePractice(field="provider", name="a"))
    assert constraint != SamePractice(field="provider", name="a", also=("is_live",))
    assert constraint != "a"


def test_the_constraint_can_be_removed_and_put_back():
    constraint = next(
        c for c in Appointment._meta.constraints if c.name == "appointment_provider_same_practice"
    )

    with connection.schema_editor() as editor:
        editor.remove_constraint(Appointment, constraint)
        editor.add_constraint(Appointment, constraint)

    foreign = factories.ProviderFactory()
    appointment = factories.AppointmentFactory()
    Appointment.objects.filter(pk=appointment.pk).update(provider=foreign)
    with refused("appointment_provider_same_practice"):
        check_at_commit()


def test_every_pointer_between_tenant_tables_is_held_to_the_practice():
    from django.apps import apps

    unguarded = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_app_config("reservation").get_models()
        for field in model._meta.get_fields()
        if field.concrete
        and field.many_to_one
        and hasattr(field.related_model, "practice")
        and not any(
            isinstance(constraint, SamePractice) and constraint.field == field.name
            for constraint in model._meta.constraints
        )
    ]

    assert unguarded == []


def test_every_unique_constraint_of_a_tenant_table_includes_the_practice():
    from django.apps import apps
    from django.db.models import UniqueConstraint

    loose = [
        constraint.name
        for model in apps.get_app_config("reservation").get_models()
        if hasattr(model, "practice")
        for constraint in model._meta.constraints
        if isinstance(constraint, UniqueConstraint) and "practice" not in constraint.fields
    ]

    assert loose == []


@pytest.mark.parametrize("price_cents", [-1, 2**31])
def test_a_price_fits_the_api(price_cents):
    with refused("service_price_fits_the_api"):
        factories.ServiceFactory(price_cents=price_cents)
