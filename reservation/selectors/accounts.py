"""Who is signed in, and where."""

from reservation.models import Membership, User
from reservation.rules.policy import Actor, Role


def find_membership(user: User, *, practice_slug: str = "", host: str = "") -> Membership | None:
    """Return the user's membership in the practice named by its slug or host name, else the user's only one.

    None when the user is no member there, or is a member of several and none is named.
    """
    memberships = Membership.objects.filter(user=user).select_related("practice").order_by("id")
    if practice_slug:
        return memberships.filter(practice__slug=practice_slug).first()
    named_by_host = memberships.filter(practice__host=host).first() if host else None
    if named_by_host is not None:
        return named_by_host
    first_two = list(memberships[:2])
    return first_two[0] if len(first_two) == 1 else None


def find_actor(user: User, *, practice_slug: str = "", host: str = "") -> Actor | None:
    """Return who the user acts as; None when the user acts in no practice.

    Follows find_membership. An inactive user acts nowhere.
    """
    if not user.is_active:
        return None
    membership = find_membership(user, practice_slug=practice_slug, host=host)
    if membership is None:
        return None
    return Actor(
        practice_id=membership.practice_id,
        role=Role(membership.role),
        user_id=user.pk,
        provider_id=membership.provider_id,
        client_id=membership.client_id,
    )
