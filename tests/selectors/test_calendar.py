"""The search and the mutation agree: what is shown can be reserved, what is not shown cannot."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase

from reservation.models import Appointment
from reservation.rules.booking import ClientOverlap, HoldLimit
from reservation.rules.errors import DomainError
from reservation.rules.grid import SLOT
from reservation.rules.policy import Actor, Role
from reservation.selectors import calendar
from reservation.selectors.calendar import AppointmentFilter, Day
from reservation.services import booking
from tests import factories

# Later than the database's clock, so that what the test calls now is now.
EPOCH = datetime(2040, 3, 1, 9, tzinfo=UTC)
SLOTS = 8

statuses = st.sampled_from(["OPEN", "OPEN", "OPEN", "BLOCKED", "WITHDRAWN"])
# What has the appointment: nobody, a booking, or a hold that ends so many minutes from EPOCH.
takers = st.one_of(
    st.none(), st.sampled_from(["CONFIRMED", "CANCELLED"]), st.integers(min_value=-180, max_value=180)
)
minutes = st.integers(min_value=-26 * 60, max_value=26 * 60)


class TestSearchAndReserveAgree(HypothesisTestCase):
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        calendar_rows=st.lists(st.tuples(statuses, takers), min_size=SLOTS, max_size=SLOTS),
        minutes_from_epoch=minutes,
        lead_time_minutes=st.sampled_from([None, 0, 90, 24 * 60]),
        slots=st.integers(min_value=1, max_value=3),
        is_active=st.booleans(),
    )
    def test_on_every_appointment_at_any_now(
        self, calendar_rows, minutes_from_epoch, lead_time_minutes, slots, is_active
    ):
        now = EPOCH + timedelta(minutes=minutes_from_epoch)
        practice = factories.PracticeFactory()
        service = factories.ServiceFactory(
            practice=practice, slots=slots, lead_time_minutes=lead_time_minutes
        )
        provider = factories.ProviderFactory(practice=practice, services=[service], is_active=is_active)
        actor = Actor(practice_id=practice.pk, role=Role.STAFF, user_id=factories.UserFactory().pk)
        for i, (status, taker) in enumerate(calendar_rows):
            appointment = factories.AppointmentFactory(
                provider=provider, status=status, starts_at=EPOCH + timedelta(hours=4) + i * SLOT
            )
            if taker is not None:
                ends_at = EPOCH + timedelta(minutes=taker) if isinstance(taker, int) else None
                factories.ReservationFactory(
                    appointments=[appointment],
                    status="HELD" if ends_at else taker,
                    expires_at=ends_at,
                )
        ids = list(Appointment.objects.filter(practice=practice).values_list("pk", flat=True))

        shown = set(
            calendar.list_appointments(
                actor, now=now, wanted=AppointmentFilter(service=service, bookable=True)
            ).values_list("pk", flat=True)
        )
        hidden = set(
            calendar.list_appointments(
                actor, now=now, wanted=AppointmentFilter(service=service, bookable=False)
            ).values_list("pk", flat=True)
        )
        accepted = {pk for pk in ids if _is_accepted(actor, pk, service, now)}

        assert shown == accepted
        assert hidden == set(ids) - accepted


def _is_accepted(actor, appointment_id, service, now):
    client = factories.ClientFactory(practice_id=actor.practice_id)
    try:
        with transaction.atomic():
            booking.reserve_appointment(
                actor=actor,
                appointment_id=appointment_id,
                client_id=client.pk,
                service_id=service.pk,
                now=now,
            )
            transaction.set_rollback(True)
    except (ClientOverlap, HoldLimit):
        raise
    except DomainError:
        return False
    return True


@pytest.fixture
def now():
    return datetime.now(UTC)


@pytest.fixture
def practice(db):
    return factories.PracticeFactory()


@pytest.fixture
def desk(practice):
    return Actor(practice_id=practice.pk, role=Role.STAFF)


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        (Role.STAFF, {"OPEN", "BLOCKED", "WITHDRAWN"}),
        (Role.ADMIN, {"OPEN", "BLOCKED", "WITHDRAWN"}),
        (Role.PROVIDER, {"OPEN"}),
        (Role.CLIENT, {"OPEN"}),
    ],
)
def test_who_sees_which_appointments(practice, now, role, statuses):
    provider = factories.ProviderFactory(practice=practice)
    for i, status in enumerate(["OPEN", "BLOCKED", "WITHDRAWN"]):
        factories.AppointmentFactory(provider=provider, status=status, starts_at=factories.upcoming(i))
    factories.AppointmentFactory()
    actor = Actor(practice_id=practice.pk, role=role)

    seen = calendar.list_appointments(actor, now=now)

    assert {appointment.status for appointment in seen} == statuses
    assert {appointment.practice_id for appointment in seen} == {practice.pk}


def test_a_provider_sees_all_of_its_own(practice, now):
    blocked = factories.AppointmentFactory(
        provider=factories.ProviderFactory(practice=practice), status="BLOCKED"
    )
    actor = Actor(practice_id=practice.pk, role=Role.PROVIDER, provider_id=blocked.provider_id)

    assert list(calendar.list_appointments(actor, now=now)) == [blocked]


def test_narrows_by_every_field(desk, practice, now):
    location = factories.LocationFactory(practice=practice)
    provider = factories.ProviderFactory(practice=practice)
    wanted = factories.AppointmentFactory(
        provider=provider, location=location, starts_at=factories.upcoming(8)
    )
    factories.AppointmentFactory(provider=provider, starts_at=factories.upcoming(4))
    factories.AppointmentFactory(provider=provider, location=location, starts_at=factories.upcoming(12))
    factories.AppointmentFactory(provider=factories.ProviderFactory(practice=practice))

    found = calendar.list_appointments(
        desk,
        now=now,
        wanted=AppointmentFilter(
            provider_ids=[provider.pk],
            location_id=location.pk,
            starts_at_gte=factories.upcoming(6),
            starts_at_lt=factories.upcoming(12),
        ),
    )

    assert list(found) == [wanted]


def test_the_next_available_of_each_provider_in_one_query(desk, practice, now, django_assert_num_queries):
    providers = [factories.ProviderFactory(practice=practice, name=name) for name in ("B", "A", "C")]
    expected = {}
    for provider in providers[:2]:
        starts = [factories.upcoming(i) for i in (5, 1, 3)]
        rows = {start: factories.AppointmentFactory(provider=provider, starts_at=start) for start in starts}
        expected[provider.pk] = [rows[start].pk for start in sorted(starts)[:2]]

    with django_assert_num_queries(1):
        found = calendar.list_next_available(desk, now=now, wanted=AppointmentFilter(), per_provider=2)

    assert found == expected
    assert list(found) == [providers[1].pk, providers[0].pk]


def test_the_next_available_of_some_providers(desk, practice, now):
    first, second = (
        factories.AppointmentFactory(provider=factories.ProviderFactory(practice=practice)) for _ in range(2)
    )

    found = calendar.list_next_available(
        desk, now=now, wanted=AppointmentFilter(provider_ids=[second.provider_id]), per_provider=1
    )

    assert first.pk not in found
    assert found == {second.provider_id: [second.pk]}


def test_days_are_dated_by_the_clocks_of_the_zone(desk, practice):
    provider = factories.ProviderFactory(practice=practice)
    now = datetime(2040, 3, 1, tzinfo=UTC)
    for hour in (2, 3, 12):
        factories.AppointmentFactory(provider=provider, starts_at=datetime(2040, 3, 5, hour, tzinfo=UTC))

    chicago = calendar.list_availability_by_day(
        desk, now=now, wanted=AppointmentFilter(), time_zone=ZoneInfo("America/Chicago")
    )

    assert chicago == [
        Day(datetime(2040, 3, 4).date(), 2),  # noqa: DTZ001 - a calendar day has no zone
        Day(datetime(2040, 3, 5).date(), 1),  # noqa: DTZ001
    ]


def test_knows_which_of_some_appointments_may_be_booked(desk, practice, now):
    provider = factories.ProviderFactory(practice=practice)
    free = factories.AppointmentFactory(provider=provider, starts_at=factories.upcoming(1))
    blocked = factories.AppointmentFactory(
        provider=provider, starts_at=factories.upcoming(2), status="BLOCKED"
    )

    assert calendar.find_bookable_ids(desk, [free.pk, blocked.pk], now=now) == {free.pk}


def test_a_service_whose_lead_time_passes_a_lowered_horizon_finds_nothing_and_refuses_nothing(
    desk, practice, now, settings
):
    service = factories.ServiceFactory(practice=practice, lead_time_minutes=30 * 24 * 60)
    provider = factories.ProviderFactory(practice=practice, services=[service])
    factories.AppointmentFactory(provider=provider)
    settings.BOOKING_HORIZON_DAYS = 20

    found = calendar.list_appointments(
        desk, now=now, wanted=AppointmentFilter(service=service, bookable=True)
    )

    assert list(found) == []
