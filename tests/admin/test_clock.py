"""Times are shown and typed on the practice's clock, and the page says so."""

from datetime import UTC, datetime

import pytest
from django.test import Client as Browser

from reservation import models
from tests import factories
from tests.admin.pages import page

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


def test_every_page_says_whose_clock_it_is(desk: Browser, superuser: Browser):
    assert "Clock: America/Chicago" in desk.get(page("Reservation", "changelist")).content.decode()
    assert "Clock: UTC" in superuser.get(page("Reservation", "changelist")).content.decode()
