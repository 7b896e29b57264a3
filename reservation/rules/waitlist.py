"""What a client on the waitlist may wish for."""

from datetime import datetime, timedelta

from reservation.rules import grid
from reservation.rules.errors import Invalid


def check_wish(starts_from: datetime, starts_until: datetime, *, now: datetime, horizon: timedelta) -> None:
    """Refuse a wish for a start in [starts_from, starts_until) that no appointment could fit.

    Raises: Invalid (path startsFrom or startsUntil).
    """
    starts_from = grid.to_utc(starts_from, path=("startsFrom",))
    starts_until = grid.to_utc(starts_until, path=("startsUntil",))
    if starts_until <= starts_from:
        raise Invalid("The end must be after the start.", path=("startsUntil",))
    if starts_until <= now:
        raise Invalid("The time wished for has passed.", path=("startsUntil",))
    if starts_until > now + horizon:
        raise Invalid(f"A wish may reach {horizon.days} days ahead at most.", path=("startsUntil",))
