"""The endpoint: authenticate, limit, attach the context, execute, mask errors."""
# ruff: noqa: ARG002 (the overridden methods are called with named arguments, needed or not)

import contextlib
import json
import re
import uuid
from collections.abc import Iterable
from typing import Any, NoReturn

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from graphql import ExecutionResult, OperationType, get_operation_ast
from graphql_server.django import views
from graphql_server.exceptions import GraphQLValidationError
from graphql_server.http import GraphQLHTTPResponse, GraphQLRequestData
from graphql_server.http.exceptions import HTTPException

from api import errors, execution, limits, tokens
from api.schema import schema

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
STRICT_TYPE = "application/graphql-response+json"
CHUNK = 64 * 1024
MOST_DISCARDED = 16 * 1024 * 1024
# PostgreSQL's text has no NUL, UTF-8 has no lone surrogate.
UNSTORABLE = re.compile("[\\0\\ud800-\\udfff]")

# Everything that GraphiQL needs comes from us; its editor sets styles in place.
GRAPHIQL_CSP = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:"
)


class Refused(HTTPException):
    """The request is answered without executing anything."""

    def __init__(self, status_code: int, reason: str, **headers: str) -> None:
        super().__init__(status_code, reason)
        self.headers = headers


class Crash(HTTPException):
    """Something of ours broke outside of any field."""

    def __init__(self) -> None:
        super().__init__(500, "")


# No cookie says who is calling, and a body must be JSON, which no page of another site can send without
# asking first (CORS): there is nothing to forge, and no need for Django's token.
@method_decorator(csrf_exempt, name="dispatch")
class GraphQLView(views.GraphQLView):
    """GraphQL over HTTP, as its specification has it, for one operation at a time.

    Resolvers get the request as `info.context`, with the attributes `user`, `actor` (None when not signed
    in), `now` (one instant for the whole request) and `loaders`.
    """

    graphql_ide = None

    def dispatch(self, request: Any, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        sent_id = request.headers.get("X-Request-Id", "")
        request.request_id = sent_id if REQUEST_ID.fullmatch(sent_id) else uuid.uuid4().hex
        try:
            _refuse_unreadable(request)
            response = self.run(request=request)
        except Exception as error:
            response = self._refuse(request, error)
        response["Cache-Control"] = "no-store"
        response["X-Request-Id"] = request.request_id
        return response

    def get_context(self, request: Any, response: HttpResponse) -> Any:
        request.now = timezone.now()
        request.user, request.actor = tokens.identify(request)
        return request

    def decode_json(self, data: str | bytes) -> object:
        try:
            return json.loads(data, parse_constant=_refuse_constant)
        except RecursionError:
            raise Refused(400, "The request's JSON is nested too deeply.") from None
        except ValueError:  # a number of thousands of digits too
            raise Refused(400, "The request's body is not JSON.") from None

    def get_graphql_request_data(
        self, request: Any, context: Any, data: Any, protocol: Any
    ) -> GraphQLRequestData:
        if not isinstance(data, dict):
            raise Refused(400, "The request's body must be a JSON object: one operation.")
        if not isinstance(data.get("query"), str) or not data["query"]:
            raise Refused(400, "The request has no query.")
        if not isinstance(data.get("operationName"), str | None):
            raise Refused(400, "operationName must be a string.")
        if any(UNSTORABLE.search(text) for text in _texts(data)):
            raise Refused(400, "Text must not contain NUL or half a surrogate pair.")
        # Some clients send "" for no name.
        data = {**data, "operationName": data.get("operationName") or None}
        return super().get_graphql_request_data(request, context, data, protocol)

    def execute_operation(
        self,
        request_adapter: Any,
        request_data: GraphQLRequestData,
        context: Any,
        root_value: Any,
        allowed_operation_types: set[OperationType],
    ) -> ExecutionResult:
        try:
            document = limits.read_document(self.schema, request_data.query or "")
            operation = get_operation_ast(document, request_data.operation_name)
            if operation is None:
                raise Refused(400, "operationName must name one of the document's operations.")
            if operation.operation not in allowed_operation_types:
                raise Refused(405, "Only queries may be sent by GET.", Allow="POST")
            return execution.execute(
                self.schema,
                document,
                context=context,
                variables=request_data.variables,
                operation_name=request_data.operation_name,
            )
        except limits.Refused as refused:
            raise GraphQLValidationError(refused.errors) from None
        except HTTPException:
            raise
        except Exception as error:
            # run() would put the exception's text into the answer.
            raise Crash from error

    def process_result(
        self, request: Any, result: ExecutionResult, strict: bool = False
    ) -> GraphQLHTTPResponse:
        response_data: GraphQLHTTPResponse = {}
        if result.errors:
            response_data["errors"] = [
                errors.describe(error, request_id=request.request_id) for error in result.errors
            ]
        # Nothing was executed: then there are no data, not even null ones.
        if result.data is not None or any(error.path is not None for error in result.errors or ()):
            response_data["data"] = result.data
        return response_data

    def create_response(
        self, response_data: GraphQLHTTPResponse, sub_response: Any, is_strict: bool
    ) -> HttpResponseBase:
        if is_strict and "data" not in response_data:
            sub_response.status_code = 400
        return super().create_response(response_data, sub_response, is_strict)

    def _refuse(self, request: Any, error: Exception) -> HttpResponse:
        if isinstance(error, HTTPException) and not isinstance(error, Crash):
            told, status = errors.invalid(error.reason), error.status_code
        else:
            told, status = errors.internal(error.__cause__ or error, request_id=request.request_id), 500
        strict = STRICT_TYPE in request.headers.get("Accept", "")
        return HttpResponse(
            self.encode_json({"errors": [told]}),
            status=status,
            content_type=STRICT_TYPE if strict else "application/json",
            headers=getattr(error, "headers", None),
        )


def _refuse_unreadable(request: HttpRequest) -> None:
    """Refuse what is no GraphQL request by its headers, and a body that is too large before it is read."""
    if request.method not in ("GET", "POST"):
        raise Refused(405, "Send a query by POST or GET.", Allow="GET, POST")
    if "Transfer-Encoding" in request.headers:  # Django reads no body of unknown length
        raise Refused(411, "Send the request with its Content-Length.")
    try:
        body = request.body
    except RequestDataTooBig:
        _discard_body(request)
        raise Refused(413, "The request is too large.") from None
    except UnreadablePostError:
        raise Refused(400, "The request's body ended early.") from None
    if request.method == "POST" and request.content_type != "application/json":
        raise Refused(415, "Send the request as application/json.")
    if (request.content_params or {}).get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise Refused(415, "Send the request in UTF-8.")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused(415, "Send the request uncompressed.")
    try:
        body.decode()
    except UnicodeDecodeError:
        raise Refused(400, "The request's body is not UTF-8.") from None


def _discard_body(request: HttpRequest) -> None:
    """Read what is still being sent: a client whose sending is cut off never gets to read the answer."""
    with contextlib.suppress(UnreadablePostError):
        for _ in range(MOST_DISCARDED // CHUNK):
            if not request.read(CHUNK):
                return


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")


def _texts(data: dict[str, Any]) -> Iterable[str]:
    """Walk all text in a JSON value, without recursion: it may be nested as deeply as its parser allows."""
    left: list[Any] = [data]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            left.extend(value)
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)


@require_safe
def graphiql(request: HttpRequest) -> HttpResponse:
    """A page to explore the API with."""
    response = render(request, "api/graphiql.html")
    response["Content-Security-Policy"] = GRAPHIQL_CSP
    return response


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """Say that this process answers; it asks nothing of the database."""
    return JsonResponse({"status": "ok"})


endpoint = GraphQLView.as_view(schema=schema.graphql_schema)
