"""Two writes at the same moment, with real threads: the second sees what the first has done."""

from contextlib import ExitStack
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import transaction

from reservation.models import OutboxEvent, Reservation
from reservation.rules.booking import ClientOverlap
from reservation.rules.errors import NotFound
from reservation.services import availability, booking, directory, waitlist
from tests import factories
from tests.factories import upcoming
from tests.services.racing import waiting

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_stale_hold_of_several_appointments_expires_once(practice, desk, now):
    provider = factories.ProviderFactory(practice=practice)
    run = [factories.AppointmentFactory(provider=provider, starts_at=upcoming(i)) for i in range(2)]
    stale = factories.ReservationFactory(appointments=run, expires_at=now - timedelta(minutes=1))

    def take(appointment):
        client = factories.ClientFactory(practice=practice)
        return booking.reserve_appointment(
            actor=desk, appointment_id=appointment.pk, client_id=client.pk, now=now
        )

    with ExitStack() as until_taken, transaction.atomic():
        take(run[0])
        second = until_taken.enter_context(waiting(lambda: take(run[1])))

    assert second.result().status == "HELD"
    assert list(stale.events.values_list("kind", "version")) == [("EXPIRED", 2)]
    assert OutboxEvent.objects.filter(kind="reservation.expired").count() == 1


def test_a_confirmation_under_way_as_its_hold_ends_still_counts_for_its_client(practice, desk):
    client = factories.ClientFactory(practice=practice)
    here, elsewhere = (
        factories.AppointmentFactory(
            provider=factories.ProviderFactory(practice=practice), starts_at=upcoming()
        )
        for _ in range(2)
    )
    held = factories.ReservationFactory(appointments=[here], client=client)
    after_its_end = held.expires_at + timedelta(seconds=1)

    def reserve_elsewhere():
        return booking.reserve_appointment(
            actor=desk, appointment_id=elsewhere.pk, client_id=client.pk, now=after_its_end
        )

    with ExitStack() as until_refused, transaction.atomic():
        booking.confirm_reservation(actor=desk, reservation_id=held.pk, now=datetime.now(UTC))
        second = until_refused.enter_context(waiting(reserve_elsewhere))

    with pytest.raises(ClientOverlap):
        second.result()
    assert Reservation.objects.get().status == "CONFIRMED"


def reserve(desk, row, now):
    appointment = factories.AppointmentFactory(provider=row.provider, starts_at=upcoming())
    return booking.reserve_appointment(
        actor=desk, appointment_id=appointment.pk, client_id=row.client.pk, service_id=row.service.pk, now=now
    )


def join(desk, row, now):
    return waitlist.join_waitlist(
        actor=desk,
        client_id=row.client.pk,
        provider_id=row.provider.pk,
        service_id=row.service.pk,
        starts_from=now,
        starts_until=now + timedelta(days=3),
        now=now,
    )


def add_rule(desk, row, now):
    return availability.create_availability_rule(
        actor=desk,
        provider_id=row.provider.pk,
        weekday=0,
        start_time=time(9),
        end_time=time(10),
        time_zone="UTC",
        valid_from=now.date(),
        location_id=row.location.pk,
        now=now,
    )


def add_provider(desk, row, now):
    return directory.create_provider(
        actor=desk,
        name="Dr. New",
        time_zone="UTC",
        location_ids=[row.location.pk],
        service_ids=[row.service.pk],
    )


class Rows:
    """One of everything that a write may refer to."""

    def __init__(self, practice):
        self.service = factories.ServiceFactory(practice=practice)
        self.location = factories.LocationFactory(practice=practice)
        self.provider = factories.ProviderFactory(practice=practice, services=[self.service])
        self.client = factories.ClientFactory(practice=practice)


@pytest.mark.parametrize(
    ("write", "deleted"),
    [
        (reserve, "service"),
        (join, "client"),
        (join, "provider"),
        (join, "service"),
        (add_rule, "location"),
        (add_provider, "location"),
        (add_provider, "service"),
    ],
)
def test_what_is_deleted_while_a_write_refers_to_it_is_not_found(practice, desk, now, write, deleted):
    row = Rows(practice)
    delete = getattr(directory, f"delete_{deleted}")

    with ExitStack() as until_written, transaction.atomic():
        delete(actor=desk, **{f"{deleted}_id": getattr(row, deleted).pk})
        written = until_written.enter_context(waiting(lambda: write(desk, row, now)))

    with pytest.raises(NotFound):
        written.result()
