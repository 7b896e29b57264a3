"""Weekly windows and exceptions: validated, published at once, affected visits told."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from reservation.models import Appointment, AvailabilityException, AvailabilityRule
from reservation.rules.errors import Invalid, NotFound
from reservation.rules.policy import Forbidden, Role
from reservation.services import availability
from tests import factories
from tests.services.calendars import NOW, at, clock_times, row_versions, rule
from tests.services.racing import race

pytestmark = pytest.mark.django_db

HOUR = ["4 09:00", "4 09:15", "4 09:30", "4 09:45"]


@pytest.fixture
def provider(practice):
    return factories.ProviderFactory(practice=practice)


@pytest.fixture
def window(provider):
    return rule(provider)


@pytest.fixture
def create_rule(desk, provider):
    def create(**fields):
        once = {
            "actor": desk,
            "provider_id": provider.pk,
            "weekday": 2,
            "start_time": time(9),
            "end_time": time(10),
            "time_zone": "UTC",
            "valid_from": date(2040, 1, 1),
            "valid_until": date(2040, 1, 8),
            "now": NOW,
        }
        return availability.create_availability_rule(**{**once, **fields})

    return create


@pytest.fixture
def update_rule(desk, window):
    return lambda changes, **kwargs: availability.update_availability_rule(
        **{"actor": desk, "rule_id": window.pk, "changes": changes, "now": NOW, **kwargs}
    )


@pytest.fixture
def create_exception(desk, provider):
    def create(**fields):
        removal = {"kind": "REMOVE", "starts_at": at(4, 9), "ends_at": at(4, 9, 30)}
        return availability.create_availability_exception(
            **{"actor": desk, "provider_id": provider.pk, "now": NOW, **removal, **fields}
        )

    return create


def reserve(provider, starts_at):
    appointment = Appointment.objects.get(provider=provider, starts_at=starts_at)
    return factories.ReservationFactory(appointments=[appointment], status="CONFIRMED", expires_at=None)


def snapshot():
    """Return everything that a refused change must leave as it was."""
    tables = ("availabilityrule", "availabilityexception", "appointment")
    return [row_versions(f"reservation_{table}") for table in tables]


def test_a_new_rule_is_published_at_once(provider, create_rule):
    location = factories.LocationFactory(practice=provider.practice)

    change = create_rule(location_id=location.pk)

    kept = AvailabilityRule.objects.values(
        "practice", "provider", "location", "weekday", "start_time", "end_time", "time_zone",
        "valid_from", "valid_until",
    ).get(pk=change.rule.pk)  # fmt: skip
    assert kept == {
        "practice": provider.practice_id,
        "provider": provider.pk,
        "location": location.pk,
        "weekday": 2,
        "start_time": time(9),
        "end_time": time(10),
        "time_zone": "UTC",
        "valid_from": date(2040, 1, 1),
        "valid_until": date(2040, 1, 8),
    }
    assert change.affected_reservations == []
    assert clock_times(provider) == HOUR


def test_a_rule_without_a_last_day_reaches_the_horizon(provider, create_rule):
    create_rule(valid_until=None)

    assert len(clock_times(provider)) == 13 * 4


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"weekday": 7}, "weekday"),
        ({"start_time": time(9, 10)}, "startTime"),
        ({"end_time": time(9)}, "endTime"),
        ({"time_zone": "Mars/Olympus"}, "timeZone"),
        ({"valid_until": date(2039, 12, 31)}, "validUntil"),
    ],
)
def test_refuses_a_window_that_no_week_has(create_rule, update_rule, fields, path):
    before = snapshot()

    with pytest.raises(Invalid) as refused:
        create_rule(**fields)
    assert refused.value.path == (path,)

    with pytest.raises(Invalid) as refused:
        update_rule(fields)
    assert refused.value.path == (path,)

    assert snapshot() == before


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("weekday", "weekday"),
        ("start_time", "startTime"),
        ("end_time", "endTime"),
        ("time_zone", "timeZone"),
        ("valid_from", "validFrom"),
    ],
)
def test_refuses_to_empty_what_a_window_needs(update_rule, field, path):
    before = snapshot()

    with pytest.raises(Invalid) as refused:
        update_rule({field: None})

    assert refused.value.path == (path,)
    assert snapshot() == before


def test_refuses_a_location_of_another_practice(create_rule, update_rule):
    foreign = factories.LocationFactory().pk
    before = snapshot()

    for write in (lambda: create_rule(location_id=foreign), lambda: update_rule({"location_id": foreign})):
        with pytest.raises(NotFound) as refused:
            write()
        assert refused.value.path == ("locationId",)

    assert snapshot() == before


def test_refuses_a_provider_of_another_practice(create_rule, create_exception):
    foreign = factories.ProviderFactory().pk
    before = snapshot()

    for create in (create_rule, create_exception):
        with pytest.raises(NotFound) as refused:
            create(provider_id=foreign)
        assert refused.value.path == ("providerId",)

    assert snapshot() == before


def test_a_changed_rule_opens_and_withdraws_at_once(provider, window, create_rule, update_rule):
    update_rule({})
    assert clock_times(provider) == HOUR

    change = update_rule({"start_time": time(9, 30), "end_time": time(10, 15)})

    window.refresh_from_db()
    assert change.rule == window
    assert (window.start_time, window.end_time, window.weekday) == (time(9, 30), time(10, 15), 2)
    assert clock_times(provider) == ["4 09:30", "4 09:45", "4 10:00"]
    assert clock_times(provider, "WITHDRAWN") == HOUR[:2]


def test_a_rule_can_lose_its_last_day_and_its_location(provider, window, update_rule):
    window.location = factories.LocationFactory(practice=provider.practice)
    window.save()

    update_rule({"valid_until": None, "location_id": None})

    window.refresh_from_db()
    assert (window.valid_until, window.location) == (None, None)
    assert len(clock_times(provider)) == 13 * 4
    assert set(Appointment.objects.values_list("location", flat=True)) == {None}


def test_changing_a_rule_tells_whose_visits_it_bears_on(provider, update_rule):
    update_rule({})
    visit = reserve(provider, at(4, 9))

    assert update_rule({"start_time": time(9, 15)}).affected_reservations == [visit]

    visit.refresh_from_db()
    assert visit.status == "CONFIRMED"


def test_an_unknown_field_is_a_bug_not_a_refusal(update_rule):
    with pytest.raises(KeyError):
        update_rule({"practice_id": 1})


def test_deleting_a_rule_withdraws_what_nothing_else_gives(provider, window, desk, create_rule):
    create_rule(start_time=time(9, 30))
    visits = [reserve(provider, at(4, 9)), reserve(provider, at(4, 9, 30))]

    change = availability.delete_availability_rule(actor=desk, rule_id=window.pk, now=NOW)

    assert change == availability.AvailabilityChange(None, visits[:1])
    assert clock_times(provider) == HOUR[2:]
    assert not AvailabilityRule.objects.filter(pk=window.pk).exists()


def test_removed_time_is_withdrawn_at_once_and_returns_with_the_rule(
    provider, window, desk, update_rule, create_exception
):
    update_rule({})
    visit = reserve(provider, at(4, 9, 15))

    change = create_exception(reason=" Holiday ")

    kept = AvailabilityException.objects.get(pk=change.exception.pk)
    assert (kept.kind, kept.starts_at, kept.ends_at) == ("REMOVE", at(4, 9), at(4, 9, 30))
    assert (kept.reason, kept.practice_id, kept.provider_id) == ("Holiday", provider.practice_id, provider.pk)
    assert change.affected_reservations == [visit]
    assert clock_times(provider) == HOUR[2:]

    deleted = availability.delete_availability_exception(actor=desk, exception_id=kept.pk, now=NOW)

    assert deleted == availability.ExceptionChange(None, [])
    assert clock_times(provider) == HOUR
    assert not AvailabilityException.objects.exists()


def test_added_time_is_published_at_once_and_withdrawn_with_the_exception(provider, desk, create_exception):
    change = create_exception(kind="ADD", starts_at=at(6, 12), ends_at=at(6, 12, 30))
    assert clock_times(provider) == ["6 12:00", "6 12:15"]
    visit = reserve(provider, at(6, 12))

    deleted = availability.delete_availability_exception(
        actor=desk, exception_id=change.exception.pk, now=NOW
    )

    assert deleted.affected_reservations == [visit]
    assert clock_times(provider, "WITHDRAWN") == ["6 12:00", "6 12:15"]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"kind": "MOVE"}, "kind"),
        ({"starts_at": datetime(2040, 1, 4, 9)}, "startsAt"),  # noqa: DTZ001
        ({"starts_at": at(4, 9, 1)}, "startsAt"),
        ({"ends_at": at(4, 9)}, "endsAt"),
        ({"ends_at": datetime(2041, 1, 5, tzinfo=UTC)}, "endsAt"),
        ({"reason": "x" * 201}, "reason"),
    ],
)
def test_refuses_an_exception_that_no_calendar_has(create_exception, fields, path):
    before = snapshot()

    with pytest.raises(Invalid) as refused:
        create_exception(**fields)

    assert refused.value.path == (path,)
    assert snapshot() == before


def writes(provider, window, exception):
    """Every write to a calendar, as a function of who does it."""
    return [
        lambda actor: availability.update_availability_rule(
            actor=actor, rule_id=window.pk, changes={"weekday": 3}, now=NOW
        ),
        lambda actor: availability.delete_availability_rule(actor=actor, rule_id=window.pk, now=NOW),
        lambda actor: availability.delete_availability_exception(
            actor=actor, exception_id=exception.pk, now=NOW
        ),
    ]


def test_a_provider_changes_its_own_calendar(provider, window, actor_as, create_rule, create_exception):
    own = actor_as(Role.PROVIDER, provider=provider)

    assert create_rule(actor=own).rule.provider_id == provider.pk
    exception = create_exception(actor=own).exception
    for write in writes(provider, window, exception):
        write(own)

    assert not AvailabilityException.objects.exists()


def test_a_provider_neither_changes_nor_finds_the_calendar_of_another(
    provider, window, actor_as, create_rule, create_exception
):
    exception = create_exception().exception
    other = actor_as(Role.PROVIDER, provider=factories.ProviderFactory(practice=provider.practice))
    before = snapshot()

    for create in (create_rule, create_exception):
        with pytest.raises(Forbidden):
            create(actor=other)
    for write in writes(provider, window, exception):
        with pytest.raises(NotFound):
            write(other)

    assert snapshot() == before


def test_a_client_changes_no_calendar(provider, window, actor_as, create_rule, create_exception):
    exception = create_exception().exception
    client = actor_as(Role.CLIENT, client=factories.ClientFactory(practice=provider.practice))
    before = snapshot()

    for create in (create_rule, create_exception):
        with pytest.raises(Forbidden):
            create(actor=client)
    for write in writes(provider, window, exception):
        with pytest.raises(Forbidden):
            write(client)

    assert snapshot() == before


def test_refuses_rules_and_exceptions_of_another_practice(desk):
    foreign = factories.ProviderFactory()
    window = rule(foreign)
    exception = factories.AvailabilityExceptionFactory(provider=foreign)
    before = snapshot()

    for write, path in zip(
        writes(foreign, window, exception), ["ruleId", "ruleId", "exceptionId"], strict=True
    ):
        with pytest.raises(NotFound) as refused:
            write(desk)
        assert refused.value.path == (path,)

    assert snapshot() == before


def test_a_retry_with_the_same_key_changes_once(provider, create_rule):
    first = create_rule(idempotency_key="once")

    assert create_rule(idempotency_key="once") == first
    assert AvailabilityRule.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_changes_of_one_calendar_at_once_leave_it_as_its_rules_say(
    provider, window, desk, create_rule, create_exception
):
    answers = race(
        lambda: create_rule(start_time=time(11), end_time=time(12)),
        lambda: create_rule(start_time=time(11, 30), end_time=time(12, 30)),
        lambda: create_exception(starts_at=at(4, 11), ends_at=at(4, 11, 30)),
        lambda: availability.delete_availability_rule(actor=desk, rule_id=window.pk, now=NOW),
    )

    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert clock_times(provider) == ["4 11:30", "4 11:45", "4 12:00", "4 12:15"]


@pytest.mark.django_db(transaction=True)
def test_a_rule_deleted_by_two_at_once_is_deleted_once(provider, window, desk):
    def delete():
        return availability.delete_availability_rule(actor=desk, rule_id=window.pk, now=NOW)

    answers = race(delete, delete)

    assert sorted(type(answer).__name__ for answer in answers) == ["AvailabilityChange", "NotFound"]


def test_a_change_writes_nothing_when_the_calendar_stays_the_same(provider, window, update_rule):
    update_rule({})
    before = row_versions()

    update_rule({"valid_until": date(2040, 1, 8) + timedelta(days=1)})

    assert row_versions() == before
