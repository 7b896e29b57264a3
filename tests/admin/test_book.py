"""The desk books an appointment; what refuses shows where it is."""

import pytest
from django.test import Client as Browser
from django.utils import timezone

from reservation import models
from reservation.models import Appointment, Client, Provider, Reservation
from reservation.rules import states
from reservation.rules.grid import SLOT
from reservation.services import booking
from tests import factories
from tests.admin.pages import errors, history, opened, page, sent

pytestmark = pytest.mark.django_db


def test_the_desk_books_and_confirms_at_once(desk: Browser, appointment: Appointment, client: Client):
    answer = sent(desk, appointment, "book", client=client.pk, confirm="on")

    booked = Reservation.objects.get()
    assert answer.url == page("Reservation", "change", booked.pk)
    assert (booked.client, booked.provider, booked.status) == (client, appointment.provider, "CONFIRMED")
    assert [appointment] == list(booked.appointments.all())
    assert history(booked) == [("HELD", "desk", ""), ("CONFIRMED", "desk", "")]


def test_the_desk_holds_without_confirming(desk: Browser, appointment: Appointment, client: Client):
    sent(desk, appointment, "book", client=client.pk)

    assert Reservation.objects.get().status == "HELD"


def test_a_booking_of_a_service_takes_as_many_appointments_as_it_needs(
    desk: Browser, practice: models.Practice, appointment: Appointment, client: Client
):
    service = factories.ServiceFactory(practice=practice, slots=2)
    appointment.provider.services.add(service, through_defaults={"practice": practice})
    following = factories.AppointmentFactory(
        provider=appointment.provider, starts_at=appointment.starts_at + SLOT
    )

    sent(desk, appointment, "book", client=client.pk, service=service.pk, confirm="on")

    assert set(Reservation.objects.get().appointments.all()) == {appointment, following}


def test_the_desk_waives_the_lead_time_with_a_reason(desk: Browser, provider: Provider, client: Client):
    soon = factories.AppointmentFactory(
        provider=provider, starts_at=factories.quarter_hour_after(timezone.now() + SLOT)
    )

    refused = sent(desk, soon, "book", client=client.pk)
    assert errors(refused) == {"__all__": ["Appointments must be booked 24 hours ahead or more."]}
    assert not Reservation.objects.exists()
    sent(desk, soon, "book", client=client.pk, override_reason="Toothache")

    booked = Reservation.objects.get()
    assert booked.override_reason == "Toothache"
    assert history(booked) == [("HELD", "desk", "Toothache")]


def test_an_appointment_that_was_taken_meanwhile_is_refused(
    desk: Browser, visit: Reservation, appointment: Appointment, practice: models.Practice
):
    answer = sent(desk, appointment, "book", client=factories.ClientFactory(practice=practice).pk)

    assert errors(answer) == {
        "__all__": ["Another reservation has this appointment, or it is no longer open."]
    }
    assert "Another reservation has this appointment" in answer.content.decode()
    assert Reservation.objects.get() == visit


def test_a_refused_confirmation_leaves_no_hold(
    desk: Browser, appointment: Appointment, client: Client, monkeypatch: pytest.MonkeyPatch
):
    def refuse(**_given: object) -> None:
        raise states.InvalidState("Not now.")

    monkeypatch.setattr(booking, "confirm_reservation", refuse)

    answer = sent(desk, appointment, "book", client=client.pk, confirm="on")

    assert errors(answer) == {"__all__": ["Not now."]}
    assert not Reservation.objects.exists()
    assert not models.OutboxEvent.objects.exists()


def test_a_booking_needs_a_client(desk: Browser, appointment: Appointment):
    answer = sent(desk, appointment, "book", confirm="on")

    assert errors(answer) == {"client": ["This field is required."]}


def test_nobody_of_another_practice_is_booked_not_even_by_a_superuser(
    desk: Browser, superuser: Browser, appointment: Appointment, other: models.Practice
):
    theirs = factories.ClientFactory(practice=other)

    for browser in (desk, superuser):
        answer = sent(browser, appointment, "book", client=theirs.pk)

        assert list(errors(answer)) == ["client"]
    assert not Reservation.objects.exists()


def test_the_form_offers_what_the_provider_offers(
    desk: Browser, practice: models.Practice, appointment: Appointment, client: Client
):
    offered = factories.ServiceFactory(practice=practice)
    closed = factories.ServiceFactory(practice=practice, is_active=False)
    for service in (offered, closed):
        appointment.provider.services.add(service, through_defaults={"practice": practice})
    of_nobody = factories.ServiceFactory(practice=practice)

    form = opened(desk, appointment, "book").context["form"]
    answer = sent(desk, appointment, "book", client=client.pk, service=of_nobody.pk)

    assert [str(label) for _value, label in form.fields["service"].choices] == [
        "No service (15 minutes)",
        str(offered),
    ]
    assert list(errors(answer)) == ["service"]


def test_the_form_finds_the_clients_of_its_practice_alone(
    superuser: Browser, appointment: Appointment, client: Client, other: models.Practice
):
    factories.ClientFactory(practice=other, name="Ada Theirs")

    widget = opened(superuser, appointment, "book").context["form"].fields["client"].widget.widget
    answer = superuser.get(
        widget.get_url() + "&app_label=reservation&model_name=reservation&field_name=client&term=Ada"
    )

    assert [result["id"] for result in answer.json()["results"]] == [str(client.pk)]
