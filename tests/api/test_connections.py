"""Pages: their sizes, their cursors, and what refuses them. Locations stand for every list."""

import base64
import json

import pytest

from tests import factories
from tests.api.shapes import id_of, ids, instant, nodes, refusals

LOCATIONS = """
query Locations($first: Int, $last: Int, $after: String, $before: String) {
  locations(first: $first, last: $last, after: $after, before: $before) {
    totalCount
    edges { cursor node { id name } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


@pytest.fixture
def locations(practice):
    return [factories.LocationFactory(practice=practice, name=name) for name in "ECADB"]


@pytest.fixture
def page(graphql, desk, locations):
    def read(**arguments):
        return graphql(LOCATIONS, arguments, as_=desk)["data"]["locations"]

    return read


def names(page):
    return "".join(node["name"] for node in nodes(page))


def test_walks_forward_through_every_row_once(page):
    first = page(first=2)
    second = page(first=2, after=first["pageInfo"]["endCursor"])
    third = page(first=2, after=second["pageInfo"]["endCursor"])

    assert [names(each) for each in (first, second, third)] == ["AB", "CD", "E"]
    assert [each["pageInfo"]["hasNextPage"] for each in (first, second, third)] == [True, True, False]
    assert [each["pageInfo"]["hasPreviousPage"] for each in (first, second, third)] == [False, True, True]


def test_walks_backward_through_every_row_once(page):
    last = page(last=2)
    middle = page(last=2, before=last["pageInfo"]["startCursor"])
    start = page(last=2, before=middle["pageInfo"]["startCursor"])

    assert [names(each) for each in (last, middle, start)] == ["DE", "BC", "A"]
    assert [each["pageInfo"]["hasPreviousPage"] for each in (last, middle, start)] == [True, True, False]
    assert [each["pageInfo"]["hasNextPage"] for each in (last, middle, start)] == [False, True, True]


def test_stays_between_two_cursors(page):
    cursors = [edge["cursor"] for edge in page(first=5)["edges"]]

    assert names(page(first=5, after=cursors[0], before=cursors[4])) == "BCD"
    assert names(page(last=1, after=cursors[0], before=cursors[4])) == "D"


def test_counts_all_pages(page):
    assert page(first=1)["totalCount"] == 5


def test_a_page_that_is_full_exactly_has_no_next(page):
    assert page(first=5)["pageInfo"]["hasNextPage"] is False


def test_an_empty_page_has_no_cursors(graphql, desk):
    answer = graphql(LOCATIONS, {"first": 1}, as_=desk)

    assert answer["data"]["locations"] == {
        "totalCount": 0,
        "edges": [],
        "pageInfo": {
            "hasNextPage": False,
            "hasPreviousPage": False,
            "startCursor": None,
            "endCursor": None,
        },
    }


def test_a_cursor_outlives_its_row(page, locations):
    cursor = page(first=2)["pageInfo"]["endCursor"]
    locations[4].delete()

    assert names(page(first=2, after=cursor)) == "CD"


def test_rows_of_the_same_start_are_each_on_one_page(graphql, desk, practice):
    starts_at = factories.upcoming()
    appointments = [
        factories.AppointmentFactory(
            provider=factories.ProviderFactory(practice=practice), starts_at=starts_at
        )
        for _ in range(4)
    ]
    query = """query ($after: String) {
      appointments(first: 3, after: $after) { edges { node { id } } pageInfo { endCursor } } }"""

    first = graphql(query, as_=desk)["data"]["appointments"]
    second = graphql(query, {"after": first["pageInfo"]["endCursor"]}, as_=desk)["data"]["appointments"]

    assert ids(first) + ids(second) == [id_of(appointment) for appointment in appointments]


def test_a_cursor_keeps_microseconds(graphql, desk, practice):
    client = factories.ClientFactory(practice=practice)
    for _ in range(3):
        # One transaction, one created_at, to the microsecond.
        factories.WaitlistEntryFactory(client=client, provider=factories.ProviderFactory(practice=practice))
    query = """query ($after: String) {
      waitlistEntries(first: 2, after: $after) { edges { node { id } } pageInfo { endCursor } } }"""

    first = graphql(query, as_=desk)["data"]["waitlistEntries"]
    second = graphql(query, {"after": first["pageInfo"]["endCursor"]}, as_=desk)["data"]["waitlistEntries"]

    assert len(set(ids(first) + ids(second))) == 3


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({}, "first"),
        ({"first": 0}, "first"),
        ({"first": -1}, "first"),
        ({"first": 101}, "first"),
        ({"first": 1_000_000}, "first"),
        ({"last": 0}, "last"),
        ({"last": 101}, "last"),
        ({"first": 1, "last": 1}, "last"),
        ({"first": 1, "after": ""}, "after"),
        ({"first": 1, "after": "x"}, "after"),
        ({"first": 1, "after": "ü"}, "after"),
        ({"first": 1, "after": "bm8gSlNPTg=="}, "after"),
        ({"first": 1, "after": "A" * 100_000}, "after"),
        ({"last": 1, "before": "YXJyYXljb25uZWN0aW9uOjE="}, "before"),
    ],
)
def test_refuses_a_page_that_cannot_be(graphql, desk, arguments, argument):
    answer = graphql(LOCATIONS, arguments, as_=desk)

    assert answer["data"] == {"locations": None}
    assert refusals(answer) == [("INVALID", [argument])]


def test_takes_a_hundred_at_once(page):
    assert names(page(first=100)) == "ABCDE"


def test_refuses_the_cursor_of_another_list(graphql, desk, page, practice):
    factories.ServiceFactory(practice=practice)
    cursor = page(first=1)["pageInfo"]["endCursor"]

    answer = graphql(
        "query ($after: String) { services(first: 1, after: $after) { totalCount } }",
        {"after": cursor},
        as_=desk,
    )

    assert refusals(answer) == [("INVALID", ["after"])]


def test_refuses_the_cursor_of_the_same_rows_elsewhere(graphql, desk, practice):
    provider = factories.ProviderFactory(practice=practice)
    factories.ReservationFactory(provider=provider)
    cursor = graphql("{ reservations(first: 1) { pageInfo { endCursor } } }", as_=desk)["data"][
        "reservations"
    ]["pageInfo"]["endCursor"]

    answer = graphql(
        """query ($id: ID!, $after: String) {
             provider(id: $id) { reservations(first: 1, after: $after) { totalCount } } }""",
        {"id": id_of(provider), "after": cursor},
        as_=desk,
    )

    assert refusals(answer) == [("INVALID", ["after"])]


@pytest.mark.parametrize(
    "position",
    [
        ["A"],
        ["A", 1, 2],
        ["A", "one"],
        ["A", True],
        ["A", None],
        ["A", 2**63],
        ["A", -(2**70)],
        ["A", [1]],
        [{"A": 1}, 1],
        [1.5, 1],
        ["A\0", 1],
        ["\ud800", 1],
        ["A" * 201, 1],
        [None, 1],
    ],
)
def test_refuses_a_forged_cursor_before_the_database_sees_it(graphql, desk, page, position):
    cursor = page(first=1)["pageInfo"]["endCursor"]
    fingerprint, *_ = json.loads(base64.urlsafe_b64decode(cursor))
    forged = base64.urlsafe_b64encode(json.dumps([fingerprint, *position]).encode()).decode()

    answer = graphql(LOCATIONS, {"first": 1, "after": forged}, as_=desk)

    assert refusals(answer) == [("INVALID", ["after"])]


@pytest.mark.parametrize(
    "starts_at", ["2030-01-01T00:00:00", "2030-01-01", "x", 5, "0001-01-01T00:00:00+14:00"]
)
def test_refuses_a_forged_instant_in_a_cursor(graphql, desk, practice, starts_at):
    factories.AppointmentFactory(provider=factories.ProviderFactory(practice=practice))
    query = """query ($after: String) { appointments(first: 1, after: $after) { pageInfo { endCursor } } }"""
    cursor = graphql(query, as_=desk)["data"]["appointments"]["pageInfo"]["endCursor"]
    fingerprint, *_ = json.loads(base64.urlsafe_b64decode(cursor))
    forged = base64.urlsafe_b64encode(json.dumps([fingerprint, starts_at, 1]).encode()).decode()

    answer = graphql(query, {"after": forged}, as_=desk)

    assert refusals(answer) == [("INVALID", ["after"])]


def test_a_nested_page_is_read_backward_and_on_from_a_cursor(graphql, desk, practice):
    providers = [factories.ProviderFactory(practice=practice) for _ in range(2)]
    starts = [factories.upcoming(step) for step in range(4)]
    for provider in providers:
        for starts_at in starts:
            factories.AppointmentFactory(provider=provider, starts_at=starts_at)
    query = """query ($last: Int, $before: String) {
      providers(first: 2) { edges { node { appointments(last: $last, before: $before) {
        totalCount edges { node { startsAt } } pageInfo { hasPreviousPage startCursor } } } } } }"""

    def read(**arguments):
        answer = graphql(query, arguments, as_=desk)
        return [node["appointments"] for node in nodes(answer["data"]["providers"])]

    last = read(last=3)
    # Within a provider a cursor says when, and nothing else: it is good for the others too.
    start = read(last=3, before=last[0]["pageInfo"]["startCursor"])

    assert [[node["startsAt"] for node in nodes(each)] for each in last] == [
        [instant(each) for each in starts[1:]]
    ] * 2
    assert [each["pageInfo"]["hasPreviousPage"] for each in last] == [True, True]
    assert [[node["startsAt"] for node in nodes(each)] for each in start] == [[instant(starts[0])]] * 2
    assert [each["pageInfo"]["hasPreviousPage"] for each in start] == [False, False]
    assert [each["totalCount"] for each in last] == [4, 4]


def test_the_same_nested_list_can_be_asked_for_in_two_ways(graphql, desk, practice):
    provider = factories.ProviderFactory(practice=practice)
    early = factories.AppointmentFactory(provider=provider, starts_at=factories.upcoming())
    late = factories.AppointmentFactory(provider=provider, starts_at=factories.upcoming(9))

    answer = graphql(
        """{ providers(first: 1) { edges { node {
             a: appointments(first: 1) { edges { node { id } } }
             b: appointments(last: 1) { edges { node { id } } } } } } }""",
        as_=desk,
    )

    (node,) = nodes(answer["data"]["providers"])
    assert (ids(node["a"]), ids(node["b"])) == ([id_of(early)], [id_of(late)])


def test_refuses_a_nested_list_without_a_size(graphql, desk, practice):
    factories.ProviderFactory(practice=practice)

    answer = graphql(
        "{ providers(first: 1) { edges { node { name reservations { totalCount } } } } }", as_=desk
    )

    (node,) = nodes(answer["data"]["providers"])
    assert node["reservations"] is None
    assert refusals(answer) == [("INVALID", ["first"])]


def test_a_list_needs_a_sign_in(graphql):
    answer = graphql(LOCATIONS, {"first": 1})

    assert answer["data"] == {"locations": None}
    assert [code for code, _ in refusals(answer)] == ["UNAUTHENTICATED"]
