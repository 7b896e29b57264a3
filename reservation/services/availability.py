"""A provider's weekly windows and the exceptions to them; every change is published at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet

from reservation.models import AvailabilityException, AvailabilityRule, Location, Provider, Reservation
from reservation.rules import availability, policy, text
from reservation.rules.availability import Change, ChangeKind
from reservation.rules.errors import Invalid
from reservation.rules.policy import Actor, Scope
from reservation.selectors import directory
from reservation.services import fields, idempotency, publishing

MAX_REASON_LENGTH = 200
# What may not be null; check_window judges the rest, for it is about the window as a whole.
RULE_FIELDS: dict[str, fields.Check] = {
    field: partial(fields.check_given, field=field)
    for field in ("weekday", "start_time", "end_time", "time_zone", "valid_from")
} | {field: lambda value: value for field in ("valid_until", "location_id")}

CalendarRow = TypeVar("CalendarRow", AvailabilityRule, AvailabilityException)


@dataclass(frozen=True, slots=True)
class AvailabilityChange:
    """A weekly window as saved, None when deleted, and the live reservations that the change bears on.

    affected_reservations: as publishing.Published has them.
    """

    rule: AvailabilityRule | None
    affected_reservations: list[Reservation]


@dataclass(frozen=True, slots=True)
class ExceptionChange:
    """An exception as saved, None when deleted, and the live reservations that the change bears on.

    affected_reservations: as publishing.Published has them.
    """

    exception: AvailabilityException | None
    affected_reservations: list[Reservation]


@transaction.atomic
@idempotency.once
def create_availability_rule(
    *,
    actor: Actor,
    provider_id: int,
    weekday: int,
    start_time: time,
    end_time: time,
    time_zone: str,
    valid_from: date,
    valid_until: date | None = None,
    location_id: int | None = None,
    now: datetime,
) -> AvailabilityChange:
    """Give a provider a weekly window, and publish its appointments.

    weekday: 0 is Monday. start_time, end_time: on the local clock of time_zone, an IANA name; an end of 00:00
    is the midnight that ends the day. valid_from, valid_until: local dates, both inclusive; None is for good.
    Locks the provider, and the appointments that change.
    Raises: Invalid, NotFound (provider, location), Forbidden.
    """
    provider = publishing.lock_calendar(actor, provider_id, path="providerId")
    rule = AvailabilityRule(
        practice_id=provider.practice_id,
        provider=provider,
        location=_get_location(actor, location_id),
        weekday=weekday,
        start_time=start_time,
        end_time=end_time,
        time_zone=time_zone,
        valid_from=valid_from,
        valid_until=valid_until,
    )
    return _save_rule(provider, rule, now=now)


@transaction.atomic
@idempotency.once
def update_availability_rule(
    *, actor: Actor, rule_id: int, changes: Mapping[str, object], now: datetime
) -> AvailabilityChange:
    """Change a weekly window, and publish what that opens and withdraws.

    changes: the fields to change, among RULE_FIELDS, with values as create_availability_rule takes them.
    Locks the provider, and the appointments that change.
    Raises: Invalid, NotFound (rule, location), Forbidden.
    """
    provider, rule = _lock_rule(actor, rule_id)
    for field, value in fields.clean(changes, RULE_FIELDS).items():
        setattr(rule, field, value)
    rule.location = _get_location(actor, rule.location_id)
    return _save_rule(provider, rule, now=now)


@transaction.atomic
@idempotency.once
def delete_availability_rule(*, actor: Actor, rule_id: int, now: datetime) -> AvailabilityChange:
    """Delete a weekly window, and withdraw the appointments that nothing else gives.

    Locks the provider, and the appointments that change.
    Raises: NotFound, Forbidden.
    """
    provider, rule = _lock_rule(actor, rule_id)
    rule.delete()
    return AvailabilityChange(None, publishing.republish(provider, now=now).affected_reservations)


@transaction.atomic
@idempotency.once
def create_availability_exception(
    *,
    actor: Actor,
    provider_id: int,
    kind: str,
    starts_at: datetime,
    ends_at: datetime,
    reason: str = "",
    now: datetime,
) -> ExceptionChange:
    """Add time to a provider's calendar or remove it, and publish what that opens and withdraws.

    kind: ADD or REMOVE; where both cover an instant, it is removed. starts_at, ends_at: aware, on the
    quarter-hour, half-open, 366 days apart at most. reason: kept with it.
    Locks the provider, and the appointments that change.
    Raises: Invalid, NotFound, Forbidden.
    """
    provider = publishing.lock_calendar(actor, provider_id, path="providerId")
    change = Change(_check_kind(kind), starts_at, ends_at)
    availability.check_change(change)
    reason = text.check_text(reason, path=("reason",), max_length=MAX_REASON_LENGTH, required=False)
    exception = AvailabilityException.objects.create(
        practice_id=provider.practice_id,
        provider=provider,
        kind=change.kind.value,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason,
    )
    return ExceptionChange(exception, publishing.republish(provider, now=now).affected_reservations)


@transaction.atomic
@idempotency.once
def delete_availability_exception(*, actor: Actor, exception_id: int, now: datetime) -> ExceptionChange:
    """Delete an exception, and publish what the rules give without it.

    Locks the provider, and the appointments that change.
    Raises: NotFound, Forbidden.
    """
    policy.require(actor, Scope.SCHEDULE)
    visible = directory.list_availability_exceptions(actor)
    provider, exception = _lock_with_calendar(
        actor, visible, exception_id, what="availability exception", path="exceptionId"
    )
    exception.delete()
    return ExceptionChange(None, publishing.republish(provider, now=now).affected_reservations)


def _lock_rule(actor: Actor, rule_id: int) -> tuple[Provider, AvailabilityRule]:
    policy.require(actor, Scope.SCHEDULE)
    visible = directory.list_availability_rules(actor)
    return _lock_with_calendar(actor, visible, rule_id, what="availability rule", path="ruleId")


def _lock_with_calendar(
    actor: Actor, visible: QuerySet[CalendarRow], pk: int, *, what: str, path: str
) -> tuple[Provider, CalendarRow]:
    """Lock the calendar that a row belongs to; return the row as it is after the wait.

    Raises: NotFound (also when it was deleted during the wait), Forbidden.
    """
    seen = directory.get_one(visible, pk, what=what, path=path)
    provider = publishing.lock_calendar(actor, seen.provider_id, path=path)
    return provider, directory.get_one(visible, pk, what=what, path=path)


def _get_location(actor: Actor, location_id: int | None) -> Location | None:
    if location_id is None:
        return None
    locations = directory.list_locations(actor)
    return directory.get_one(locations, location_id, what="location", path="locationId")


def _save_rule(provider: Provider, rule: AvailabilityRule, *, now: datetime) -> AvailabilityChange:
    availability.check_window(publishing.window_of(rule))
    rule.save()
    return AvailabilityChange(rule, publishing.republish(provider, now=now).affected_reservations)


def _check_kind(kind: str) -> ChangeKind:
    try:
        return ChangeKind(kind)
    except ValueError:
        raise Invalid("An exception is of kind ADD or REMOVE.", path=("kind",)) from None
