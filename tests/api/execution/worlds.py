"""Schemas in which a seed decides, for every position of an answer, what is there and how it arrives."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    build_schema,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from hypothesis import strategies as st
from promise import Promise

from api.loaders.base import Loader

WRAPPERS = ["{}", "{}!", "[{}]", "[{}!]", "[{}]!", "[{}!]!", "[[{}!]]", "[[{}]!]!"]
FIELDS = [
    (f"{base.lower()}{number}", base, wrapper.format(base))
    for base in ("Int", "A", "Node", "Either")
    for number, wrapper in enumerate(WRAPPERS)
]
_BODY = "{" + " ".join(f"{name}: {type_}" for name, _, type_ in FIELDS) + "}"

EVERY_NESTING = f"""
    type Query {_BODY}
    type Mutation {_BODY}
    interface Node {_BODY}
    type A implements Node {_BODY}
    type B implements Node {_BODY}
    union Either = A | B
"""

PRACTICE = """
    interface Node { id: ID! }
    union Party = Provider | Client
    enum State { HELD CONFIRMED CANCELLED }
    input Filter { state: State, after: Int, text: [String!] }
    type Provider implements Node {
        id: ID! name: String! specialty: String priceCents: Int open: Boolean! supervisor: Provider
        appointments(first: Int! = 10, filter: Filter): AppointmentConnection! peers: [Provider!]!
    }
    type Client implements Node {
        id: ID! name: String email: String! reservations(state: State): [Reservation!]
    }
    type Appointment implements Node {
        id: ID! startsAt: String! provider: Provider! reservation: Reservation
    }
    type Reservation implements Node {
        id: ID! state: State! client: Client! appointments: [Appointment!]!
        parties: [Party] history: [[Node!]!]
    }
    type PageInfo { hasNextPage: Boolean! endCursor: String }
    type AppointmentEdge { cursor: String! node: Appointment }
    type AppointmentConnection { edges: [AppointmentEdge]! pageInfo: PageInfo! totalCount: Int }
    type Query {
        node(id: ID!): Node nodes(ids: [ID!]!): [Node]! viewer: Party!
        providers(filter: Filter): [Provider!] appointments(first: Int): AppointmentConnection
    }
    type Mutation { confirm(id: ID!): Reservation cancel(id: ID!, reason: String): Reservation! }
"""

Position = tuple[str | int, ...]

DELIVERIES = ("plain", "plain", "load", "load", "gathered", "shaped", "chained", "settled")


@dataclass
class World:
    """What resolvers know as `info.context`. With the same seed all gives the same, promised or not."""

    seed: int
    promised: bool
    trouble: float
    loaders: Any = None
    stored: dict[int, Callable[[], Any]] = field(default_factory=dict)


class StoredByKey(Loader[int, Any]):
    """What a position gives. Lists are made while the batch is loaded: their items load in turn."""

    def batch_load(self, keys: list[int]) -> Mapping[int, Any]:
        values = {key: self.context.stored[key]() for key in keys}
        return {key: value for key, value in values.items() if value is not None}


class KeyByKey(Loader[int, int]):
    """The first of two loads."""

    def batch_load(self, keys: list[int]) -> Mapping[int, int]:
        return {key: key for key in keys}


def every_nesting() -> GraphQLSchema:
    return _behave(build_schema(EVERY_NESTING))


def practice() -> GraphQLSchema:
    return _behave(build_schema(PRACTICE))


def _behave(schema: GraphQLSchema) -> GraphQLSchema:
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            for definition in type_.fields.values():
                definition.resolve = _resolve
            if type_.name == "B":
                type_.is_type_of = lambda value, info: not value["impostor"]
    return schema


def _resolve(_source: Any, info: Any, **_args: Any) -> Any:
    delivered = _deliver(info.context, info.schema, (*info.path.as_list(),), info.return_type)
    if isinstance(delivered, Exception):
        raise delivered
    return delivered


def _deliver(world: World, schema: GraphQLSchema, path: Position, type_: GraphQLOutputType) -> Any:
    chance = random.Random(f"{world.seed}{path}")
    delivery = chance.choice(DELIVERIES)

    def produce() -> Any:
        return _value(world, schema, path, type_, chance)

    if not world.promised or delivery == "plain":
        return produce()
    if delivery == "settled":
        value = produce()
        return Promise.reject(value) if isinstance(value, Exception) else Promise.resolve(value)
    key = len(world.stored)
    world.stored[key] = produce
    load = StoredByKey.of(world).load
    if delivery == "chained":
        return KeyByKey.of(world).load(key).then(load)
    if delivery == "gathered":
        return StoredByKey.of(world).load_many([key]).then(lambda values: values[0])
    return load(key) if delivery == "load" else load(key).then(lambda value: value)


def _value(world: World, schema: GraphQLSchema, path: Position, type_: Any, chance: random.Random) -> Any:
    required = is_non_null_type(type_)
    if required:
        type_ = type_.of_type
    if chance.random() < world.trouble:
        return ValueError(f"{path} fails.")
    if chance.random() < (world.trouble / 2 if required else 0.2):
        return None
    odd = chance.random() < world.trouble / 2
    if is_list_type(type_):
        length = chance.randint(0, 3)
        if odd and length == 3:
            return 7
        deliver = (_deliver(world, schema, (*path, index), type_.of_type) for index in range(length))
        return _breaking_off(deliver, path) if odd else list(deliver)
    if is_leaf_type(type_):
        return _leaf(type_, chance) if not odd else object
    types = schema.get_possible_types(type_) if is_abstract_type(type_) else [type_]
    name = "Query" if odd and chance.random() < 0.5 else chance.choice(types).name
    return {"__typename": name, "impostor": odd}


def _leaf(type_: Any, chance: random.Random) -> Any:
    if hasattr(type_, "values"):
        return chance.choice(list(type_.values))
    number = chance.randint(0, 9)
    return bool(number % 2) if type_.name == "Boolean" else number


def _breaking_off(items: Iterator[Any], path: Position) -> Iterator[Any]:
    yield from items
    raise ValueError(f"{path} breaks off.")


@st.composite
def selections(draw: st.DrawFn, depth: int = 3) -> str:
    """A selection set over EVERY_NESTING. Each field has an alias of its own, so that all of them merge."""
    aliases = iter(range(1_000_000))

    def select(depth: int) -> str:
        fields = st.sampled_from(FIELDS if depth else FIELDS[: len(WRAPPERS)])
        return " ".join(one(*field, depth - 1) for field in draw(st.lists(fields, min_size=1, max_size=3)))

    def one(name: str, base: str, _type: str, depth: int) -> str:
        alias = f"_{next(aliases)}: {name}"
        if base == "Int":
            return alias
        if base == "A":
            return f"{alias} {{ {select(depth)} }}"
        shared = select(depth) if base == "Node" else "__typename"
        return f"{alias} {{ ... on A {{ {select(depth)} }} {shared} ... on B {{ {select(depth)} }} }}"

    return f"{{ {select(depth)} }}"
