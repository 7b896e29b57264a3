"""Which freed appointments a client on the waitlist would take."""

from dataclasses import dataclass
from datetime import datetime

from reservation.rules import grid
from reservation.rules.errors import Invalid


@dataclass(frozen=True, slots=True)
class Wish:
    """What a waitlist entry asks for: a start in [starts_from, starts_until) with a provider; None is any."""

    starts_from: datetime
    starts_until: datetime
    provider_id: int | None


def check_wish(wish: Wish) -> None:
    """Refuse a wish that no appointment could fit.

    Raises: Invalid (path startsFrom or startsUntil).
    """
    starts_from = grid.to_utc(wish.starts_from, path=("startsFrom",))
    if grid.to_utc(wish.starts_until, path=("startsUntil",)) <= starts_from:
        raise Invalid("The end must be after the start.", path=("startsUntil",))


def fits(wish: Wish, *, starts_at: datetime, provider_id: int) -> bool:
    """Say whether an appointment that starts at starts_at with this provider is what was wished for."""
    return wish.starts_from <= starts_at < wish.starts_until and wish.provider_id in (None, provider_id)
