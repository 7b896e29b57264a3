from datetime import timedelta

import pytest
from django.utils import timezone

from reservation.models import WaitlistEntry
from tests import factories
from tests.api.shapes import id_of, instant
from tests.api.writing import done, refused, write

SELECT = "waitlistEntry { id status client { id } provider { id } service { id } startsFrom startsUntil }"
START = factories.upcoming()
WISH = {"startsFrom": instant(START), "startsUntil": instant(START + timedelta(days=7))}


def test_join_waitlist_puts_the_client_who_asks_on_it(graphql, client_member):
    payload = done(write(graphql, "joinWaitlist", WISH, as_=client_member, select=SELECT))

    assert payload == {
        "waitlistEntry": {
            "id": id_of(WaitlistEntry.objects.get()),
            "status": "WAITING",
            "client": {"id": id_of(client_member.client)},
            "provider": None,
            "service": None,
            **WISH,
        }
    }


def test_join_waitlist_for_a_provider_and_a_service(graphql, desk, client_member):
    service = factories.ServiceFactory(practice=desk.practice)
    provider = factories.ProviderFactory(practice=desk.practice, services=[service])
    wanted = {"providerId": id_of(provider), "serviceId": id_of(service)}

    payload = done(
        write(
            graphql,
            "joinWaitlist",
            {**WISH, **wanted, "clientId": id_of(client_member.client)},
            as_=desk,
            select=SELECT,
        )
    )

    assert payload["waitlistEntry"]["provider"] == {"id": id_of(provider)}
    assert payload["waitlistEntry"]["service"] == {"id": id_of(service)}


def test_join_waitlist_needs_to_know_who_waits(graphql, desk):
    answer = write(graphql, "joinWaitlist", WISH, as_=desk, select=SELECT)

    assert refused(answer) == ("INVALID", ["clientId"])


def test_join_waitlist_refuses_the_same_wish_twice(graphql, client_member):
    done(write(graphql, "joinWaitlist", WISH, as_=client_member))

    answer = write(graphql, "joinWaitlist", WISH, as_=client_member, select=SELECT)

    assert refused(answer) == ("ALREADY_WAITING", [])
    assert WaitlistEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("starts_from", "starts_until"),
    [(2, 2), (2, 1), (-2, -1), (1, 91)],
    ids=["empty", "reversed", "past", "far"],
)
def test_join_waitlist_refuses_a_time_that_cannot_come(graphql, client_member, starts_from, starts_until):
    now = timezone.now()
    input = {
        "startsFrom": instant(now + timedelta(days=starts_from)),
        "startsUntil": instant(now + timedelta(days=starts_until)),
    }

    answer = write(graphql, "joinWaitlist", input, as_=client_member, select=SELECT)

    assert refused(answer) == ("INVALID", ["startsUntil"])
    assert not WaitlistEntry.objects.exists()


def test_leave_waitlist_ends_the_wait_once(graphql, client_member):
    entry = factories.WaitlistEntryFactory(client=client_member.client)
    input = {"entryId": id_of(entry)}

    left = done(write(graphql, "leaveWaitlist", input, as_=client_member, select="waitlistEntry { status }"))
    answer = write(graphql, "leaveWaitlist", input, as_=client_member)

    assert left == {"waitlistEntry": {"status": "LEFT"}}
    assert refused(answer) == ("INVALID_STATE", [])
