"""What can be changed by hand, and what the forms refuse."""

import pytest
from django.test import Client as Browser

from reservation import models
from reservation.models import Appointment, Provider
from tests import factories
from tests.admin.pages import page, said, signed_in

pytestmark = pytest.mark.django_db


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


def test_a_service_whose_lead_time_passes_the_horizon_is_refused_at_its_field(desk: Browser):
    answer = desk.post(
        page("Service", "add"),
        {"name": "Far", "slots": 1, "price_cents": 0, "lead_time_minutes": 100 * 24 * 60, "is_active": "on"},
    )

    assert list(answer.context["adminform"].errors) == ["lead_time_minutes"]
