"""Who may do what: the one place that answers it. Roles grant scopes; selectors narrow the rows."""

from dataclasses import dataclass
from enum import StrEnum

from reservation.rules.errors import DomainError


class Role(StrEnum):
    """What a member is in its practice."""

    ADMIN = "ADMIN"
    STAFF = "STAFF"
    PROVIDER = "PROVIDER"
    CLIENT = "CLIENT"


class Scope(StrEnum):
    """What a caller may be allowed to do."""

    READ = "booking:read"
    BOOK = "booking:write"
    SCHEDULE = "schedule:write"  # one's own availability and the outcome of one's own visits
    ADMIN = "admin"  # providers, clients, services, locations, webhooks


GRANTS: dict[Role, frozenset[Scope]] = {
    Role.ADMIN: frozenset(Scope),
    Role.STAFF: frozenset(Scope),
    Role.PROVIDER: frozenset({Scope.READ, Scope.BOOK, Scope.SCHEDULE}),
    Role.CLIENT: frozenset({Scope.READ, Scope.BOOK}),
}


class Forbidden(DomainError):
    """Your role does not allow this."""

    code = "FORBIDDEN"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is acting, in exactly one practice.

    user_id is None for the system itself (the sweeper, the waitlist). provider_id is set for a provider,
    client_id for a client.
    """

    practice_id: int
    role: Role
    user_id: int | None = None
    provider_id: int | None = None
    client_id: int | None = None

    @property
    def is_staff(self) -> bool:
        """Whether the actor works at the desk and sees the whole practice."""
        return self.role in (Role.ADMIN, Role.STAFF)


def system_actor(practice_id: int) -> Actor:
    """Return the actor of Frontdesk's own work in a practice."""
    return Actor(practice_id=practice_id, role=Role.STAFF)


def allows(actor: Actor, scope: Scope) -> bool:
    """Say whether the actor's role grants the scope."""
    return scope in GRANTS[actor.role]


def require(actor: Actor, scope: Scope) -> None:
    """Refuse an actor whose role does not grant the scope.

    Raises: Forbidden.
    """
    if not allows(actor, scope):
        raise Forbidden


def acts_for_provider(actor: Actor, provider_id: int) -> bool:
    """Say whether the actor may change this provider's calendar: the provider itself or the desk."""
    return actor.is_staff or (actor.role == Role.PROVIDER and actor.provider_id == provider_id)
