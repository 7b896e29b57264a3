"""What becomes of promises: their place in the answer, and how their errors climb."""

from types import SimpleNamespace
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, execute_sync, parse
from promise import Promise

from api import execution
from api.loaders.base import Loader

SDL = """
    type Query { box: Box boxes: [Box] must: Box! name: String either: Either }
    type Mutation { first: Box second: Box must: Int! }
    type Box {
        n: Int m: Int must: Int! box: Box mustBox: Box!
        list: [Int] listOfMust: [Int!] mustList: [Int!]! nested: [[Int!]] mustBoxes: [Box!]
    }
    type Lid { m: Int }
    union Either = Box | Lid
"""


class ValueByName(Loader[str, Any]):
    """Loads from the names that a test gives; notes each batch."""

    def batch_load(self, keys: list[str]) -> dict[str, Any]:
        self.context.batches.append(keys)
        return {key: self.context.values[key] for key in keys if key in self.context.values}


class OtherByName(ValueByName):
    """Another loader of the same."""


def schema_of(**resolvers: Any) -> GraphQLSchema:
    """Give the fields named `Type_field` a resolver each; others read their source."""
    schema = build_schema(SDL)
    for name, resolve in resolvers.items():
        type_name, field_name = name.split("_")
        schema.get_type(type_name).fields[field_name].resolve = resolve
    return schema


def run(
    schema: GraphQLSchema, query: str, **values: Any
) -> tuple[Any, list[tuple[str, list[str | int]]], Any]:
    """Execute; return the data, the errors as (message, path), and the context."""
    context = SimpleNamespace(values=values, batches=[])
    result = execution.execute(schema, parse(query), context=context)
    return result.data, [(error.message, error.path) for error in result.errors or []], context


def load(name: str, loader: type[ValueByName] = ValueByName) -> Any:
    return lambda _source, info, **_args: loader.of(info.context).load(name)


def load_twice(first: str, then: str) -> Any:
    return lambda source, info, **_args: load(first)(source, info).then(lambda _: load(then)(source, info))


def fail(_source: Any, _info: Any, **_args: Any) -> Any:
    raise ValueError("plain failure")


def rejected(_source: Any, _info: Any, **_args: Any) -> Any:
    return Promise.reject(ValueError("plain failure"))


def box(_source: Any, _info: Any, **_args: Any) -> Any:
    return {}


def boxes(_source: Any, _info: Any, **_args: Any) -> Any:
    return [{"n": 0}, {"n": 1}, {"n": 2}]


def test_keys_keep_the_order_of_the_selection_whichever_value_came_last():
    schema = schema_of(Query_box=box, Box_n=load("n"), Box_m=lambda *_: 2)

    data, errors, _ = run(schema, "{ box { n m again: n } name }", n=1)

    assert (list(data), list(data["box"].items())) == (["box", "name"], [("n", 1), ("m", 2), ("again", 1)])
    assert errors == []


def test_a_rejected_nullable_field_is_null_and_reported_at_its_path():
    schema = schema_of(Query_box=box, Box_n=load("n"), Box_m=lambda *_: 2)

    data, errors, _ = run(schema, "{ box { n m } }", n=ValueError("loaded failure"))

    assert data == {"box": {"n": None, "m": 2}}
    assert errors == [("loaded failure", ["box", "n"])]


def test_a_rejected_field_that_must_not_be_null_nulls_the_object_around_it():
    schema = schema_of(Query_box=box, Box_must=load("n"), Box_m=lambda *_: 2)

    data, errors, _ = run(schema, "{ box { m must } name }", n=ValueError("loaded failure"))

    assert data == {"box": None, "name": None}
    assert errors == [("loaded failure", ["box", "must"])]


def test_a_promised_null_where_none_may_be_nulls_the_object_around_it():
    schema = schema_of(Query_box=box, Box_must=load("absent"))

    data, errors, _ = run(schema, "{ box { must } }")

    assert data == {"box": None}
    assert errors == [("Cannot return null for non-nullable field Box.must.", ["box", "must"])]


def test_an_error_climbs_through_promised_objects_to_the_nearest_nullable_one():
    schema = schema_of(
        Query_box=load("box"), Box_mustBox=load("box"), Box_must=load("n"), Box_box=load("box")
    )

    data, errors, _ = run(
        schema,
        "{ box { box { mustBox { mustBox { must } } } m } }",
        box={"m": 1},
        n=ValueError("loaded failure"),
    )

    assert data == {"box": {"box": None, "m": 1}}
    assert errors == [("loaded failure", ["box", "box", "mustBox", "mustBox", "must"])]


def test_an_error_that_no_nullable_position_stops_nulls_all_data():
    schema = schema_of(Query_must=load("box"), Box_mustBox=load("box"), Box_must=load("n"))

    data, errors, _ = run(
        schema, "{ name must { mustBox { must } } }", box={}, n=ValueError("loaded failure")
    )

    assert data is None
    assert errors == [("loaded failure", ["must", "mustBox", "must"])]


def test_a_resolver_that_nulls_all_data_does_not_hide_the_promised_errors_before_it():
    schema = schema_of(Query_box=load("box"), Query_must=fail, Query_name=load("name"))

    data, errors, _ = run(schema, "{ box { m } must { m } name }", box=ValueError("loaded failure"))

    assert data is None
    assert errors == [("loaded failure", ["box"]), ("plain failure", ["must"])]


def test_a_rejected_item_of_a_nullable_item_type_is_null_alone():
    schema = schema_of(Query_box=box, Box_list=lambda _, info: [1, load("n")(_, info), 3])

    data, errors, _ = run(schema, "{ box { list } }", n=ValueError("loaded failure"))

    assert data == {"box": {"list": [1, None, 3]}}
    assert errors == [("loaded failure", ["box", "list", 1])]


def test_a_rejected_item_that_must_not_be_null_nulls_the_list():
    schema = schema_of(
        Query_box=box, Box_listOfMust=lambda _, info: [1, load("n")(_, info)], Box_m=lambda *_: 2
    )

    data, errors, _ = run(schema, "{ box { listOfMust m } }", n=ValueError("loaded failure"))

    assert data == {"box": {"listOfMust": None, "m": 2}}
    assert errors == [("loaded failure", ["box", "listOfMust", 1])]


def test_a_rejected_item_of_a_list_that_must_not_be_null_either_nulls_the_object():
    schema = schema_of(
        Query_boxes=boxes, Box_mustList=lambda source, info: [load(str(source["n"]))(source, info)]
    )

    data, errors, _ = run(
        schema, "{ boxes { mustList } }", **{"0": 10, "1": ValueError("loaded failure"), "2": 12}
    )

    assert data == {"boxes": [{"mustList": [10]}, None, {"mustList": [12]}]}
    assert errors == [("loaded failure", ["boxes", 1, "mustList", 0])]


def test_an_item_of_a_nested_list_nulls_the_inner_list():
    schema = schema_of(Query_box=box, Box_nested=lambda _, info: [[1], [2, load("n")(_, info)]])

    data, errors, _ = run(schema, "{ box { nested } }", n=ValueError("loaded failure"))

    assert data == {"box": {"nested": [[1], None]}}
    assert errors == [("loaded failure", ["box", "nested", 1, 1])]


def test_an_object_in_a_list_of_what_must_not_be_null_takes_the_list_with_it():
    schema = schema_of(Query_box=box, Box_mustBoxes=boxes, Box_must=load("n"), Box_m=lambda *_: 2)

    data, errors, _ = run(schema, "{ box { m mustBoxes { must } } }", n=ValueError("loaded failure"))

    assert data == {"box": {"m": 2, "mustBoxes": None}}
    assert errors == [("loaded failure", ["box", "mustBoxes", 0, "must"])]


def test_what_settles_in_a_nulled_object_does_not_bring_it_back():
    schema = schema_of(Query_box=box, Box_n=load_twice("n", "m"), Box_must=load("must"))

    data, errors, _ = run(schema, "{ box { n must } }", n=1, m=2, must=ValueError("loaded failure"))

    assert data == {"box": None}
    assert errors == [("loaded failure", ["box", "must"])]


def test_an_error_before_the_one_that_nulled_their_object_is_reported_too():
    schema = schema_of(Query_box=box, Box_n=load("n"), Box_must=fail)

    data, errors, _ = run(schema, "{ box { n must } }", n=ValueError("loaded failure"))

    assert data == {"box": None}
    assert errors == [("loaded failure", ["box", "n"]), ("plain failure", ["box", "must"])]


def test_an_error_after_the_one_that_nulled_their_object_is_dropped():
    schema = schema_of(Query_box=box, Box_n=fail, Box_must=load("n"))

    data, errors, _ = run(schema, "{ box { must n } }", n=ValueError("loaded failure"))

    assert data == {"box": None}
    assert errors == [("loaded failure", ["box", "must"])]


def test_the_first_of_two_errors_in_the_selection_is_the_one_reported_though_it_came_last():
    schema = schema_of(Query_box=box, Box_mustBox=load("box"), Box_must=fail)

    data, errors, _ = run(schema, "{ box { mustBox { m } must } }", box=ValueError("loaded failure"))

    assert data == {"box": None}
    assert errors == [("loaded failure", ["box", "mustBox"])]


def test_an_item_of_a_list_that_breaks_off_while_read_is_completed_for_its_error_only():
    def breaks_off(source, info):
        yield load("n")(source, info)
        raise ValueError("plain failure")

    schema = schema_of(Query_box=box, Box_list=breaks_off)

    data, errors, _ = run(schema, "{ box { list } }", n=ValueError("loaded failure"))

    assert data == {"box": {"list": None}}
    assert errors == [("plain failure", ["box", "list"]), ("loaded failure", ["box", "list", 0])]


def test_nothing_more_is_loaded_for_what_follows_in_a_nulled_object():
    schema = schema_of(Query_box=box, Box_must=load("must"), Box_mustBox=load_twice("box", "later"))

    data, errors, context = run(
        schema, "{ box { must mustBox { m } } }", box={}, must=ValueError("loaded failure")
    )

    assert (data, errors) == ({"box": None}, [("loaded failure", ["box", "must"])])
    assert context.batches == [["must", "box"]]


def test_nothing_more_is_loaded_for_what_follows_once_all_data_are_null():
    schema = schema_of(Query_must=load("must"), Query_box=load_twice("box", "later"))

    data, errors, context = run(schema, "{ must { m } box { m } }", box={}, must=ValueError("loaded failure"))

    assert (data, errors) == (None, [("loaded failure", ["must"])])
    assert context.batches == [["must", "box"]]


@pytest.mark.parametrize(
    "query", ["{ box { must mustBox mustList } }", "{ box { box { must mustBox } mustList } }"]
)
def test_nothing_more_is_loaded_for_what_lies_between_the_two_errors_of_a_nulled_object(query):
    schema = schema_of(
        Query_box=box,
        Box_box=box,
        Box_must=load("must"),
        Box_mustBox=load_twice("box", "later"),
        Box_mustList=fail,
    )

    data, errors, context = run(
        schema, query.replace("mustBox", "mustBox { m }"), box={}, must=ValueError("loaded failure")
    )

    assert (data, errors[0][0]) == ({"box": None}, "loaded failure")
    assert context.batches == [["must", "box"]]


def test_what_precedes_in_a_nulled_object_is_still_loaded_for_its_errors():
    schema = schema_of(Query_box=box, Box_must=load("must"), Box_mustBox=load_twice("box", "later"))

    data, errors, context = run(
        schema, "{ box { mustBox { m } must } }", box={}, later=ValueError("1st"), must=ValueError("2nd")
    )

    assert (data, errors) == ({"box": None}, [("1st", ["box", "mustBox"])])
    assert context.batches == [["box", "must"], ["later"]]


def test_resolvers_below_a_value_in_a_nulled_object_are_not_run():
    schema = schema_of(Query_box=box, Box_must=load("must"), Box_box=load("box"), Box_m=load("m"))

    data, _, context = run(schema, "{ box { must box { m } } }", box={}, must=ValueError("loaded failure"))

    assert data == {"box": None}
    assert context.batches == [["must", "box"]]


def test_nothing_is_sent_out_once_all_that_is_pending_lies_in_a_nulled_object():
    schema = schema_of(Query_boxes=boxes, Box_must=rejected, Box_n=load("n"))

    data, errors, context = run(schema, "{ boxes { must n } }", n=1)

    assert data == {"boxes": [None, None, None]}
    assert errors == [("plain failure", ["boxes", index, "must"]) for index in range(3)]
    assert context.batches == []


def test_a_union_is_resolved_from_the_promised_value():
    schema = schema_of(Query_either=load("lid"), Lid_m=load("m"))

    data, errors, _ = run(
        schema, "{ either { __typename ... on Lid { m } } }", lid={"__typename": "Lid"}, m=3
    )

    assert data == {"either": {"__typename": "Lid", "m": 3}}
    assert errors == []


def test_a_promised_value_of_no_type_of_the_union_is_an_error_at_its_field():
    schema = schema_of(Query_either=load("lid"))

    data, errors, _ = run(schema, "{ either { __typename } }", lid={"__typename": "Query"})

    assert data == {"either": None}
    assert errors == [("Runtime Object type 'Query' is not a possible type for 'Either'.", ["either"])]


def test_fields_that_merge_load_once_and_complete_together():
    schema = schema_of(Query_box=load("box"), Box_n=load("n"), Box_m=load("m"))

    data, _, context = run(
        schema, "{ box { n } ...More } fragment More on Query { box { m n } }", box={}, n=1, m=2
    )

    assert data == {"box": {"n": 1, "m": 2}}
    assert context.batches == [["box"], ["n", "m"]]


def test_a_promise_that_nothing_settles_is_an_error_not_a_hang():
    schema = schema_of(Query_box=box, Box_n=lambda *_: Promise(), Box_m=load("m"))

    data, errors, _ = run(schema, "{ box { n m } }", m=2)

    assert data == {"box": {"n": None, "m": 2}}
    assert errors == [("Nothing settles the promise of field Box.n.", ["box", "n"])]


def test_a_mutation_field_is_complete_before_the_next_starts():
    events = []

    def starts(name):
        def resolve(source, info):
            events.append(f"{name} starts")
            return load("box")(source, info).then(lambda box: events.append(f"{name} is loaded") or box)

        return resolve

    def leaf(source, info):
        name = info.path.prev.key
        return load("n")(source, info).then(lambda n: events.append(f"{name} has its leaf loaded") or n)

    schema = schema_of(Mutation_first=starts("first"), Mutation_second=starts("second"), Box_n=leaf)

    data, _, _ = run(schema, "mutation { first { n } second { n } }", box={}, n=1)

    assert data == {"first": {"n": 1}, "second": {"n": 1}}
    once = ["starts", "is loaded", "has its leaf loaded"]
    assert events == [f"{name} {event}" for name in ("first", "second") for event in once]


def test_a_mutation_field_reads_anew_what_an_earlier_one_has_loaded():
    def second(source, info):
        info.context.values["n"] = 2
        return {}

    schema = schema_of(Mutation_first=box, Mutation_second=second, Box_n=load("n"))

    data, _, context = run(schema, "mutation { first { n m: n } second { n } }", n=1)

    assert data == {"first": {"n": 1, "m": 1}, "second": {"n": 2}}
    assert context.batches == [["n"], ["n"]]


@pytest.mark.parametrize("loader", [ValueByName, OtherByName])
def test_what_nobody_waits_for_any_more_is_not_loaded_with_the_next_mutation_field(loader):
    schema = schema_of(
        Mutation_first=box, Mutation_second=box, Box_must=rejected, Box_m=load("m"), Box_n=load("n", loader)
    )

    data, _, context = run(schema, "mutation { first { must m } second { n } }", n=1, m=2)

    assert data == {"first": None, "second": {"n": 1}}
    assert context.batches == [["n"]]


@pytest.mark.parametrize("must", [fail, load("n")])
def test_no_mutation_field_starts_after_one_that_nulled_all_data(must):
    started = []
    schema = schema_of(Mutation_must=must, Mutation_second=lambda *_: started.append("second"))

    data, errors, _ = run(schema, "mutation { must second { n } }", n=ValueError("loaded failure"))

    assert (data, len(errors), started) == (None, 1, [])


def test_works_where_graphql_core_checks_for_coroutines():
    schema = schema_of(Query_box=box, Box_n=load("n"))
    context = SimpleNamespace(values={"n": 1}, batches=[])

    result = execute_sync(
        schema,
        parse("{ box { n } }"),
        context_value=context,
        execution_context_class=execution.PromiseExecutionContext,
        check_sync=True,
    )

    assert (result.data, result.errors) == ({"box": {"n": 1}}, None)


def test_promises_without_loaders_need_no_context():
    schema = schema_of(Query_box=box, Box_n=lambda *_: Promise.resolve(1))

    result = execution.execute(schema, parse("{ box { n } }"), context=None)

    assert (result.data, result.errors) == ({"box": {"n": 1}}, None)


def test_an_operation_that_cannot_start_gives_graphql_cores_error():
    schema = schema_of()

    result = execution.execute(schema, parse("subscription { n }"), context=SimpleNamespace())

    assert result.data is None
    assert [error.message for error in result.errors] == [
        "Schema is not configured to execute subscription operation."
    ]


def test_variables_operation_name_and_middleware_are_passed_on():
    schema = build_schema("type Query { echo(text: String): String }")
    seen = []

    def middleware(next_, root, info, **args):
        seen.append(info.field_name)
        return next_(root, info, **args)

    schema.query_type.fields["echo"].resolve = lambda _, info, text: Promise.resolve(text)

    result = execution.execute(
        schema,
        parse('query A { echo(text: "a") } query B($text: String) { echo(text: $text) }'),
        context=None,
        variables={"text": "b"},
        operation_name="B",
        middleware=[middleware],
    )

    assert (result.data, seen) == ({"echo": "b"}, ["echo"])


@pytest.mark.parametrize(
    "query", ["{ box { n unknown } unknown }", "mutation { unknown second { n unknown } }"]
)
def test_fields_that_are_not_in_the_schema_are_left_out_of_a_document_that_was_not_validated(query):
    schema = schema_of(Query_box=box, Mutation_second=box, Box_n=load("n"))

    data, errors, _ = run(schema, query, n=1)

    assert (list(data.values()), errors) == ([{"n": 1}], [])
