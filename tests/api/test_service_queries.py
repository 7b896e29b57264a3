from tests import factories
from tests.api.shapes import id_of, ids

SERVICES = "{ services(first: 100) { edges { node { id } } } }"


def test_a_service_has_its_fields(graphql, desk, practice):
    service = factories.ServiceFactory(
        practice=practice, name="Surgery", slots=4, price_cents=80_000, lead_time_minutes=0, hold_minutes=None
    )

    answer = graphql(
        """query ($id: ID!) { service(id: $id) {
             name slots priceCents leadTimeMinutes holdMinutes isActive } }""",
        {"id": id_of(service)},
        as_=desk,
    )

    assert answer["data"]["service"] == {
        "name": "Surgery",
        "slots": 4,
        "priceCents": 80_000,
        "leadTimeMinutes": 0,
        "holdMinutes": None,
        "isActive": True,
    }


def test_only_the_desk_sees_services_that_are_not_active(graphql, desk, client_member, practice):
    active = factories.ServiceFactory(practice=practice, name="A")
    retired = factories.ServiceFactory(practice=practice, name="B", is_active=False)
    factories.ServiceFactory(name="Of another practice")

    by_desk, by_client = (
        ids(graphql(SERVICES, as_=member)["data"]["services"]) for member in (desk, client_member)
    )

    assert by_desk == [id_of(active), id_of(retired)]
    assert by_client == [id_of(active)]
