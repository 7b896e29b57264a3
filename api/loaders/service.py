from django.db.models import QuerySet

from api.loaders.rows import RowById, RowsByParentId
from reservation.models import Service
from reservation.selectors import directory


class ServiceById(RowById[Service]):
    def rows(self) -> QuerySet[Service]:
        return directory.list_services(self.context.actor)


class ServicesByProviderId(RowsByParentId):
    parent = "providerservice__provider"
    order = ("name", "id")

    def rows(self) -> QuerySet[Service]:
        return directory.list_services(self.context.actor)
