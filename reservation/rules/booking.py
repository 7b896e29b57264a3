"""What may be booked: lead time, horizon, holds, overlap; the search and the mutation both ask here."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reservation.rules.errors import DomainError, Invalid
from reservation.rules.grid import Interval


@dataclass(frozen=True, slots=True)
class BookingPolicy:
    """How a practice lets its appointments be booked.

    lead_time: how long before its start an appointment can last be booked; may be zero.
    horizon: how far ahead an appointment can be booked; longer than the lead time.
    hold: how long a reservation may stay unconfirmed. max_open_holds: of one client, at one time.
    Raises: Invalid (path leadTimeMinutes or holdMinutes; no path for what only the settings set).
    """

    lead_time: timedelta
    horizon: timedelta
    hold: timedelta
    max_open_holds: int

    def __post_init__(self) -> None:
        if not timedelta(0) <= self.lead_time < self.horizon:
            raise Invalid(
                f"The lead time must be zero or more, and below the horizon of {_worded(self.horizon)}.",
                path=("leadTimeMinutes",),
            )
        if self.hold <= timedelta(0):
            raise Invalid("A hold must last a minute or more.", path=("holdMinutes",))
        if self.max_open_holds < 1:
            raise Invalid("A client must be allowed one open hold or more.")


def policy_for(
    default: BookingPolicy, *, lead_time_minutes: int | None, hold_minutes: int | None
) -> BookingPolicy:
    """Return a service's policy: the practice's, with what the service overrides; None overrides nothing.

    Raises: Invalid (path leadTimeMinutes or holdMinutes).
    """
    lead_time = default.lead_time if lead_time_minutes is None else timedelta(minutes=lead_time_minutes)
    hold = default.hold if hold_minutes is None else timedelta(minutes=hold_minutes)
    return replace(default, lead_time=lead_time, hold=hold)


def bookable_window(policy: BookingPolicy, *, now: datetime, lead_time_waived: bool = False) -> Interval:
    """Return the instants at which an appointment may start to be booked now; half-open.

    It starts at now + lead time, which may itself be booked, and ends at now + horizon, which may not. With
    no lead time, or when staff waive it, it starts just after now: what has begun cannot be booked.
    """
    lead_time = timedelta(0) if lead_time_waived else policy.lead_time
    return Interval(now + max(lead_time, timedelta.resolution), now + policy.horizon)


class LeadTime(DomainError):
    """The appointment starts too soon to be booked."""

    code = "LEAD_TIME"


class Horizon(DomainError):
    """The appointment is too far ahead to be booked yet."""

    code = "HORIZON"


def refuse_start(
    starts_at: datetime, policy: BookingPolicy, *, now: datetime, lead_time_waived: bool = False
) -> None:
    """Refuse an appointment that starts outside bookable_window.

    Raises: LeadTime, Horizon.
    """
    window = bookable_window(policy, now=now, lead_time_waived=lead_time_waived)
    if starts_at < window.starts_at:
        raise LeadTime(_too_soon(starts_at, policy, now=now))
    if starts_at >= window.ends_at:
        raise Horizon(f"Appointments can be booked up to {_worded(policy.horizon)} ahead.")


class HoldLimit(DomainError):
    """The client holds as many unconfirmed appointments as allowed."""

    code = "HOLD_LIMIT"


def refuse_holds(open_holds: int, policy: BookingPolicy) -> None:
    """Refuse another hold to a client who has open_holds of them, not counting any that has run out.

    Raises: HoldLimit.
    """
    if open_holds >= policy.max_open_holds:
        raise HoldLimit(f"Confirm or cancel a hold first: {policy.max_open_holds} may be open at a time.")


class ClientOverlap(DomainError):
    """The client has another reservation at that time."""

    code = "CLIENT_OVERLAP"


def refuse_overlap(wanted: Interval, taken: Iterable[Interval]) -> None:
    """Refuse a visit at a time when the client has another; visits that only touch may stand.

    taken: the client's other live reservations.
    Raises: ClientOverlap.
    """
    if any(wanted.overlaps(each) for each in taken):
        raise ClientOverlap()


def hold_expires_at(policy: BookingPolicy, *, now: datetime) -> datetime:
    """Return the instant at which a hold taken now is over."""
    return now + policy.hold


def _too_soon(starts_at: datetime, policy: BookingPolicy, *, now: datetime) -> str:
    if starts_at <= now:
        return "The appointment has begun already."
    return f"Appointments must be booked {_worded(policy.lead_time)} ahead or more."


def _worded(length: timedelta) -> str:
    """Say a length in the largest unit that gives a whole number: 90 days, 24 hours, 45 minutes."""
    minutes = int(length / timedelta(minutes=1))
    for unit, size in (("day", 1440), ("hour", 60)):
        # One day reads better as 24 hours, as the field says it.
        if minutes % size == 0 and minutes > size:
            return f"{minutes // size} {unit}s"
    return f"{minutes} minutes"
