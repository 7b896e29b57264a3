"""The demo providers' appointments: generated from their rules, as the publisher does, and copied in."""

import io
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from tqdm import tqdm

from reservation.models import Appointment, AvailabilityException, AvailabilityRule, Provider
from reservation.rules.availability import Change, ChangeKind, WeeklyWindow, slot_starts
from reservation.rules.grid import SLOT
from reservation.services import publishing

COPY = (
    f"COPY {Appointment._meta.db_table} "
    "(practice_id, provider_id, location_id, starts_at, ends_at, status, block_reason) FROM STDIN"
)


@dataclass(frozen=True, slots=True)
class Week:
    """What decides when a provider is open; providers with equal weeks have equal calendars."""

    windows: frozenset[tuple[WeeklyWindow, int | None]]
    changes: frozenset[Change]


@dataclass(frozen=True, slots=True)
class Slot:
    starts_at: datetime
    location_id: int | None


def plan_calendars(
    providers: Sequence[Provider],
    rules: Iterable[AvailabilityRule],
    exceptions: Iterable[AvailabilityException],
    *,
    starts_at: datetime,
    ends_at: datetime,
) -> dict[Provider, list[Slot]]:
    """Return each provider's slots that start in [starts_at, ends_at), in order."""
    planned: dict[Week, list[Slot]] = {}
    calendars = {}
    for provider, week in _weeks(providers, rules, exceptions).items():
        if week not in planned:
            planned[week] = _slots(week, starts_at=starts_at, ends_at=ends_at)
        calendars[provider] = planned[week]
    return calendars


def copy_appointments(calendars: dict[Provider, list[Slot]]) -> int:
    """Write the calendars' appointments, all open, and return how many; show the progress on a terminal.

    One COPY for each provider, so that neither side ever holds more than a provider's rows.
    """
    tails: dict[int, list[str]] = {}
    total = sum(map(len, calendars.values()))
    with tqdm(total=total, unit=" rows", unit_scale=True, disable=None) as bar, connection.cursor() as cursor:
        for provider, slots in calendars.items():
            if id(slots) not in tails:  # plan_calendars shares the list between equal weeks.
                tails[id(slots)] = [_line(slot) for slot in slots]
            head = f"{provider.practice_id}\t{provider.pk}\t"
            rows = "".join(head + tail for tail in tails[id(slots)])
            cursor.copy_expert(COPY, io.StringIO(rows))
            bar.update(len(slots))
    return total


def _weeks(
    providers: Sequence[Provider],
    rules: Iterable[AvailabilityRule],
    exceptions: Iterable[AvailabilityException],
) -> dict[Provider, Week]:
    windows: dict[int, list[tuple[WeeklyWindow, int | None]]] = defaultdict(list)
    changes: dict[int, list[Change]] = defaultdict(list)
    for rule in rules:
        windows[rule.provider_id].append((publishing.window_of(rule), rule.location_id))
    for exception in exceptions:
        change = Change(ChangeKind(exception.kind), exception.starts_at, exception.ends_at)
        changes[exception.provider_id].append(change)
    return {
        provider: Week(frozenset(windows[provider.pk]), frozenset(changes[provider.pk]))
        for provider in providers
    }


def _slots(week: Week, *, starts_at: datetime, ends_at: datetime) -> list[Slot]:
    """Give every open slot with the location of the window it comes from; added time has none."""
    everything = slot_starts(_windows(week), week.changes, starts_at=starts_at, ends_at=ends_at)
    location_at: dict[datetime, int | None] = {}
    for location_id in {location_id for _, location_id in week.windows}:
        windows = _windows(week, location_id)
        starts = slot_starts(windows, (), starts_at=starts_at, ends_at=ends_at)
        location_at.update(dict.fromkeys(starts, location_id))
    return [Slot(start, location_at.get(start)) for start in everything]


def _windows(week: Week, *location_ids: int | None) -> Collection[WeeklyWindow]:
    return [window for window, location in week.windows if not location_ids or location in location_ids]


def _line(slot: Slot) -> str:
    location = r"\N" if slot.location_id is None else slot.location_id
    ends_at = slot.starts_at + SLOT
    return f"{location}\t{slot.starts_at.isoformat()}\t{ends_at.isoformat()}\t{Appointment.Status.OPEN}\t\n"
