"""The admin, through its pages: who sees what, what can be changed by hand, and what never can."""

from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from reservation import models
from reservation.models import Appointment, Provider, Reservation, ReservationEvent
from reservation.rules.policy import Role
from tests import factories

pytestmark = pytest.mark.django_db

INLINE_ONLY = {"ProviderLocation", "ProviderService", "ReservationAppointment"}
PAGES = sorted(
    model.__name__
    for model in apps.get_app_config("reservation").get_models(include_auto_created=False)
    if model.__name__ not in INLINE_ONLY
)
SUPERUSERS_ALONE = {"User"}
# The pages on which nothing is added by hand.
NOT_ADDED = {
    "Appointment",
    "IdempotencyKey",
    "OutboxEvent",
    "Reservation",
    "ReservationEvent",
    "WebhookDelivery",
    "WebhookSubscription",
}
HISTORY = ["IdempotencyKey", "OutboxEvent", "Reservation", "ReservationEvent", "WebhookDelivery"]
SUPERUSERS_CHANGE = {"Membership", "Practice", "User"}
# The lists that leave out the past unless asked.
ALL = {"Appointment": "?when=all", "Reservation": "?when=all"}


def page(name: str, kind: str, *arguments: object) -> str:
    return reverse(f"admin:reservation_{name.lower()}_{kind}", args=arguments)


def signed_in(user: models.User) -> Browser:
    browser = Browser()
    browser.force_login(user)
    return browser


def act(browser: Browser, name: str, action: str, *rows: object) -> list[str]:
    answer = browser.post(
        page(name, "changelist") + ALL.get(name, ""),
        {"action": action, "_selected_action": [row.pk for row in rows]},
        follow=True,
    )
    return said(answer)


def said(answer: object) -> list[str]:
    """Return what the page that the answer led to told the user."""
    return [str(message) for message in answer.context["messages"]]


@pytest.fixture
def practice() -> models.Practice:
    return factories.PracticeFactory(name="Ours")


@pytest.fixture
def other() -> models.Practice:
    return factories.PracticeFactory(name="Theirs")


@pytest.fixture
def desk(practice: models.Practice) -> Browser:
    user = factories.UserFactory(username="desk", is_staff=True)
    factories.MembershipFactory(practice=practice, user=user)
    return signed_in(user)


@pytest.fixture
def superuser() -> Browser:
    return signed_in(factories.UserFactory(username="root", is_staff=True, is_superuser=True))


def one_of_each(practice: models.Practice) -> dict[str, object]:
    """Make a row of every model that has a page, in this practice."""
    location = factories.LocationFactory(practice=practice)
    service = factories.ServiceFactory(practice=practice)
    provider = factories.ProviderFactory(practice=practice, locations=[location], services=[service])
    client = factories.ClientFactory(practice=practice)
    appointment = factories.AppointmentFactory(provider=provider, location=location)
    reservation = factories.ReservationFactory(client=client, appointments=[appointment], service=service)
    membership = factories.MembershipFactory(practice=practice)
    subscription = factories.WebhookSubscriptionFactory(practice=practice)
    event = models.OutboxEvent.objects.create(practice=practice, kind="reservation.held", payload={"id": 1})
    return {
        "Appointment": appointment,
        "AvailabilityException": factories.AvailabilityExceptionFactory(provider=provider),
        "AvailabilityRule": factories.AvailabilityRuleFactory(provider=provider, location=location),
        "Client": client,
        "IdempotencyKey": models.IdempotencyKey.objects.create(
            practice=practice, user=membership.user, key="k", operation="reserve", request_sha256="0"
        ),
        "Location": location,
        "Membership": membership,
        "OutboxEvent": event,
        "Practice": practice,
        "Provider": provider,
        "Reservation": reservation,
        "ReservationEvent": factories.ReservationEventFactory(reservation=reservation),
        "Service": service,
        "User": membership.user,
        "WaitlistEntry": factories.WaitlistEntryFactory(client=client, provider=provider, service=service),
        "WebhookDelivery": models.WebhookDelivery.objects.create(
            practice=practice, subscription=subscription, event=event, next_attempt_at=datetime.now(UTC)
        ),
        "WebhookSubscription": subscription,
    }


def test_every_model_has_a_page():
    registered = {model.__name__ for model in admin.site._registry if model._meta.app_label == "reservation"}

    assert registered == set(PAGES) == set(one_of_each(factories.PracticeFactory()))


@pytest.mark.parametrize("name", PAGES)
def test_a_superuser_lists_searches_adds_and_opens(name: str, superuser: Browser, practice: models.Practice):
    row = one_of_each(practice)[name]

    assert superuser.get(page(name, "changelist")).status_code == 200
    assert superuser.get(page(name, "changelist"), {"q": "a"}).status_code == 200
    assert superuser.get(page(name, "change", row.pk)).status_code == 200
    assert superuser.get(page(name, "history", row.pk)).status_code == 200
    assert superuser.get(page(name, "add")).status_code == (403 if name in NOT_ADDED else 200)


@pytest.mark.parametrize("name", sorted(set(PAGES) - SUPERUSERS_ALONE))
def test_the_desk_lists_searches_adds_and_opens(name: str, desk: Browser, practice: models.Practice):
    row = one_of_each(practice)[name]

    assert desk.get(page(name, "changelist")).status_code == 200
    assert desk.get(page(name, "changelist"), {"q": "a"}).status_code == 200
    assert desk.get(page(name, "change", row.pk)).status_code == 200
    refused = name in NOT_ADDED | SUPERUSERS_CHANGE
    assert desk.get(page(name, "add")).status_code == (403 if refused else 200)


def test_the_front_page_names_what_the_user_may_open(desk: Browser, superuser: Browser):
    of_the_desk = desk.get(reverse("admin:index")).content.decode()
    of_the_superuser = superuser.get(reverse("admin:index")).content.decode()

    assert page("Reservation", "changelist") in of_the_desk
    assert page("User", "changelist") not in of_the_desk
    assert page("User", "changelist") in of_the_superuser


@pytest.mark.parametrize("kind", ["changelist", "add"])
def test_users_are_for_superusers_alone(kind: str, desk: Browser):
    assert desk.get(page("User", kind)).status_code == 403


@pytest.mark.parametrize("role", [Role.PROVIDER, Role.CLIENT])
@pytest.mark.parametrize("name", PAGES)
def test_whoever_is_not_at_the_desk_sees_nothing(name: str, role: Role, practice: models.Practice):
    user = factories.UserFactory(is_staff=True)
    factories.MembershipFactory(practice=practice, user=user, role=role.value)

    assert signed_in(user).get(page(name, "changelist")).status_code == 403


def test_a_user_without_the_staff_flag_is_sent_to_sign_in(practice: models.Practice):
    membership = factories.MembershipFactory(practice=practice)

    answer = signed_in(membership.user).get(page("Client", "changelist"))

    assert answer.status_code == 302
    assert answer.url.startswith(reverse("admin:login"))


@pytest.mark.parametrize("name", sorted(set(PAGES) - SUPERUSERS_ALONE))
def test_the_desk_sees_no_row_of_another_practice(
    name: str, desk: Browser, practice: models.Practice, other: models.Practice
):
    one_of_each(practice)
    theirs = one_of_each(other)[name]

    listed = desk.get(page(name, "changelist") + ALL.get(name, "")).context["cl"].queryset

    assert listed.exists()
    assert not listed.filter(pk=theirs.pk).exists()
    assert desk.get(page(name, "change", theirs.pk)).status_code == 302
    assert desk.get(page(name, "history", theirs.pk)).status_code == 302
    assert desk.get(page(name, "delete", theirs.pk)).status_code in (302, 403)


def test_the_desk_finds_nobody_of_another_practice_by_searching(
    desk: Browser, practice: models.Practice, other: models.Practice
):
    factories.ClientFactory(practice=practice, name="Ada Ours")
    factories.ClientFactory(practice=other, name="Ada Theirs")

    found = desk.get(page("Client", "changelist"), {"q": "Ada"}).context["cl"].queryset

    assert [client.name for client in found] == ["Ada Ours"]


def test_autocompletion_offers_the_own_practice_alone(
    desk: Browser, practice: models.Practice, other: models.Practice
):
    ours = factories.ProviderFactory(practice=practice)
    factories.ProviderFactory(practice=other)

    answer = desk.get(
        reverse("admin:autocomplete"),
        {"app_label": "reservation", "model_name": "availabilityrule", "field_name": "provider", "term": ""},
    )

    assert [result["id"] for result in answer.json()["results"]] == [str(ours.pk)]


def test_filters_offer_the_own_practice_alone(
    desk: Browser, practice: models.Practice, other: models.Practice
):
    factories.ReservationFactory(provider=factories.ProviderFactory(practice=practice, name="Dr. Ours"))
    factories.ReservationFactory(provider=factories.ProviderFactory(practice=practice, name="Dr. Ours Too"))
    factories.ProviderFactory(practice=other, name="Dr. Theirs")

    shown = desk.get(page("Reservation", "changelist")).content.decode()

    assert "Dr. Ours Too" in shown
    assert "Dr. Theirs" not in shown


def test_a_row_cannot_point_into_another_practice(
    desk: Browser, practice: models.Practice, other: models.Practice
):
    theirs = factories.ClientFactory(practice=other)

    answer = desk.post(
        page("WaitlistEntry", "add"),
        {
            "client": theirs.pk,
            "starts_from_0": "2030-01-01",
            "starts_from_1": "09:00",
            "starts_until_0": "2030-01-02",
            "starts_until_1": "09:00",
        },
    )

    assert "client" in answer.context["adminform"].errors
    assert not models.WaitlistEntry.objects.exists()


def test_not_even_a_superuser_mixes_practices(
    superuser: Browser, practice: models.Practice, other: models.Practice
):
    theirs = factories.ClientFactory(practice=other)

    answer = superuser.post(
        page("WaitlistEntry", "add"),
        {
            "practice": practice.pk,
            "client": theirs.pk,
            "starts_from_0": "2030-01-01",
            "starts_from_1": "09:00",
            "starts_until_0": "2030-01-02",
            "starts_until_1": "09:00",
        },
    )

    assert answer.context["adminform"].errors["client"] == ["client: this belongs to another practice."]


CLIENT = {
    "name": "Ada Lovelace",
    "email": "",
    "phone": "",
    "time_zone": "America/Chicago",
    "external_id": "7",
}


def test_a_row_that_the_desk_adds_is_its_practice_s(
    desk: Browser, practice: models.Practice, other: models.Practice
):
    answer = desk.post(page("Client", "add"), CLIENT | {"practice": other.pk})

    assert answer.status_code == 302
    assert models.Client.objects.get().practice == practice


def test_a_member_of_two_practices_chooses_between_them(practice: models.Practice, other: models.Practice):
    user = factories.UserFactory(is_staff=True)
    for each in (practice, other):
        factories.MembershipFactory(practice=each, user=user)
    third = factories.PracticeFactory()
    browser = signed_in(user)

    refused = browser.post(page("Client", "add"), CLIENT | {"practice": third.pk})
    accepted = browser.post(page("Client", "add"), CLIENT | {"practice": other.pk})

    assert "practice" in refused.context["adminform"].errors
    assert accepted.status_code == 302
    assert models.Client.objects.get().practice == other


def test_a_row_never_changes_its_practice(
    superuser: Browser, practice: models.Practice, other: models.Practice
):
    client = factories.ClientFactory(practice=practice)

    answer = superuser.post(page("Client", "change", client.pk), CLIENT | {"practice": other.pk})

    assert answer.status_code == 302
    client.refresh_from_db()
    assert (client.name, client.practice) == ("Ada Lovelace", practice)


def test_what_must_be_unique_in_the_practice_is_said_at_the_form(desk: Browser, practice: models.Practice):
    factories.ClientFactory(practice=practice, external_id="7")

    answer = desk.post(page("Client", "add"), CLIENT)

    assert answer.status_code == 200
    assert answer.context["adminform"].errors
    assert models.Client.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("email", "ada"), ("phone", "call me"), ("time_zone", "Chicago"), ("name", "A\x0bda")],
)
def test_the_admin_checks_a_client_as_the_api_does(field: str, value: str, desk: Browser):
    answer = desk.post(page("Client", "add"), CLIENT | {field: value})

    assert list(answer.context["adminform"].errors) == [field]
    assert not models.Client.objects.exists()


def test_the_admin_keeps_a_phone_number_as_its_digits(desk: Browser):
    desk.post(page("Client", "add"), CLIENT | {"phone": "+1 (212) 555-0100"})

    assert models.Client.objects.get().phone == "+12125550100"


def provider_form(**changes: object) -> dict[str, object]:
    forms = {
        f"{prefix}-{key}": value
        for prefix in ("providerlocation_set", "providerservice_set")
        for key, value in (("TOTAL_FORMS", 0), ("INITIAL_FORMS", 0))
    }
    return {
        "name": "Dr. Ada",
        "npi": "",
        "specialty": "",
        "time_zone": "America/Chicago",
        "is_active": "on",
        **forms,
        **changes,
    }


def test_a_provider_is_added_with_where_it_works(desk: Browser, practice: models.Practice):
    location = factories.LocationFactory(practice=practice)

    answer = desk.post(
        page("Provider", "add"),
        provider_form(
            **{"providerlocation_set-TOTAL_FORMS": 1, "providerlocation_set-0-location": location.pk}
        ),
    )

    assert answer.status_code == 302
    link = models.ProviderLocation.objects.get()
    assert (link.practice, link.provider, link.location) == (practice, Provider.objects.get(), location)


def test_a_provider_works_at_a_location_once(desk: Browser, practice: models.Practice):
    location = factories.LocationFactory(practice=practice)
    provider = factories.ProviderFactory(practice=practice, locations=[location])

    answer = desk.post(
        page("Provider", "change", provider.pk),
        provider_form(
            **{
                "providerlocation_set-TOTAL_FORMS": 2,
                "providerlocation_set-0-location": location.pk,
                "providerlocation_set-1-location": location.pk,
            }
        ),
    )

    assert answer.status_code == 200
    assert provider.locations.count() == 1


def test_an_npi_with_a_wrong_check_digit_is_refused(desk: Browser):
    answer = desk.post(page("Provider", "add"), provider_form(npi="1234567890"))

    assert list(answer.context["adminform"].errors) == ["npi"]


RULE = {
    "weekday": 0,
    "start_time": "09:00",
    "end_time": "10:00",
    "time_zone": "America/Chicago",
    "valid_from": "2020-01-01",
}


def test_a_rule_is_published_at_once(desk: Browser, practice: models.Practice):
    provider = factories.ProviderFactory(practice=practice)

    answer = desk.post(page("AvailabilityRule", "add"), RULE | {"provider": provider.pk}, follow=True)

    opened = provider.appointments.filter(status="OPEN").count()
    assert opened >= 13 * 4 - 4
    assert f"{provider.name}: {opened} appointments opened, 0 withdrawn." in said(answer)


def test_deleting_a_rule_says_which_bookings_stand_without_their_time(
    desk: Browser, practice: models.Practice
):
    provider = factories.ProviderFactory(practice=practice)
    desk.post(page("AvailabilityRule", "add"), RULE | {"provider": provider.pk})
    rule = models.AvailabilityRule.objects.get()
    booked = factories.ReservationFactory(
        appointments=[provider.appointments.order_by("-starts_at").first()], status="CONFIRMED"
    )

    answer = desk.post(page("AvailabilityRule", "delete", rule.pk), {"post": "yes"}, follow=True)

    assert any(f"Reservation {booked.pk} " in message for message in said(answer))
    assert not provider.appointments.filter(status="OPEN").exists()
    booked.refresh_from_db()
    assert booked.status == "CONFIRMED"


def test_deleting_several_rules_publishes_each_calendar(desk: Browser, practice: models.Practice):
    rules = [factories.AvailabilityRuleFactory(provider__practice=practice) for _ in range(2)]
    for rule in rules:
        factories.AppointmentFactory(provider=rule.provider)

    answer = desk.post(
        page("AvailabilityRule", "changelist"),
        {"action": "delete_selected", "_selected_action": [rule.pk for rule in rules], "post": "yes"},
    )

    assert answer.status_code == 302
    assert set(Appointment.objects.values_list("status", flat=True)) == {"WITHDRAWN"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"start_time": "09:05"}, "start_time"),
        ({"end_time": "08:00"}, "end_time"),
        ({"time_zone": "Chicago"}, "time_zone"),
        ({"valid_until": "2019-12-31"}, "valid_until"),
    ],
)
def test_a_rule_that_no_week_has_is_refused_at_its_field(
    changes: dict[str, str], field: str, desk: Browser, practice: models.Practice
):
    provider = factories.ProviderFactory(practice=practice)

    answer = desk.post(page("AvailabilityRule", "add"), RULE | {"provider": provider.pk} | changes)

    assert list(answer.context["adminform"].errors) == [field]
    assert not models.AvailabilityRule.objects.exists()


def test_an_exception_off_the_quarter_hour_is_refused(desk: Browser, practice: models.Practice):
    answer = desk.post(
        page("AvailabilityException", "add"),
        {
            "provider": factories.ProviderFactory(practice=practice).pk,
            "kind": "ADD",
            "starts_at_0": "2030-01-01",
            "starts_at_1": "09:05",
            "ends_at_0": "2030-01-01",
            "ends_at_1": "10:00",
        },
    )

    assert list(answer.context["adminform"].errors) == ["starts_at"]


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


@pytest.mark.parametrize("user", ["desk", "superuser"])
def test_a_list_costs_the_same_for_two_rows_and_for_fifty(
    user: str, practice: models.Practice, request: pytest.FixtureRequest
):
    browser = request.getfixturevalue(user)
    names = PAGES if user == "superuser" else sorted(set(PAGES) - SUPERUSERS_ALONE)
    browser.get(page("Client", "changelist"))  # What the process keeps for good, it has now.

    def statements(name: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(page(name, "changelist")).status_code == 200
        return len(queries)

    def one_more() -> None:
        one_of_each(practice)
        factories.PracticeFactory()

    for _ in range(2):  # With the second row, the filters by it appear.
        one_more()
    few = {name: statements(name) for name in names}
    for _ in range(48):
        one_more()

    assert {name: statements(name) for name in names} == few
