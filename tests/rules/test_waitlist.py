from datetime import UTC, datetime, timedelta, timezone

import pytest

from reservation.rules import waitlist
from reservation.rules.errors import Invalid
from reservation.rules.waitlist import Wish

NINE = datetime(2030, 1, 7, 9, tzinfo=UTC)
TEN = datetime(2030, 1, 7, 10, tzinfo=UTC)
INSTANT = timedelta.resolution


@pytest.mark.parametrize(
    ("starts_at", "fitting"), [(NINE - INSTANT, False), (NINE, True), (TEN - INSTANT, True), (TEN, False)]
)
def test_an_appointment_fits_from_the_first_wished_start_up_to_before_the_last(starts_at, fitting):
    assert waitlist.fits(Wish(NINE, TEN, None), starts_at=starts_at, provider_id=7) is fitting


def test_a_wish_for_one_provider_fits_no_other():
    wish = Wish(NINE, TEN, 7)

    assert waitlist.fits(wish, starts_at=NINE, provider_id=7)
    assert not waitlist.fits(wish, starts_at=NINE, provider_id=8)


def test_a_wish_that_something_could_fit_is_accepted():
    waitlist.check_wish(Wish(NINE, NINE + INSTANT, None))


@pytest.mark.parametrize(
    ("starts_from", "starts_until", "field"),
    [
        (NINE, NINE, "startsUntil"),
        (TEN, NINE, "startsUntil"),
        (NINE, TEN.replace(tzinfo=None), "startsUntil"),
        (NINE.replace(tzinfo=None), TEN, "startsFrom"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9))), TEN, "startsFrom"),
    ],
)
def test_a_wish_that_nothing_could_fit_is_refused(starts_from, starts_until, field):
    with pytest.raises(Invalid) as refused:
        waitlist.check_wish(Wish(starts_from, starts_until, None))

    assert refused.value.path == (field,)
