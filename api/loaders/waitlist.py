from django.db.models import QuerySet

from api.loaders.rows import RowById
from reservation.models import WaitlistEntry
from reservation.selectors import reservations


class WaitlistEntryById(RowById[WaitlistEntry]):
    def rows(self) -> QuerySet[WaitlistEntry]:
        return reservations.list_waitlist_entries(self.context.actor).select_related("reservation")
