"""How a visit went: fulfillReservation, markNoShow."""

from datetime import UTC, datetime, timedelta

import pytest

from tests import factories
from tests.api.shapes import id_of
from tests.api.writing import done, refused, write

BOTH = pytest.mark.parametrize(
    ("field", "status"), [("fulfillReservation", "FULFILLED"), ("markNoShow", "NO_SHOW")]
)


def reservation_starting(provider, **ago):
    starts_at = factories.quarter_hour_after(datetime.now(UTC) - timedelta(**ago))
    appointment = factories.AppointmentFactory(provider=provider, starts_at=starts_at)
    return factories.ReservationFactory(appointments=[appointment], status="CONFIRMED", expires_at=None)


@BOTH
def test_the_provider_says_how_the_visit_went(graphql, provider_member, field, status):
    reservation = reservation_starting(provider_member.provider, hours=1)

    answer = write(
        graphql,
        field,
        {"reservationId": id_of(reservation)},
        as_=provider_member,
        select="reservation { status version }",
    )

    assert done(answer) == {"reservation": {"status": status, "version": 2}}


@BOTH
def test_refuses_it_before_the_visit_starts(graphql, provider_member, field, status):
    reservation = reservation_starting(provider_member.provider, hours=-1)

    answer = write(graphql, field, {"reservationId": id_of(reservation)}, as_=provider_member)

    assert refused(answer) == ("INVALID_STATE", [])


@BOTH
def test_refuses_it_for_what_was_never_confirmed(graphql, provider_member, field, status):
    held = factories.ReservationFactory(provider=provider_member.provider)

    answer = write(graphql, field, {"reservationId": id_of(held)}, as_=provider_member)

    assert refused(answer) == ("INVALID_STATE", [])


@BOTH
def test_refuses_it_for_what_was_changed_meanwhile(graphql, provider_member, field, status):
    reservation = reservation_starting(provider_member.provider, hours=1)
    input = {"reservationId": id_of(reservation), "expectedVersion": 2}

    answer = write(graphql, field, input, as_=provider_member)

    assert refused(answer) == ("VERSION_CONFLICT", ["expectedVersion"])
