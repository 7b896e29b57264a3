"""What promises cost: 100 rows with a nested object each, from a DataLoader and as plain values.

    python -m benchmarks.execution

Each round runs the three side by side, so that whatever else the machine does falls on all of them alike; the
ratio is the median over the rounds of each round's ratio to graphql-core on plain values.
"""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from types import SimpleNamespace
from typing import Any

from graphql import GraphQLSchema, build_schema, execute_sync, parse

from api import execution
from api.loaders.base import Loader

ROWS = 100
ROUNDS = 200

SDL = """
    type Query { appointments: [Appointment!]! }
    type Appointment { id: ID! startsAt: String! minutes: Int! provider: Provider! }
    type Provider { id: ID! name: String! specialty: String }
"""
DOCUMENT = parse("{ appointments { id startsAt minutes provider { id name specialty } } }")
PROVIDERS = {key: {"id": key, "name": f"Provider {key}", "specialty": "Dentistry"} for key in range(ROWS)}
APPOINTMENTS = [{"id": key, "startsAt": "2030-01-31T09:00:00Z", "minutes": 15} for key in range(ROWS)]


class ProviderById(Loader[int, dict[str, Any]]):
    def batch_load(self, keys: list[int]) -> dict[int, dict[str, Any]]:
        return {key: PROVIDERS[key] for key in keys}


def make_schema(resolve_provider: Callable[..., Any]) -> GraphQLSchema:
    schema = build_schema(SDL)
    schema.type_map["Query"].fields["appointments"].resolve = lambda *_: APPOINTMENTS
    schema.type_map["Appointment"].fields["provider"].resolve = resolve_provider
    return schema


def main() -> None:
    plain = make_schema(lambda source, _info: PROVIDERS[source["id"]])
    loading = make_schema(lambda source, info: ProviderById.of(info.context).load(source["id"]))
    candidates: dict[str, Callable[[], Any]] = {
        "graphql-core, plain values": lambda: execute_sync(plain, DOCUMENT, context_value=SimpleNamespace()),
        "ours, plain values": lambda: execution.execute(plain, DOCUMENT, context=SimpleNamespace()),
        "ours, a DataLoader": lambda: execution.execute(loading, DOCUMENT, context=SimpleNamespace()),
    }
    answers = [run().data for run in candidates.values()]
    assert answers[0] == answers[1] == answers[2]

    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, run in candidates.items():
            start = perf_counter()
            run()
            seconds[name].append(perf_counter() - start)

    baseline = next(iter(seconds.values()))
    print(f"{'':28}{'median ms':>10}{'ratio':>8}")
    for name, taken in seconds.items():
        ratio = median(one / base for one, base in zip(taken, baseline, strict=True))
        print(f"{name:28}{1000 * median(taken):10.2f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
