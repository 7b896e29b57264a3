"""What loaders batch, what they remember, and for how long."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, parse
from promise import Promise

from api import execution
from api.loaders.base import Loader, LoadOutsideExecution

SDL = """
    type Query { providers: [Provider!]! provider: Provider }
    type Provider { id: Int reservations: [Reservation!]! busiest: Client first: Reservation }
    type Reservation { id: Int client: Client }
    type Client { id: Int name: String }
"""


class Counted(Loader[int, Any]):
    def batch_load(self, keys: list[int]) -> dict[int, Any]:
        self.context.batches.append((type(self).__name__, keys))
        return self.values(keys)

    def values(self, keys: list[int]) -> dict[int, Any]:
        raise NotImplementedError


class ReservationsByProviderId(Counted):
    missing = list

    def values(self, keys):
        return {
            key: [{"id": 10 * key + n, "clientId": 10 * key + n} for n in range(2)] for key in keys if key
        }


class ClientById(Counted):
    def values(self, keys):
        return {key: {"id": key, "name": f"client {key}"} for key in keys}


def schema_of(**resolvers: Any) -> GraphQLSchema:
    schema = build_schema(SDL)
    resolvers = {
        "Query_providers": lambda _, info: [{"id": key} for key in range(info.context.rows)],
        "Query_provider": lambda *_: {"id": 1},
        "Provider_reservations": lambda source, info: ReservationsByProviderId.of(info.context).load(
            source["id"]
        ),
        "Reservation_client": lambda source, info: ClientById.of(info.context).load(source["clientId"]),
        **resolvers,
    }
    for name, resolve in resolvers.items():
        type_name, field_name = name.split("_")
        schema.get_type(type_name).fields[field_name].resolve = resolve
    return schema


def run(schema: GraphQLSchema, query: str, rows: int = 3) -> tuple[Any, list[str], list[Any]]:
    """Execute; return the data, the errors' messages and the batches that were loaded."""
    context = SimpleNamespace(rows=rows, batches=[])
    result = execution.execute(schema, parse(query), context=context)
    return result.data, [error.message for error in result.errors or []], context.batches


@pytest.mark.parametrize("rows", [1, 100])
def test_each_level_is_one_batch_however_many_rows(rows):
    data, errors, batches = run(schema_of(), "{ providers { reservations { client { name } } } }", rows)

    assert errors == []
    assert [name for name, _ in batches] == ["ReservationsByProviderId", "ClientById"][: 2 if rows > 1 else 1]
    assert sum(len(provider["reservations"]) for provider in data["providers"]) == 2 * (rows - 1)


def test_loads_chained_in_a_resolver_are_batched_level_by_level():
    def busiest(source, info):
        reservations = ReservationsByProviderId.of(info.context).load(source["id"])
        return reservations.then(lambda rows: rows and ClientById.of(info.context).load(rows[0]["clientId"]))

    data, errors, batches = run(schema_of(Provider_busiest=busiest), "{ providers { busiest { id } } }", 4)

    assert errors == []
    assert [provider["busiest"] and provider["busiest"]["id"] for provider in data["providers"]][1:] == [
        10,
        20,
        30,
    ]
    assert batches == [("ReservationsByProviderId", [0, 1, 2, 3]), ("ClientById", [10, 20, 30])]


def test_a_chained_load_joins_the_batch_that_has_yet_to_go_out():
    def busiest(source, info):
        first = ReservationsByProviderId.of(info.context).load(source["id"])
        return first.then(lambda rows: ClientById.of(info.context).load(rows[0]["clientId"]))

    def first(source, info):
        return ClientById.of(info.context).load(7).then(lambda client: {"id": client["id"]})

    schema = schema_of(Provider_busiest=busiest, Provider_first=first)

    _, errors, batches = run(schema, "{ provider { busiest { id } first { id } } }")

    assert errors == []
    assert batches == [("ReservationsByProviderId", [1]), ("ClientById", [7, 10])]


def test_a_key_is_loaded_once_for_the_whole_operation():
    query = (
        "{ a: provider { reservations { client { id } } } b: provider { reservations { client { id } } } }"
    )

    data, _, batches = run(schema_of(), query)

    assert data["a"] == data["b"] == {"reservations": [{"client": {"id": 10}}, {"client": {"id": 11}}]}
    assert batches == [("ReservationsByProviderId", [1]), ("ClientById", [10, 11])]


def test_each_operation_loads_anew():
    schema = schema_of()
    context = SimpleNamespace(rows=0, batches=[])

    for _ in range(2):
        execution.execute(schema, parse("{ provider { reservations { id } } }"), context=context)

    assert context.batches == [("ReservationsByProviderId", [1])] * 2


def test_a_key_that_the_batch_leaves_out_gives_what_missing_makes():
    data, errors, _ = run(schema_of(), "{ providers { reservations { id } } }", 1)

    assert (data, errors) == ({"providers": [{"reservations": []}]}, [])


def test_without_missing_a_key_that_the_batch_leaves_out_is_null():
    class NobodyById(Counted):
        def values(self, keys):
            return {}

    schema = schema_of(Provider_busiest=lambda _, info: NobodyById.of(info.context).load(1))

    assert run(schema, "{ provider { busiest { id } } }")[:2] == ({"provider": {"busiest": None}}, [])


def test_load_many_gives_the_values_in_the_order_of_the_keys():
    def reservations(_, info):
        return ClientById.of(info.context).load_many([3, 1, 3])

    schema = schema_of(Provider_reservations=reservations)

    data, _, batches = run(schema, "{ provider { reservations { id } } }")

    assert data == {"provider": {"reservations": [{"id": 3}, {"id": 1}, {"id": 3}]}}
    assert batches == [("ClientById", [3, 1])]


def test_load_many_of_no_keys_is_an_empty_list_and_loads_nothing():
    schema = schema_of(Provider_reservations=lambda _, info: ClientById.of(info.context).load_many([]))

    assert run(schema, "{ provider { reservations { id } } }") == ({"provider": {"reservations": []}}, [], [])


def test_an_error_of_the_batch_is_the_error_of_each_of_its_keys():
    class Broken(Counted):
        def values(self, keys):
            raise ConnectionError("The database is gone.")

    schema = schema_of(Provider_busiest=lambda source, info: Broken.of(info.context).load(source["id"]))

    data, errors, batches = run(schema, "{ providers { busiest { id } } }")

    assert data == {"providers": [{"busiest": None}] * 3}
    assert errors == ["The database is gone."] * 3
    assert batches == [("Broken", [0, 1, 2])]


def test_an_exception_as_value_is_the_error_of_its_key_alone():
    class Strict(Counted):
        def values(self, keys):
            return {key: PermissionError("Not yours.") if key == 1 else {"id": key} for key in keys}

    schema = schema_of(Provider_busiest=lambda source, info: Strict.of(info.context).load(source["id"]))

    data, errors, _ = run(schema, "{ providers { busiest { id } } }")

    assert data == {"providers": [{"busiest": {"id": 0}}, {"busiest": None}, {"busiest": {"id": 2}}]}
    assert errors == ["Not yours."]


@pytest.mark.parametrize("whole_batch", [True, False])
def test_then_may_make_good_for_an_error(whole_batch):
    class Strict(Counted):
        def values(self, keys):
            if whole_batch:
                raise PermissionError("Not yours.")
            return {key: PermissionError("Not yours.") for key in keys}

    def busiest(_, info):
        return Strict.of(info.context).load(1).then(None, lambda error: {"name": str(error)})

    schema = schema_of(Provider_busiest=busiest)

    data, errors, _ = run(schema, "{ provider { busiest { name } } }")

    assert (data, errors) == ({"provider": {"busiest": {"name": "Not yours."}}}, [])


def test_a_batch_that_is_no_mapping_is_an_error_that_names_the_loader():
    class ListByMistake(Counted):
        def values(self, keys):
            return [1]

    schema = schema_of(Provider_busiest=lambda _, info: ListByMistake.of(info.context).load(1))

    assert run(schema, "{ provider { busiest { id } } }")[:2] == (
        {"provider": {"busiest": None}},
        ["ListByMistake.batch_load gave no mapping of its keys: [1]"],
    )


def test_a_loader_without_batch_load_is_an_error_that_names_it():
    class Unfinished(Loader[int, Any]):
        pass

    schema = schema_of(Provider_busiest=lambda _, info: Unfinished.of(info.context).load(1))

    assert run(schema, "{ provider { busiest { id } } }")[1] == ["Unfinished does not define batch_load."]


def test_a_batch_may_load_from_another_loader():
    class FavouriteByProviderId(Counted):
        def values(self, keys):
            return {key: ClientById.of(self.context).load(5) for key in keys}

    schema = schema_of(
        Provider_busiest=lambda source, info: FavouriteByProviderId.of(info.context).load(source["id"])
    )

    data, _, batches = run(schema, "{ providers { busiest { id } } }", 2)

    assert data == {"providers": [{"busiest": {"id": 5}}, {"busiest": {"id": 5}}]}
    assert batches == [("FavouriteByProviderId", [0, 1]), ("ClientById", [5])]


def test_a_loader_that_is_cleared_reads_its_keys_anew():
    def busiest(source, info):
        loader = ClientById.of(info.context)
        return loader.load(1).then(lambda _: loader.clear_all()).then(lambda _: loader.load(1))

    data, _, batches = run(schema_of(Provider_busiest=busiest), "{ provider { busiest { id } } }")

    assert data == {"provider": {"busiest": {"id": 1}}}
    assert batches == [("ClientById", [1]), ("ClientById", [1])]


def test_clearing_a_loader_keeps_what_is_queued():
    def busiest(source, info):
        promise = ClientById.of(info.context).load(1)
        ClientById.of(info.context).clear_all()
        return promise

    data, errors, _ = run(schema_of(Provider_busiest=busiest), "{ provider { busiest { id } } }")

    assert (data, errors) == ({"provider": {"busiest": {"id": 1}}}, [])


def test_refuses_to_load_where_no_operation_has_given_the_context_loaders():
    with pytest.raises(LoadOutsideExecution, match="ClientById is asked for, but the context has no loaders"):
        ClientById.of(SimpleNamespace())


def test_refuses_to_load_after_the_operation():
    context = SimpleNamespace(rows=1, batches=[])
    execution.execute(schema_of(), parse("{ provider { reservations { id } } }"), context=context)

    with pytest.raises(LoadOutsideExecution, match="ClientById is asked to load after its operation ended"):
        ClientById.of(context).load(1)

    assert context.loaders.context is None


def test_refuses_to_load_after_an_operation_that_was_torn_down():
    def interrupt(*_):
        raise KeyboardInterrupt

    context = SimpleNamespace(batches=[])

    with pytest.raises(KeyboardInterrupt):
        execution.execute(schema_of(Query_provider=interrupt), parse("{ provider { id } }"), context=context)

    with pytest.raises(LoadOutsideExecution):
        ClientById.of(context).load(1)


def test_batches_just_the_same_inside_a_running_promise_job():
    query = "{ providers { reservations { client { name } } } }"

    outside = run(schema_of(), query)
    inside = Promise.resolve(None).then(lambda _: run(schema_of(), query)).get()

    assert inside == outside


def test_a_callback_that_is_torn_down_does_not_spoil_its_thread():
    def busiest(_, info):
        def interrupt(_):
            raise SystemExit  # promise swallows it, and leaves the thread's queue behind

        return ClientById.of(info.context).load(1).then(interrupt)

    query = "{ providers { reservations { client { name } } } }"
    before = run(schema_of(), query)

    _, errors, _ = run(schema_of(Provider_busiest=busiest), "{ provider { busiest { id } } }")

    assert errors == ["Nothing settles the promise of field Provider.busiest."]
    assert run(schema_of(), query) == before


def test_operations_in_several_threads_do_not_mix():
    schema, document = schema_of(), parse("{ providers { reservations { client { name } } } }")
    expected = {
        rows: run(schema, "{ providers { reservations { client { name } } } }", rows) for rows in range(8)
    }
    start, answers = threading.Barrier(8), {}

    def work(rows: int) -> None:
        start.wait(timeout=10)
        answers[rows] = []
        for _ in range(20):
            context = SimpleNamespace(rows=rows, batches=[])
            result = execution.execute(schema, document, context=context)
            answers[rows].append((result.data, [], context.batches))

    threads = [threading.Thread(target=work, args=(rows,)) for rows in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert answers == {rows: [answer] * 20 for rows, answer in expected.items()}
