"""Appointments: made ahead of time from a provider's availability, taken back, blocked by hand.

Whoever changes an appointment's status locks the provider's row first (lock_calendar), then the appointments
in order of id, as booking does: so what was read of a calendar under its lock stays true until commit.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db import transaction

from reservation.models import (
    Appointment,
    AvailabilityException,
    AvailabilityRule,
    Provider,
    Reservation,
)
from reservation.rules import availability, policy, text
from reservation.rules.availability import Change, ChangeKind, WeeklyWindow
from reservation.rules.grid import SLOT
from reservation.rules.policy import Actor, Forbidden, Scope
from reservation.rules.states import InvalidState
from reservation.selectors import calendar, directory, policies, reservations
from reservation.services import idempotency

logger = logging.getLogger(__name__)

MARGIN = timedelta(days=1)
"""How far past the horizon appointments are made: a rolling job that is a day late leaves no gap."""
FARTHEST = timedelta(days=3 * 366)
"""How far ahead appointments are compared with the availability; beyond it there are none but by mistake."""
MAX_BLOCK_REASON_LENGTH = 200

Desired = Mapping[datetime, int | None]
"""The starts that the availability gives, in order, each with the location to be at, if any."""


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing did to a provider's calendar.

    opened, withdrawn: how many appointments. affected_reservations: the live ones, in order of start, whose
    appointments were withdrawn or are at another location now; they stand until moved or cancelled.
    """

    provider: Provider
    opened: int
    withdrawn: int
    affected_reservations: list[Reservation]


@dataclass(frozen=True, slots=True)
class Blocked:
    """A blocked appointment, and the live reservations on it; they stand until moved or cancelled."""

    appointment: Appointment
    affected_reservations: list[Reservation]


@transaction.atomic
@idempotency.once
def publish_appointments(*, actor: Actor, provider_id: int, now: datetime) -> Published:
    """Make a provider's future appointments what its availability gives; doing it again changes nothing.

    now: aware UTC. Locks the provider, and the appointments that change.
    Raises: NotFound, Forbidden.
    """
    return republish(lock_calendar(actor, provider_id, path="providerId"), now=now)


def publish_ahead(*, now: datetime) -> int:
    """Publish the appointments of every active provider of every practice; return how many were opened.

    Each provider in its own transaction, so that a bad one stops no other: it is logged.
    """
    providers = Provider.objects.filter(is_active=True).order_by("practice", "pk")
    opened = [_publish_one(provider_id, now=now) for provider_id in providers.values_list("pk", flat=True)]
    failures = opened.count(None)
    if failures:
        logger.error("the appointments of %d of %d providers were not published", failures, len(opened))
    return sum(filter(None, opened))


@transaction.atomic
@idempotency.once
def block_appointment(*, actor: Actor, appointment_id: int, reason: str = "", now: datetime) -> Blocked:
    """Keep an open appointment from being booked, whatever the availability says, until it is unblocked.

    reason: kept with it; blocking a blocked appointment replaces it. Locks the provider, the appointment.
    Raises: InvalidState (a withdrawn appointment), NotFound, Forbidden, Invalid.
    """
    reason = text.check_text(reason, path=("reason",), max_length=MAX_BLOCK_REASON_LENGTH, required=False)
    appointment = _lock_appointment(actor, appointment_id, now=now)
    if appointment.status == Appointment.Status.WITHDRAWN:
        raise InvalidState("A withdrawn appointment cannot be blocked.", path=("appointmentId",))
    appointment.status, appointment.block_reason = Appointment.Status.BLOCKED, reason
    appointment.save(update_fields=["status", "block_reason"])
    return Blocked(appointment, _list_affected(appointment.practice_id, [appointment.pk], now=now))


@transaction.atomic
@idempotency.once
def unblock_appointment(*, actor: Actor, appointment_id: int, now: datetime) -> Appointment:
    """Return a blocked appointment to the availability: OPEN if it gives this time, else WITHDRAWN.

    Locks the provider, the appointment.
    Raises: InvalidState (an appointment that is not blocked), NotFound, Forbidden.
    """
    appointment = _lock_appointment(actor, appointment_id, now=now)
    if appointment.status != Appointment.Status.BLOCKED:
        raise InvalidState("This appointment is not blocked.", path=("appointmentId",))
    starts_at = appointment.starts_at
    desired = _find_desired(appointment.provider, starts_at=starts_at, ends_at=starts_at + SLOT)
    appointment.status = Appointment.Status.OPEN if starts_at in desired else Appointment.Status.WITHDRAWN
    appointment.location_id = desired.get(starts_at, appointment.location_id)
    appointment.block_reason = ""
    appointment.save(update_fields=["status", "location", "block_reason"])
    return appointment


def lock_calendar(actor: Actor, provider_id: int, *, path: str) -> Provider:
    """Lock the row of a provider whose calendar the actor may change: calendars change one write at a time.

    path: the input field that named the provider. Bookings do not wait for this lock.
    Raises: NotFound, Forbidden.
    """
    policy.require(actor, Scope.SCHEDULE)
    # NO KEY: a booking's foreign key to the provider is checked meanwhile.
    providers = directory.list_providers(actor).select_for_update(no_key=True)
    provider = directory.get_one(providers, provider_id, what="provider", path=path)
    if not policy.acts_for_provider(actor, provider.pk):
        raise Forbidden("Providers change their own calendar.", path=(path,))
    return provider


def republish(provider: Provider, *, now: datetime) -> Published:
    """Make the appointments from `now` on what the availability gives; the caller has locked the calendar.

    New ones are made up to a day past the horizon. Those that the availability no longer gives are withdrawn,
    wherever they are, and opened again when it gives them again; BLOCKED is a person's decision and stays.
    The number of statements does not grow with the number of appointments.
    """
    horizon = now + policies.get_booking_policy().horizon + MARGIN
    existing = list(
        Appointment.objects.filter(
            practice=provider.practice_id,
            provider=provider,
            starts_at__gte=now,
            starts_at__lt=max(horizon, now + FARTHEST),
        )
    )
    last_end = max((appointment.ends_at for appointment in existing), default=horizon)
    desired = _find_desired(provider, starts_at=now, ends_at=max(horizon, last_end))
    withdrawn, moved, reopened = _compare(existing, desired)
    missing = desired.keys() - {appointment.starts_at for appointment in existing}
    opened = _make(provider, {start: desired[start] for start in sorted(missing) if start < horizon})
    reservations.lock_appointments(provider.practice_id, withdrawn | moved.keys() | reopened.keys())
    Appointment.objects.filter(practice=provider.practice_id, pk__in=withdrawn).update(
        status=Appointment.Status.WITHDRAWN
    )
    _open(provider, moved | reopened)
    affected = _list_affected(provider.practice_id, withdrawn | moved.keys(), now=now)
    return Published(provider, opened + len(reopened), len(withdrawn), affected)


def _find_desired(provider: Provider, *, starts_at: datetime, ends_at: datetime) -> Desired:
    """Find what the rules and exceptions give; where rules overlap, the oldest says the location."""
    rules = list(
        AvailabilityRule.objects.filter(practice=provider.practice_id, provider=provider).order_by("pk")
    )
    exceptions = AvailabilityException.objects.filter(
        practice=provider.practice_id, provider=provider, starts_at__lt=ends_at, ends_at__gt=starts_at
    )
    changes = [Change(ChangeKind(each.kind), each.starts_at, each.ends_at) for each in exceptions]
    located: dict[datetime, int | None] = {}
    for location_id, group in groupby(rules, key=lambda rule: rule.location_id):
        windows = [window_of(rule) for rule in group]
        for start in availability.slot_starts(windows, [], starts_at=starts_at, ends_at=ends_at):
            located.setdefault(start, location_id)
    windows = [window_of(rule) for rule in rules]
    starts = availability.slot_starts(windows, changes, starts_at=starts_at, ends_at=ends_at)
    return {start: located.get(start) for start in starts}


def window_of(rule: AvailabilityRule) -> WeeklyWindow:
    """Return the weekly window that a rule describes, saved or not."""
    return WeeklyWindow(
        weekday=rule.weekday,
        start_time=rule.start_time,
        end_time=rule.end_time,
        time_zone=rule.time_zone,
        valid_from=rule.valid_from,
        valid_until=rule.valid_until,
    )


def _compare(
    existing: Iterable[Appointment], desired: Desired
) -> tuple[set[int], dict[int, int | None], dict[int, int | None]]:
    """Return the ids to withdraw, and those to move and to open again, with the location of each."""
    withdrawn: set[int] = set()
    moved: dict[int, int | None] = {}
    reopened: dict[int, int | None] = {}
    for appointment in existing:
        is_open = appointment.status == Appointment.Status.OPEN
        if appointment.starts_at not in desired:
            if is_open:
                withdrawn.add(appointment.pk)
            continue
        location_id = desired[appointment.starts_at]
        if appointment.status == Appointment.Status.WITHDRAWN:
            reopened[appointment.pk] = location_id
        elif is_open and appointment.location_id != location_id:
            moved[appointment.pk] = location_id
    return withdrawn, moved, reopened


def _make(provider: Provider, missing: Desired) -> int:
    made = Appointment.objects.bulk_create(
        [
            Appointment(
                practice_id=provider.practice_id,
                provider=provider,
                location_id=location_id,
                starts_at=start,
                ends_at=start + SLOT,
            )
            for start, location_id in missing.items()
        ],
        ignore_conflicts=True,
    )
    return len(made)


def _open(provider: Provider, location_ids: Mapping[int, int | None]) -> None:
    """Write these appointments OPEN, each at its location: a statement per location."""
    ids_by_location: dict[int | None, list[int]] = defaultdict(list)
    for appointment_id, location_id in location_ids.items():
        ids_by_location[location_id].append(appointment_id)
    for location_id, appointment_ids in ids_by_location.items():
        Appointment.objects.filter(practice=provider.practice_id, pk__in=appointment_ids).update(
            status=Appointment.Status.OPEN, location=location_id
        )


def _publish_one(provider_id: int, *, now: datetime) -> int | None:
    """Return how many appointments were opened; None when it failed."""
    try:
        with transaction.atomic():
            provider = Provider.objects.select_for_update(no_key=True).get(pk=provider_id)
            return republish(provider, now=now).opened
    except Exception:
        logger.exception("could not publish the appointments of provider %s", provider_id)
        return None


def _lock_appointment(actor: Actor, appointment_id: int, *, now: datetime) -> Appointment:
    """Lock an appointment on a calendar that the actor may change, the calendar first."""
    policy.require(actor, Scope.SCHEDULE)
    visible = calendar.list_appointments(actor, now=now)
    seen = directory.get_one(visible, appointment_id, what="appointment", path="appointmentId")
    lock_calendar(actor, seen.provider_id, path="appointmentId")
    (appointment,) = reservations.lock_appointments(seen.practice_id, [seen.pk])
    return appointment


def _list_affected(practice_id: int, appointment_ids: Collection[int], *, now: datetime) -> list[Reservation]:
    return list(reservations.list_live_on_appointments(practice_id, appointment_ids, now=now))
