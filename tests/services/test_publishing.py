"""Appointments from availability: made, withdrawn, opened again; blocked by hand."""

import logging
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from reservation.models import Appointment, AvailabilityException, AvailabilityRule, Reservation
from reservation.rules.errors import Invalid, NotFound
from reservation.rules.grid import SLOT
from reservation.rules.policy import Forbidden, Role
from reservation.rules.states import InvalidState
from reservation.services import booking, publishing
from tests import factories
from tests.services.calendars import NOW, at, clock_times, row_versions, rule
from tests.services.racing import race, waiting

pytestmark = pytest.mark.django_db

HOUR = ["4 09:00", "4 09:15", "4 09:30", "4 09:45"]


@pytest.fixture
def provider(practice):
    return factories.ProviderFactory(practice=practice)


@pytest.fixture
def publish(desk, provider):
    return lambda **kwargs: publishing.publish_appointments(
        **{"actor": desk, "provider_id": provider.pk, "now": NOW, **kwargs}
    )


def reserve(provider, starts_at, **fields):
    """Reserve the provider's published appointment that starts then."""
    appointment = Appointment.objects.get(provider=provider, starts_at=starts_at)
    fields = {"status": "CONFIRMED", "expires_at": None, **fields}
    return factories.ReservationFactory(appointments=[appointment], **fields)


def test_publishes_what_the_rules_give(provider, publish):
    rule(provider)

    published = publish()

    assert clock_times(provider) == HOUR
    assert published == publishing.Published(provider, opened=4, withdrawn=0, affected_reservations=[])
    first = Appointment.objects.earliest("starts_at")
    assert (first.practice_id, first.ends_at) == (provider.practice_id, at(4, 9, 15))


def test_publishes_from_the_next_quarter_hour_to_a_day_past_the_horizon(provider, publish):
    for weekday in range(7):
        rule(provider, weekday=weekday, start_time=time(0), end_time=time(0), valid_until=None)

    published = publish()

    starts = Appointment.objects.order_by("starts_at").values_list("starts_at", flat=True)
    assert starts.first() == at(2, 8, 15)
    assert starts.last() == datetime(2040, 4, 2, 8, tzinfo=UTC)
    assert published.opened == len(starts) == 91 * 96


def test_an_appointment_that_starts_now_is_published(provider, publish):
    rule(provider)

    publish(now=at(4, 9, 30))

    assert clock_times(provider) == ["4 09:30", "4 09:45"]


def test_the_spring_change_neither_loses_nor_doubles_an_appointment(provider, publish):
    berlin = {"weekday": 6, "time_zone": "Europe/Berlin", "valid_from": date(2040, 3, 25)}
    rule(provider, start_time=time(1), end_time=time(4), valid_until=date(2040, 3, 25), **berlin)

    published = publish()

    assert published.opened == 8
    assert clock_times(provider)[0] == "25 00:00"
    assert clock_times(provider)[-1] == "25 01:45"


def test_publishing_again_writes_nothing(provider, publish):
    location = factories.LocationFactory(practice=provider.practice)
    rule(provider, location=location)
    publish()
    AvailabilityException.objects.create(
        practice=provider.practice, provider=provider, kind="REMOVE", starts_at=at(4, 9), ends_at=at(4, 9, 15)
    )
    publish()
    before = row_versions()

    again = publish()

    assert (again.opened, again.withdrawn, again.affected_reservations) == (0, 0, [])
    assert row_versions() == before


def test_withdraws_what_the_rules_no_longer_give_and_opens_it_again(provider, publish):
    window = rule(provider)
    publish()
    ids = set(Appointment.objects.values_list("pk", flat=True))

    AvailabilityRule.objects.filter(pk=window.pk).update(start_time=time(9, 30))
    withdrawn = publish()

    assert (withdrawn.opened, withdrawn.withdrawn) == (0, 2)
    assert clock_times(provider, "WITHDRAWN") == HOUR[:2]

    AvailabilityRule.objects.filter(pk=window.pk).update(start_time=time(9))
    reopened = publish()

    assert (reopened.opened, reopened.withdrawn) == (2, 0)
    assert clock_times(provider) == HOUR
    assert set(Appointment.objects.values_list("pk", flat=True)) == ids


def test_exceptions_add_and_remove_time(provider, publish):
    rule(provider)
    add, remove = {"kind": "ADD"}, {"kind": "REMOVE"}
    factories.AvailabilityExceptionFactory(provider=provider, starts_at=at(5, 7), ends_at=at(5, 8), **add)
    factories.AvailabilityExceptionFactory(
        provider=provider, starts_at=at(4, 9, 30), ends_at=at(5, 7, 30), **remove
    )

    publish()

    assert clock_times(provider) == ["4 09:00", "4 09:15", "5 07:30", "5 07:45"]


def test_other_providers_and_the_past_stay_as_they_are(provider, publish):
    other = factories.AppointmentFactory(
        provider=factories.ProviderFactory(practice=provider.practice), starts_at=at(4, 9)
    )
    past = factories.AppointmentFactory(provider=provider, starts_at=at(2, 8))
    before = row_versions()

    publish()

    assert row_versions() == before
    assert {other.status, past.status} == {"OPEN"}


def test_a_blocked_appointment_stays_blocked(provider, publish):
    window = rule(provider)
    publish()
    Appointment.objects.filter(starts_at=at(4, 9)).update(status="BLOCKED")

    publish()
    assert clock_times(provider, "BLOCKED") == ["4 09:00"]

    window.delete()
    published = publish()

    assert published.withdrawn == 3
    assert clock_times(provider, "BLOCKED") == ["4 09:00"]


def test_the_oldest_rule_says_the_location_and_added_time_has_none(provider, publish):
    first, second = factories.LocationFactory.create_batch(2, practice=provider.practice)
    rule(provider, location=first, end_time=time(9, 30))
    rule(provider, location=second, start_time=time(9, 15))
    factories.AvailabilityExceptionFactory(
        provider=provider, kind="ADD", starts_at=at(4, 9), ends_at=at(4, 10, 15)
    )

    publish()

    locations = Appointment.objects.order_by("starts_at").values_list("location_id", flat=True)
    assert list(locations) == [first.pk, first.pk, second.pk, second.pk, None]


def test_a_moved_rule_moves_its_open_appointments_and_tells_whose_visits_move(provider, publish):
    window = rule(provider)
    publish()
    Appointment.objects.filter(starts_at=at(4, 9)).update(status="BLOCKED")
    visit = reserve(provider, at(4, 9, 15))
    location = factories.LocationFactory(practice=provider.practice)
    AvailabilityRule.objects.filter(pk=window.pk).update(location=location)

    published = publish()

    assert (published.opened, published.withdrawn) == (0, 0)
    assert published.affected_reservations == [visit]
    locations = Appointment.objects.order_by("starts_at").values_list("location_id", flat=True)
    assert list(locations) == [None, location.pk, location.pk, location.pk]


def test_live_reservations_on_withdrawn_appointments_are_told_and_stand(provider, publish):
    window = rule(provider)
    publish()
    confirmed = reserve(provider, at(4, 9))
    held = reserve(provider, at(4, 9, 15), status="HELD", expires_at=NOW + timedelta(seconds=1))
    reserve(provider, at(4, 9, 30), status="HELD", expires_at=NOW)
    reserve(provider, at(4, 9, 45), status="CANCELLED")
    before = list(Reservation.objects.order_by("pk").values())
    window.delete()

    published = publish()

    assert published.withdrawn == 4
    assert published.affected_reservations == [confirmed, held]
    assert list(Reservation.objects.order_by("pk").values()) == before


def test_appointments_past_the_horizon_are_compared_and_none_is_made_there(provider, publish, settings):
    window = rule(provider, valid_until=None)
    publish()
    settings.BOOKING_HORIZON_DAYS = 10
    Appointment.objects.filter(starts_at=at(25, 9)).delete()
    visit = reserve(provider, at(18, 9))
    before = row_versions()

    publish()
    assert row_versions() == before

    window.delete()
    published = publish()

    assert clock_times(provider) == []
    assert published.affected_reservations == [visit]


def test_an_appointment_years_ahead_is_left_alone(provider, publish):
    slip = factories.AppointmentFactory(provider=provider, starts_at=datetime(9999, 1, 1, tzinfo=UTC))

    publish()

    slip.refresh_from_db()
    assert slip.status == "OPEN"


def test_the_number_of_statements_does_not_grow_with_the_calendar(provider, publish):
    def statements():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            publish()
        return len(queries)

    window = rule(provider)
    few = statements()
    Appointment.objects.all().delete()
    AvailabilityRule.objects.filter(pk=window.pk).update(end_time=time(0), valid_until=None)

    many = statements()

    assert Appointment.objects.count() > 700
    assert many == few


def test_a_provider_publishes_its_own_calendar_alone(provider, publish, actor_as):
    rule(provider)
    own = actor_as(Role.PROVIDER, provider=provider)
    other = actor_as(Role.PROVIDER, provider=factories.ProviderFactory(practice=provider.practice))

    with pytest.raises(Forbidden) as refused:
        publish(actor=other)
    assert refused.value.path == ("providerId",)
    assert clock_times(provider) == []

    assert publish(actor=own).opened == 4


def test_a_client_publishes_nothing(provider, publish, actor_as):
    client = actor_as(Role.CLIENT, client=factories.ClientFactory(practice=provider.practice))

    with pytest.raises(Forbidden):
        publish(actor=client)


def test_refuses_a_provider_of_another_practice(publish):
    foreign = factories.ProviderFactory()
    rule(foreign)

    with pytest.raises(NotFound) as refused:
        publish(provider_id=foreign.pk)

    assert refused.value.path == ("providerId",)
    assert not Appointment.objects.exists()


def test_a_retry_with_the_same_key_gives_the_same_answer(provider, publish):
    rule(provider)

    first = publish(idempotency_key="once")
    Appointment.objects.all().delete()

    assert publish(idempotency_key="once") == first
    assert not Appointment.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_publishing_one_calendar_make_every_appointment_once(provider, publish):
    for weekday in range(7):
        rule(provider, weekday=weekday, valid_until=None)

    published = race(*[publish] * 4)

    assert sorted(each.opened for each in published) == [0, 0, 0, 91 * 4]
    starts = list(Appointment.objects.values_list("starts_at", flat=True))
    assert len(starts) == len(set(starts)) == 91 * 4


@pytest.mark.django_db(transaction=True)
def test_withdrawing_under_bookings_neither_deadlocks_nor_misses_one(provider, publish, desk):
    # Made out of order, so that the order of ids is not the order of starts.
    starts = [at(4, 9) + SLOT * step for step in range(8)]
    for start in reversed(starts):
        factories.AppointmentFactory(provider=provider, starts_at=start)
    service = factories.ServiceFactory(practice=provider.practice, slots=2)
    provider.services.add(service, through_defaults={"practice": provider.practice})
    clients = factories.ClientFactory.create_batch(4, practice=provider.practice)

    def book(client, start):
        return lambda: booking.reserve_appointment(
            actor=desk,
            appointment_id=Appointment.objects.get(starts_at=start).pk,
            client_id=client.pk,
            service_id=service.pk,
            now=NOW,
        )

    bookings = [book(client, start) for client, start in zip(clients, starts[::2], strict=True)]
    published, *answers = race(publish, *bookings)

    assert clock_times(provider) == []
    booked = [answer for answer in answers if isinstance(answer, Reservation)]
    refused = [answer for answer in answers if isinstance(answer, booking.AppointmentTaken)]
    assert len(booked) + len(refused) == 4, answers
    assert {each.pk for each in published.affected_reservations} == {each.pk for each in booked}


@pytest.mark.django_db(transaction=True)
def test_withdrawing_waits_for_a_booking_under_way_and_tells_of_it(provider, publish, desk):
    appointment = factories.AppointmentFactory(provider=provider, starts_at=at(4, 9))
    client = factories.ClientFactory(practice=provider.practice)

    with ExitStack() as until_published, transaction.atomic():
        visit = booking.reserve_appointment(
            actor=desk, appointment_id=appointment.pk, client_id=client.pk, now=NOW
        )
        published = until_published.enter_context(waiting(publish))
        # Committing checks the visit's foreign key to the provider, whose row is locked by the other.

    assert published.result().affected_reservations == [visit]
    assert clock_times(provider, "WITHDRAWN") == ["4 09:00"]


@pytest.mark.django_db(transaction=True)
def test_withdrawing_locks_in_the_order_of_ids_as_booking_does(provider, publish):
    low, high = (factories.AppointmentFactory(provider=provider, starts_at=at(4, hour)) for hour in (9, 10))
    # Written to again, it comes last in the table, and so in an UPDATE that follows the table.
    Appointment.objects.filter(pk=low.pk).update(block_reason="")

    with ExitStack() as until_published, transaction.atomic():
        Appointment.objects.select_for_update().get(pk=low.pk)
        until_published.enter_context(waiting(publish))

        assert Appointment.objects.select_for_update(nowait=True).get(pk=high.pk)

    assert clock_times(provider) == []


@pytest.mark.django_db(transaction=True)
def test_an_appointment_made_by_hand_at_the_same_moment_is_no_clash(provider, publish):
    rule(provider)

    with ExitStack() as until_published, transaction.atomic():
        factories.AppointmentFactory(provider=provider, starts_at=at(4, 9), status="BLOCKED")
        published = until_published.enter_context(waiting(publish))

    assert published.result().withdrawn == 0
    assert clock_times(provider, "BLOCKED") + clock_times(provider) == HOUR


def test_publishing_ahead_is_for_the_active_providers_of_every_practice(provider):
    foreign = factories.ProviderFactory()
    inactive = factories.ProviderFactory(practice=provider.practice, is_active=False)
    for each in (provider, foreign, inactive):
        rule(each)

    opened = publishing.publish_ahead(now=NOW)

    assert opened == 8
    assert clock_times(provider) == clock_times(foreign) == HOUR
    assert clock_times(inactive) == []
    assert publishing.publish_ahead(now=NOW) == 0


def test_a_provider_that_cannot_be_published_stops_no_other(provider, caplog):
    bad, good = factories.ProviderFactory.create_batch(2, practice=provider.practice)
    for each in (provider, bad, good):
        rule(each)
    bad.availability_rules.update(time_zone="Atlantis/Poseidonis")

    with caplog.at_level(logging.ERROR, logger="reservation.services.publishing"):
        opened = publishing.publish_ahead(now=NOW)

    assert opened == 8
    assert clock_times(bad) == []
    assert [record.getMessage() for record in caplog.records] == [
        f"could not publish the appointments of provider {bad.pk}",
        "the appointments of 1 of 3 providers were not published",
    ]


@pytest.fixture
def appointment(provider, publish):
    rule(provider)
    publish()
    return Appointment.objects.earliest("starts_at")


@pytest.fixture
def block(desk, appointment):
    return lambda **kwargs: publishing.block_appointment(
        **{"actor": desk, "appointment_id": appointment.pk, "now": NOW, **kwargs}
    )


@pytest.fixture
def unblock(desk, appointment):
    return lambda **kwargs: publishing.unblock_appointment(
        **{"actor": desk, "appointment_id": appointment.pk, "now": NOW, **kwargs}
    )


def test_blocking_keeps_the_reason_and_tells_whose_visit_is_on_it(provider, appointment, block):
    visit = reserve(provider, appointment.starts_at)

    blocked = block(reason=" Fire drill ")

    appointment.refresh_from_db()
    assert (appointment.status, appointment.block_reason) == ("BLOCKED", "Fire drill")
    assert blocked == publishing.Blocked(appointment, [visit])
    visit.refresh_from_db()
    assert visit.status == "CONFIRMED"


def test_blocking_again_replaces_the_reason(appointment, block):
    block(reason="Fire drill")

    block(reason="Flood")

    appointment.refresh_from_db()
    assert (appointment.status, appointment.block_reason) == ("BLOCKED", "Flood")


def test_a_blocked_appointment_cannot_be_booked(provider, appointment, block, desk):
    block()

    with pytest.raises(booking.AppointmentTaken):
        booking.reserve_appointment(
            actor=desk,
            appointment_id=appointment.pk,
            client_id=factories.ClientFactory(practice=provider.practice).pk,
            now=NOW,
        )


def test_refuses_to_block_a_withdrawn_appointment(appointment, block):
    Appointment.objects.update(status="WITHDRAWN")
    before = row_versions()

    with pytest.raises(InvalidState, match="withdrawn"):
        block()

    assert row_versions() == before


def test_refuses_a_reason_longer_than_it_keeps(block):
    before = row_versions()

    with pytest.raises(Invalid) as refused:
        block(reason="x" * 201)

    assert refused.value.path == ("reason",)
    assert row_versions() == before


def test_unblocking_opens_what_the_availability_gives_where_it_gives_it(
    provider, appointment, block, unblock
):
    block(reason="Fire drill")
    location = factories.LocationFactory(practice=provider.practice)
    provider.availability_rules.update(location=location)

    unblocked = unblock()

    appointment.refresh_from_db()
    assert unblocked == appointment
    assert (appointment.status, appointment.block_reason) == ("OPEN", "")
    assert appointment.location == location


def test_unblocking_withdraws_what_the_availability_no_longer_gives(provider, appointment, block, unblock):
    block()
    provider.availability_rules.all().delete()

    assert unblock().status == "WITHDRAWN"

    appointment.refresh_from_db()
    assert appointment.status == "WITHDRAWN"


@pytest.mark.parametrize("status", ["OPEN", "WITHDRAWN"])
def test_refuses_to_unblock_what_is_not_blocked(appointment, unblock, status):
    Appointment.objects.update(status=status)
    before = row_versions()

    with pytest.raises(InvalidState, match="not blocked"):
        unblock()

    assert row_versions() == before


@pytest.mark.parametrize("action", ["block", "unblock"])
def test_only_the_provider_itself_and_the_desk_block_and_unblock(
    action, request, provider, appointment, block, unblock, actor_as
):
    act = request.getfixturevalue(action)
    before = row_versions()
    other = actor_as(Role.PROVIDER, provider=factories.ProviderFactory(practice=provider.practice))
    client = actor_as(Role.CLIENT, client=factories.ClientFactory(practice=provider.practice))

    for actor in (other, client):
        with pytest.raises(Forbidden):
            act(actor=actor)

    assert row_versions() == before
    own = actor_as(Role.PROVIDER, provider=provider)
    block(actor=own)
    assert unblock(actor=own).status == "OPEN"


@pytest.mark.parametrize("action", ["block", "unblock"])
def test_refuses_an_appointment_of_another_practice(action, request):
    foreign = factories.AppointmentFactory(status="BLOCKED")
    act = request.getfixturevalue(action)

    with pytest.raises(NotFound) as refused:
        act(appointment_id=foreign.pk)

    assert refused.value.path == ("appointmentId",)
    foreign.refresh_from_db()
    assert foreign.status == "BLOCKED"
