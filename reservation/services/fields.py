"""Fields as a caller gives them: named as the API names them, checked, refused where a constraint does."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction

from reservation.rules.errors import DomainError, Invalid

Check = Callable[[Any], Any]
"""Returns a field's value as it is to be stored, or raises Invalid with the field's path."""


def api_name(field: str) -> str:
    """Return what the API calls a field: startTime for start_time."""
    first, *others = field.split("_")
    return first + "".join(word.capitalize() for word in others)


def clean(given: Mapping[str, object], checks: Mapping[str, Check]) -> dict[str, Any]:
    """Return the given fields as their checks have them; a field without a check is the caller's bug.

    Raises: Invalid, KeyError.
    """
    return {field: checks[field](value) for field, value in given.items()}


def check_given(value: Any, *, field: str) -> Any:
    """Return a value that may not be None.

    Raises: Invalid.
    """
    if value is None:
        raise Invalid(f"{api_name(field)} must not be null.", path=(api_name(field),))
    return value


@contextmanager
def refused_as(refusals: Mapping[str, DomainError]) -> Iterator[None]:
    """Run the block in a savepoint; raise the refusal listed under the name of the constraint it violates."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        constraint = error.__cause__.diag.constraint_name  # type: ignore[union-attr]  # psycopg2's own error
        if constraint not in refusals:
            raise
        raise refusals[constraint] from None
