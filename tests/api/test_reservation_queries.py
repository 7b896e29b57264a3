from datetime import UTC, datetime, timedelta

import pytest

from reservation.rules.grid import SLOT
from reservation.rules.policy import Role
from tests import factories
from tests.api.shapes import id_of, ids, instant, nodes, refusals

RESERVATIONS = """query ($filter: ReservationFilter) {
  reservations(first: 100, filter: $filter) { totalCount edges { node { id } } } }"""
RESERVATION = """query ($id: ID!) { reservation(id: $id) {
  id startsAt endsAt status expiresAt version overrideReason cancellationReason createdAt updatedAt
  provider { id } client { id } service { id } appointments { id } } }"""


def found(graphql, member, **filter):
    return ids(graphql(RESERVATIONS, {"filter": filter}, as_=member)["data"]["reservations"])


def test_a_reservation_has_its_fields(graphql, desk, practice):
    provider = factories.ProviderFactory(practice=practice)
    start = factories.upcoming()
    slots = [factories.AppointmentFactory(provider=provider, starts_at=start + n * SLOT) for n in range(2)]
    service = factories.ServiceFactory(practice=practice, slots=2)
    reservation = factories.ReservationFactory(
        appointments=slots, service=service, status="CONFIRMED", version=2, override_reason="Urgent"
    )

    answer = graphql(RESERVATION, {"id": id_of(reservation)}, as_=desk)

    assert answer["data"]["reservation"] == {
        "id": id_of(reservation),
        "startsAt": instant(start),
        "endsAt": instant(start + 2 * SLOT),
        "status": "CONFIRMED",
        "expiresAt": instant(reservation.expires_at),
        "version": 2,
        "overrideReason": "Urgent",
        "cancellationReason": "",
        "createdAt": instant(reservation.created_at),
        "updatedAt": instant(reservation.updated_at),
        "provider": {"id": id_of(provider)},
        "client": {"id": id_of(reservation.client)},
        "service": {"id": id_of(service)},
        "appointments": [{"id": id_of(slot)} for slot in slots],
    }


def test_the_desk_sees_all_others_their_own(
    graphql, desk, provider_member, client_member, stranger, practice
):
    own_visit = factories.ReservationFactory(provider=provider_member.provider)
    own_booking = factories.ReservationFactory(client=client_member.client)

    assert set(found(graphql, desk)) == {id_of(own_visit), id_of(own_booking)}
    assert found(graphql, provider_member) == [id_of(own_visit)]
    assert found(graphql, client_member) == [id_of(own_booking)]
    assert found(graphql, stranger) == []


@pytest.mark.parametrize("role", [Role.PROVIDER, Role.CLIENT])
def test_anothers_reservation_is_null(graphql, practice, role):
    reservation = factories.ReservationFactory(practice=practice)
    member = factories.MembershipFactory(practice=practice, role=role)

    answer = graphql(RESERVATION, {"id": id_of(reservation)}, as_=member)

    assert answer == {"data": {"reservation": None}}


def test_clients_do_not_see_why_the_desk_waived_the_lead_time(graphql, client_member):
    reservation = factories.ReservationFactory(client=client_member.client, override_reason="Relapse feared")

    answer = graphql(RESERVATION, {"id": id_of(reservation)}, as_=client_member)

    assert answer["data"]["reservation"]["overrideReason"] is None


def test_a_hold_that_ran_out_is_expired_though_no_sweeper_ran(graphql, desk, practice):
    over = factories.ReservationFactory(
        practice=practice, status="HELD", expires_at=datetime.now(UTC) - timedelta(seconds=1)
    )
    held = factories.ReservationFactory(practice=practice, status="HELD")

    answer = graphql(RESERVATION, {"id": id_of(over)}, as_=desk)

    assert answer["data"]["reservation"]["status"] == "EXPIRED"
    assert found(graphql, desk, status="EXPIRED") == [id_of(over)]
    assert found(graphql, desk, status="HELD") == [id_of(held)]


@pytest.mark.parametrize("status", ["HELD", "CONFIRMED", "CANCELLED", "EXPIRED", "FULFILLED", "NO_SHOW"])
def test_filters_by_each_status(graphql, desk, practice, status):
    by_status = {
        each: factories.ReservationFactory(practice=practice, status=each)
        for each in ("HELD", "CONFIRMED", "CANCELLED", "EXPIRED", "FULFILLED", "NO_SHOW")
    }

    assert found(graphql, desk, status=status) == [id_of(by_status[status])]


def test_filters_by_client_provider_and_start(graphql, desk, practice):
    early, late = (
        factories.ReservationFactory(
            appointments=[
                factories.AppointmentFactory(
                    provider=factories.ProviderFactory(practice=practice), starts_at=factories.upcoming(step)
                )
            ]
        )
        for step in (0, 8)
    )

    assert found(graphql, desk, clientId=id_of(early.client)) == [id_of(early)]
    assert found(graphql, desk, providerId=id_of(late.provider)) == [id_of(late)]
    assert found(graphql, desk, startsAtGte=instant(late.starts_at)) == [id_of(late)]
    assert found(graphql, desk, startsAtLt=instant(late.starts_at)) == [id_of(early)]
    assert found(graphql, desk) == [id_of(early), id_of(late)]


@pytest.mark.parametrize(
    ("filter", "field"),
    [
        ({"clientId": "x"}, "clientId"),
        ({"providerId": "x"}, "providerId"),
        ({"startsAtGte": "2030-01-02T00:00:00Z", "startsAtLt": "2030-01-01T00:00:00Z"}, "startsAtLt"),
    ],
)
def test_refuses_a_filter_that_cannot_be(graphql, desk, filter, field):
    answer = graphql(RESERVATIONS, {"filter": filter}, as_=desk)

    assert refusals(answer) == [("INVALID", ["filter", field])]


def test_a_client_cannot_ask_for_anothers_by_filter(graphql, client_member, practice):
    other = factories.ReservationFactory(practice=practice)

    assert found(graphql, client_member, clientId=id_of(other.client)) == []


EVENTS = """query ($id: ID!, $first: Int, $after: String) { reservation(id: $id) {
  events(first: $first, after: $after) {
    totalCount pageInfo { endCursor }
    edges { node { id kind at version startsAt reason userName } } } } }"""


@pytest.fixture
def history(client_member):
    """A reservation that a person made and Frontdesk let expire."""
    reservation = factories.ReservationFactory(client=client_member.client, status="EXPIRED")
    user = factories.UserFactory(first_name="Grace", last_name="Hopper")
    held = factories.ReservationEventFactory(reservation=reservation, user=user)
    expired = factories.ReservationEventFactory(
        reservation=reservation, kind="EXPIRED", version=2, reason="Hold ran out"
    )
    return reservation, held, expired


def test_a_reservation_has_its_history_the_earliest_first(graphql, desk, history):
    reservation, held, expired = history

    answer = graphql(EVENTS, {"id": id_of(reservation), "first": 9}, as_=desk)

    events = answer["data"]["reservation"]["events"]
    assert events["totalCount"] == 2
    assert nodes(events) == [
        {
            "id": id_of(held),
            "kind": "HELD",
            "at": instant(held.at),
            "version": 1,
            "startsAt": instant(reservation.starts_at),
            "reason": "",
            "userName": "Grace Hopper",
        },
        {
            "id": id_of(expired),
            "kind": "EXPIRED",
            "at": instant(expired.at),
            "version": 2,
            "startsAt": instant(reservation.starts_at),
            "reason": "Hold ran out",
            "userName": None,
        },
    ]


def test_only_the_desk_sees_who_did_it(graphql, client_member, history):
    reservation, *_ = history

    answer = graphql(EVENTS, {"id": id_of(reservation), "first": 9}, as_=client_member)

    names = [node["userName"] for node in nodes(answer["data"]["reservation"]["events"])]
    assert names == [None, None]


def test_a_history_is_read_page_by_page(graphql, desk, history):
    reservation, held, expired = history
    of_it = {"id": id_of(reservation), "first": 1}

    first = graphql(EVENTS, of_it, as_=desk)["data"]["reservation"]["events"]
    after = first["pageInfo"]["endCursor"]
    second = graphql(EVENTS, {**of_it, "after": after}, as_=desk)["data"]["reservation"]["events"]

    assert ids(first) + ids(second) == [id_of(held), id_of(expired)]
