"""What a document may cost, judged before anything of it is executed. The body's size is the view's."""

import functools
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    StringValueNode,
    ValidationRule,
    parse,
    specified_rules,
    validate,
)

# Several times the introspection query of tools; validation takes time by the square of it.
MAX_TOKENS = 2_500
MAX_COMMENTS = 500
MAX_ERRORS = 5

# A front end sends the same few documents again and again, and reading one takes longer than its SQL.
DOCUMENTS_REMEMBERED = 256
LONGEST_REMEMBERED = 8_192  # characters: it bounds the memory that strangers can fill


class Refused(Exception):
    """The document is not one that is executed."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


class NoNul(ValidationRule):
    """PostgreSQL's text has no NUL: refused here once, rather than by whatever it reaches."""

    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        if "\0" in node.value:
            self.report_error(GraphQLError("Text must not contain NUL.", node))


class OneSignIn(ValidationRule):
    """Checking a password is made to be slow: a document that does it many times over is an attack."""

    signs_in = frozenset({"tokenAuth", "refreshToken"})
    seen = 0

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if self.context.get_parent_type() is self.context.schema.mutation_type:
            self.seen += node.name.value in self.signs_in
            if self.seen > 1:
                self.report_error(GraphQLError("Sign in once in a document.", node))


RULES = [*specified_rules, NoNul, OneSignIn]


def read_document(schema: GraphQLSchema, text: str) -> DocumentNode:
    """Parse and validate a document; one that came before is remembered. Raises: Refused."""
    return (_read if len(text) > LONGEST_REMEMBERED else _read_remembered)(schema, text)


def _read(schema: GraphQLSchema, text: str) -> DocumentNode:
    try:
        document = parse(
            text, max_tokens=MAX_TOKENS, max_lexical_tokens=MAX_TOKENS, max_comments=MAX_COMMENTS
        )
        errors = validate(schema, document, RULES, max_errors=MAX_ERRORS)
    except GraphQLError as error:
        errors = [error]
    if errors:
        raise Refused(errors)
    return document


_read_remembered = functools.lru_cache(maxsize=DOCUMENTS_REMEMBERED)(_read)
