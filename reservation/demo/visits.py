"""The demo practice's visits: some in every state, each with its history."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, cycle, groupby

from django.conf import settings

from reservation.demo.calendar import Slot
from reservation.models import (
    Appointment,
    Client,
    Provider,
    ProviderService,
    Reservation,
    ReservationAppointment,
    ReservationEvent,
    Service,
    User,
)
from reservation.rules import states
from reservation.rules.grid import SLOT
from reservation.rules.states import ReservationStatus as Status

# What each provider's calendar holds; a visit's history is the states it went through.
BEHIND = [Status.FULFILLED] * 9 + [Status.NO_SHOW] + [Status.CANCELLED] * 2
TODAY = [Status.CONFIRMED] * 5
AHEAD = [Status.HELD] * 3 + [Status.CONFIRMED] * 13 + [Status.CANCELLED] * 2 + [Status.EXPIRED] * 2

HISTORY = {
    Status.HELD: (Status.HELD,),
    Status.CONFIRMED: (Status.HELD, Status.CONFIRMED),
    Status.EXPIRED: (Status.HELD, Status.EXPIRED),
    Status.CANCELLED: (Status.HELD, Status.CONFIRMED, Status.CANCELLED),
    Status.FULFILLED: (Status.HELD, Status.CONFIRMED, Status.FULFILLED),
    Status.NO_SHOW: (Status.HELD, Status.CONFIRMED, Status.NO_SHOW),
}
BY_THE_CLOCK = {Status.EXPIRED}


@dataclass(frozen=True, slots=True)
class Visit:
    """starts: of its appointments, consecutive."""

    provider: Provider
    client: Client
    service: Service
    status: Status
    starts: Sequence[datetime]
    booked_at: datetime

    @property
    def ends_at(self) -> datetime:
        return self.starts[-1] + SLOT

    @property
    def expires_at(self) -> datetime:
        return self.booked_at + timedelta(minutes=self.service.hold_minutes or settings.BOOKING_HOLD_MINUTES)


def create_visits(
    clients: Sequence[Client],
    services: Sequence[Service],
    calendars: dict[Provider, list[Slot]],
    *,
    desk: User,
    today: datetime,
    now: datetime,
) -> int:
    """Write every provider's visits and return how many; today is midnight UTC, at or before now.

    A provider sees an equal share of the clients and no other sees them: so no client's visits overlap.
    """
    offered = _services_by_provider(calendars, services)
    share = len(clients) // len(calendars)
    visits: list[Visit] = []
    for number, (provider, slots) in enumerate(calendars.items()):
        panel = clients[number * share : (number + 1) * share]
        starts = [slot.starts_at for slot in slots]
        visits.extend(_plan(provider, panel, offered[provider.pk], starts, today=today, now=now))

    reservations = Reservation.objects.bulk_create(map(_reservation, visits), batch_size=1000)
    ReservationAppointment.objects.bulk_create(_taken(visits, reservations), batch_size=1000)
    ReservationEvent.objects.bulk_create(
        chain.from_iterable(
            _events(visit, row, desk) for visit, row in zip(visits, reservations, strict=True)
        ),
        batch_size=1000,
    )
    return len(reservations)


def _services_by_provider(
    calendars: dict[Provider, list[Slot]], services: Sequence[Service]
) -> dict[int, list[Service]]:
    by_id = {service.pk: service for service in services}
    offered: dict[int, list[Service]] = {provider.pk: [] for provider in calendars}
    for link in ProviderService.objects.filter(service__in=services).order_by("id"):
        offered[link.provider_id].append(by_id[link.service_id])
    return offered


def _plan(
    provider: Provider,
    panel: Sequence[Client],
    services: Sequence[Service],
    starts: Sequence[datetime],
    *,
    today: datetime,
    now: datetime,
) -> Iterator[Visit]:
    dice = random.Random(f"{provider.npi} {today:%Y-%m-%d}")  # noqa: S311 - a demo, not a secret
    clients = cycle(panel)
    ahead_from = today + timedelta(days=3)  # Past everybody's lead time.
    for statuses, since, until in (
        (BEHIND, today - timedelta(days=14), today),
        (TODAY, today, today + timedelta(days=2)),
        (AHEAD, ahead_from, ahead_from + timedelta(days=30)),
    ):
        free = {start for start in starts if since <= start < until}
        for status in statuses:
            service = _service_for(status, services, dice)
            run = _take_run(free, service.slots, dice)
            if run:
                booked_at = _booked_at(status, run[0], dice, today=today, now=now)
                yield Visit(provider, next(clients), service, status, run, booked_at)


def _service_for(status: Status, services: Sequence[Service], dice: random.Random) -> Service:
    # A hold that lasts for days keeps the demo's holds alive past its first half-hour.
    longest_held = max(services, key=lambda service: service.hold_minutes or 0)
    return longest_held if status is Status.HELD else dice.choice(services)


def _take_run(free: set[datetime], slots: int, dice: random.Random) -> list[datetime]:
    """Take so many consecutive starts out of `free`; none when no run is that long."""
    candidates = sorted(free)
    for first in dice.sample(candidates, len(candidates)):
        run = [first + step * SLOT for step in range(slots)]
        if free.issuperset(run):
            free.difference_update(run)
            return run
    return []


def _booked_at(
    status: Status, starts_at: datetime, dice: random.Random, *, today: datetime, now: datetime
) -> datetime:
    if status is Status.HELD:
        return now
    return min(starts_at, today) - timedelta(days=dice.randint(4, 12), minutes=dice.randrange(0, 480, 5))


def _reservation(visit: Visit) -> Reservation:
    history = HISTORY[visit.status]
    return Reservation(
        practice_id=visit.provider.practice_id,
        provider=visit.provider,
        client=visit.client,
        service=visit.service,
        starts_at=visit.starts[0],
        ends_at=visit.ends_at,
        status=visit.status.value,
        expires_at=visit.expires_at,
        version=len(history),
        cancellation_reason=_reason(visit.status),
        created_at=visit.booked_at,
        updated_at=_happened_at(visit, history[-1]),
    )


def _taken(visits: Sequence[Visit], reservations: Sequence[Reservation]) -> Iterator[ReservationAppointment]:
    booked = zip(visits, reservations, strict=True)
    for provider, pairs in groupby(booked, key=lambda pair: pair[0].provider):
        own = list(pairs)
        appointments = Appointment.objects.filter(
            practice=provider.practice_id,
            provider=provider,
            starts_at__in=[start for visit, _ in own for start in visit.starts],
        )
        id_at = dict(appointments.values_list("starts_at", "pk"))
        for visit, reservation in own:
            for start in visit.starts:
                yield ReservationAppointment(
                    practice_id=provider.practice_id,
                    reservation=reservation,
                    appointment_id=id_at[start],
                    is_live=visit.status in states.LIVE,
                )


def _events(visit: Visit, reservation: Reservation, desk: User) -> Iterator[ReservationEvent]:
    for version, status in enumerate(HISTORY[visit.status], start=1):
        yield ReservationEvent(
            practice_id=reservation.practice_id,
            reservation=reservation,
            kind=status.value,
            at=_happened_at(visit, status),
            user=None if status in BY_THE_CLOCK else desk,
            version=version,
            starts_at=visit.starts[0],
            reason=_reason(status),
        )


def _happened_at(visit: Visit, status: Status) -> datetime:
    return {
        Status.HELD: visit.booked_at,
        Status.CONFIRMED: visit.booked_at + timedelta(minutes=5),
        Status.CANCELLED: visit.booked_at + timedelta(days=2),
        Status.EXPIRED: visit.expires_at,
        Status.FULFILLED: visit.ends_at,
        Status.NO_SHOW: visit.ends_at,
    }[status]


def _reason(status: Status) -> str:
    return "The client asked for it." if status is Status.CANCELLED else ""
