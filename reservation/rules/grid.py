"""Time as the schedule counts it: half-open intervals of UTC, on a grid of quarter-hours."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reservation.rules.errors import Invalid

SLOT = timedelta(minutes=15)
"""The length of every appointment, and the distance between two lines of the grid."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_utc(instant: datetime, *, path: Sequence[str] = ()) -> datetime:
    """Turn an aware datetime into the same instant in UTC.

    path: the input field that the refusal names.
    Raises: Invalid (naive, or so near year 1 or 9999 that UTC cannot say it).
    """
    if instant.utcoffset() is None:
        raise Invalid("Give the time with its offset, such as 2030-01-31T09:00:00Z.", path=path)
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise Invalid("Give a time between the years 1 and 9999.", path=path) from None


def is_on_grid(instant: datetime) -> bool:
    """Say whether an instant is a quarter-hour of UTC exactly; a naive datetime never is.

    Every zone of today is a whole number of quarter-hours away from UTC, so its quarter-hours are the same.
    """
    return instant.utcoffset() is not None and (instant - EPOCH) % SLOT == timedelta(0)


@dataclass(frozen=True, slots=True)
class Interval:
    """The instants from starts_at on and before ends_at; both are kept in UTC.

    Raises: Invalid (naive; empty or reversed).
    """

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        # Two datetimes of one zone compare by wall clock, wrongly across a DST change: only UTC may enter.
        object.__setattr__(self, "starts_at", to_utc(self.starts_at))
        object.__setattr__(self, "ends_at", to_utc(self.ends_at))
        if self.ends_at <= self.starts_at:
            raise Invalid("The end must be after the start.")

    def __contains__(self, instant: datetime) -> bool:
        return self.starts_at <= instant < self.ends_at

    def overlaps(self, other: "Interval") -> bool:
        """Say whether the two share an instant; intervals that only touch share none."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the same instants as the fewest intervals, sorted, none touching another."""
    merged: list[Interval] = []
    for interval in sorted(intervals, key=lambda each: each.starts_at):
        if merged and interval.starts_at <= merged[-1].ends_at:
            ends_at = max(merged[-1].ends_at, interval.ends_at)
            merged[-1] = Interval(merged[-1].starts_at, ends_at)
        else:
            merged.append(interval)
    return merged


def subtract(intervals: Iterable[Interval], removed: Iterable[Interval]) -> list[Interval]:
    """Return the instants of intervals that are in none of removed, as merge does."""
    left: list[Interval] = []
    cuts = deque(merge(removed))
    for interval in merge(intervals):
        starts_at = interval.starts_at
        while cuts and cuts[0].starts_at < interval.ends_at:
            if starts_at < cuts[0].starts_at:
                left.append(Interval(starts_at, cuts[0].starts_at))
            starts_at = max(starts_at, cuts[0].ends_at)
            if cuts[0].ends_at > interval.ends_at:
                break  # It may cut into the next interval too.
            cuts.popleft()
        if starts_at < interval.ends_at:
            left.append(Interval(starts_at, interval.ends_at))
    return left
