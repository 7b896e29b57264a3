import graphene

from api.types.account import Viewer
from api.utils import requires
from reservation.rules.policy import Scope


class AccountQuery(graphene.ObjectType):
    viewer = graphene.Field(Viewer, description="You.")

    @staticmethod
    @requires(Scope.READ)
    def resolve_viewer(_root, info):
        return info.context.actor
