from django.db.models import QuerySet

from api.connections import Keyset
from api.loaders.rows import PageByParentId, RowById
from reservation.models import AvailabilityException, AvailabilityRule, Provider
from reservation.selectors import directory


class ProviderById(RowById[Provider]):
    def rows(self) -> QuerySet[Provider]:
        return directory.list_providers(self.context.actor)


class AvailabilityRuleById(RowById[AvailabilityRule]):
    def rows(self) -> QuerySet[AvailabilityRule]:
        return directory.list_availability_rules(self.context.actor)


class AvailabilityExceptionById(RowById[AvailabilityException]):
    def rows(self) -> QuerySet[AvailabilityException]:
        return directory.list_availability_exceptions(self.context.actor)


class AvailabilityRulesByProviderId(PageByParentId):
    keyset = Keyset("Provider.availabilityRules", AvailabilityRule, ("weekday", "start_time", "id"))
    parent = "provider"

    def rows(self, _wanted: None) -> QuerySet[AvailabilityRule]:
        return directory.list_availability_rules(self.context.actor)


class AvailabilityExceptionsByProviderId(PageByParentId):
    keyset = Keyset("Provider.availabilityExceptions", AvailabilityException, ("starts_at", "id"))
    parent = "provider"

    def rows(self, _wanted: None) -> QuerySet[AvailabilityException]:
        return directory.list_availability_exceptions(self.context.actor)
