"""A provider's calendar, from the mutation that gives it an address to what a calendar program reads."""

from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar

from tests import factories
from tests.api.shapes import id_of
from tests.api.writing import done, write

NOT_FOUND = b"There is no such calendar.\n"


@pytest.fixture
def feed_url(graphql, provider_member):
    payload = done(
        write(
            graphql,
            "rotateCalendarFeedToken",
            {"providerId": id_of(provider_member.provider)},
            as_=provider_member,
            select="provider { id } url",
        )
    )
    assert payload["provider"] == {"id": id_of(provider_member.provider)}
    return payload["url"]


def test_a_calendar_program_reads_the_providers_visits(client, feed_url, provider_member):
    provider = provider_member.provider
    service = factories.ServiceFactory(practice=provider.practice, name="Check-up")
    location = factories.LocationFactory(practice=provider.practice, name="Main Street")
    first, second = (
        factories.AppointmentFactory(
            provider=provider, starts_at=factories.upcoming(4 * i), location=location
        )
        for i in range(2)
    )
    confirmed = factories.ReservationFactory(
        appointments=[first], service=service, status="CONFIRMED", expires_at=None, version=2
    )
    held = factories.ReservationFactory(appointments=[second])

    response = client.get(feed_url)

    assert response.status_code == 200
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert response["Cache-Control"] == "private, max-age=300"
    calendar = Calendar.from_ical(response.content)
    assert calendar.calendar_name == provider.name
    events = calendar.events
    assert [event["UID"] for event in events] == [
        f"reservation-{confirmed.pk}@frontdesk",
        f"reservation-{held.pk}@frontdesk",
    ]
    assert [event["SUMMARY"] for event in events] == ["Check-up", "Visit"]
    assert [event["STATUS"] for event in events] == ["CONFIRMED", "TENTATIVE"]
    assert [event["SEQUENCE"] for event in events] == [2, 1]
    assert [event["LOCATION"] for event in events] == ["Main Street", "Main Street"]
    assert [event.start for event in events] == [first.starts_at, second.starts_at]
    assert [event.end for event in events] == [first.ends_at, second.ends_at]


def test_no_word_of_the_client_leaves_the_building(client, feed_url, provider_member):
    person = factories.ClientFactory(
        practice=provider_member.practice, name="Zelda Quux", email="zelda@example.net", phone="+15559876543"
    )
    factories.ReservationFactory(
        client=person, provider=provider_member.provider, override_reason="Zelda has pain"
    )

    body = client.get(feed_url).content

    assert body.count(b"BEGIN:VEVENT") == 1
    assert not any(word in body for word in (b"Zelda", b"Quux", b"zelda", b"5559876543", b"pain"))


def test_a_hold_vanishes_when_it_is_over(client, feed_url, provider_member):
    over = datetime.now(UTC) - timedelta(seconds=1)
    factories.ReservationFactory(provider=provider_member.provider, expires_at=over)

    assert b"VEVENT" not in client.get(feed_url).content


def test_rotating_ends_the_old_address(client, graphql, feed_url, provider_member):
    write(
        graphql,
        "rotateCalendarFeedToken",
        {"providerId": id_of(provider_member.provider)},
        as_=provider_member,
    )

    response = client.get(feed_url)

    assert (response.status_code, response.content) == (404, NOT_FOUND)


@pytest.mark.parametrize("token", ["x", f"1-{'a' * 43}", "1-%00", "%C3%A9"])
def test_an_unknown_token_is_not_found(client, db, token):
    response = client.get(f"/calendar/{token}.ics")

    assert (response.status_code, response.content) == (404, NOT_FOUND)


def test_is_read_only(client, feed_url):
    assert client.head(feed_url).status_code == 200
    assert client.post(feed_url).status_code == 405
