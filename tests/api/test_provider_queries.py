import pytest

from tests import factories
from tests.api.shapes import id_of, ids, instant, nodes, refusals

PROVIDERS = (
    "query ($filter: ProviderFilter) { providers(first: 100, filter: $filter) { edges { node { id } } } }"
)


def test_a_provider_has_its_fields(graphql, desk, practice):
    location, service = (
        factories.LocationFactory(practice=practice, name="Clinic"),
        factories.ServiceFactory(practice=practice, name="Check-up"),
    )
    provider = factories.ProviderFactory(
        practice=practice, name="Dr. A", npi="1234567893", locations=[location], services=[service]
    )

    answer = graphql(
        """query ($id: ID!) { provider(id: $id) { id name npi specialty timeZone isActive createdAt
             locations { id name } services { id name } } }""",
        {"id": id_of(provider)},
        as_=desk,
    )

    assert answer["data"]["provider"] == {
        "id": id_of(provider),
        "name": "Dr. A",
        "npi": "1234567893",
        "specialty": "Family Medicine",
        "timeZone": "America/Chicago",
        "isActive": True,
        "createdAt": instant(provider.created_at),
        "locations": [{"id": id_of(location), "name": "Clinic"}],
        "services": [{"id": id_of(service), "name": "Check-up"}],
    }


def test_lists_the_practices_providers_by_name(graphql, desk, practice):
    late, early = (factories.ProviderFactory(practice=practice, name=name) for name in ("B", "A"))
    factories.ProviderFactory(name="Of another practice")

    answer = graphql(PROVIDERS, as_=desk)

    assert ids(answer["data"]["providers"]) == [id_of(early), id_of(late)]


def test_only_the_desk_and_itself_see_a_provider_who_is_not_active(
    graphql, desk, provider_member, client_member
):
    provider = provider_member.provider
    provider.is_active = False
    provider.save()

    seen = [
        ids(graphql(PROVIDERS, as_=member)["data"]["providers"])
        for member in (desk, provider_member, client_member)
    ]

    assert seen == [[id_of(provider)], [id_of(provider)], []]


@pytest.mark.parametrize("narrow_by", ["serviceId", "locationId", "isActive"])
def test_every_field_of_the_filter_narrows(graphql, desk, practice, narrow_by):
    location = factories.LocationFactory(practice=practice)
    service = factories.ServiceFactory(practice=practice)
    wanted = factories.ProviderFactory(practice=practice, locations=[location], services=[service])
    factories.ProviderFactory(practice=practice, is_active=False)
    values = {"serviceId": id_of(service), "locationId": id_of(location), "isActive": True}

    answer = graphql(PROVIDERS, {"filter": {narrow_by: values[narrow_by]}}, as_=desk)

    assert ids(answer["data"]["providers"]) == [id_of(wanted)]


def test_refuses_a_filter_by_the_id_of_another_type(graphql, desk, practice):
    answer = graphql(PROVIDERS, {"filter": {"serviceId": id_of(practice)}}, as_=desk)

    assert refusals(answer) == [("INVALID", ["filter", "serviceId"])]


def test_a_client_does_not_see_services_that_are_not_active(graphql, client_member, practice):
    service = factories.ServiceFactory(practice=practice, is_active=False)
    provider = factories.ProviderFactory(practice=practice, services=[service])

    answer = graphql(
        "query ($id: ID!) { provider(id: $id) { services { id } } }",
        {"id": id_of(provider)},
        as_=client_member,
    )

    assert answer["data"]["provider"] == {"services": []}


CALENDAR = """query ($id: ID!) { provider(id: $id) {
  availabilityRules(first: 7) { edges { node {
    id weekday startTime endTime timeZone validFrom validUntil location { id } provider { id } } } }
  availabilityExceptions(first: 7) { edges { node {
    id kind startsAt endsAt reason provider { id } } } } } }"""


def test_the_desk_and_the_provider_see_its_availability(graphql, desk, provider_member, practice):
    provider = provider_member.provider
    location = factories.LocationFactory(practice=practice)
    tuesday = factories.AvailabilityRuleFactory(provider=provider, weekday=1, end_time="00:00")
    monday = factories.AvailabilityRuleFactory(provider=provider, weekday=0, location=location)
    exception = factories.AvailabilityExceptionFactory(provider=provider, reason="Training")

    by_desk, by_itself = (
        graphql(CALENDAR, {"id": id_of(provider)}, as_=member)["data"]["provider"]
        for member in (desk, provider_member)
    )

    assert by_desk == by_itself
    assert ids(by_desk["availabilityRules"]) == [id_of(monday), id_of(tuesday)]
    assert nodes(by_desk["availabilityRules"])[0] == {
        "id": id_of(monday),
        "weekday": "MONDAY",
        "startTime": "09:00",
        "endTime": "17:00",
        "timeZone": "America/Chicago",
        "validFrom": "2020-01-01",
        "validUntil": None,
        "location": {"id": id_of(location)},
        "provider": {"id": id_of(provider)},
    }
    assert nodes(by_desk["availabilityExceptions"]) == [
        {
            "id": id_of(exception),
            "kind": "REMOVE",
            "startsAt": instant(exception.starts_at),
            "endsAt": instant(exception.ends_at),
            "reason": "Training",
            "provider": {"id": id_of(provider)},
        }
    ]


def test_rules_are_paged_by_weekday_start_and_id(graphql, desk, practice):
    provider = factories.ProviderFactory(practice=practice)
    rules = [
        factories.AvailabilityRuleFactory(provider=provider, weekday=weekday, start_time=start_time)
        for weekday, start_time in ((0, "08:00"), (0, "09:00"), (0, "09:00"), (1, "08:00"))
    ]
    query = """query ($id: ID!, $after: String) { provider(id: $id) {
      availabilityRules(first: 2, after: $after) { edges { node { id } } pageInfo { endCursor } } } }"""

    first = graphql(query, {"id": id_of(provider)}, as_=desk)["data"]["provider"]["availabilityRules"]
    after = first["pageInfo"]["endCursor"]
    second = graphql(query, {"id": id_of(provider), "after": after}, as_=desk)["data"]["provider"]

    assert ids(first) + ids(second["availabilityRules"]) == [id_of(rule) for rule in rules]


def test_nobody_else_sees_a_providers_availability(graphql, provider_member, client_member, practice):
    provider = factories.ProviderFactory(practice=practice)
    factories.AvailabilityRuleFactory(provider=provider)
    factories.AvailabilityExceptionFactory(provider=provider)

    for member in (provider_member, client_member):
        seen = graphql(CALENDAR, {"id": id_of(provider)}, as_=member)["data"]["provider"]

        assert seen == {"availabilityRules": {"edges": []}, "availabilityExceptions": {"edges": []}}


def test_each_sees_of_a_providers_reservations_its_own(
    graphql, desk, provider_member, client_member, practice
):
    provider = factories.ProviderFactory(practice=practice)
    own = factories.ReservationFactory(provider=provider, client=client_member.client)
    other = factories.ReservationFactory(provider=provider)
    query = """query ($id: ID!) { provider(id: $id) {
      reservations(first: 9) { totalCount edges { node { id } } } } }"""

    by_desk, by_another, by_client = (
        graphql(query, {"id": id_of(provider)}, as_=member)["data"]["provider"]["reservations"]
        for member in (desk, provider_member, client_member)
    )

    assert (set(ids(by_desk)), by_desk["totalCount"]) == ({id_of(own), id_of(other)}, 2)
    assert (ids(by_another), by_another["totalCount"]) == ([], 0)
    assert (ids(by_client), by_client["totalCount"]) == ([id_of(own)], 1)


def test_a_providers_appointments_can_be_filtered(graphql, desk, practice):
    provider = factories.ProviderFactory(practice=practice)
    early, late = (
        factories.AppointmentFactory(provider=provider, starts_at=factories.upcoming(step)) for step in (0, 8)
    )
    query = """query ($id: ID!, $filter: ProviderAppointmentFilter) { provider(id: $id) {
      appointments(first: 9, filter: $filter) { edges { node { id } } } } }"""

    answer = graphql(
        query, {"id": id_of(provider), "filter": {"startsAtGte": instant(late.starts_at)}}, as_=desk
    )

    assert ids(answer["data"]["provider"]["appointments"]) == [id_of(late)]
    assert early.starts_at < late.starts_at


def test_refuses_an_unknown_service_beneath_each_provider(graphql, desk, practice, stranger):
    factories.ProviderFactory(practice=practice)
    service = factories.ServiceFactory(practice=stranger.practice)

    answer = graphql(
        """query ($filter: ProviderAppointmentFilter) { providers(first: 2) { edges { node {
             appointments(first: 1, filter: $filter) { totalCount } } } } }""",
        {"filter": {"serviceId": id_of(service)}},
        as_=desk,
    )

    assert nodes(answer["data"]["providers"]) == [{"appointments": None}]
    assert refusals(answer) == [("NOT_FOUND", ["filter", "serviceId"])]
