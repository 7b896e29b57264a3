import graphene

from api.types.appointment import AppointmentType
from api.types.provider import ProviderType
from api.types.reservation import ReservationType
from api.utils import decode_ids, errors_field, reports, requires
from reservation.rules.policy import Scope
from reservation.rules.states import InvalidState
from reservation.services import publishing


class PublishAppointmentsInput(graphene.InputObjectType):
    """Whose appointments to publish."""

    provider_id = graphene.ID(required=True)
    idempotency_key = graphene.String(description="Makes a retry safe: the same key writes once.")


class PublishAppointments(graphene.Mutation):
    """Make a provider's future appointments what its availability gives; doing it again changes nothing.

    A job does this every hour, and every change of availability does it at once.
    """

    class Arguments:
        input = PublishAppointmentsInput(required=True)

    provider = graphene.Field(ProviderType)
    opened_count = graphene.Int(description="How many appointments were made or opened again.")
    withdrawn_count = graphene.Int(description="How many appointments the availability no longer gives.")
    affected_reservations = graphene.List(
        graphene.NonNull(ReservationType),
        description="The reservations on what was withdrawn. They stand: move or cancel them.",
    )
    errors = errors_field()

    @staticmethod
    @requires(Scope.SCHEDULE)
    @reports()
    def mutate(_root, info, input):
        published = publishing.publish_appointments(
            actor=info.context.actor, now=info.context.now, **decode_ids(input)
        )
        return {
            "provider": published.provider,
            "opened_count": published.opened,
            "withdrawn_count": published.withdrawn,
            "affected_reservations": published.affected_reservations,
        }


class BlockAppointmentInput(graphene.InputObjectType):
    """Which appointment to block."""

    appointment_id = graphene.ID(required=True)
    reason = graphene.String()
    idempotency_key = graphene.String(description="Makes a retry safe: the same key writes once.")


class BlockAppointment(graphene.Mutation):
    """Keep an appointment from being booked, whatever the availability says, until it is unblocked."""

    class Arguments:
        input = BlockAppointmentInput(required=True)

    appointment = graphene.Field(AppointmentType)
    affected_reservations = graphene.List(
        graphene.NonNull(ReservationType),
        description="The reservations that have it. They stand: move or cancel them.",
    )
    errors = errors_field()

    @staticmethod
    @requires(Scope.SCHEDULE)
    @reports(InvalidState)
    def mutate(_root, info, input):
        blocked = publishing.block_appointment(
            actor=info.context.actor, now=info.context.now, **decode_ids(input)
        )
        return {"appointment": blocked.appointment, "affected_reservations": blocked.affected_reservations}


class UnblockAppointmentInput(graphene.InputObjectType):
    """Which appointment to unblock."""

    appointment_id = graphene.ID(required=True)
    idempotency_key = graphene.String(description="Makes a retry safe: the same key writes once.")


class UnblockAppointment(graphene.Mutation):
    """Open a blocked appointment again, or withdraw it when the availability no longer gives its time."""

    class Arguments:
        input = UnblockAppointmentInput(required=True)

    appointment = graphene.Field(AppointmentType)
    errors = errors_field()

    @staticmethod
    @requires(Scope.SCHEDULE)
    @reports(InvalidState)
    def mutate(_root, info, input):
        return {
            "appointment": publishing.unblock_appointment(
                actor=info.context.actor, now=info.context.now, **decode_ids(input)
            )
        }
