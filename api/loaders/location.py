from django.db.models import QuerySet

from api.loaders.rows import RowById, RowsByParentId
from reservation.models import Location
from reservation.selectors import directory


class LocationById(RowById[Location]):
    def rows(self) -> QuerySet[Location]:
        return directory.list_locations(self.context.actor)


class LocationsByProviderId(RowsByParentId):
    parent = "providerlocation__provider"
    order = ("name", "id")

    def rows(self) -> QuerySet[Location]:
        return directory.list_locations(self.context.actor)
