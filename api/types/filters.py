"""Filter inputs as the selectors take them: ids decoded, ranges and time zones checked."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from promise import Promise

from api import utils
from api.loaders.service import ServiceById
from reservation.models import Service
from reservation.rules.errors import Invalid, NotFound
from reservation.selectors.calendar import AppointmentFilter

MOST_IDS = 200


def decode_optional_id(filter: dict[str, Any], field: str, type_name: str, *, argument: str) -> int | None:
    """Return the primary key in a filter's field; None when it is not given.

    Raises: Invalid.
    """
    global_id = filter.get(field)
    return None if global_id is None else utils.decode_id(global_id, type_name, path=("filter", argument))


def decode_id_list(
    global_ids: Sequence[str] | None, type_name: str, *, path: Sequence[str]
) -> frozenset[int] | None:
    """Return the primary keys in a list of ids; None when there is no list.

    Raises: Invalid (none or too many, malformed, of another type).
    """
    if global_ids is None:
        return None
    if not 1 <= len(global_ids) <= MOST_IDS:
        raise Invalid(f"{path[-1]} must have from 1 to {MOST_IDS} ids.", path=path)
    return frozenset(utils.decode_id(global_id, type_name, path=path) for global_id in global_ids)


def refuse_reversed_range(filter: dict[str, Any]) -> None:
    """Refuse a range of starts that holds no instant.

    Raises: Invalid.
    """
    start, end = filter.get("starts_at_gte"), filter.get("starts_at_lt")
    if start is not None and end is not None and end <= start:
        raise Invalid("startsAtLt must be after startsAtGte.", path=("filter", "startsAtLt"))


def read_appointment_filter(filter: dict[str, Any] | None, info: Any) -> "Promise[AppointmentFilter]":
    """Promise what a filter of appointments asks for.

    Raises: Invalid; the promise may be rejected with NotFound (the service).
    """
    filter = filter or {}
    refuse_reversed_range(filter)
    wanted = AppointmentFilter(
        provider_ids=decode_id_list(filter.get("provider_ids"), "Provider", path=("filter", "providerIds")),
        location_id=decode_optional_id(filter, "location_id", "Location", argument="locationId"),
        starts_at_gte=filter.get("starts_at_gte"),
        starts_at_lt=filter.get("starts_at_lt"),
        bookable=filter.get("bookable"),
    )
    service_id = decode_optional_id(filter, "service_id", "Service", argument="serviceId")
    if service_id is None:
        return Promise.resolve(wanted)

    def with_service(service: Service | None) -> AppointmentFilter:
        if service is None:
            raise NotFound("There is no such service.", path=("filter", "serviceId"))
        return replace(wanted, service=service)

    return ServiceById.of(info.context).load(service_id).then(with_service)
