"""The joined schema; `manage.py graphql_schema` writes it down as api/schema.graphql."""

import graphene

from api.mutation import Mutation
from api.query import Query

schema = graphene.Schema(query=Query, mutation=Mutation)
