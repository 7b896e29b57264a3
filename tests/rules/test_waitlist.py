from datetime import UTC, datetime, timedelta

import pytest

from reservation.rules import waitlist
from reservation.rules.errors import Invalid

NOW = datetime(2030, 1, 7, 8, tzinfo=UTC)
NINE, TEN = (datetime(2030, 1, 8, hour, tzinfo=UTC) for hour in (9, 10))
HORIZON = timedelta(days=90)


@pytest.mark.parametrize(
    ("starts_from", "starts_until"),
    [(NINE, TEN), (NOW - timedelta(days=1), NINE), (NINE, NOW + HORIZON)],
)
def test_a_wish_that_something_could_fit_is_accepted(starts_from, starts_until):
    assert waitlist.check_wish(starts_from, starts_until, now=NOW, horizon=HORIZON) is None


@pytest.mark.parametrize(
    ("starts_from", "starts_until", "field", "says"),
    [
        (TEN, TEN, "startsUntil", "after the start"),
        (TEN, NINE, "startsUntil", "after the start"),
        (NOW - timedelta(days=1), NOW, "startsUntil", "has passed"),
        (NINE, NOW + HORIZON + timedelta(microseconds=1), "startsUntil", "90 days ahead"),
        (NINE.replace(tzinfo=None), TEN, "startsFrom", "offset"),
        (NINE, TEN.replace(tzinfo=None), "startsUntil", "offset"),
    ],
)
def test_a_wish_that_nothing_could_fit_is_refused(starts_from, starts_until, field, says):
    with pytest.raises(Invalid, match=says) as refusal:
        waitlist.check_wish(starts_from, starts_until, now=NOW, horizon=HORIZON)

    assert refusal.value.path == (field,)
