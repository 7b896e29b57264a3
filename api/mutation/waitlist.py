import graphene

from api.types.scalars import DateTime
from api.types.waitlist import WaitlistEntryType
from api.utils import decode_ids, errors_field, reports, requires, with_client
from reservation.rules.policy import Scope
from reservation.rules.states import InvalidState
from reservation.services import waitlist


class JoinWaitlistInput(graphene.InputObjectType):
    """What a client would take if it became free."""

    client_id = graphene.ID(description="Who waits; clients may leave it out: they do.")
    starts_from = DateTime(required=True, description="The earliest start.")
    starts_until = DateTime(required=True, description="Starts before this.")
    provider_id = graphene.ID(description="With this provider; with anyone when left out.")
    service_id = graphene.ID(description="The kind of visit.")
    idempotency_key = graphene.String(description="Makes a retry safe: the same key writes once.")


class JoinWaitlist(graphene.Mutation):
    """Wait for an appointment: the first that fits and becomes free is held for the client."""

    class Arguments:
        input = JoinWaitlistInput(required=True)

    waitlist_entry = graphene.Field(WaitlistEntryType)
    errors = errors_field()

    @staticmethod
    @requires(Scope.BOOK)
    @reports(waitlist.AlreadyWaiting)
    def mutate(_root, info, input):
        arguments = with_client(decode_ids(input), info.context.actor)
        return {
            "waitlist_entry": waitlist.join_waitlist(
                actor=info.context.actor, now=info.context.now, **arguments
            )
        }


class LeaveWaitlistInput(graphene.InputObjectType):
    """Which wish is given up."""

    entry_id = graphene.ID(required=True)
    idempotency_key = graphene.String(description="Makes a retry safe: the same key writes once.")


class LeaveWaitlist(graphene.Mutation):
    """Stop waiting. What is held already stays held."""

    class Arguments:
        input = LeaveWaitlistInput(required=True)

    waitlist_entry = graphene.Field(WaitlistEntryType)
    errors = errors_field()

    @staticmethod
    @requires(Scope.BOOK)
    @reports(InvalidState)
    def mutate(_root, info, input):
        return {
            "waitlist_entry": waitlist.leave_waitlist(
                actor=info.context.actor, now=info.context.now, **decode_ids(input)
            )
        }
