from datetime import UTC, datetime, timedelta

import pytest

from reservation.rules import states
from reservation.rules.states import Action, InvalidState, ReservationStatus

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
INSTANT = timedelta.resolution

# The states of the design, written out once more: every pair that is not here is refused.
ALLOWED = {
    ("HELD", "CONFIRM", "CONFIRMED"),
    ("HELD", "CANCEL", "CANCELLED"),
    ("HELD", "EXPIRE", "EXPIRED"),
    ("HELD", "RESCHEDULE", "HELD"),
    ("CONFIRMED", "CANCEL", "CANCELLED"),
    ("CONFIRMED", "FULFILL", "FULFILLED"),
    ("CONFIRMED", "MARK_NO_SHOW", "NO_SHOW"),
    ("CONFIRMED", "RESCHEDULE", "CONFIRMED"),
}
TOO_LATE = {("EXPIRED", "CONFIRM"), ("EXPIRED", "RESCHEDULE")}
NEXT = {(status, action): reached for status, action, reached in ALLOWED}
EVERY_PAIR = [(status, action) for status in ReservationStatus for action in Action]
REFUSED = [pair for pair in EVERY_PAIR if pair not in NEXT and pair not in TOO_LATE]


@pytest.mark.parametrize(("status", "action", "reached"), sorted(ALLOWED))
def test_an_allowed_action_leads_on(status, action, reached):
    assert states.next_status(status, Action(action)) is ReservationStatus(reached)


@pytest.mark.parametrize(("status", "action"), REFUSED)
def test_every_other_action_is_refused(status, action):
    with pytest.raises(states.InvalidState, match=states._STATES[status]) as refused:
        states.next_status(status, action)

    assert refused.value.code == "INVALID_STATE"


@pytest.mark.parametrize(("status", "action"), sorted(TOO_LATE))
def test_what_has_expired_says_so(status, action):
    with pytest.raises(states.ReservationExpired) as refused:
        states.next_status(status, Action(action))

    assert refused.value.code == "RESERVATION_EXPIRED"


def test_a_hold_is_over_at_its_very_end():
    assert states.status_at("HELD", NOW + INSTANT, now=NOW) is ReservationStatus.HELD
    assert states.status_at("HELD", NOW, now=NOW) is ReservationStatus.EXPIRED
    assert states.status_at("HELD", NOW - INSTANT, now=NOW) is ReservationStatus.EXPIRED


def test_a_hold_without_an_end_does_not_run_out():
    assert states.status_at("HELD", None, now=NOW) is ReservationStatus.HELD


@pytest.mark.parametrize("status", [status for status in ReservationStatus if status != "HELD"])
def test_only_a_hold_expires(status):
    assert states.status_at(status, NOW - INSTANT, now=NOW) is status


def test_a_reservation_takes_its_appointment_while_held_or_confirmed():
    assert sorted(states.LIVE) == ["CONFIRMED", "HELD"]


def test_how_a_visit_went_is_not_known_before_it_starts():
    with pytest.raises(states.InvalidState, match="not started"):
        states.refuse_before_start(NOW + INSTANT, now=NOW)


def test_how_a_visit_went_may_be_said_from_its_start_on():
    states.refuse_before_start(NOW, now=NOW)


def test_the_refusal_reads_like_a_sentence():
    with pytest.raises(InvalidState, match=r"^A cancelled reservation cannot be cancelled\.$"):
        states.next_status(ReservationStatus.CANCELLED, Action.CANCEL)


def test_every_state_and_action_has_words():
    assert set(states._STATES) == set(ReservationStatus)
    assert set(states._DONE) == set(Action)
