"""Who can sign in to a demo practice; no Django here, so that the local stack can print it."""

from dataclasses import dataclass

from reservation.rules.policy import Role

DEMO_SLUG = "demo"
DEMO_PASSWORD = "frontdesk-demo"  # noqa: S105 - it is meant to be known: load_demo refuses outside DEBUG


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """Someone of the demo practice, who signs in with DEMO_PASSWORD."""

    username: str
    role: Role
    can: str


DEMO_LOGINS = (
    DemoLogin("admin", Role.ADMIN, "everything, in every practice"),
    DemoLogin("desk", Role.STAFF, "run the practice's day"),
    DemoLogin("provider", Role.PROVIDER, "see and change its own calendar"),
    DemoLogin("client", Role.CLIENT, "book for itself"),
)


def demo_username(login: DemoLogin, slug: str) -> str:
    """Return the login's name in the demo practice with this slug: `desk`, or `desk.large-demo`."""
    return login.username if slug == DEMO_SLUG else f"{login.username}.{slug}"
