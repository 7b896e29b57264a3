import graphene

from api import utils
from api.connections import Keyset, Paging, connection_field, read_page
from api.loaders.service import ServiceById
from api.types.service import ServiceConnection, ServiceType
from api.utils import requires
from reservation.models import Service
from reservation.rules.policy import Scope
from reservation.selectors import directory

KEYSET = Keyset("Query.services", Service, ("name", "id"))


class ServiceQuery(graphene.ObjectType):
    service = graphene.Field(
        ServiceType,
        id=graphene.ID(required=True),
        description="The service with this id; null when there is none that you may see.",
    )
    services = connection_field(
        ServiceConnection, description="The services that you may see, in order of name."
    )

    @staticmethod
    @requires(Scope.READ)
    def resolve_service(_root, info, id):
        return ServiceById.of(info.context).load(utils.decode_id(id, "Service", path=("id",)))

    @staticmethod
    @requires(Scope.READ)
    def resolve_services(_root, info, **page):
        rows = directory.list_services(info.context.actor)
        return read_page(rows, KEYSET, Paging.of(KEYSET, **page))
