"""When a provider's time is open: weekly windows on the local clock, and changes to them.

An instant belongs to a weekly window when the provider's wall clock then shows a date and a time inside it.
That one sentence settles every DST change, PEP 495's gap and fold:
- in spring the clock skips an hour: a window has nothing there, and all of what it has on either side. One
  that starts or ends in the skipped hour so starts or ends at the change;
- in autumn the clock shows an hour twice: a window has both, as far as it covers that hour. In New York 01:00
  to 01:30 is then two half-hours an hour apart, and 00:00 to 03:00 four hours on end.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from itertools import pairwise
from typing import cast
from zoneinfo import ZoneInfo, available_timezones

from reservation.rules import grid
from reservation.rules.errors import Invalid
from reservation.rules.grid import SLOT, Interval

MIDNIGHT = time(0)
DAY = timedelta(days=1)
LONGEST_CHANGE = timedelta(days=366)
NOT_PLACES = {"Factory", "localtime"}


class ChangeKind(StrEnum):
    """What a change does to the weekly windows."""

    ADD = "ADD"
    REMOVE = "REMOVE"


@dataclass(frozen=True, slots=True)
class WeeklyWindow:
    """Hours of one weekday on the local clock of a zone, half-open.

    weekday: 0 is Monday. end_time: 00:00 is the midnight that ends the day.
    valid_from, valid_until: local dates, both inclusive; no valid_until means for good.
    """

    weekday: int
    start_time: time
    end_time: time
    time_zone: str
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Change:
    """Time added to, or removed from, what the weekly windows give; half-open, aware."""

    kind: ChangeKind
    starts_at: datetime
    ends_at: datetime


def slot_starts(
    windows: Collection[WeeklyWindow], changes: Collection[Change], *, starts_at: datetime, ends_at: datetime
) -> list[datetime]:
    """Return the start of every appointment that starts in [starts_at, ends_at): UTC, sorted, none twice.

    An appointment lies whole inside the availability, which is every window and every ADD, less every REMOVE;
    its end may lie past ends_at. Splitting the range anywhere gives the same starts; an empty or reversed one
    has none. The time taken grows with the days of the range: bound what comes from outside first.
    windows, changes: as check_window and check_change accept them.
    Raises: Invalid (a naive end of the range).
    """
    starts_at, ends_at = grid.to_utc(starts_at), grid.to_utc(ends_at)
    if ends_at <= starts_at:
        return []

    span = Interval(starts_at, ends_at + SLOT)
    available = [*_intervals(changes, ChangeKind.ADD), *_opened_by(windows, span)]
    free = grid.subtract(available, _intervals(changes, ChangeKind.REMOVE))
    return [start for interval in free for start in _steps(interval, starts_at=starts_at, ends_at=ends_at)]


def check_time_zone(name: str) -> str:
    """Return the name of a time zone as it is when it is in the IANA database, spelled as there.

    Raises: Invalid.
    """
    if name not in _time_zones():
        raise Invalid("Give a time zone by its IANA name, such as America/New_York.", path=("timeZone",))
    return name


def check_window(window: WeeklyWindow) -> None:
    """Refuse a window that no week has.

    Raises: Invalid (path weekday, startTime, endTime, timeZone or validUntil).
    """
    check_time_zone(window.time_zone)
    if not 0 <= window.weekday <= 6:
        raise Invalid("A weekday is a number from 0, Monday, to 6, Sunday.", path=("weekday",))
    _check_local_time(window.start_time, path="startTime")
    _check_local_time(window.end_time, path="endTime")
    if window.end_time <= window.start_time and window.end_time != MIDNIGHT:
        raise Invalid("The end must be after the start; 00:00 ends the day.", path=("endTime",))
    if window.valid_until is not None and window.valid_until < window.valid_from:
        raise Invalid("The last day must not be before the first.", path=("validUntil",))


def check_change(change: Change) -> None:
    """Refuse a change that is naive, off the grid, empty, reversed or longer than 366 days.

    Raises: Invalid (path startsAt or endsAt).
    """
    starts_at = _check_on_grid(change.starts_at, path="startsAt")
    ends_at = _check_on_grid(change.ends_at, path="endsAt")
    if ends_at <= starts_at:
        raise Invalid("The end must be after the start.", path=("endsAt",))
    if ends_at - starts_at > LONGEST_CHANGE:
        raise Invalid("A change may last 366 days at most.", path=("endsAt",))


@cache
def _time_zones() -> frozenset[str]:
    # Two names of some databases are no place's time: "Factory" is unset, "localtime" is the server's own.
    return frozenset(available_timezones() - NOT_PLACES)


def _check_local_time(local: time, *, path: str) -> None:
    if local.tzinfo is not None:
        raise Invalid("Give the time on the local clock, without an offset.", path=(path,))
    if local.minute % 15 or local.second or local.microsecond:
        raise Invalid("Give a time on the quarter-hour, such as 09:15.", path=(path,))


def _check_on_grid(instant: datetime, *, path: str) -> datetime:
    utc = grid.to_utc(instant, path=(path,))
    if not grid.is_on_grid(utc):
        raise Invalid("Give a time on the quarter-hour, such as 2030-01-31T09:15:00Z.", path=(path,))
    return utc


def _intervals(changes: Collection[Change], kind: ChangeKind) -> list[Interval]:
    return [Interval(change.starts_at, change.ends_at) for change in changes if change.kind == kind]


def _opened_by(windows: Collection[WeeklyWindow], span: Interval) -> Iterator[Interval]:
    for name in {window.time_zone for window in windows}:
        stretches = list(_stretches(ZoneInfo(name), span))
        for window in windows:
            if window.time_zone == name:
                for stretch, offset in stretches:
                    yield from _opened_in_stretch(window, stretch, offset)


def _stretches(zone: ZoneInfo, span: Interval) -> Iterator[tuple[Interval, timedelta]]:
    """Part the span where the zone's offset from UTC changes; give each part with its offset."""
    probes = [span.starts_at]
    while probes[-1] < span.ends_at:
        # A day hides no change: the IANA database has no two within three days, since 1970 within six.
        probes.append(min(probes[-1] + DAY, span.ends_at))
    changed_at = {_change_between(zone, *days) for days in pairwise(probes)}
    for starts_at, ends_at in pairwise(sorted({span.starts_at, *changed_at, span.ends_at})):
        yield Interval(starts_at, ends_at), _offset(zone, starts_at)


def _change_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Find the first instant that has the offset of after; after itself when there is no change."""
    offset = _offset(zone, before)
    if _offset(zone, after) == offset:
        return after
    while after - before > timedelta.resolution:
        middle = before + (after - before) // 2
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return cast(timedelta, instant.astimezone(zone).utcoffset())


def _opened_in_stretch(window: WeeklyWindow, stretch: Interval, offset: timedelta) -> Iterator[Interval]:
    """Give the window's hours while the local clock keeps one offset: there it is UTC, shifted."""
    first = max((stretch.starts_at + offset).date(), window.valid_from)
    last = min((stretch.ends_at + offset).date(), window.valid_until or date.max)
    to_weekday = (window.weekday - first.weekday()) % 7
    # Counted in ordinals, for a window valid from 9999-12-31 has no next weekday.
    for ordinal in range(first.toordinal() + to_weekday, last.toordinal() + 1, 7):
        day = date.fromordinal(ordinal)
        opens_at = datetime.combine(day, window.start_time, UTC) - offset
        closes_at = datetime.combine(day, window.end_time, UTC) - offset
        if window.end_time == MIDNIGHT:
            closes_at += DAY
        starts_at, ends_at = max(opens_at, stretch.starts_at), min(closes_at, stretch.ends_at)
        if starts_at < ends_at:
            yield Interval(starts_at, ends_at)


def _steps(interval: Interval, *, starts_at: datetime, ends_at: datetime) -> Iterator[datetime]:
    first = max(interval.starts_at, starts_at)
    start = first + (grid.EPOCH - first) % SLOT
    while start < ends_at and start + SLOT <= interval.ends_at:
        yield start
        start += SLOT
