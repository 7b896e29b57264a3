from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reservation.rules import availability
from reservation.rules.availability import Change, ChangeKind, WeeklyWindow
from reservation.rules.errors import Invalid
from reservation.rules.grid import SLOT

ZONES = [
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",  # half an hour of DST
    "Asia/Kathmandu",  # +05:45
    "Pacific/Apia",  # had no 30 December 2011
    "America/St_Johns",  # -03:30; changed a minute past midnight in 2011
    "Africa/Casablanca",  # changes for Ramadan
    "UTC",
]
YEARS = [2011, 2026]
QUARTERS_A_DAY = 96
SUNDAY = 6


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


# The oracle: it walks every quarter-hour of a year and reads the local clock in its first and last minute.
# In between every zone here shows one quarter-hour, save at a change past the hour, which those minutes tell.


@cache
def walk(year):
    first, beyond = utc(year, 1, 1), utc(year + 1, 1, 1)
    return [first + number * SLOT for number in range((beyond - first) // SLOT)]


@cache
def clock(zone, year, minute):
    """What the local clock shows in that minute of each quarter-hour: day (ordinal), quarter of the day."""
    shown = [(start + timedelta(minutes=minute)).astimezone(ZoneInfo(zone)) for start in walk(year)]
    return [(wall.toordinal(), wall.hour * 4 + wall.minute // 15) for wall in shown]


@cache
def numbers_by_clock(zone, year, minute):
    """Which quarter-hours of the year show a day and quarter-hour on the local clock: none, one or two."""
    numbers = defaultdict(list)
    for number, wall in enumerate(clock(zone, year, minute)):
        numbers[wall].append(number)
    return numbers


def quarter_of(local):
    return local.hour * 4 + local.minute // 15


def numbers_shown(window, year, minute):
    midyear, half_a_year = date(year, 7, 1).toordinal(), 190
    days = [
        day
        for day in range(midyear - half_a_year, midyear + half_a_year)
        if date.fromordinal(day).weekday() == window.weekday
        and window.valid_from <= date.fromordinal(day) <= (window.valid_until or date.max)
    ]
    quarters = range(quarter_of(window.start_time), quarter_of(window.end_time) or QUARTERS_A_DAY)
    numbers = numbers_by_clock(window.time_zone, year, minute)
    return {number for day in days for quarter in quarters for number in numbers.get((day, quarter), ())}


def numbers_changed(changes, kind, year):
    new_year = walk(year)[0]
    return {
        number
        for change in changes
        if change.kind is kind
        for number in range((change.starts_at - new_year) // SLOT, (change.ends_at - new_year) // SLOT)
    }


def expected(windows, changes, year):
    """Every start of the year that the rule of the module's first sentence gives."""
    added = numbers_changed(changes, ChangeKind.ADD, year)
    at_first, at_last = (added.union(*(numbers_shown(each, year, at) for each in windows)) for at in (0, 14))
    open_numbers = (at_first & at_last) - numbers_changed(changes, ChangeKind.REMOVE, year)
    return [walk(year)[number] for number in sorted(open_numbers) if 0 <= number < len(walk(year))]


@cache
def offset_changes(year):
    """The starts of a year's quarter-hours in which the clock of some zone jumps."""
    jumps = set()
    for zone in ZONES:
        local = [day * QUARTERS_A_DAY + quarter for day, quarter in clock(zone, year, 14)]
        jumps.update(walk(year)[n] for n in range(1, len(local)) if local[n] - local[n - 1] != 1)
    return sorted(jumps)


def test_the_zones_of_these_tests_change_their_clocks_both_ways():
    # New York, Berlin, Lord Howe, St. John's: two each; Casablanca two; Apia two and the day it skipped.
    assert len(offset_changes(2026)) == 10
    assert len(offset_changes(2011)) > 10


@st.composite
def quarter_times(draw, first=0):
    quarter = draw(st.integers(first, 16 if first <= 16 and draw(st.booleans()) else QUARTERS_A_DAY - 1))
    return time(quarter // 4, quarter % 4 * 15)


@st.composite
def weekly_windows(draw, year):
    # Half of the windows lie in the small hours or on a Sunday, where the clocks change.
    start_time = draw(quarter_times())
    start_quarter = quarter_of(start_time)
    ends = st.just(time(0))
    if start_quarter < QUARTERS_A_DAY - 1:
        ends |= quarter_times(first=start_quarter + 1)
    new_year = date(year, 1, 1)
    from_day = draw(st.just(-9) | st.integers(-9, 380))
    days = draw(st.none() | st.integers(0, 400))
    return WeeklyWindow(
        weekday=draw(st.just(SUNDAY) | st.integers(0, 6)),
        start_time=start_time,
        end_time=draw(ends),
        time_zone=draw(st.sampled_from(ZONES)),
        valid_from=new_year + timedelta(days=from_day),
        valid_until=None if days is None else new_year + timedelta(days=from_day + days),
    )


@st.composite
def instants(draw, year):
    """Any quarter-hour of a year, or, half of the time, one within five hours of a clock change."""
    if draw(st.booleans()):
        return draw(st.sampled_from(offset_changes(year))) + draw(st.integers(-20, 20)) * SLOT
    return walk(year)[0] + draw(st.integers(-200, 366 * QUARTERS_A_DAY)) * SLOT


@st.composite
def changes_of(draw, year):
    starts_at = draw(instants(year))
    quarters = draw(st.integers(1, 24) | st.integers(1, 500))
    return Change(draw(st.sampled_from(ChangeKind)), starts_at, starts_at + quarters * SLOT)


@st.composite
def calendars(draw):
    year = draw(st.sampled_from(YEARS))
    windows = draw(st.lists(weekly_windows(year), max_size=5))
    return year, windows, draw(st.lists(changes_of(year), max_size=5))


def slots_of_year(windows, changes, year):
    starts_at, ends_at = utc(year, 1, 1), utc(year + 1, 1, 1)
    return availability.slot_starts(windows, changes, starts_at=starts_at, ends_at=ends_at)


slowly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@settings(slowly, max_examples=100)
@given(calendar=calendars())
def test_slots_are_exactly_the_quarter_hours_that_the_local_clocks_show(calendar):
    year, windows, changes = calendar

    slots = slots_of_year(windows, changes, year)

    assert slots == expected(windows, changes, year)
    assert all(one < other for one, other in pairwise(slots))


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("zone", ZONES)
def test_a_week_that_never_closes_has_every_quarter_hour_once(zone, year):
    windows = [WeeklyWindow(day, time(0), time(0), zone, date(2000, 1, 1), None) for day in range(7)]

    assert slots_of_year(windows, [], year) == walk(year)


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("zone", ZONES)
def test_every_quarter_hour_of_every_day_is_where_the_clock_shows_it(zone, year):
    # One window a quarter-hour, so that each start and each end falls on every part of every clock change.
    for quarter in range(QUARTERS_A_DAY):
        start_time, beyond = time(quarter // 4, quarter % 4 * 15), (quarter + 1) % QUARTERS_A_DAY
        end_time = time(beyond // 4, beyond % 4 * 15)
        windows = [
            WeeklyWindow(SUNDAY, start_time, end_time, zone, date(2000, 1, 1), None),
            WeeklyWindow(4, start_time, end_time, zone, date(2000, 1, 1), None),
        ]

        assert slots_of_year(windows, [], year) == expected(windows, [], year)


@settings(slowly, max_examples=60)
@given(calendar=calendars(), data=st.data())
def test_splitting_the_range_anywhere_gives_the_same_slots(calendar, data):
    year, windows, changes = calendar
    off_grid = st.builds(lambda edge, past: edge + past, instants(year), st.timedeltas(timedelta(0), SLOT))
    first, middle, last = sorted(data.draw(st.tuples(off_grid, off_grid, off_grid)))

    whole = availability.slot_starts(windows, changes, starts_at=first, ends_at=last)
    left = availability.slot_starts(windows, changes, starts_at=first, ends_at=middle)
    right = availability.slot_starts(windows, changes, starts_at=middle, ends_at=last)

    assert left + right == whole
    assert all(first <= slot < last for slot in whole)


@settings(slowly, max_examples=40)
@given(calendar=calendars())
def test_saying_everything_twice_and_backwards_gives_the_same_slots(calendar):
    year, windows, changes = calendar

    once = slots_of_year(windows, changes, year)

    assert slots_of_year(windows[::-1] * 2, changes[::-1] * 2, year) == once
    assert slots_of_year(windows, changes, year) == once


NEW_YORK = WeeklyWindow(SUNDAY, time(9), time(17), "America/New_York", date(2026, 1, 1), None)
SPRING, AUTUMN = date(2026, 3, 8), date(2026, 11, 1)


def shown(window, day, *, changes=()):
    """The local times of a date's slots, with their UTC offsets."""
    zone = ZoneInfo(window.time_zone)
    midnight = datetime.combine(day, time(0), zone)
    slots = availability.slot_starts(
        [window],
        changes,
        starts_at=midnight.astimezone(UTC),
        ends_at=(midnight + timedelta(days=1)).astimezone(UTC),
    )
    return [f"{slot.astimezone(zone):%H:%M%z}" for slot in slots]


def test_an_ordinary_sunday_has_the_hours_of_its_window():
    slots = shown(replace(NEW_YORK, end_time=time(10)), date(2026, 7, 5))

    assert slots == ["09:00-0400", "09:15-0400", "09:30-0400", "09:45-0400"]


@pytest.mark.parametrize(
    ("start_time", "end_time", "slots"),
    [
        (time(1, 30), time(3, 30), ["01:30-0500", "01:45-0500", "03:00-0400", "03:15-0400"]),
        (time(1, 30), time(2, 30), ["01:30-0500", "01:45-0500"]),
        (time(2, 30), time(3, 30), ["03:00-0400", "03:15-0400"]),
        (time(2), time(3), []),
        (time(2, 15), time(2, 45), []),
    ],
)
def test_what_the_clock_skips_in_spring_does_not_exist(start_time, end_time, slots):
    assert shown(replace(NEW_YORK, start_time=start_time, end_time=end_time), SPRING) == slots


@pytest.mark.parametrize(
    ("start_time", "end_time", "slots"),
    [
        (time(1, 45), time(2, 15), ["01:45-0400", "01:45-0500", "02:00-0500"]),
        (time(0, 45), time(1, 15), ["00:45-0400", "01:00-0400", "01:00-0500"]),
        (time(1, 30), time(1, 45), ["01:30-0400", "01:30-0500"]),
        (time(2), time(2, 15), ["02:00-0500"]),
    ],
)
def test_what_the_clock_repeats_in_autumn_is_there_twice(start_time, end_time, slots):
    assert shown(replace(NEW_YORK, start_time=start_time, end_time=end_time), AUTUMN) == slots


def test_a_window_across_the_repeated_hour_is_one_hour_longer():
    window = replace(NEW_YORK, start_time=time(0), end_time=time(3))

    assert len(shown(window, date(2026, 10, 25))) == 12
    assert len(shown(window, AUTUMN)) == 16


def test_midnight_ends_the_day():
    assert shown(replace(NEW_YORK, start_time=time(23, 30), end_time=time(0)), date(2026, 7, 5)) == [
        "23:30-0400",
        "23:45-0400",
    ]


def test_a_day_that_the_clock_skipped_has_no_slots():
    # Samoa crossed the date line: Thursday the 29th was followed by Saturday the 31st.
    fridays = WeeklyWindow(4, time(0), time(0), "Pacific/Apia", date(2011, 12, 24), date(2012, 1, 5))

    assert slots_of_year([fridays], [], 2011) == []


def test_a_slot_that_the_clock_leaves_after_a_minute_is_not_offered():
    # At 00:01 on Sunday the clock went back to 23:01 on Saturday, and reached Sunday an hour later again.
    window = WeeklyWindow(
        SUNDAY, time(0), time(0, 30), "America/St_Johns", date(2010, 11, 7), date(2010, 11, 7)
    )

    slots = availability.slot_starts([window], [], starts_at=utc(2010, 11, 6), ends_at=utc(2010, 11, 9))

    assert slots == [utc(2010, 11, 7, 3, 30), utc(2010, 11, 7, 3, 45)]


def test_a_change_of_the_clocks_for_one_week_is_seen():
    # Recife had summer time from the 8th to the 15th of October 2000.
    tuesdays = WeeklyWindow(1, time(9), time(9, 15), "America/Recife", date(2000, 10, 1), date(2000, 10, 20))

    slots = availability.slot_starts([tuesdays], [], starts_at=utc(2000, 10, 1), ends_at=utc(2000, 11, 1))

    assert slots == [utc(2000, 10, 3, 12), utc(2000, 10, 10, 11), utc(2000, 10, 17, 12)]


def test_both_days_of_validity_are_valid():
    window = replace(
        NEW_YORK, end_time=time(9, 15), valid_from=date(2026, 7, 5), valid_until=date(2026, 7, 19)
    )

    slots = slots_of_year([window], [], 2026)

    assert slots == [utc(2026, 7, 5, 13), utc(2026, 7, 12, 13), utc(2026, 7, 19, 13)]


@pytest.mark.parametrize("valid_from", [date(9999, 12, 31), date.max - timedelta(days=3)])
def test_a_window_valid_from_the_end_of_time_opens_nothing(valid_from):
    assert slots_of_year([replace(NEW_YORK, valid_from=valid_from)], [], 2026) == []


def test_a_removal_wins_over_a_window_and_over_an_addition():
    hour = (utc(2026, 7, 5, 13), utc(2026, 7, 5, 14))
    changes = [Change(ChangeKind.REMOVE, *hour), Change(ChangeKind.ADD, *hour)]

    slots = shown(replace(NEW_YORK, end_time=time(10, 15)), date(2026, 7, 5), changes=changes)

    assert slots == ["10:00-0400"]


def test_an_addition_opens_time_that_no_window_has():
    addition = Change(ChangeKind.ADD, utc(2026, 7, 6, 22), utc(2026, 7, 6, 22, 30))

    slots = slots_of_year([], [addition], 2026)

    assert slots == [utc(2026, 7, 6, 22), utc(2026, 7, 6, 22, 15)]


def test_two_openings_that_touch_make_one():
    # Neither half is long enough for a slot; the instants are off the grid, as no checked change is.
    halves = [
        Change(ChangeKind.ADD, utc(2026, 7, 6, 22), utc(2026, 7, 6, 22, 7)),
        Change(ChangeKind.ADD, utc(2026, 7, 6, 22, 7), utc(2026, 7, 6, 22, 20)),
    ]

    assert slots_of_year([], halves, 2026) == [utc(2026, 7, 6, 22)]


def test_a_slot_starts_in_the_range_though_it_may_end_past_it():
    always = Change(ChangeKind.ADD, utc(2026, 7, 6), utc(2026, 7, 7))

    slots = availability.slot_starts(
        [], [always], starts_at=utc(2026, 7, 6, 9, 0, 1), ends_at=utc(2026, 7, 6, 9, 30, 1)
    )

    assert slots == [utc(2026, 7, 6, 9, 15), utc(2026, 7, 6, 9, 30)]


@pytest.mark.parametrize("ends_at", [utc(2026, 7, 5), utc(2026, 7, 4)])
def test_an_empty_or_reversed_range_has_no_slots(ends_at):
    slots = availability.slot_starts([NEW_YORK], [], starts_at=utc(2026, 7, 5), ends_at=ends_at)

    assert slots == []


def test_a_range_may_be_given_in_any_zone_and_slots_come_in_utc():
    zone = ZoneInfo("America/New_York")

    slots = availability.slot_starts(
        [NEW_YORK],
        [],
        starts_at=datetime(2026, 7, 5, 9, tzinfo=zone),
        ends_at=datetime(2026, 7, 5, 9, 15, tzinfo=zone),
    )

    assert slots == [utc(2026, 7, 5, 13)]
    assert slots[0].tzinfo is UTC


def test_a_naive_range_is_refused():
    with pytest.raises(Invalid, match="offset"):
        availability.slot_starts(
            [], [], starts_at=utc(2026, 1, 1).replace(tzinfo=None), ends_at=utc(2026, 1, 2)
        )


@pytest.mark.parametrize("name", [*ZONES, "US/Eastern", "Etc/GMT+5"])
def test_a_zone_of_the_database_is_returned_as_it_is(name):
    assert availability.check_time_zone(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus_Mons",
        "america/new_york",
        "America/New_York ",
        "America//New_York",
        "Europe/../Europe/Berlin",
        "../../etc/passwd",
        "/usr/share/zoneinfo/UTC",
        "Europe",
        "posix/UTC",
        "UTC\x00",
        "\ud800",
        "EST5EDT4,M3.2.0,M11.1.0",
        "Factory",
        "localtime",
        "x" * 100_000,
    ],
)
def test_any_other_name_of_a_zone_is_refused(name):
    with pytest.raises(Invalid) as refused:
        availability.check_time_zone(name)

    assert refused.value.path == ("timeZone",)
    assert len(refused.value.message) < 100


@pytest.mark.parametrize(
    "window",
    [
        NEW_YORK,
        replace(NEW_YORK, start_time=time(0), end_time=time(0)),
        replace(NEW_YORK, start_time=time(23, 45), end_time=time(0)),
        replace(NEW_YORK, weekday=0, valid_until=NEW_YORK.valid_from),
    ],
)
def test_a_window_that_a_week_can_have_is_accepted(window):
    availability.check_window(window)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"weekday": -1}, "weekday"),
        ({"weekday": 7}, "weekday"),
        ({"start_time": time(9, 1)}, "startTime"),
        ({"start_time": time(9, 0, 1)}, "startTime"),
        ({"start_time": time(9, 0, 0, 1)}, "startTime"),
        ({"start_time": time(9, tzinfo=UTC)}, "startTime"),
        ({"end_time": time(17, 20)}, "endTime"),
        ({"end_time": time(17, tzinfo=timezone(timedelta(hours=2)))}, "endTime"),
        ({"end_time": time(9)}, "endTime"),
        ({"end_time": time(8, 45)}, "endTime"),
        ({"time_zone": "Nowhere"}, "timeZone"),
        ({"valid_until": date(2025, 12, 31)}, "validUntil"),
    ],
)
def test_a_window_that_no_week_can_have_is_refused(wrong, field):
    with pytest.raises(Invalid) as refused:
        availability.check_window(replace(NEW_YORK, **wrong))

    assert refused.value.path == (field,)


NOON = utc(2026, 7, 5, 12)


@pytest.mark.parametrize("length", [SLOT, timedelta(days=366)])
def test_a_change_of_up_to_366_days_is_accepted(length):
    availability.check_change(Change(ChangeKind.REMOVE, NOON, NOON + length))


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "field"),
    [
        (NOON.replace(tzinfo=None), NOON + SLOT, "startsAt"),
        (NOON, (NOON + SLOT).replace(tzinfo=None), "endsAt"),
        (NOON + timedelta(minutes=5), NOON + SLOT, "startsAt"),
        (NOON, NOON + timedelta(minutes=20), "endsAt"),
        (NOON, NOON + SLOT + timedelta.resolution, "endsAt"),
        (NOON, NOON, "endsAt"),
        (NOON, NOON - SLOT, "endsAt"),
        (NOON, NOON + timedelta(days=366) + SLOT, "endsAt"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), NOON, "startsAt"),
        (NOON, datetime(9999, 12, 31, 23, 45, tzinfo=timezone(-timedelta(hours=1))), "endsAt"),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), "endsAt"),
    ],
)
def test_a_change_that_is_no_stretch_of_the_schedule_is_refused(starts_at, ends_at, field):
    with pytest.raises(Invalid) as refused:
        availability.check_change(Change(ChangeKind.ADD, starts_at, ends_at))

    assert refused.value.path == (field,)
