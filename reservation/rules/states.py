"""The life of a reservation: which state follows which, and when a hold is over.

HELD → CONFIRMED → FULFILLED | NO_SHOW; HELD → EXPIRED; HELD | CONFIRMED → CANCELLED.
"""

from datetime import datetime
from enum import StrEnum

from reservation.rules.errors import DomainError


class ReservationStatus(StrEnum):
    """The state of a reservation."""

    HELD = "HELD"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    FULFILLED = "FULFILLED"
    NO_SHOW = "NO_SHOW"


class Action(StrEnum):
    """What can be done to a reservation."""

    CONFIRM = "CONFIRM"
    CANCEL = "CANCEL"
    EXPIRE = "EXPIRE"
    FULFILL = "FULFILL"
    MARK_NO_SHOW = "MARK_NO_SHOW"
    RESCHEDULE = "RESCHEDULE"


LIVE = frozenset({ReservationStatus.HELD, ReservationStatus.CONFIRMED})
"""The states in which a reservation takes its appointment, unless its hold is over (status_at)."""

NEXT_STATUS = {
    (ReservationStatus.HELD, Action.CONFIRM): ReservationStatus.CONFIRMED,
    (ReservationStatus.HELD, Action.CANCEL): ReservationStatus.CANCELLED,
    (ReservationStatus.HELD, Action.EXPIRE): ReservationStatus.EXPIRED,
    (ReservationStatus.HELD, Action.RESCHEDULE): ReservationStatus.HELD,
    (ReservationStatus.CONFIRMED, Action.CANCEL): ReservationStatus.CANCELLED,
    (ReservationStatus.CONFIRMED, Action.FULFILL): ReservationStatus.FULFILLED,
    (ReservationStatus.CONFIRMED, Action.MARK_NO_SHOW): ReservationStatus.NO_SHOW,
    (ReservationStatus.CONFIRMED, Action.RESCHEDULE): ReservationStatus.CONFIRMED,
}
_STATES = {
    ReservationStatus.HELD: "A hold that is not confirmed",
    ReservationStatus.CONFIRMED: "A confirmed reservation",
    ReservationStatus.CANCELLED: "A cancelled reservation",
    ReservationStatus.EXPIRED: "A hold that ran out",
    ReservationStatus.FULFILLED: "A visit that took place",
    ReservationStatus.NO_SHOW: "A visit that the client missed",
}
_DONE = {
    Action.CONFIRM: "confirmed",
    Action.CANCEL: "cancelled",
    Action.EXPIRE: "expired",
    Action.FULFILL: "recorded as having taken place",
    Action.MARK_NO_SHOW: "recorded as missed",
    Action.RESCHEDULE: "moved",
}
NEEDS_HOLD = frozenset({Action.CONFIRM, Action.RESCHEDULE})


class InvalidState(DomainError):
    """The reservation is not in a state that allows this."""

    code = "INVALID_STATE"


class ReservationExpired(DomainError):
    """The hold ran out before it was confirmed; reserve the appointment again."""

    code = "RESERVATION_EXPIRED"


def status_at(status: str, expires_at: datetime | None, *, now: datetime) -> ReservationStatus:
    """Return the state a reservation truly is in: a hold is EXPIRED from expires_at on, written down or not.

    status: as stored, one of ReservationStatus. expires_at: the end of the hold; None when there is none.
    """
    stored = ReservationStatus(status)
    if stored is ReservationStatus.HELD and expires_at is not None and expires_at <= now:
        return ReservationStatus.EXPIRED
    return stored


def next_status(status: str, action: Action) -> ReservationStatus:
    """Return the state that an action leads to.

    status: as status_at gives it, not as stored: the clock is no part of this table.
    Raises: ReservationExpired (to confirm or reschedule what has expired), InvalidState.
    """
    current = ReservationStatus(status)
    if current is ReservationStatus.EXPIRED and action in NEEDS_HOLD:
        raise ReservationExpired()
    if (current, action) not in NEXT_STATUS:
        raise InvalidState(f"{_STATES[current]} cannot be {_DONE[action]}.")
    return NEXT_STATUS[current, action]


def refuse_before_start(starts_at: datetime, *, now: datetime) -> None:
    """Refuse to say how a visit went before it starts.

    Raises: InvalidState.
    """
    if now < starts_at:
        raise InvalidState("The visit has not started yet.")
