"""The waitlist: joined, left, filled in turn with holds."""

import logging
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction

from reservation.models import OutboxEvent, Reservation, WaitlistEntry
from reservation.rules.errors import Invalid, NotFound
from reservation.rules.grid import SLOT
from reservation.rules.policy import Forbidden, Role
from reservation.rules.states import InvalidState
from reservation.services import booking, waitlist
from tests import factories
from tests.services.calendars import NOW, at
from tests.services.racing import race

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(practice):
    return factories.ProviderFactory(practice=practice)


@pytest.fixture
def client(practice):
    return factories.ClientFactory(practice=practice)


@pytest.fixture
def join(desk, client):
    def join_with(**fields):
        wish = {"client_id": client.pk, "starts_from": at(4, 9), "starts_until": at(11, 9)}
        return waitlist.join_waitlist(**{"actor": desk, "now": NOW, **wish, **fields})

    return join_with


@pytest.fixture
def leave(desk):
    return lambda entry, actor=desk, now=NOW, **kwargs: waitlist.leave_waitlist(
        actor=actor, entry_id=entry.pk, now=now, **kwargs
    )


def wait(client, **fields):
    """Put a client on the waitlist from 4 to 11 January."""
    wish = {"starts_from": at(4, 9), "starts_until": at(11, 9)}
    return factories.WaitlistEntryFactory(client=client, **{**wish, **fields})


def open_at(provider, *starts, **fields):
    return [factories.AppointmentFactory(provider=provider, starts_at=start, **fields) for start in starts]


def fill(now=NOW):
    return waitlist.fill_from_waitlist(now=now)


def hold_of(entry):
    """Return the reservation that an entry was offered."""
    entry.refresh_from_db()
    assert entry.status == "OFFERED"
    return entry.reservation


def status_of(entry):
    return WaitlistEntry.objects.values_list("status", flat=True).get(pk=entry.pk)


def snapshot():
    return list(WaitlistEntry.objects.order_by("pk").values())


def test_joins(practice, provider, client, join):
    service = factories.ServiceFactory(practice=practice)
    provider.services.add(service, through_defaults={"practice": practice})

    entry = join(provider_id=provider.pk, service_id=service.pk)

    kept = WaitlistEntry.objects.get(pk=entry.pk)
    assert (kept.practice, kept.client, kept.provider, kept.service) == (practice, client, provider, service)
    assert (kept.starts_from, kept.starts_until) == (at(4, 9), at(11, 9))
    assert (kept.status, kept.reservation) == ("WAITING", None)


def test_joins_for_any_provider_and_any_service_offered(practice, join):
    assert join().provider is None
    assert join(service_id=factories.ServiceFactory(practice=practice).pk).provider is None


def test_the_same_wish_waits_once(provider, client, join):
    join()
    join(provider_id=provider.pk)
    before = snapshot()

    for wish in ({}, {"provider_id": provider.pk}, {"starts_until": at(20, 9)}):
        with pytest.raises(waitlist.AlreadyWaiting) as refused:
            join(**wish)
        assert refused.value.code == "ALREADY_WAITING"

    assert snapshot() == before


def test_a_wish_whose_time_has_passed_is_in_nobodys_way(client, join):
    passed = wait(client, starts_from=at(1, 9), starts_until=NOW)

    entry = join()

    assert (status_of(passed), status_of(entry)) == ("ENDED", "WAITING")


def test_joins_again_after_leaving_and_after_an_offer_is_over(client, join, leave, provider):
    leave(join())
    offered = factories.ReservationFactory(client=client, status="CANCELLED")
    over = wait(client, status="OFFERED", reservation=offered)

    assert status_of(join()) == "WAITING"
    assert status_of(over) == "ENDED"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"starts_until": at(4, 9)}, "startsUntil"),
        ({"starts_from": datetime(2040, 1, 4, 9)}, "startsFrom"),  # noqa: DTZ001
        ({"starts_from": at(1, 9), "starts_until": NOW}, "startsUntil"),
        ({"starts_until": NOW + timedelta(days=90, microseconds=1)}, "startsUntil"),
    ],
)
def test_refuses_a_wish_that_nothing_could_fit(join, fields, path):
    with pytest.raises(Invalid) as refused:
        join(**fields)

    assert refused.value.path == (path,)
    assert snapshot() == []


def test_a_wish_may_reach_the_horizon(join):
    assert join(starts_until=NOW + timedelta(days=90)).pk


def test_refuses_a_service_that_the_provider_does_not_offer(practice, provider, join):
    service = factories.ServiceFactory(practice=practice)

    with pytest.raises(Invalid) as refused:
        join(provider_id=provider.pk, service_id=service.pk)

    assert refused.value.path == ("serviceId",)
    assert snapshot() == []


@pytest.mark.parametrize(
    ("factory", "field", "path"),
    [
        (factories.ClientFactory, "client_id", "clientId"),
        (factories.ProviderFactory, "provider_id", "providerId"),
        (factories.ServiceFactory, "service_id", "serviceId"),
    ],
)
def test_refuses_what_another_practice_has(join, factory, field, path):
    with pytest.raises(NotFound) as refused:
        join(**{field: factory().pk})

    assert refused.value.path == (path,)
    assert snapshot() == []


@pytest.mark.parametrize("factory", [factories.ProviderFactory, factories.ServiceFactory])
def test_refuses_to_wait_for_what_is_inactive(practice, join, factory):
    inactive = factory(practice=practice, is_active=False)

    with pytest.raises(NotFound):
        join(**{f"{type(inactive).__name__.lower()}_id": inactive.pk})

    assert snapshot() == []


def test_a_client_joins_and_leaves_for_itself_alone(practice, client, join, leave, actor_as):
    other = factories.ClientFactory(practice=practice)
    itself, stranger = actor_as(Role.CLIENT, client=client), actor_as(Role.CLIENT, client=other)

    with pytest.raises(NotFound):
        join(actor=stranger)
    entry = join(actor=itself)
    with pytest.raises(NotFound) as refused:
        leave(entry, actor=stranger)

    assert refused.value.path == ("entryId",)
    assert status_of(entry) == "WAITING"
    assert leave(entry, actor=itself).status == "LEFT"


def test_a_provider_joins_for_the_clients_it_sees(provider, client, join, actor_as):
    itself = actor_as(Role.PROVIDER, provider=provider)

    with pytest.raises(NotFound):
        join(actor=itself, provider_id=provider.pk)

    factories.ReservationFactory(client=client, provider=provider, status="FULFILLED", expires_at=None)
    assert join(actor=itself, provider_id=provider.pk).client == client


@pytest.mark.parametrize("whose", ["anybody's", "another's"])
def test_a_provider_offers_its_own_calendar_alone(whose, provider, client, practice, join, actor_as):
    other = factories.ProviderFactory(practice=practice)
    factories.ReservationFactory(client=client, provider=provider, status="FULFILLED", expires_at=None)

    with pytest.raises(Forbidden) as refused:
        join(
            actor=actor_as(Role.PROVIDER, provider=provider),
            provider_id=other.pk if whose == "another's" else None,
        )

    assert refused.value.path == ("providerId",)
    assert not WaitlistEntry.objects.exists()


def test_a_role_that_may_not_book_neither_joins_nor_leaves(client, join, leave, desk, monkeypatch):
    entry = wait(client)
    monkeypatch.setattr("reservation.rules.policy.GRANTS", {Role.STAFF: frozenset()})

    for write in (join, lambda: leave(entry)):
        with pytest.raises(Forbidden):
            write()

    assert status_of(entry) == "WAITING"


def test_leaves(client, leave):
    entry = wait(client)

    assert leave(entry) == entry

    assert status_of(entry) == "LEFT"


@pytest.mark.parametrize("status", ["LEFT", "ENDED", "OFFERED"])
def test_refuses_to_leave_what_does_not_wait(client, leave, status):
    entry = wait(client, status=status, reservation=factories.ReservationFactory(client=client))
    before = snapshot()

    with pytest.raises(InvalidState):
        leave(entry)

    assert snapshot() == before


def test_refuses_to_leave_what_has_ended_by_itself(client, leave):
    entry = wait(client)

    with pytest.raises(InvalidState):
        leave(entry, now=entry.starts_until)

    assert status_of(entry) == "WAITING"


def test_a_retry_with_the_same_key_joins_and_leaves_once(join, leave):
    entry = join(idempotency_key="join")
    assert join(idempotency_key="join") == entry

    leave(entry, idempotency_key="leave")
    assert leave(entry, idempotency_key="leave") == entry


def test_offers_the_earliest_fitting_appointment_as_a_hold(practice, provider, client):
    entry = wait(client)
    _later, earlier = open_at(provider, at(5, 9), at(4, 9))
    open_at(provider, at(4, 8, 45), at(11, 9))

    assert fill() == 1

    hold = hold_of(entry)
    assert (hold.status, hold.client, hold.expires_at) == ("HELD", client, NOW + timedelta(minutes=30))
    assert list(hold.appointments.all()) == [earlier]
    assert hold.events.get().user is None
    assert OutboxEvent.objects.get(kind="waitlist.offered").payload == {
        "waitlist_entry": entry.pk,
        "reservation": hold.pk,
    }
    assert OutboxEvent.objects.get(kind="waitlist.offered").practice == practice


def test_filling_again_offers_nothing_more(provider, client):
    entry = wait(client)
    open_at(provider, at(4, 9), at(5, 9))
    fill()
    before = snapshot()

    assert fill() == 0

    assert snapshot() == before
    assert hold_of(entry) == Reservation.objects.get()


def test_offers_in_the_order_of_joining(practice, provider, client):
    second = wait(client)
    first = wait(factories.ClientFactory(practice=practice))
    WaitlistEntry.objects.filter(pk=first.pk).update(created_at=second.created_at - SLOT)
    (appointment,) = open_at(provider, at(4, 9))

    assert fill() == 1

    assert hold_of(first).appointments.get() == appointment
    assert status_of(second) == "WAITING"


def test_offers_what_a_cancellation_frees(provider, client, desk, practice):
    (appointment,) = open_at(provider, at(4, 9))
    taken = factories.ReservationFactory(appointments=[appointment], expires_at=NOW + SLOT)
    entry = wait(client)
    assert fill() == 0

    booking.cancel_reservation(actor=desk, reservation_id=taken.pk, now=NOW)

    assert fill() == 1
    assert hold_of(entry).appointments.get() == appointment


def test_offers_what_a_hold_that_ran_out_frees(provider, client):
    (appointment,) = open_at(provider, at(4, 9))
    factories.ReservationFactory(appointments=[appointment], expires_at=NOW)
    entry = wait(client)

    assert fill() == 1

    assert hold_of(entry).appointments.get() == appointment


def test_offers_only_the_provider_that_was_wished_for(practice, provider, client):
    entry = wait(client, provider=provider)
    open_at(factories.ProviderFactory(practice=practice), at(4, 9))
    assert fill() == 0

    open_at(provider, at(5, 9))

    assert fill() == 1
    assert hold_of(entry).provider == provider


def test_offers_appointments_in_a_row_for_a_longer_service(practice, provider, client):
    service = factories.ServiceFactory(practice=practice, slots=2)
    provider.services.add(service, through_defaults={"practice": practice})
    entry = wait(client, service=service)
    open_at(provider, at(4, 9), at(4, 9, 30), at(4, 9, 45))

    assert fill() == 1

    hold = hold_of(entry)
    assert (hold.service, hold.starts_at, hold.ends_at) == (service, at(4, 9, 30), at(4, 10))


def test_offers_nothing_inside_the_lead_time(provider, client):
    entry = wait(client, starts_from=NOW)
    open_at(provider, at(3, 8))

    assert fill() == 0

    assert status_of(entry) == "WAITING"


def test_offers_nothing_while_the_client_is_elsewhere(practice, provider, client):
    service = factories.ServiceFactory(practice=practice, slots=2)
    provider.services.add(service, through_defaults={"practice": practice})
    (elsewhere,) = open_at(factories.ProviderFactory(practice=practice), at(4, 9, 30))
    factories.ReservationFactory(appointments=[elsewhere], client=client, status="CONFIRMED", expires_at=None)
    open_at(provider, *(at(4, 9) + SLOT * step for step in range(5)))
    entry = wait(client, service=service)

    assert fill() == 1

    assert hold_of(entry).starts_at == at(4, 9)
    second = wait(client, service=service)
    assert fill() == 1
    assert hold_of(second).starts_at == at(4, 9, 45)


def test_an_entry_whose_client_may_hold_no_more_waits_on(practice, provider, client, settings):
    settings.BOOKING_MAX_OPEN_HOLDS = 1
    factories.ReservationFactory(client=client, expires_at=NOW + SLOT)
    full = wait(client)
    next_in_turn = wait(factories.ClientFactory(practice=practice))
    open_at(provider, at(4, 9), at(4, 9, 15))

    assert fill() == 1

    assert status_of(full) == "WAITING"
    assert hold_of(next_in_turn).starts_at == at(4, 9)


def test_an_appointment_taken_meanwhile_is_stepped_over(provider, client, monkeypatch):
    taken, free = open_at(provider, at(4, 9), at(4, 9, 15))
    entry = wait(client)
    reserve = booking.reserve_appointment

    def reserve_late(*, appointment_id, **kwargs):
        if appointment_id == taken.pk and not taken.reservations.exists():
            factories.ReservationFactory(appointments=[taken], expires_at=NOW + SLOT)
        return reserve(appointment_id=appointment_id, **kwargs)

    monkeypatch.setattr(booking, "reserve_appointment", reserve_late)

    assert fill() == 1
    assert hold_of(entry).appointments.get() == free


def test_an_entry_tries_no_more_than_a_few_appointments_at_a_time(provider, client, monkeypatch):
    open_at(provider, *(at(4, 9) + SLOT * step for step in range(waitlist.TRIES + 1)))
    entry = wait(client)
    tried = []

    def refuse(*, appointment_id, **_kwargs):
        tried.append(appointment_id)
        raise booking.AppointmentTaken

    monkeypatch.setattr(booking, "reserve_appointment", refuse)

    assert fill() == 0
    assert len(tried) == waitlist.TRIES
    assert status_of(entry) == "WAITING"


def test_a_bad_entry_stops_no_other_and_is_logged(practice, provider, client, monkeypatch, caplog):
    bad, good = wait(client), wait(factories.ClientFactory(practice=practice))
    open_at(provider, at(4, 9))
    reserve = booking.reserve_appointment

    def fail_for_bad(*, client_id, **kwargs):
        if client_id == client.pk:
            raise RuntimeError("disk full")
        return reserve(client_id=client_id, **kwargs)

    monkeypatch.setattr(booking, "reserve_appointment", fail_for_bad)
    with caplog.at_level(logging.ERROR, logger="reservation.services.waitlist"):
        assert fill() == 1

    assert (status_of(bad), status_of(good)) == ("WAITING", "OFFERED")
    assert [record.getMessage() for record in caplog.records] == [f"could not fill waitlist entry {bad.pk}"]


def test_an_offer_that_fails_half_way_leaves_no_hold(provider, client, monkeypatch):
    entry = wait(client)
    open_at(provider, at(4, 9))
    monkeypatch.setattr("reservation.services.outbox.record", lambda **_kwargs: 1 / 0)

    assert fill() == 0

    assert status_of(entry) == "WAITING"
    assert not Reservation.objects.exists()


def test_entries_whose_time_has_passed_end(client):
    passed = wait(client, starts_from=at(1, 9), starts_until=NOW)
    waiting = wait(factories.ClientFactory(practice=client.practice))

    fill()

    assert (status_of(passed), status_of(waiting)) == ("ENDED", "WAITING")


def test_an_offer_that_was_taken_up_cancelled_or_ran_out_ends_its_entry(client):
    soon, passed = NOW + SLOT, NOW
    entries = [
        wait(
            client,
            status="OFFERED",
            reservation=factories.ReservationFactory(client=client, status=status, expires_at=expires_at),
        )
        for status, expires_at in [
            ("HELD", soon), ("HELD", passed), ("CONFIRMED", soon), ("CANCELLED", soon), ("EXPIRED", passed),
        ]
    ]  # fmt: skip

    fill()

    assert [status_of(entry) for entry in entries] == ["OFFERED", "ENDED", "ENDED", "ENDED", "ENDED"]


def test_fills_every_practice_with_its_own_appointments(provider, client):
    foreign = factories.ProviderFactory()
    entry = wait(client)
    foreign_entry = wait(factories.ClientFactory(practice=foreign.practice))
    open_at(foreign, at(4, 9))
    assert fill() == 1

    open_at(provider, at(4, 9))

    assert fill() == 1
    assert (hold_of(entry).provider, hold_of(foreign_entry).provider) == (provider, foreign)


def test_an_entry_that_stopped_waiting_since_it_was_listed_is_offered_nothing(practice, provider, client):
    entry, next_in_turn = wait(client), wait(factories.ClientFactory(practice=practice))
    open_at(provider, at(4, 9))
    listed = [entry.pk, next_in_turn.pk]
    WaitlistEntry.objects.filter(pk=entry.pk).update(status="LEFT")

    assert [waitlist._fill(pk, now=NOW) for pk in listed] == [False, True]


@pytest.mark.django_db(transaction=True)
def test_two_filling_at_once_offer_every_appointment_and_every_entry_once(practice, provider):
    entries = [wait(client) for client in factories.ClientFactory.create_batch(6, practice=practice)]
    open_at(provider, *(at(4, 9) + SLOT * step for step in range(4)))

    offered = race(fill, fill, fill)

    # One that meets the others at every turn may give up early: the next run has what is left.
    assert sum(offered) + fill() == 4, offered
    statuses = [status_of(entry) for entry in entries]
    assert (statuses.count("OFFERED"), statuses.count("WAITING")) == (4, 2)
    assert Reservation.objects.filter(status="HELD").count() == 4


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("locked", [WaitlistEntry, factories.models.Client])
def test_an_entry_that_somebody_has_locked_is_left_for_the_next_time(practice, provider, client, locked):
    entry, next_in_turn = wait(client), wait(factories.ClientFactory(practice=practice))
    open_at(provider, at(4, 9))
    row = {WaitlistEntry: entry}.get(locked, client)

    with transaction.atomic():
        locked.objects.select_for_update().get(pk=row.pk)
        (offered,) = race(fill)

    assert offered == 1
    assert (status_of(entry), status_of(next_in_turn)) == ("WAITING", "OFFERED")


@pytest.mark.django_db(transaction=True)
def test_filling_while_clients_book_and_delete_neither_deadlocks_nor_doubles(practice, provider, desk):
    clients = factories.ClientFactory.create_batch(4, practice=practice)
    for client in clients:
        wait(client)
    appointments = open_at(provider, *(at(4, 9) + SLOT * step for step in range(4)))

    def book(client, appointment):
        return lambda: booking.reserve_appointment(
            actor=desk, appointment_id=appointment.pk, client_id=client.pk, now=NOW
        )

    offered, *booked = race(
        fill, *(book(client, each) for client, each in zip(clients, reversed(appointments), strict=True))
    )

    held = [answer for answer in booked if isinstance(answer, Reservation)]
    refusals = {type(answer).__name__ for answer in booked if isinstance(answer, Exception)}
    assert refusals <= {"AppointmentTaken", "ClientOverlap"}, booked
    assert Reservation.objects.count() == offered + len(held) <= 4
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT appointment_id) FROM reservation_reservationappointment"
        )
        rows, distinct = cursor.fetchone()
    assert rows == distinct == offered + len(held)
