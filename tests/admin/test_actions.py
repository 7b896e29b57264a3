"""What is done to the selected rows, and the history that nobody rewrites."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client as Browser

from reservation import models
from reservation.models import Reservation, ReservationEvent
from tests import factories
from tests.admin.pages import HISTORY, act, one_of_each, page

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", HISTORY)
@pytest.mark.parametrize("user", ["desk", "superuser"])
def test_history_is_neither_changed_nor_deleted(
    name: str, user: str, practice: models.Practice, request: pytest.FixtureRequest
):
    browser = request.getfixturevalue(user)
    row = one_of_each(practice)[name]
    before = type(row).objects.filter(pk=row.pk).values().get()

    assert browser.post(page(name, "change", row.pk), {"kind": "CANCELLED"}).status_code == 403
    assert browser.post(page(name, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in browser.get(page(name, "changelist")).content.decode()
    assert type(row).objects.filter(pk=row.pk).values().get() == before


def test_a_reservation_shows_its_history(desk: Browser, practice: models.Practice):
    reservation = factories.ReservationFactory(practice=practice)
    factories.ReservationEventFactory(reservation=reservation, reason="Waived for a referral")

    shown = desk.get(page("Reservation", "change", reservation.pk)).content.decode()

    assert "Waived for a referral" in shown


def test_a_hold_that_has_run_out_shows_as_expired(desk: Browser, practice: models.Practice):
    factories.ReservationFactory(practice=practice, expires_at=datetime.now(UTC))

    (row,) = desk.get(page("Reservation", "changelist")).context["cl"].result_list

    assert (row.status, row.status_now) == ("HELD", "EXPIRED")


def test_the_list_begins_with_what_is_not_over(desk: Browser, practice: models.Practice):
    def visit(start: datetime) -> Reservation:
        appointment = factories.AppointmentFactory(provider__practice=practice, starts_at=start)
        return factories.ReservationFactory(appointments=[appointment], status="CONFIRMED")

    later, sooner = visit(factories.upcoming(8)), visit(factories.upcoming(2))
    over = visit(factories.upcoming() - timedelta(days=30))

    def listed(when: str) -> list[Reservation]:
        return list(desk.get(page("Reservation", "changelist"), {"when": when}).context["cl"].result_list)

    assert listed("") == [sooner, later]
    assert listed("past") == [over]
    assert listed("all") == [over, sooner, later]


def test_the_desk_confirms_and_cancels_and_each_is_history(desk: Browser, practice: models.Practice):
    held = factories.ReservationFactory(practice=practice)

    assert act(desk, "Reservation", "confirm", held) == ["1 confirmed."]
    assert act(desk, "Reservation", "cancel", held) == ["1 cancelled."]

    held.refresh_from_db()
    assert (held.status, held.version) == ("CANCELLED", 3)
    events = ReservationEvent.objects.order_by("version").values_list("kind", "user__username")
    assert list(events) == [("CONFIRMED", "desk"), ("CANCELLED", "desk")]


@pytest.mark.parametrize(
    ("action", "status", "message"),
    [("fulfill", "FULFILLED", "1 fulfilled."), ("mark_no_show", "NO_SHOW", "1 marked as no-show.")],
)
def test_the_desk_says_how_a_visit_went(
    action: str, status: str, message: str, desk: Browser, practice: models.Practice
):
    appointment = factories.AppointmentFactory(
        provider__practice=practice, starts_at=factories.upcoming() - timedelta(days=3)
    )
    visit = factories.ReservationFactory(appointments=[appointment], status="CONFIRMED")

    assert act(desk, "Reservation", action, visit) == [message]

    visit.refresh_from_db()
    assert visit.status == status


def test_a_refused_action_says_why_and_stops_no_other(desk: Browser, practice: models.Practice):
    expired = factories.ReservationFactory(practice=practice, expires_at=datetime.now(UTC))
    held = factories.ReservationFactory(practice=practice)

    messages = act(desk, "Reservation", "confirm", expired, held)

    assert messages == [
        "1 confirmed.",
        f"Number {expired.pk}: The hold ran out before it was confirmed; reserve the appointment again.",
    ]


def test_many_refusals_are_summed_up(desk: Browser, practice: models.Practice):
    done = [factories.ReservationFactory(practice=practice, status="CANCELLED") for _ in range(12)]

    messages = act(desk, "Reservation", "cancel", *done)

    assert len(messages) == 11
    assert messages[-1] == "2 more refused."


def test_an_action_does_not_reach_into_another_practice(desk: Browser, other: models.Practice):
    theirs = factories.ReservationFactory(practice=other)

    act(desk, "Reservation", "cancel", theirs)

    theirs.refresh_from_db()
    assert theirs.status == "HELD"


def test_a_superuser_acts_in_any_practice(superuser: Browser, other: models.Practice):
    theirs = factories.ReservationFactory(practice=other)

    assert act(superuser, "Reservation", "confirm", theirs) == ["1 confirmed."]


def test_an_appointment_is_blocked_and_unblocked(desk: Browser, practice: models.Practice):
    appointment = factories.AppointmentFactory(provider__practice=practice)

    blocked = act(desk, "Appointment", "block", appointment)
    appointment.refresh_from_db()
    assert appointment.status == "BLOCKED"
    unblocked = act(desk, "Appointment", "unblock", appointment)

    assert blocked == ["1 blocked; reservations on them stand until moved or cancelled."]
    assert unblocked == ["1 unblocked."]
    appointment.refresh_from_db()
    assert appointment.status == "WITHDRAWN"  # No rule gives this time.


def test_the_desk_takes_a_client_off_the_waitlist(desk: Browser, practice: models.Practice):
    entry = factories.WaitlistEntryFactory(client__practice=practice)

    assert act(desk, "WaitlistEntry", "leave", entry) == ["1 taken off the waitlist."]

    entry.refresh_from_db()
    assert entry.status == "LEFT"


def test_a_subscription_s_secret_is_never_shown(superuser: Browser, practice: models.Practice):
    subscription = factories.WebhookSubscriptionFactory(practice=practice)

    shown = superuser.get(page("WebhookSubscription", "change", subscription.pk)).content.decode()

    assert subscription.url in shown
    assert subscription.secret not in shown
