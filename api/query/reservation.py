import graphene
from django.db.models import QuerySet

from api import utils
from api.connections import Keyset, Paging, connection_field, read_page
from api.loaders.reservation import ReservationById
from api.types import filters
from api.types.reservation import ReservationConnection, ReservationFilter, ReservationType
from api.utils import requires
from reservation.models import Reservation
from reservation.rules.policy import Scope
from reservation.selectors import reservations

KEYSET = Keyset("Query.reservations", Reservation, ("starts_at", "id"))


class ReservationQuery(graphene.ObjectType):
    reservation = graphene.Field(
        ReservationType,
        id=graphene.ID(required=True),
        description="The reservation with this id; null when there is none that you may see.",
    )
    reservations = connection_field(
        ReservationConnection,
        description="The reservations that you may see, in order of start: the desk all, others their own.",
        filter=ReservationFilter(),
    )

    @staticmethod
    @requires(Scope.READ)
    def resolve_reservation(_root, info, id):
        return ReservationById.of(info.context).load(utils.decode_id(id, "Reservation", path=("id",)))

    @staticmethod
    @requires(Scope.READ)
    def resolve_reservations(_root, info, filter=None, **page):
        rows = reservations.list_reservations(info.context.actor, now=info.context.now)
        return read_page(_filtered(rows, filter or {}), KEYSET, Paging.of(KEYSET, **page))


def _filtered(rows: QuerySet[Reservation], filter: dict) -> QuerySet[Reservation]:
    filters.refuse_reversed_range(filter)
    conditions = {
        "status_now": filter.get("status"),
        "client": filters.decode_optional_id(filter, "client_id", "Client", argument="clientId"),
        "provider": filters.decode_optional_id(filter, "provider_id", "Provider", argument="providerId"),
        "starts_at__gte": filter.get("starts_at_gte"),
        "starts_at__lt": filter.get("starts_at_lt"),
    }
    return rows.filter(**{field: value for field, value in conditions.items() if value is not None})
