"""Who may do what: every mutation, for everybody."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import transaction

from api.schema import schema
from reservation.models import Appointment, AvailabilityException, ReservationEvent
from reservation.rules.policy import Role
from tests import factories
from tests.api.shapes import id_of, instant
from tests.api.writing import outcome, write

TODAY = datetime.now(UTC)
NOBODY, SELF, OTHER_CLIENT, PROVIDER, OTHER_PROVIDER, DESK, STRANGER = (
    "nobody",
    "its client",
    "another client",
    "its provider",
    "another provider",
    "the desk",
    "another practice",
)


@pytest.fixture
def world(practice, provider_member, client_member, desk, stranger):
    """One of everything, with the one provider and the one client, and the callers by name."""
    provider, client = provider_member.provider, client_member.client
    unused = {"practice": practice}
    held = factories.ReservationFactory(client=client, provider=provider)
    past = factories.AppointmentFactory(
        provider=provider, starts_at=factories.quarter_hour_after(TODAY - timedelta(days=2))
    )
    blocked = factories.AppointmentFactory(provider=provider, status=Appointment.Status.BLOCKED)
    offered = factories.ServiceFactory(practice=practice)
    provider.services.add(offered, through_defaults={"practice": practice})
    return SimpleNamespace(
        client=id_of(client),
        provider=id_of(provider),
        held=id_of(held),
        visited=id_of(
            factories.ReservationFactory(
                client=client, provider=provider, appointments=[past], status="CONFIRMED", expires_at=None
            )
        ),
        open=id_of(factories.AppointmentFactory(provider=provider)),
        blocked=id_of(blocked),
        rule=id_of(factories.AvailabilityRuleFactory(provider=provider)),
        exception=id_of(factories.AvailabilityExceptionFactory(provider=provider)),
        offered_service=id_of(offered),
        entry=id_of(factories.WaitlistEntryFactory(client=client, provider=provider)),
        subscription=id_of(factories.WebhookSubscriptionFactory(practice=practice)),
        unused_provider=id_of(factories.ProviderFactory(**unused)),
        unused_client=id_of(factories.ClientFactory(**unused)),
        unused_service=id_of(factories.ServiceFactory(**unused)),
        unused_location=id_of(factories.LocationFactory(**unused)),
        callers={
            NOBODY: None,
            SELF: client_member,
            OTHER_CLIENT: factories.MembershipFactory(practice=practice, role=Role.CLIENT),
            PROVIDER: provider_member,
            OTHER_PROVIDER: factories.MembershipFactory(practice=practice, role=Role.PROVIDER),
            DESK: desk,
            STRANGER: stranger,
        },
    )


SIGNED_OUT = {NOBODY: "UNAUTHENTICATED"}
NO_CLIENTS = {SELF: "FORBIDDEN", OTHER_CLIENT: "FORBIDDEN"}
DESK_ALONE = {**SIGNED_OUT, **NO_CLIENTS, PROVIDER: "FORBIDDEN", OTHER_PROVIDER: "FORBIDDEN", DESK: "ok"}
ITS_DESK_ALONE = {**DESK_ALONE, STRANGER: "NOT_FOUND"}
ITS_CALENDAR = {**SIGNED_OUT, **NO_CLIENTS, PROVIDER: "ok", DESK: "ok", STRANGER: "NOT_FOUND"}
ITS_PEOPLE = {
    **SIGNED_OUT,
    SELF: "ok",
    OTHER_CLIENT: "NOT_FOUND",
    PROVIDER: "ok",
    OTHER_PROVIDER: "NOT_FOUND",
    DESK: "ok",
    STRANGER: "NOT_FOUND",
}
ITS_VISIT = {**ITS_PEOPLE, **NO_CLIENTS}

EVERYBODY = {
    "tokenAuth",
    "refreshToken",
    "verifyToken",
    "revokeToken",
}
MATRIX = {
    "createProvider": (lambda _: {"name": "Dr. New", "timeZone": "UTC"}, {**DESK_ALONE, STRANGER: "ok"}),
    "updateProvider": (lambda world: {"providerId": world.provider, "name": "Dr. X"}, ITS_DESK_ALONE),
    "deleteProvider": (lambda world: {"providerId": world.unused_provider}, ITS_DESK_ALONE),
    "createClient": (lambda _: {"name": "New", "timeZone": "UTC"}, {**DESK_ALONE, STRANGER: "ok"}),
    "updateClient": (
        lambda world: {"clientId": world.client, "phone": "+1 555 010 0142"},
        {**ITS_DESK_ALONE, SELF: "ok"},
    ),
    "deleteClient": (lambda world: {"clientId": world.unused_client}, ITS_DESK_ALONE),
    "createService": (lambda _: {"name": "New"}, {**DESK_ALONE, STRANGER: "ok"}),
    "updateService": (lambda world: {"serviceId": world.unused_service, "name": "X"}, ITS_DESK_ALONE),
    "deleteService": (lambda world: {"serviceId": world.unused_service}, ITS_DESK_ALONE),
    "createLocation": (lambda _: {"name": "New", "timeZone": "UTC"}, {**DESK_ALONE, STRANGER: "ok"}),
    "updateLocation": (lambda world: {"locationId": world.unused_location, "name": "X"}, ITS_DESK_ALONE),
    "deleteLocation": (lambda world: {"locationId": world.unused_location}, ITS_DESK_ALONE),
    "createAvailabilityRule": (
        lambda world: {
            "providerId": world.provider,
            "weekday": "TUESDAY",
            "startTime": "09:00",
            "endTime": "09:30",
            "timeZone": "UTC",
            "validFrom": "2020-01-01",
        },
        {**ITS_CALENDAR, OTHER_PROVIDER: "FORBIDDEN"},
    ),
    "updateAvailabilityRule": (
        lambda world: {"ruleId": world.rule, "endTime": "09:30"},
        {**ITS_CALENDAR, OTHER_PROVIDER: "NOT_FOUND"},
    ),
    "deleteAvailabilityRule": (
        lambda world: {"ruleId": world.rule},
        {**ITS_CALENDAR, OTHER_PROVIDER: "NOT_FOUND"},
    ),
    "createAvailabilityException": (
        lambda world: {
            "providerId": world.provider,
            "kind": AvailabilityException.Kind.ADD.name,
            "startsAt": instant(factories.upcoming()),
            "endsAt": instant(factories.upcoming(4)),
        },
        {**ITS_CALENDAR, OTHER_PROVIDER: "FORBIDDEN"},
    ),
    "deleteAvailabilityException": (
        lambda world: {"exceptionId": world.exception},
        {**ITS_CALENDAR, OTHER_PROVIDER: "NOT_FOUND"},
    ),
    "publishAppointments": (
        lambda world: {"providerId": world.provider},
        {**ITS_CALENDAR, OTHER_PROVIDER: "FORBIDDEN"},
    ),
    "blockAppointment": (
        lambda world: {"appointmentId": world.open},
        {**ITS_CALENDAR, OTHER_PROVIDER: "FORBIDDEN"},
    ),
    "unblockAppointment": (
        lambda world: {"appointmentId": world.blocked},
        {**ITS_CALENDAR, OTHER_PROVIDER: "NOT_FOUND"},
    ),
    "reserveAppointment": (
        lambda world: {"appointmentId": world.open, "clientId": world.client},
        ITS_PEOPLE,
    ),
    "confirmReservation": (lambda world: {"reservationId": world.held}, ITS_PEOPLE),
    "rescheduleReservation": (
        lambda world: {"reservationId": world.held, "appointmentId": world.open},
        ITS_PEOPLE,
    ),
    "cancelReservation": (lambda world: {"reservationId": world.held}, ITS_PEOPLE),
    "fulfillReservation": (lambda world: {"reservationId": world.visited}, ITS_VISIT),
    "markNoShow": (lambda world: {"reservationId": world.visited}, ITS_VISIT),
    "joinWaitlist": (
        lambda world: {
            "clientId": world.client,
            "providerId": world.provider,
            "serviceId": world.offered_service,
            "startsFrom": instant(TODAY + timedelta(days=3)),
            "startsUntil": instant(TODAY + timedelta(days=9)),
        },
        {**ITS_PEOPLE, OTHER_PROVIDER: "FORBIDDEN"},
    ),
    "leaveWaitlist": (lambda world: {"entryId": world.entry}, ITS_PEOPLE),
    "createWebhookSubscription": (
        lambda _: {"url": "https://example.org/hook", "kinds": ["reservation.confirmed"]},
        {**DESK_ALONE, STRANGER: "ok"},
    ),
    "deleteWebhookSubscription": (lambda world: {"subscriptionId": world.subscription}, ITS_DESK_ALONE),
    "rotateCalendarFeedToken": (
        lambda world: {"providerId": world.provider},
        {**ITS_CALENDAR, OTHER_PROVIDER: "FORBIDDEN"},
    ),
}


@pytest.mark.parametrize("field", MATRIX)
def test_who_may_do_what(graphql, world, field):
    make_input, expected = MATRIX[field]

    outcomes = {}
    for caller, member in world.callers.items():
        with transaction.atomic():
            outcomes[caller] = outcome(write(graphql, field, make_input(world), as_=member))
            transaction.set_rollback(True)

    assert outcomes == expected


def test_speaks_of_every_mutation():
    mutations = set(schema.graphql_schema.mutation_type.fields)

    assert mutations == EVERYBODY | set(MATRIX)


def test_what_was_done_is_kept_with_who_did_it(graphql, world):
    write(graphql, "confirmReservation", {"reservationId": world.held}, as_=world.callers[SELF])

    assert ReservationEvent.objects.get().user == world.callers[SELF].user
