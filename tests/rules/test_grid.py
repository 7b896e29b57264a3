from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservation.rules import grid
from reservation.rules.errors import Invalid
from reservation.rules.grid import SLOT, Interval

NINE = datetime(2030, 1, 7, 9, tzinfo=UTC)


def quarters(first: int, last: int) -> Interval:
    """The interval of the quarter-hours from first on and before last, counted from nine."""
    return Interval(NINE + first * SLOT, NINE + last * SLOT)


def covered(intervals: list[Interval]) -> set[int]:
    return {number for number in range(60) if any(NINE + number * SLOT in each for each in intervals)}


some_quarters = st.lists(
    st.tuples(st.integers(0, 49), st.integers(1, 10)).map(lambda pair: quarters(pair[0], pair[0] + pair[1])),
    max_size=8,
)


def test_a_quarter_hour_of_utc_is_on_the_grid():
    assert [grid.is_on_grid(NINE + timedelta(minutes=minute)) for minute in (0, 15, 30, 45)] == [True] * 4


@pytest.mark.parametrize("off", [{"minutes": 1}, {"minutes": 14}, {"seconds": 1}, {"microseconds": 1}])
def test_anything_between_two_quarter_hours_is_off_the_grid(off):
    assert not grid.is_on_grid(NINE + timedelta(**off))


def test_the_grid_is_the_same_in_kathmandu():
    assert grid.is_on_grid(datetime(2030, 1, 7, 9, 0, tzinfo=ZoneInfo("Asia/Kathmandu")))


def test_a_quarter_hour_of_a_crooked_offset_is_off_the_grid():
    assert not grid.is_on_grid(datetime(2030, 1, 7, 9, 0, tzinfo=timezone(timedelta(minutes=7))))


def test_a_naive_time_is_on_no_grid():
    assert not grid.is_on_grid(NINE.replace(tzinfo=None))


def test_instants_before_1970_are_on_the_grid_too():
    assert grid.is_on_grid(datetime(1969, 12, 31, 23, 45, tzinfo=UTC))
    assert not grid.is_on_grid(datetime(1969, 12, 31, 23, 46, tzinfo=UTC))


def test_an_interval_is_kept_in_utc():
    berlin = ZoneInfo("Europe/Berlin")

    # The clock shows 02:30 twice that night; the interval is the hour between the two.
    interval = Interval(
        datetime(2030, 10, 27, 2, 30, tzinfo=berlin), datetime(2030, 10, 27, 2, 30, tzinfo=berlin, fold=1)
    )

    assert interval == Interval(
        datetime(2030, 10, 27, 0, 30, tzinfo=UTC), datetime(2030, 10, 27, 1, 30, tzinfo=UTC)
    )
    assert interval.starts_at.tzinfo is UTC


@pytest.mark.parametrize("ends_at", [NINE, NINE - SLOT])
def test_an_interval_is_neither_empty_nor_reversed(ends_at):
    with pytest.raises(Invalid, match="after the start"):
        Interval(NINE, ends_at)


@pytest.mark.parametrize(("starts_naive", "ends_naive"), [(True, False), (False, True), (True, True)])
def test_an_interval_is_not_naive(starts_naive, ends_naive):
    starts_at = NINE.replace(tzinfo=None) if starts_naive else NINE
    ends_at = (NINE + SLOT).replace(tzinfo=None) if ends_naive else NINE + SLOT

    with pytest.raises(Invalid, match="offset"):
        Interval(starts_at, ends_at)


@pytest.mark.parametrize(
    "instant",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-1))),
    ],
)
def test_an_instant_that_utc_cannot_say_is_refused(instant):
    with pytest.raises(Invalid) as refused:
        grid.to_utc(instant, path=("startsAt",))

    assert refused.value.path == ("startsAt",)


def test_an_interval_holds_its_start_and_not_its_end():
    interval = quarters(0, 1)

    assert NINE in interval
    assert NINE + SLOT - timedelta.resolution in interval
    assert NINE + SLOT not in interval
    assert NINE - timedelta.resolution not in interval


def test_intervals_that_touch_do_not_overlap():
    assert not quarters(0, 2).overlaps(quarters(2, 3))
    assert not quarters(2, 3).overlaps(quarters(0, 2))


@given(a=some_quarters, b=some_quarters)
def test_intervals_overlap_when_they_share_an_instant(a, b):
    for one in a:
        for other in b:
            assert one.overlaps(other) == bool(covered([one]) & covered([other]))


@given(intervals=some_quarters)
def test_merged_intervals_cover_the_same_sorted_and_apart(intervals):
    merged = grid.merge(intervals)

    assert covered(merged) == covered(intervals)
    assert all(one.ends_at < other.starts_at for one, other in pairwise(merged))


@given(intervals=some_quarters, removed=some_quarters)
def test_what_is_subtracted_is_gone_and_nothing_else(intervals, removed):
    left = grid.subtract(intervals, removed)

    assert covered(left) == covered(intervals) - covered(removed)
    assert left == grid.merge(left)


def test_one_cut_reaches_across_two_intervals():
    left = grid.subtract([quarters(0, 4), quarters(6, 10)], [quarters(3, 7)])

    assert left == [quarters(0, 3), quarters(7, 10)]
