from tests import factories
from tests.api.shapes import id_of, ids


def test_a_location_has_its_fields(graphql, client_member, practice):
    location = factories.LocationFactory(practice=practice, name="Clinic", address="1 Main Street")

    answer = graphql(
        "query ($id: ID!) { location(id: $id) { name address timeZone } }",
        {"id": id_of(location)},
        as_=client_member,
    )

    assert answer["data"]["location"] == {
        "name": "Clinic",
        "address": "1 Main Street",
        "timeZone": "America/Chicago",
    }


def test_everybody_sees_the_practices_locations_by_name(
    graphql, desk, provider_member, client_member, practice
):
    late, early = (factories.LocationFactory(practice=practice, name=name) for name in ("B", "A"))
    factories.LocationFactory(name="Of another practice")

    for member in (desk, provider_member, client_member):
        answer = graphql("{ locations(first: 100) { edges { node { id } } } }", as_=member)

        assert ids(answer["data"]["locations"]) == [id_of(early), id_of(late)]
