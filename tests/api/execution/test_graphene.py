"""graphene, graphene-django, its optimizer and django-graphql-jwt work as under the stock executor."""

from types import SimpleNamespace
from typing import Any

import graphene
import graphene_django_optimizer as optimizer
import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.contrib.contenttypes.models import ContentType
from graphene import relay
from graphene_django import DjangoConnectionField, DjangoListField, DjangoObjectType
from graphene_django.registry import Registry
from graphql import parse, validate
from graphql_jwt.decorators import login_required

from api import execution
from api.loaders.base import Loader
from tests.api.execution.equivalence import assert_equivalent

registry = Registry()


class PermissionsByContentTypeId(Loader[int, list[Permission]]):
    missing = list

    def batch_load(self, keys: list[int]) -> dict[int, list[Permission]]:
        rows: dict[int, list[Permission]] = {}
        for row in Permission.objects.filter(content_type__in=keys).order_by("codename"):
            rows.setdefault(row.content_type_id, []).append(row)
        return rows


class PermissionType(DjangoObjectType):
    class Meta:
        model = Permission
        registry = registry
        name = "Permission"
        interfaces = (relay.Node,)
        fields = ("codename", "content_type")


class PermissionConnection(relay.Connection):
    class Meta:
        node = PermissionType
        name = "LoadedPermission"

    total_count = graphene.Int(required=True)

    @staticmethod
    def resolve_total_count(page: Any, _info: Any) -> int:
        return len(page.edges)


class ContentTypeType(DjangoObjectType):
    class Meta:
        model = ContentType
        registry = registry
        name = "ContentType"
        interfaces = (relay.Node,)
        fields = ("model", "permission_set")

    codenames = graphene.List(graphene.NonNull(graphene.String))
    loaded = graphene.Field(PermissionConnection)

    @staticmethod
    def resolve_codenames(content_type: ContentType, info: Any) -> Any:
        rows = PermissionsByContentTypeId.of(info.context).load(content_type.pk)
        return rows.then(lambda rows: [row.codename for row in rows])

    @staticmethod
    def resolve_loaded(content_type: ContentType, info: Any) -> Any:
        def page(rows: list[Permission]) -> PermissionConnection:
            edges = [PermissionConnection.Edge(node=row, cursor=row.codename) for row in rows]
            return PermissionConnection(edges=edges, page_info=relay.PageInfo(False, False, None, None))

        return PermissionsByContentTypeId.of(info.context).load(content_type.pk).then(page)


class Query(graphene.ObjectType):
    node = relay.Node.Field()
    content_types = DjangoListField(ContentTypeType)
    optimized = graphene.List(ContentTypeType)
    connection = DjangoConnectionField(ContentTypeType)
    secret = graphene.List(graphene.String)

    @staticmethod
    def resolve_content_types(_root: Any, _info: Any) -> Any:
        return ContentType.objects.order_by("pk")

    @staticmethod
    def resolve_optimized(_root: Any, info: Any) -> Any:
        return optimizer.query(ContentType.objects.order_by("pk"), info)

    @staticmethod
    def resolve_connection(_root: Any, _info: Any, **_args: Any) -> Any:
        return ContentType.objects.order_by("pk")

    @staticmethod
    @login_required
    def resolve_secret(_root: Any, info: Any) -> Any:
        rows = PermissionsByContentTypeId.of(info.context).load(ContentType.objects.earliest("pk").pk)
        return rows.then(lambda rows: [row.codename for row in rows])


class Relabel(relay.ClientIDMutation):
    codenames = graphene.List(graphene.String)

    @classmethod
    def mutate_and_get_payload(cls, _root: Any, _info: Any, **_input: Any) -> Any:
        return cls(codenames=["changed"])


class Mutation(graphene.ObjectType):
    relabel = Relabel.Field()


schema = graphene.Schema(query=Query, mutation=Mutation).graphql_schema


def context_of(user: Any = None) -> Any:
    return SimpleNamespace(user=user or AnonymousUser())


def run(query: str, user: Any = None) -> Any:
    document = parse(query)
    assert validate(schema, document) == []
    return execution.execute(schema, document, context=context_of(user))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        "{ contentTypes { id model codenames } }",
        "{ contentTypes { loaded { totalCount edges { cursor node { id codename } } } } }",
        "{ optimized { model codenames permissionSet { edges { node { contentType { model } } } } } }",
        "{ connection(first: 2) { pageInfo { endCursor } edges { cursor node { codenames __typename } } } }",
        "{ connection(first: 1) { edges { node { loaded { edges { node { codename } } } } } } }",
        'mutation { relabel(input: {clientMutationId: "1"}) { codenames clientMutationId } }',
        "{ __schema { queryType { name fields { name type { kind } } } } }",
        '{ node(id: "Q29udGVudFR5cGU6MQ==") { id __typename ... on ContentType { codenames } } }',
        '{ node(id: "nonsense") { id } secret }',
    ],
)
def test_gives_what_graphql_core_gives(query):
    result = assert_equivalent(schema, query, context_of, context_of)

    assert result.data


@pytest.mark.django_db
def test_connections_of_a_list_load_in_one_statement(django_assert_num_queries):
    with django_assert_num_queries(2):
        result = run("{ contentTypes { codenames loaded { edges { node { codename } } } } }")

    assert result.errors is None
    assert all(
        row["codenames"] == [edge["node"]["codename"] for edge in row["loaded"]["edges"]] != []
        for row in result.data["contentTypes"]
    )


@pytest.mark.django_db
def test_the_optimizer_still_reads_a_relation_with_its_root(django_assert_num_queries):
    with django_assert_num_queries(2):
        result = run("{ optimized { permissionSet { edges { node { codename } } } } }")

    assert result.errors is None


@pytest.mark.django_db
def test_a_guard_of_django_graphql_jwt_refuses_before_anything_loads():
    member = SimpleNamespace(is_authenticated=True)

    refused, granted = run("{ secret }"), run("{ secret }", member)

    assert (refused.data, [error.message for error in refused.errors]) == (
        {"secret": None},
        ["You do not have permission to perform this action"],
    )
    assert granted.errors is None
    assert granted.data["secret"]
