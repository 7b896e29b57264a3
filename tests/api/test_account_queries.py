import pytest

from reservation.rules.policy import Role
from tests import factories
from tests.api.shapes import id_of

VIEWER = """{ viewer {
  userName fullName role practice { id name timeZone } provider { id } client { id } } }"""


@pytest.mark.parametrize("role", [Role.ADMIN, Role.STAFF])
def test_the_desk_sees_itself(graphql, practice, role):
    member = factories.MembershipFactory(practice=practice, role=role, user__first_name="Grace")

    answer = graphql(VIEWER, as_=member)

    assert answer["data"]["viewer"] == {
        "userName": member.user.username,
        "fullName": f"Grace {member.user.last_name}",
        "role": role.value,
        "practice": {"id": id_of(practice), "name": practice.name, "timeZone": "America/Chicago"},
        "provider": None,
        "client": None,
    }


def test_a_provider_sees_which_one_it_is(graphql, provider_member):
    viewer = graphql(VIEWER, as_=provider_member)["data"]["viewer"]

    assert viewer["role"] == "PROVIDER"
    assert viewer["provider"] == {"id": id_of(provider_member.provider)}
    assert viewer["client"] is None


def test_a_client_sees_which_one_it_is(graphql, client_member):
    viewer = graphql(VIEWER, as_=client_member)["data"]["viewer"]

    assert viewer["role"] == "CLIENT"
    assert viewer["client"] == {"id": id_of(client_member.client)}
    assert viewer["provider"] is None


def test_nobody_is_told_to_sign_in(graphql, db):
    answer = graphql(VIEWER)

    assert answer["data"] == {"viewer": None}
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
