"""Clients."""

from collections.abc import Mapping
from functools import partial

from django.db import transaction

from reservation.models import Client
from reservation.rules import availability, policy, text
from reservation.rules.policy import Actor, Scope
from reservation.selectors import directory
from reservation.services import fields, idempotency
from reservation.services.directory import rows

FIELDS: dict[str, fields.Check] = {
    "name": rows.line("name", max_length=200, required=True),
    "email": partial(text.check_email, required=False),
    "phone": partial(text.check_phone, required=False),
    "time_zone": availability.check_time_zone,
    "external_id": rows.line("external_id", max_length=128),
}
FIELDS_OF_ITS_OWN = frozenset({"email", "phone", "time_zone"})
"""What a client may change about itself."""


@transaction.atomic
@idempotency.once
def create_client(
    *, actor: Actor, name: str, email: str = "", phone: str = "", time_zone: str, external_id: str = ""
) -> Client:
    """Add a client; return it as saved.

    time_zone: an IANA name. external_id: its number in another system, once in the practice, or empty.
    Raises: Invalid, Forbidden.
    """
    policy.require(actor, Scope.ADMIN)
    given = {
        "name": name,
        "email": email,
        "phone": phone,
        "time_zone": time_zone,
        "external_id": external_id,
    }
    return rows.save(Client(practice_id=actor.practice_id), fields.clean(given, FIELDS))


@transaction.atomic
@idempotency.once
def update_client(*, actor: Actor, client_id: int, changes: Mapping[str, object]) -> Client:
    """Change a client; return it as saved.

    changes: the fields to change, named and valued as create_client takes them. A client may change its own
    contact details and time zone.
    Raises: Invalid, NotFound, Forbidden.
    """
    if actor.client_id != client_id or not changes.keys() <= FIELDS_OF_ITS_OWN:
        policy.require(actor, Scope.ADMIN)
    clients = directory.list_clients(actor).select_for_update(no_key=True)
    client = directory.get_one(clients, client_id, what="client", path="clientId")
    return rows.save(client, fields.clean(changes, FIELDS))


@transaction.atomic
@idempotency.once
def delete_client(*, actor: Actor, client_id: int) -> int:
    """Delete a client who never had a reservation, with its places on the waitlist; return its id.

    Raises: InUse, NotFound, Forbidden.
    """
    policy.require(actor, Scope.ADMIN)
    rows.lock_wishes(practice=actor.practice_id, client=client_id)
    clients = directory.list_clients(actor).select_for_update()
    client = directory.get_one(clients, client_id, what="client", path="clientId")
    return rows.delete(client, refusal="The client has reservations, whose history is kept.")
