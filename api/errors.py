"""What a caller is told of an error, and what only the log is."""

import logging
from typing import Any

from graphql import GraphQLError, ValueNode

from reservation.rules.errors import DomainError

logger = logging.getLogger(__name__)

# A refused value may be as large as the body: nobody needs all of it back.
LONGEST_MESSAGE = 500


def invalid(message: str) -> dict[str, Any]:
    """Return the error of a request that cannot be read."""
    return {"message": message, "extensions": {"code": "INVALID"}}


def internal(error: BaseException, *, request_id: str, path: object = None) -> dict[str, Any]:
    """Log an error that nobody foresaw; return what stands for it, by which it is found in the log."""
    logger.error("request %s failed at %s", request_id, path or "the view", exc_info=error)
    return {
        "message": "Something went wrong on our side.",
        "extensions": {"code": "INTERNAL", "requestId": request_id},
    }


def describe(error: GraphQLError, *, request_id: str) -> dict[str, Any]:
    """Return an error of an execution as the response has it: with a code, and without our internals."""
    cause = _cause(error)
    told: dict[str, Any]
    if isinstance(cause, DomainError):
        path = {"path": list(cause.path)} if cause.path else {}
        told = {"message": cause.message, "extensions": {"code": cause.code, **path}}
    elif isinstance(cause, GraphQLError) and "code" in (cause.extensions or {}):
        told = {"message": cause.message, "extensions": cause.extensions}
    elif _is_about_the_document(error, cause):
        told = invalid(error.message[:LONGEST_MESSAGE])
    else:
        told = internal(cause, request_id=request_id, path=error.path)
    return {**error.formatted, **told}


def _cause(error: BaseException) -> BaseException:
    while isinstance(error, GraphQLError) and error.original_error is not None:
        error = error.original_error
    return error


def _is_about_the_document(error: GraphQLError, cause: BaseException) -> bool:
    """Say whether graphql-core refused the document or its variables, rather than what we answered with them.

    Without a path it never got to a field. With one, it is about an argument that only the variables make
    wrong: such an error points at the argument's value; one about our answer points at a field.
    """
    if error.path is None:
        return True
    return isinstance(cause, GraphQLError) and any(isinstance(node, ValueNode) for node in cause.nodes or ())
