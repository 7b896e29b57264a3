"""For any operation, and whatever its resolvers do, promises give what plain values give."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import mutations, queries

from tests.api.execution import worlds
from tests.api.execution.equivalence import assert_equivalent

EVERY_NESTING = worlds.every_nesting()
PRACTICE = worlds.practice()

seeds = st.integers(0, 2**32)
troubles = st.sampled_from([0.0, 0.03, 0.1, 0.3])
thorough = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(schema, operation, seed, trouble):
    assert_equivalent(
        schema,
        operation,
        lambda: worlds.World(seed, promised=False, trouble=trouble),
        lambda: worlds.World(seed, promised=True, trouble=trouble),
    )


@thorough
@given(worlds.selections(), seeds, troubles)
def test_a_query_over_every_nesting_of_lists_and_non_null_gives_the_same_answer(selection, seed, trouble):
    check(EVERY_NESTING, selection, seed, trouble)


@thorough
@given(worlds.selections(depth=2), seeds, troubles)
def test_a_mutation_over_every_nesting_of_lists_and_non_null_gives_the_same_answer(selection, seed, trouble):
    check(EVERY_NESTING, f"mutation {selection}", seed, trouble)


@thorough
@given(queries(worlds.PRACTICE), seeds, troubles)
def test_a_generated_query_gives_the_same_answer(query, seed, trouble):
    check(PRACTICE, query, seed, trouble)


@thorough
@given(mutations(worlds.PRACTICE), seeds, troubles)
def test_a_generated_mutation_gives_the_same_answer(mutation, seed, trouble):
    check(PRACTICE, mutation, seed, trouble)
