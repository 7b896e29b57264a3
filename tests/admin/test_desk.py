"""Where the desk works from, and who does not reach it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from reservation import models
from reservation.models import Appointment, Provider, Reservation
from reservation.rules.grid import SLOT
from tests import factories
from tests.admin.pages import opened, page, said, signed_in

pytestmark = pytest.mark.django_db

BOOK, MOVE, CANCEL = ("Appointment", "book"), ("Reservation", "move"), ("Reservation", "cancel_one")
CONFIRM = ("Reservation", "confirm_one")
FULFILL, MARK_NO_SHOW = ("Reservation", "fulfill_one"), ("Reservation", "mark_no_show_one")
DESK_PAGES = [BOOK, MOVE, CANCEL, CONFIRM, FULFILL, MARK_NO_SHOW]


def rows_of_desk_pages(practice: models.Practice) -> dict[tuple[str, str], object]:
    held = factories.ReservationFactory(practice=practice)
    free = factories.AppointmentFactory(provider__practice=practice)
    now = timezone.now()
    started = factories.ReservationFactory(
        practice=practice, status="CONFIRMED", starts_at=now - SLOT, ends_at=now
    )
    of_started = dict.fromkeys((FULFILL, MARK_NO_SHOW), started)
    return {BOOK: free, **dict.fromkeys((MOVE, CANCEL, CONFIRM), held), **of_started}


@pytest.mark.parametrize(("name", "kind"), DESK_PAGES)
def test_a_get_changes_nothing(name: str, kind: str, desk: Browser, practice: models.Practice):
    row = rows_of_desk_pages(practice)[name, kind]
    before = list(Reservation.objects.values())
    client = factories.ClientFactory(practice=practice)
    free = factories.AppointmentFactory(provider__practice=practice)
    given = {
        "client": client.pk,
        "appointment": free.pk,
        "expected_version": 1,
        "reason": "x",
        "confirm": "on",
    }

    answer = desk.get(page(name, kind, row.pk), given)

    assert answer.status_code == 200
    assert list(Reservation.objects.values()) == before


@pytest.mark.parametrize(("name", "kind"), DESK_PAGES)
def test_a_post_from_another_site_is_refused(name: str, kind: str, practice: models.Practice):
    member = factories.MembershipFactory(practice=practice, user__is_staff=True)
    row = rows_of_desk_pages(practice)[name, kind]
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(member.user)

    assert browser.post(page(name, kind, row.pk), {"expected_version": 1}).status_code == 403


@pytest.mark.parametrize(("name", "kind"), DESK_PAGES)
def test_what_another_practice_has_is_not_found(
    name: str, kind: str, desk: Browser, practice: models.Practice, other: models.Practice
):
    theirs = rows_of_desk_pages(other)[name, kind]
    given = {
        "client": factories.ClientFactory(practice=practice).pk,
        "appointment": factories.AppointmentFactory(provider__practice=practice).pk,
        "expected_version": 1,
    }
    before = list(Reservation.objects.values())

    for address in (page(name, kind, theirs.pk), page(name, kind, "none"), page(name, kind, 10**30)):
        assert desk.get(address).status_code == 404
        assert desk.post(address, given).status_code == 404
    assert list(Reservation.objects.values()) == before


@pytest.mark.parametrize(("name", "kind"), DESK_PAGES)
@pytest.mark.parametrize("role", ["PROVIDER", "CLIENT"])
def test_only_the_desk_reaches_these_pages(name: str, kind: str, role: str, practice: models.Practice):
    row = rows_of_desk_pages(practice)[name, kind]
    elsewhere = factories.MembershipFactory(practice=practice, role=role, user__is_staff=True)
    without_flag = factories.MembershipFactory(practice=practice)

    for method in ("get", "post"):
        refused = getattr(signed_in(elsewhere.user), method)(page(name, kind, row.pk))
        sent_away = getattr(signed_in(without_flag.user), method)(page(name, kind, row.pk))

        assert refused.status_code == 403
        assert sent_away.status_code == 302
        assert sent_away.url.startswith(reverse("admin:login"))


def test_what_can_be_done_is_what_the_page_offers(
    desk: Browser, appointment: Appointment, visit: Reservation, provider: Provider
):
    free = factories.AppointmentFactory(provider=provider, starts_at=factories.upcoming(4))
    begun = factories.AppointmentFactory(
        provider=provider, starts_at=factories.upcoming() - timedelta(days=3)
    )
    made = {"practice": provider.practice, "provider": provider}
    held = factories.ReservationFactory(**made)
    started = factories.ReservationFactory(
        **made, status="CONFIRMED", starts_at=begun.starts_at, ends_at=begun.ends_at
    )
    over = factories.ReservationFactory(**made, status="CANCELLED")

    def offered(row: object, kinds: tuple[str, ...]) -> list[str]:
        shown = opened(desk, row, "change").content.decode()
        return [kind for kind in kinds if page(type(row).__name__, kind, row.pk) in shown]

    assert [offered(row, ("book",)) for row in (free, appointment, begun)] == [["book"], [], []]
    kinds = ("confirm_one", "fulfill_one", "mark_no_show_one", "move", "cancel_one")
    assert offered(held, kinds) == ["confirm_one", "move", "cancel_one"]
    assert offered(visit, kinds) == ["move", "cancel_one"]
    assert offered(started, kinds) == ["fulfill_one", "mark_no_show_one", "move", "cancel_one"]
    assert offered(over, kinds) == []


def test_the_list_of_visits_leads_to_what_can_be_booked(desk: Browser):
    shown = desk.get(page("Reservation", "changelist")).content.decode()

    answer = desk.get(page("Reservation", "book"))

    assert page("Reservation", "book") in shown
    assert answer.url == page("Appointment", "changelist")


def test_the_page_of_a_row_is_called_by_who_and_when(desk: Browser, practice: models.Practice):
    provider = factories.ProviderFactory(practice=practice, name="Dr. Mori", time_zone="Asia/Tokyo")
    starts_at = datetime(2030, 1, 7, 0, 15, tzinfo=UTC)
    appointment = factories.AppointmentFactory(provider=provider, starts_at=starts_at)
    client = factories.ClientFactory(practice=practice, name="Ada Lovelace")
    reservation = factories.ReservationFactory(appointments=[appointment], client=client)

    def titles(row: object) -> list[str]:
        shown = opened(desk, row, "change")
        assert "2030-01-07 00:15Z" not in shown.content.decode()
        return [shown.context["subtitle"], str(shown.context["original"])]

    assert titles(appointment) == ["Dr. Mori, Mon 7 Jan 09:15 JST"] * 2
    assert titles(reservation) == ["Ada Lovelace, Mon 7 Jan 09:15 JST"] * 2


def test_a_form_that_could_only_refuse_is_not_shown(
    desk: Browser, appointment: Appointment, visit: Reservation, provider: Provider
):
    begun = factories.AppointmentFactory(
        provider=provider, starts_at=factories.upcoming() - timedelta(days=3)
    )
    blocked = factories.AppointmentFactory(
        provider=provider, starts_at=factories.upcoming(4), status="BLOCKED"
    )
    over = factories.ReservationFactory(practice=provider.practice, status="CANCELLED")
    run_out = factories.ReservationFactory(practice=provider.practice, expires_at=timezone.now())
    taken = "Another reservation has this appointment, or it is no longer open."
    refusals = [
        (appointment, "book", taken),
        (blocked, "book", taken),
        (begun, "book", "The appointment has begun already."),
        (over, "move", "A cancelled reservation cannot be moved."),
        (over, "cancel_one", "A cancelled reservation cannot be cancelled."),
        (run_out, "confirm_one", "The hold ran out before it was confirmed; reserve the appointment again."),
        (visit, "fulfill_one", "The visit has not started yet."),
        (visit, "mark_no_show_one", "The visit has not started yet."),
    ]
    before = list(Reservation.objects.values())

    for row, kind, message in refusals:
        answer = opened(desk, row, kind)

        assert answer.url == page(type(row).__name__, "change", row.pk)
        assert said(desk.get(answer.url)) == [message]
    assert list(Reservation.objects.values()) == before


def test_the_list_of_appointments_begins_with_what_is_free(
    desk: Browser, provider: Provider, visit: Reservation
):
    now = timezone.now()
    sooner = factories.AppointmentFactory(provider=provider, starts_at=factories.quarter_hour_after(now))
    later = factories.AppointmentFactory(provider=provider, starts_at=factories.upcoming(4))
    begun = factories.AppointmentFactory(provider=provider, starts_at=sooner.starts_at - SLOT)
    factories.AppointmentFactory(provider=provider, starts_at=factories.upcoming(5), status="BLOCKED")
    factories.AppointmentFactory(provider__practice=provider.practice, provider__is_active=False)

    def listed(when: str) -> list[Appointment]:
        return list(desk.get(page("Appointment", "changelist"), {"when": when}).context["cl"].result_list)

    assert listed("") == listed("free") == [sooner, later]
    assert begun in listed("upcoming")
    assert visit.appointments.get() in listed("upcoming")


def test_the_filters_of_a_list_can_be_applied(desk: Browser, provider: Provider):
    shown = desk.get(page("Appointment", "changelist")).content.decode()

    assert '<form id="filter-form"' in shown
    assert "Apply Filters" in shown


def test_an_appointment_leads_to_whatever_has_it(desk: Browser, appointment: Appointment, visit: Reservation):
    shown = desk.get(page("Appointment", "changelist"), {"when": "all"}).content.decode()

    assert "Booked" in shown
    assert page("Reservation", "change", visit.pk) in shown
    assert page("Appointment", "book", appointment.pk) not in shown


def test_times_show_on_the_provider_s_clock(desk: Browser, practice: models.Practice):
    provider = factories.ProviderFactory(practice=practice, time_zone="Asia/Tokyo")
    starts_at = datetime(2030, 1, 7, 0, 15, tzinfo=UTC)
    appointment = factories.AppointmentFactory(provider=provider, starts_at=starts_at)
    reservation = factories.ReservationFactory(
        appointments=[appointment], created_at=starts_at, updated_at=starts_at
    )
    factories.ReservationEventFactory(reservation=reservation, at=starts_at)

    of_the_appointment = opened(desk, appointment, "change").content.decode()
    of_the_reservation = opened(desk, reservation, "change").content.decode()

    assert of_the_appointment.count("Mon 7 Jan 2030, 09:15 JST") == 1
    # The start, when it was made and changed, the appointment's start, and two of the event.
    assert of_the_reservation.count("Mon 7 Jan 2030, 09:15 JST") == 6
    assert "12:15 a.m." not in of_the_appointment + of_the_reservation
