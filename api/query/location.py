import graphene

from api import utils
from api.connections import Keyset, Paging, connection_field, read_page
from api.loaders.location import LocationById
from api.types.location import LocationConnection, LocationType
from api.utils import requires
from reservation.models import Location
from reservation.rules.policy import Scope
from reservation.selectors import directory

KEYSET = Keyset("Query.locations", Location, ("name", "id"))


class LocationQuery(graphene.ObjectType):
    location = graphene.Field(
        LocationType,
        id=graphene.ID(required=True),
        description="The location with this id; null when there is none that you may see.",
    )
    locations = connection_field(
        LocationConnection, description="The locations that you may see, in order of name."
    )

    @staticmethod
    @requires(Scope.READ)
    def resolve_location(_root, info, id):
        return LocationById.of(info.context).load(utils.decode_id(id, "Location", path=("id",)))

    @staticmethod
    @requires(Scope.READ)
    def resolve_locations(_root, info, **page):
        rows = directory.list_locations(info.context.actor)
        return read_page(rows, KEYSET, Paging.of(KEYSET, **page))
