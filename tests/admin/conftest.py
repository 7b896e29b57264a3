import pytest
from django.test import Client as Browser

from reservation import models
from reservation.models import Appointment, Client, Provider, Reservation
from tests import factories
from tests.admin.pages import signed_in


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


@pytest.fixture
def provider(practice: models.Practice) -> Provider:
    return factories.ProviderFactory(practice=practice, name="Dr. Ours")


@pytest.fixture
def client(practice: models.Practice) -> Client:
    return factories.ClientFactory(practice=practice, name="Ada Lovelace")


@pytest.fixture
def appointment(provider: Provider) -> Appointment:
    return factories.AppointmentFactory(provider=provider, starts_at=factories.upcoming())


@pytest.fixture
def visit(appointment: Appointment, client: Client) -> Reservation:
    return factories.ReservationFactory(appointments=[appointment], client=client, status="CONFIRMED")
