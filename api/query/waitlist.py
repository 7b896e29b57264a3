import graphene

from api.connections import Keyset, Paging, connection_field, read_page
from api.query.relations import with_selected_relations
from api.types.waitlist import WaitlistEntryConnection, WaitlistFilter
from api.utils import requires
from reservation.models import WaitlistEntry
from reservation.rules.policy import Scope
from reservation.selectors import reservations

KEYSET = Keyset("Query.waitlistEntries", WaitlistEntry, ("created_at", "id"))


class WaitlistQuery(graphene.ObjectType):
    waitlist_entries = connection_field(
        WaitlistEntryConnection,
        description="The waitlist as far as you may see it, in turn: the desk all, others their own.",
        filter=WaitlistFilter(),
    )

    @staticmethod
    @requires(Scope.READ)
    def resolve_waitlist_entries(_root, info, filter=None, **page):
        paging = Paging.of(KEYSET, **page)
        rows = reservations.list_waitlist_entries(info.context.actor)
        if filter and filter.get("status") is not None:
            rows = rows.filter(status=filter["status"])
        return read_page(with_selected_relations(rows, info), KEYSET, paging)
