"""Our executor against graphql-core's own: the same operation must give the same answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from graphql import ExecutionResult, GraphQLSchema, execute_sync, parse
from promise import Promise

from api import execution
from api.loaders.base import Loaders


def assert_equivalent(
    schema: GraphQLSchema,
    query: str,
    make_context_plain: Callable[[], Any],
    make_context_promised: Callable[[], Any],
    variables: dict[str, Any] | None = None,
) -> ExecutionResult:
    """Execute with graphql-core on plain values and with ours on promises; compare; return our result.

    For a schema whose resolvers always load, both makers may be the same function: in the plain execution a
    promise is settled on the spot, one key a batch, before graphql-core sees it.
    """
    document = parse(query)
    context = make_context_plain()
    with _open_loaders(context):
        expected = execute_sync(
            schema, document, context_value=context, variable_values=variables, middleware=[_settle_at_once]
        )

    actual = execution.execute(schema, document, context=make_context_promised(), variables=variables)

    assert _ordered(actual.data) == _ordered(expected.data), query
    assert _errors(actual) == _errors(expected), query
    return actual


@contextmanager
def _open_loaders(context: Any) -> Iterator[None]:
    context.loaders = Loaders(context)
    yield
    context.loaders.close()


def _settle_at_once(next_: Callable[..., Any], root: Any, info: Any, **args: Any) -> Any:
    return _settled(next_(root, info, **args), info.context.loaders)


def _settled(value: Any, loaders: Loaders) -> Any:
    """Return a promise's value, or the exception it was rejected with: graphql-core raises it from there."""
    if isinstance(value, Promise):
        while value.is_pending:
            assert loaders.dispatch(), "Nothing settles this promise."
        settled = _settled(value.reason if value.is_rejected else value.value, loaders)
        loaders.clear_all()
        return settled
    if isinstance(value, list):
        return [_settled(item, loaders) for item in value]
    if isinstance(value, dict):
        return {key: _settled(item, loaders) for key, item in value.items()}
    return value


def _ordered(data: Any) -> Any:
    """Return data in which the order of keys counts."""
    if isinstance(data, dict):
        return [(key, _ordered(value)) for key, value in data.items()]
    if isinstance(data, list):
        return [_ordered(item) for item in data]
    return data


def _errors(result: ExecutionResult) -> list[Any] | None:
    return result.errors and [
        (error.message, error.path, error.locations, type(error.original_error), error.extensions)
        for error in result.errors
    ]
