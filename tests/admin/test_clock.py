"""Times are typed on the practice's clock, and the form says so; every time shown names its zone."""

from datetime import UTC, datetime

import pytest
from django.test import Client as Browser

from reservation import models
from tests import factories
from tests.admin.pages import one_of_each, page

pytestmark = pytest.mark.django_db


def test_an_exception_is_typed_on_the_practices_clock(desk: Browser, practice: models.Practice):
    answer = desk.post(
        page("AvailabilityException", "add"),
        {
            "provider": factories.ProviderFactory(practice=practice).pk,
            "kind": "ADD",
            "starts_at_0": "2030-01-07",
            "starts_at_1": "09:00",
            "ends_at_0": "2030-01-07",
            "ends_at_1": "10:00",
        },
    )

    assert answer.status_code == 302
    exception = models.AvailabilityException.objects.get()
    # The factory's practice is in Chicago, six hours behind in winter.
    assert exception.starts_at == datetime(2030, 1, 7, 15, tzinfo=UTC)


@pytest.mark.parametrize("name", ["AvailabilityException", "WaitlistEntry"])
def test_a_form_says_on_whose_clock_its_times_are_typed(
    name: str, desk: Browser, superuser: Browser, practice: models.Practice
):
    row = one_of_each(practice)[name]

    for address in (page(name, "add"), page(name, "change", row.pk)):
        assert "Times you type: America/Chicago" in desk.get(address).content.decode()
        assert "Times you type: UTC" in superuser.get(address).content.decode()


@pytest.mark.parametrize(
    ("name", "kind"), [("Reservation", "changelist"), ("WaitlistEntry", "changelist"), ("Client", "add")]
)
def test_a_page_on_which_no_time_is_typed_speaks_of_no_clock(name: str, kind: str, desk: Browser):
    assert "Times you type" not in desk.get(page(name, kind)).content.decode()


def test_a_time_in_a_list_names_its_zone(desk: Browser, practice: models.Practice):
    factories.AvailabilityExceptionFactory(
        provider__practice=practice,
        starts_at=datetime(2030, 1, 7, 15, 15, tzinfo=UTC),
        ends_at=datetime(2030, 1, 7, 17, tzinfo=UTC),
    )

    shown = desk.get(page("AvailabilityException", "changelist")).content.decode()

    assert "Mon 7 Jan 2030, 09:15 CST" in shown
