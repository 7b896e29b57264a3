import graphene

from api.loaders.client import ClientById
from api.loaders.practice import PracticeById
from api.loaders.provider import ProviderById
from api.types.client import ClientType
from api.types.enums import Role
from api.types.practice import PracticeType
from api.types.provider import ProviderType
from reservation.models import User
from reservation.rules.policy import Actor


class Viewer(graphene.ObjectType):
    """You: who is signed in, and as what."""

    user_name = graphene.String(required=True, description="The name that you sign in with.")
    full_name = graphene.String(required=True, description="Empty when not known.")
    role = Role(required=True, description="What you are in the practice: it decides what you may do.")
    practice = graphene.Field(PracticeType, description="The practice that you act in.")
    provider = graphene.Field(ProviderType, description="The provider you are; null for others.")
    client = graphene.Field(ClientType, description="The client you are; null for others.")

    @staticmethod
    def resolve_user_name(_viewer, info):
        return _user(info).get_username()

    @staticmethod
    def resolve_full_name(_viewer, info):
        return _user(info).get_full_name()

    @staticmethod
    def resolve_practice(viewer: Actor, info):
        return PracticeById.of(info.context).load(viewer.practice_id)

    @staticmethod
    def resolve_provider(viewer: Actor, info):
        return viewer.provider_id and ProviderById.of(info.context).load(viewer.provider_id)

    @staticmethod
    def resolve_client(viewer: Actor, info):
        return viewer.client_id and ClientById.of(info.context).load(viewer.client_id)


def _user(info) -> User:
    user: User = info.context.user
    return user
