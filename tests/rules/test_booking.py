from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservation.rules import booking
from reservation.rules.booking import BookingPolicy
from reservation.rules.errors import Invalid
from reservation.rules.grid import SLOT, Interval

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
INSTANT = timedelta.resolution
POLICY = BookingPolicy(
    lead_time=timedelta(hours=24), horizon=timedelta(days=90), hold=timedelta(minutes=30), max_open_holds=3
)

policies = st.builds(
    lambda lead, beyond: replace(POLICY, lead_time=lead, horizon=lead + beyond),
    st.timedeltas(timedelta(0), timedelta(days=10)),
    st.timedeltas(timedelta(microseconds=2), timedelta(days=400)),
)


def refusal(starts_at, policy=POLICY, *, waived=False):
    """The code of the refusal, or None."""
    try:
        booking.refuse_start(starts_at, policy, now=NOW, lead_time_waived=waived)
    except (booking.LeadTime, booking.Horizon) as refused:
        return refused.code


def test_the_lead_time_may_be_used_up_to_its_last_instant():
    assert refusal(NOW + timedelta(hours=24)) is None
    assert refusal(NOW + timedelta(hours=24) - INSTANT) == "LEAD_TIME"


def test_the_horizon_itself_is_too_far():
    assert refusal(NOW + timedelta(days=90) - INSTANT) is None
    assert refusal(NOW + timedelta(days=90)) == "HORIZON"


def test_staff_may_waive_the_lead_time_but_not_the_horizon():
    assert refusal(NOW + INSTANT, waived=True) is None
    assert refusal(NOW + timedelta(days=90), waived=True) == "HORIZON"


@pytest.mark.parametrize("starts_at", [NOW, NOW - INSTANT, datetime(1, 1, 1, tzinfo=UTC)])
def test_an_appointment_that_has_begun_cannot_be_booked_even_when_waived(starts_at):
    with pytest.raises(booking.LeadTime, match="has begun"):
        booking.refuse_start(starts_at, POLICY, now=NOW, lead_time_waived=True)


def test_without_a_lead_time_an_appointment_that_begins_now_cannot_be_booked():
    policy = replace(POLICY, lead_time=timedelta(0))

    assert refusal(NOW, policy) == "LEAD_TIME"
    assert refusal(NOW + INSTANT, policy) is None


def test_the_last_instant_of_time_is_beyond_the_horizon():
    assert refusal(datetime.max.replace(tzinfo=UTC)) == "HORIZON"


@given(policy=policies, waived=st.booleans(), data=st.data())
def test_search_and_mutation_agree_on_every_instant(policy, waived, data):
    window = booking.bookable_window(policy, now=NOW, lead_time_waived=waived)
    edges = [NOW, NOW + policy.lead_time, NOW + policy.horizon, window.starts_at, window.ends_at]
    near_an_edge = st.sampled_from(edges).flatmap(
        lambda edge: st.sampled_from([edge - INSTANT, edge, edge + INSTANT, edge - SLOT, edge + SLOT])
    )
    far = st.timedeltas(timedelta(days=-20), timedelta(days=420)).map(lambda length: NOW + length)
    starts_at = data.draw(near_an_edge | far)

    assert (refusal(starts_at, policy, waived=waived) is None) == (starts_at in window)


@pytest.mark.parametrize(
    ("horizon", "lead_time", "soon", "far"),
    [
        (timedelta(days=90), timedelta(hours=24), "booked 24 hours ahead", "up to 90 days ahead"),
        (timedelta(hours=36), timedelta(minutes=45), "booked 45 minutes ahead", "up to 36 hours ahead"),
        (timedelta(days=2), timedelta(minutes=90), "booked 90 minutes ahead", "up to 2 days ahead"),
    ],
)
def test_a_refusal_says_what_the_policy_is(horizon, lead_time, soon, far):
    policy = replace(POLICY, lead_time=lead_time, horizon=horizon)

    with pytest.raises(booking.LeadTime, match=soon):
        booking.refuse_start(NOW + timedelta(minutes=1), policy, now=NOW)
    with pytest.raises(booking.Horizon, match=far):
        booking.refuse_start(NOW + timedelta(days=100), policy, now=NOW)


def test_a_client_may_have_as_many_holds_as_the_policy_says():
    booking.refuse_holds(2, POLICY)

    with pytest.raises(booking.HoldLimit, match="3 may be open") as refused:
        booking.refuse_holds(3, POLICY)
    assert refused.value.code == "HOLD_LIMIT"


def test_a_client_who_already_has_too_many_holds_gets_none():
    with pytest.raises(booking.HoldLimit):
        booking.refuse_holds(9, POLICY)


def test_a_client_cannot_be_in_two_places_at_once():
    taken = [Interval(NOW - SLOT, NOW), Interval(NOW + SLOT, NOW + 3 * SLOT)]

    with pytest.raises(booking.ClientOverlap) as refused:
        booking.refuse_overlap(Interval(NOW, NOW + 2 * SLOT), taken)
    assert refused.value.code == "CLIENT_OVERLAP"


def test_visits_may_follow_each_other_at_once():
    taken = [Interval(NOW - SLOT, NOW), Interval(NOW + SLOT, NOW + 3 * SLOT)]

    booking.refuse_overlap(Interval(NOW, NOW + SLOT), taken)
    booking.refuse_overlap(Interval(NOW, NOW + SLOT), [])


def test_a_hold_lasts_as_long_as_the_policy_says():
    assert booking.hold_expires_at(POLICY, now=NOW) == datetime(2030, 1, 7, 9, 30, tzinfo=UTC)


def test_a_service_without_overrides_has_the_practice_policy():
    assert booking.policy_for(POLICY, lead_time_minutes=None, hold_minutes=None) == POLICY


def test_a_service_overrides_what_it_names():
    policy = booking.policy_for(POLICY, lead_time_minutes=0, hold_minutes=5)

    assert policy == replace(POLICY, lead_time=timedelta(0), hold=timedelta(minutes=5))


@pytest.mark.parametrize("minutes", [-1, 90 * 24 * 60, 2**31 - 1])
def test_a_lead_time_outside_the_horizon_is_refused(minutes):
    with pytest.raises(Invalid, match="below the horizon of 90 days") as refused:
        booking.policy_for(POLICY, lead_time_minutes=minutes, hold_minutes=None)

    assert refused.value.path == ("leadTimeMinutes",)


@pytest.mark.parametrize("minutes", [0, -30])
def test_a_hold_without_length_is_refused(minutes):
    with pytest.raises(Invalid) as refused:
        booking.policy_for(POLICY, lead_time_minutes=None, hold_minutes=minutes)

    assert refused.value.path == ("holdMinutes",)


def test_a_policy_that_allows_no_hold_is_refused():
    with pytest.raises(Invalid):
        replace(POLICY, max_open_holds=0)
