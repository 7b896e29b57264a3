"""What somebody who means harm tries: to read, reach and repeat what is another's."""

import json
from types import SimpleNamespace

import pytest
from django.db.models import CharField, TextField
from graphql import get_named_type, is_leaf_type, is_list_type, is_required_input_field

from api.schema import schema
from reservation.models import Membership
from tests import factories
from tests.api import full_practice
from tests.api.shapes import id_of, instant
from tests.api.writing import all_rows, done, outcome, refused, write

TYPES = schema.graphql_schema.type_map
QUERY = TYPES["Query"].fields
NODE_TYPES = sorted(type_.name for type_ in schema.graphql_schema.get_implementations(TYPES["Node"]).objects)


@pytest.fixture
def world(db):
    return SimpleNamespace(ours=full_practice.make(), theirs=full_practice.make())


# -- reading -------------------------------------------------------------------------------------------------

# By the names that full_practice gives its rows.
OF_ALL = {
    "practice",
    "location",
    "other location",
    "service",
    "long service",
    "provider",
    "other provider",
    *(f"{name}'s appointment {slot}" for name in ("provider", "other provider") for slot in range(8)),
}
OF_CLIENT = {
    "client",
    "client's wish",
    "provider's with client at 0",
    "provider's with client at 0: held",
    "provider's with client at 0: then",
    "provider's with client at 1",
    "provider's with client at 1: held",
    "provider's with client at 1: then",
    "other provider's with client at 4",
    "other provider's with client at 4: held",
}
OF_PROVIDER = {
    "client",
    "other client",
    "provider's rule",
    "provider's exception",
    "provider's blocked",
    "provider's withdrawn",
    "other client's wish",
    "wish that was moved",
    *(name for name in OF_CLIENT if name.startswith("provider's with")),
    "provider's with other client at 2",
    "provider's with other client at 2: held",
}
VISIBLE = {"client": OF_ALL | OF_CLIENT, "provider": OF_ALL | OF_PROVIDER}


def select(type_, depth):
    """Return a selection of everything a type has, so many objects deep."""
    selected = []
    for name, field in type_.fields.items():
        inner = get_named_type(field.type)
        page = "(first: 50)" if "first" in field.args else ""
        if is_leaf_type(inner):
            selected.append(name)
        elif inner.name.endswith(("Connection", "Edge")) or name == "pageInfo":
            selected.append(f"{name}{page} {select(inner, depth)}")
        elif depth:
            selected.append(f"{name}{page} {select(inner, depth - 1)}")
    if "id" in type_.fields:
        selected.append("__typename")
    return "{ " + " ".join(selected) + " }"


def found_in(data):
    """Return the ids of all objects in an answer."""
    if isinstance(data, dict):
        own = {data["id"]} if data.get("id") else set()
        return own.union(*map(found_in, data.values()))
    if isinstance(data, list):
        return set().union(*map(found_in, data))
    return set()


def crawl(graphql, member):
    """Read whatever leads from any root to anywhere, and from there on; return all ids and all text."""
    texts = []

    def read(document):
        answer = graphql(document, as_=member)
        assert "errors" not in answer or {e["extensions"]["code"] for e in answer["errors"]} <= {"FORBIDDEN"}
        texts.append(json.dumps(answer, ensure_ascii=False))
        return found_in(answer)

    lists = [name for name, field in QUERY.items() if "first" in field.args]
    found = read("{ viewer " + select(TYPES["Viewer"], 1) + " }")
    found |= read("{ nextAvailableAppointments(perProvider: 9) { appointments { id } provider { id } } }")
    for name in lists:
        found |= read(f"{{ {name}(first: 50) {select(get_named_type(QUERY[name].type), 1)} }}")
    new, known = found, set()
    while new:
        known |= new
        ids = json.dumps(sorted(new))
        new = set()
        for name in NODE_TYPES:
            new |= read(f"{{ nodes(ids: {ids}) {{ ... on {name} {select(TYPES[name], 2)} }} }}")
        new -= known
    return known, "\n".join(texts)


def texts_of(row):
    """Return the texts in a row that say something about it and nothing else."""
    fields = (field for field in row._meta.concrete_fields if isinstance(field, CharField | TextField))
    values = (getattr(row, field.attname) for field in fields if not field.choices)
    return {value for value in values if isinstance(value, str) and any(map(str.isdigit, value))}


def secrets_beside(world, role):
    """Return the texts that a member may not read anywhere."""
    visible = {row for name, row in world.ours.rows.items() if name in VISIBLE[role]}
    hidden = {*world.ours.rows.values(), *world.theirs.rows.values()} - visible
    told = set().union(*map(texts_of, visible))
    users = {member.user for member in Membership.objects.select_related("user")}
    users.remove(getattr(world.ours, role).user)
    hidden_texts = set().union(*map(texts_of, hidden)) - told
    for user in users:
        hidden_texts |= {user.username, user.email, user.get_full_name(), user.last_name}
    if role == "client":
        overrides = (row for row in visible if hasattr(row, "override_reason"))
        hidden_texts |= {row.override_reason for row in overrides}
    return hidden_texts


@pytest.mark.parametrize("role", ["client", "provider"])
def test_whatever_can_be_reached_is_ones_own(graphql, world, role):
    found, text = crawl(graphql, getattr(world.ours, role))

    names = {id_of(row): name for name, row in world.ours.rows.items()}
    assert {names.get(each, each) for each in found} == VISIBLE[role]
    assert [secret for secret in secrets_beside(world, role) if secret in text] == []


def test_the_desk_reaches_all_of_its_practice_and_nothing_of_another(graphql, world):
    found, text = crawl(graphql, world.ours.desk)

    assert found == {id_of(row) for row in world.ours.rows.values()}
    others = set().union(*map(texts_of, world.theirs.rows.values()))
    assert [secret for secret in others if secret in text] == []


ID_FIELDS = sorted(name for name, field in QUERY.items() if list(field.args) == ["id"])


@pytest.mark.parametrize("role", ["client", "provider"])
def test_an_id_of_anothers_is_an_id_of_nothing(graphql, world, role):
    hidden = [row for name, row in world.ours.rows.items() if name not in VISIBLE[role]]

    for row in [*hidden, *world.theirs.rows.values()]:
        name = type(row).__name__
        own_field = f"{name[0].lower()}{name[1:]}"
        for field in ["node", *([own_field] if own_field in ID_FIELDS else [])]:
            answer = graphql(f'{{ {field}(id: "{id_of(row)}") {{ id }} }}', as_=getattr(world.ours, role))
            assert answer == {"data": {field: None}}


# -- writing -------------------------------------------------------------------------------------------------

MUTATION = TYPES["Mutation"].fields
WITH_INPUT = {
    name: get_named_type(MUTATION[name].args["input"].type)
    for name in MUTATION
    if "input" in MUTATION[name].args
}
OWN_ROWS = {
    "providerId": "provider",
    "clientId": "client",
    "locationId": "location",
    "serviceId": "service",
    "ruleId": "provider's rule",
    "exceptionId": "provider's exception",
    "appointmentId": "provider's appointment 6",
    "reservationId": "provider's with client at 0",
    "entryId": "client's wish",
    "subscriptionId": "webhook",
}
VALUES = {
    "name": "Mallory",
    "timeZone": "UTC",
    "weekday": "MONDAY",
    "startTime": "09:00",
    "endTime": "10:00",
    "validFrom": "2030-01-01",
    "kind": "ADD",
    "startsAt": instant(factories.upcoming(40)),
    "endsAt": instant(factories.upcoming(44)),
    "startsFrom": instant(factories.upcoming()),
    "startsUntil": instant(factories.upcoming(96)),
}
ID_POSITIONS = [
    (mutation, name)
    for mutation, input_type in WITH_INPUT.items()
    for name, field in input_type.fields.items()
    if get_named_type(field.type).name == "ID"
]


def input_with(mutation, attacked, row, practice):
    """Return a mutation's input that is right but for one id."""
    own = {name: id_of(practice.rows[key]) for name, key in OWN_ROWS.items()}
    fields = WITH_INPUT[mutation].fields
    needed = (name for name in fields if is_required_input_field(fields[name]) or name == "clientId")
    right = {name: {**VALUES, **own}[name] for name in needed}
    is_list = is_list_type(fields[attacked].type)
    return {**right, attacked: [id_of(row)] if is_list else id_of(row)}


@pytest.mark.parametrize(("mutation", "attacked"), ID_POSITIONS)
def test_no_write_takes_an_id_of_anothers(graphql, world, mutation, attacked):
    type_of_row = type(world.ours.rows[OWN_ROWS[attacked.removesuffix("s")]])
    before = all_rows()

    for role in ("desk", "provider", "client"):
        own = {name for name in world.ours.rows if role == "desk" or name in VISIBLE[role]}
        hidden = [row for name, row in world.ours.rows.items() if name not in own]
        member = getattr(world.ours, role)
        for row in [*hidden, *world.theirs.rows.values()]:
            if type(row) is not type_of_row:
                continue
            answer = write(graphql, mutation, input_with(mutation, attacked, row, world.ours), as_=member)
            allowed = {"NOT_FOUND"} if role == "desk" else {"NOT_FOUND", "FORBIDDEN"}
            if row in hidden and attacked == "appointmentId":
                # Whoever chose it while it was open is told what has become of it.
                allowed |= {"APPOINTMENT_TAKEN"}
            assert outcome(answer) in allowed, (role, row, answer)
            text = json.dumps(answer, ensure_ascii=False)
            assert not [secret for secret in texts_of(row) if secret in text]

    assert all_rows() == before


# -- repeating -----------------------------------------------------------------------------------------------


@pytest.fixture
def cancelled(graphql, world):
    """What the provider sent, with a key, to cancel a visit of its client."""
    visit = world.ours.rows["provider's with client at 0"]
    input = {"reservationId": id_of(visit), "reason": "a reason to tell", "idempotencyKey": "k"}
    done(write(graphql, "cancelReservation", input, as_=world.ours.provider))
    return input


SELECTED = "reservation { cancellationReason client { name } }"


def test_a_key_is_its_users_own(graphql, world, cancelled):
    for role, code in (("client", "INVALID_STATE"), ("desk", "INVALID_STATE")):
        answer = write(
            graphql, "cancelReservation", cancelled, as_=getattr(world.ours, role), select=SELECTED
        )
        assert outcome(answer) == code
    answer = write(graphql, "cancelReservation", cancelled, as_=world.theirs.desk, select=SELECTED)
    assert refused(answer) == ("NOT_FOUND", ["reservationId"])


def test_a_key_answers_nobody_who_has_become_somebody_else(graphql, world, cancelled):
    member = world.ours.provider
    member.role, member.provider, member.client = "CLIENT", None, world.ours.rows["third client"]
    member.save()

    answer = write(graphql, "cancelReservation", cancelled, as_=member, select=SELECTED)

    assert refused(answer) == ("IDEMPOTENCY_MISMATCH", ["idempotencyKey"])
