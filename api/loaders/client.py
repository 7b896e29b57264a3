from django.db.models import QuerySet

from api.loaders.rows import RowById
from reservation.models import Client
from reservation.selectors import directory


class ClientById(RowById[Client]):
    def rows(self) -> QuerySet[Client]:
        return directory.list_clients(self.context.actor)
