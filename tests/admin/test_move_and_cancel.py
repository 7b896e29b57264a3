"""The desk moves, cancels, confirms or closes a visit; what refuses shows where it is."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from reservation import models
from reservation.models import Provider, Reservation
from reservation.rules.grid import SLOT
from tests import factories
from tests.admin.pages import errors, history, opened, page, said, sent

pytestmark = pytest.mark.django_db


def test_a_refusal_shows_at_the_field_that_it_names(desk: Browser, visit: Reservation, provider: Provider):
    answer = sent(desk, visit, "move", appointment=visit.appointments.get().pk, expected_version=1)

    assert errors(answer) == {"appointment": ["The reservation has this appointment already."]}


def test_a_visit_is_moved_to_a_time_that_the_form_offers(desk: Browser, visit: Reservation):
    later = factories.AppointmentFactory(provider=visit.provider, starts_at=factories.upcoming(4))

    form = opened(desk, visit, "move").context["form"]
    answer = sent(
        desk, visit, "move", appointment=later.pk, expected_version=form["expected_version"].value()
    )

    assert [pk for pk, _label in form.fields["appointment"].widget.choices] == [later.pk]
    assert answer.url == page("Reservation", "change", visit.pk)
    visit.refresh_from_db()
    assert (visit.starts_at, visit.status, visit.version) == (later.starts_at, "CONFIRMED", 2)
    assert history(visit) == [("RESCHEDULED", "desk", "")]


def test_a_visit_that_changed_meanwhile_is_not_moved(desk: Browser, visit: Reservation):
    later = factories.AppointmentFactory(provider=visit.provider, starts_at=factories.upcoming(4))
    version = opened(desk, visit, "move").context["form"]["expected_version"].value()
    Reservation.objects.update(version=2)

    answer = sent(desk, visit, "move", appointment=later.pk, expected_version=version)

    assert errors(answer) == {"__all__": ["The reservation was changed meanwhile; read it again."]}
    assert "changed meanwhile" in answer.content.decode()
    assert Reservation.objects.get().starts_at == visit.starts_at


def test_a_visit_moves_to_another_provider(desk: Browser, visit: Reservation, practice: models.Practice):
    theirs = factories.AppointmentFactory(provider__practice=practice, starts_at=factories.upcoming())

    shown = desk.get(
        page("Reservation", "move", visit.pk),
        {"provider": theirs.provider.pk, "day": f"{timezone.localdate():%Y-%m-%d}"},
    )
    sent(desk, visit, "move", appointment=theirs.pk, expected_version=1)

    assert [pk for pk, _label in shown.context["form"].fields["appointment"].widget.choices] == [theirs.pk]
    visit.refresh_from_db()
    assert visit.provider == theirs.provider


def test_the_times_offered_begin_with_the_chosen_day(desk: Browser, visit: Reservation):
    zone = ZoneInfo(visit.provider.time_zone)
    day = timezone.localdate(timezone.now(), zone) + timedelta(days=7)
    midnight = datetime.combine(day, time.min, zone)
    for starts_at in (midnight - SLOT, midnight):
        factories.AppointmentFactory(provider=visit.provider, starts_at=starts_at)

    shown = desk.get(
        page("Reservation", "move", visit.pk), {"provider": visit.provider.pk, "day": f"{day:%Y-%m-%d}"}
    )

    ((_pk, label),) = shown.context["form"].fields["appointment"].widget.choices
    assert label == f"{day:%a} {day.day} {day:%b %Y}, 00:00 {midnight:%Z}"


@pytest.mark.parametrize("day", ["", "tomorrow", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_breaks_nothing(day: str, desk: Browser, visit: Reservation):
    shown = desk.get(page("Reservation", "move", visit.pk), {"provider": visit.provider.pk, "day": day})

    assert shown.status_code == 200


def test_the_form_offers_providers_who_can_take_the_visit(
    desk: Browser, practice: models.Practice, other: models.Practice
):
    service = factories.ServiceFactory(practice=practice)
    can = factories.ProviderFactory(practice=practice, services=[service])
    factories.ProviderFactory(practice=practice, services=[service], is_active=False)
    factories.ProviderFactory(practice=practice)
    factories.ProviderFactory(practice=other)
    visit = factories.ReservationFactory(provider=can, practice=practice, service=service)

    chooser = opened(desk, visit, "move").context["chooser"]

    assert list(chooser.fields["provider"].queryset) == [can]


def test_a_visit_does_not_move_into_another_practice(
    desk: Browser, visit: Reservation, other: models.Practice
):
    theirs = factories.AppointmentFactory(provider__practice=other)

    answer = sent(desk, visit, "move", appointment=theirs.pk, expected_version=1)

    assert errors(answer) == {"appointment": ["There is no such appointment."]}


@pytest.mark.parametrize("given", ["", "none", 10**30])
def test_an_appointment_that_is_none_is_refused(given: object, desk: Browser, visit: Reservation):
    answer = sent(desk, visit, "move", appointment=given, expected_version=1)

    assert list(errors(answer)) == ["appointment"]


def test_times_cost_the_same_for_two_and_for_fifty(desk: Browser, visit: Reservation):
    location = factories.LocationFactory(practice=visit.practice)

    def offered_and_statements() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as queries:
            form = opened(desk, visit, "move").context["form"]
        return len(form.fields["appointment"].widget.choices), len(queries)

    def add(slots: range) -> None:
        for slot in slots:
            factories.AppointmentFactory(
                provider=visit.provider, location=location, starts_at=factories.upcoming(slot)
            )

    opened(desk, visit, "move")
    add(range(1, 3))
    offered, few = offered_and_statements()
    assert offered == 2
    add(range(3, 60))

    assert offered_and_statements() == (50, few)


def test_a_visit_is_cancelled_with_a_reason(desk: Browser, visit: Reservation):
    answer = sent(desk, visit, "cancel_one", reason="Moved away", expected_version=1)

    assert answer.url == page("Reservation", "change", visit.pk)
    visit.refresh_from_db()
    assert (visit.status, visit.cancellation_reason) == ("CANCELLED", "Moved away")
    assert history(visit) == [("CANCELLED", "desk", "Moved away")]
    assert said(desk.get(answer.url)) == ["Cancelled."]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "The reservation was changed meanwhile; read it again."),
        ({"status": "HELD", "expires_at": timezone.now()}, "A hold that ran out cannot be cancelled."),
    ],
)
def test_what_cannot_be_cancelled_says_why(
    changes: dict[str, object], message: str, desk: Browser, visit: Reservation
):
    Reservation.objects.update(**changes)

    answer = sent(desk, visit, "cancel_one", reason="Moved away", expected_version=1)

    assert errors(answer) == {"__all__": [message]}
    assert Reservation.objects.get().cancellation_reason == ""


@pytest.mark.parametrize("kept", ["override_reason", "reason"])
def test_a_reason_that_is_too_long_is_refused_at_its_field(
    kept: str, desk: Browser, visit: Reservation, provider: Provider
):
    free = factories.AppointmentFactory(provider=provider, starts_at=factories.upcoming(4))
    given = {"appointment": free.pk, "expected_version": 1, kept: "x" * 501}

    answer = sent(desk, visit, "move" if kept == "override_reason" else "cancel_one", **given)

    assert list(errors(answer)) == [kept]


@pytest.mark.parametrize(
    ("kind", "status", "starts_in", "outcome", "message"),
    [
        ("confirm_one", "HELD", timedelta(days=3), "CONFIRMED", "Confirmed."),
        ("fulfill_one", "CONFIRMED", -SLOT, "FULFILLED", "Fulfilled."),
        ("mark_no_show_one", "CONFIRMED", -SLOT, "NO_SHOW", "Marked as no-show."),
    ],
)
def test_a_visit_is_taken_to_its_next_state(
    kind: str,
    status: str,
    starts_in: timedelta,
    outcome: str,
    message: str,
    desk: Browser,
    practice: models.Practice,
):
    starts_at = timezone.now() + starts_in
    visit = factories.ReservationFactory(
        practice=practice, status=status, starts_at=starts_at, ends_at=starts_at + SLOT
    )

    version = opened(desk, visit, kind).context["form"]["expected_version"].value()
    answer = sent(desk, visit, kind, expected_version=version)

    visit.refresh_from_db()
    assert (visit.status, visit.version) == (outcome, 2)
    assert history(visit) == [(outcome, "desk", "")]
    assert said(desk.get(answer.url)) == [message]


def test_a_hold_that_changed_meanwhile_is_not_confirmed(desk: Browser, practice: models.Practice):
    held = factories.ReservationFactory(practice=practice, version=2)

    answer = sent(desk, held, "confirm_one", expected_version=1)

    assert errors(answer) == {"__all__": ["The reservation was changed meanwhile; read it again."]}
    assert Reservation.objects.get().status == "HELD"
