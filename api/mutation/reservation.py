import graphene

from api.types.reservation import ReservationType
from api.utils import decode_ids, errors_field, reports, requires, with_client
from reservation.rules.booking import ClientOverlap, HoldLimit, Horizon, LeadTime
from reservation.rules.policy import Scope
from reservation.rules.states import InvalidState, ReservationExpired
from reservation.services import booking


class ReserveAppointmentInput(graphene.InputObjectType):
    """Which appointment to hold, and for whom."""

    appointment_id = graphene.ID(required=True, description="The first one, when the service needs several.")
    client_id = graphene.ID(description="Whom it is for; clients may leave it out: it is for them.")
    service_id = graphene.ID(description="The kind of visit; its length is reserved.")
    override_reason = graphene.String(
        description="Only the desk may give it: waives the lead time, and is kept with the reservation."
    )
    idempotency_key = graphene.String(description="Makes a retry safe: the same key writes once.")


class ReserveAppointment(graphene.Mutation):
    """Hold an appointment for a client; it is free again when the hold ends unconfirmed."""

    class Arguments:
        input = ReserveAppointmentInput(required=True)

    reservation = graphene.Field(ReservationType)
    errors = errors_field()

    @staticmethod
    @requires(Scope.BOOK)
    @reports(booking.AppointmentTaken, LeadTime, Horizon, HoldLimit, ClientOverlap)
    def mutate(_root, info, input):
        arguments = with_client(decode_ids(input), info.context.actor)
        return {
            "reservation": booking.reserve_appointment(
                actor=info.context.actor, now=info.context.now, **arguments
            )
        }


class ConfirmReservationInput(graphene.InputObjectType):
    """Which reservation to confirm."""

    reservation_id = graphene.ID(required=True)
    expected_version = graphene.Int(description="Refuse it if the reservation has another version by now.")
    idempotency_key = graphene.String(description="Makes a retry safe: the same key writes once.")


class ConfirmReservation(graphene.Mutation):
    """Confirm a held reservation before its hold runs out."""

    class Arguments:
        input = ConfirmReservationInput(required=True)

    reservation = graphene.Field(ReservationType)
    errors = errors_field()

    @staticmethod
    @requires(Scope.BOOK)
    @reports(ReservationExpired, InvalidState, booking.VersionConflict)
    def mutate(_root, info, input):
        return {
            "reservation": booking.confirm_reservation(
                actor=info.context.actor, now=info.context.now, **decode_ids(input)
            )
        }


class RescheduleReservationInput(graphene.InputObjectType):
    """Which reservation to move, and where to."""

    reservation_id = graphene.ID(required=True)
    appointment_id = graphene.ID(required=True, description="The first one, when the visit has several.")
    override_reason = graphene.String(
        description="Only the desk may give it: waives the lead time, and is kept with the reservation."
    )
    expected_version = graphene.Int(description="Refuse it if the reservation has another version by now.")
    idempotency_key = graphene.String(description="Makes a retry safe: the same key writes once.")


class RescheduleReservation(graphene.Mutation):
    """Move a reservation to another appointment; it keeps its id and its status."""

    class Arguments:
        input = RescheduleReservationInput(required=True)

    reservation = graphene.Field(ReservationType)
    errors = errors_field()

    @staticmethod
    @requires(Scope.BOOK)
    @reports(
        booking.AppointmentTaken,
        LeadTime,
        Horizon,
        ClientOverlap,
        ReservationExpired,
        InvalidState,
        booking.VersionConflict,
    )
    def mutate(_root, info, input):
        return {
            "reservation": booking.reschedule_reservation(
                actor=info.context.actor, now=info.context.now, **decode_ids(input)
            )
        }


class CancelReservationInput(graphene.InputObjectType):
    """Which reservation to cancel."""

    reservation_id = graphene.ID(required=True)
    reason = graphene.String()
    expected_version = graphene.Int(description="Refuse it if the reservation has another version by now.")
    idempotency_key = graphene.String(description="Makes a retry safe: the same key writes once.")


class CancelReservation(graphene.Mutation):
    """Give a held or confirmed reservation up; its appointments are free at once."""

    class Arguments:
        input = CancelReservationInput(required=True)

    reservation = graphene.Field(ReservationType)
    errors = errors_field()

    @staticmethod
    @requires(Scope.BOOK)
    @reports(InvalidState, booking.VersionConflict)
    def mutate(_root, info, input):
        return {
            "reservation": booking.cancel_reservation(
                actor=info.context.actor, now=info.context.now, **decode_ids(input)
            )
        }


class FulfillReservationInput(graphene.InputObjectType):
    """Which visit took place."""

    reservation_id = graphene.ID(required=True)
    expected_version = graphene.Int(description="Refuse it if the reservation has another version by now.")
    idempotency_key = graphene.String(description="Makes a retry safe: the same key writes once.")


class FulfillReservation(graphene.Mutation):
    """Record that a visit took place, once it has started."""

    class Arguments:
        input = FulfillReservationInput(required=True)

    reservation = graphene.Field(ReservationType)
    errors = errors_field()

    @staticmethod
    @requires(Scope.SCHEDULE)
    @reports(InvalidState, booking.VersionConflict)
    def mutate(_root, info, input):
        return {
            "reservation": booking.fulfill_reservation(
                actor=info.context.actor, now=info.context.now, **decode_ids(input)
            )
        }


class MarkNoShowInput(graphene.InputObjectType):
    """To which visit the client did not come."""

    reservation_id = graphene.ID(required=True)
    expected_version = graphene.Int(description="Refuse it if the reservation has another version by now.")
    idempotency_key = graphene.String(description="Makes a retry safe: the same key writes once.")


class MarkNoShow(graphene.Mutation):
    """Record that the client did not come, once the visit has started."""

    class Arguments:
        input = MarkNoShowInput(required=True)

    reservation = graphene.Field(ReservationType)
    errors = errors_field()

    @staticmethod
    @requires(Scope.SCHEDULE)
    @reports(InvalidState, booking.VersionConflict)
    def mutate(_root, info, input):
        return {
            "reservation": booking.mark_no_show(
                actor=info.context.actor, now=info.context.now, **decode_ids(input)
            )
        }
