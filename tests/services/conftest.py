from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from reservation.models import Practice
from reservation.rules.policy import Actor, Role
from tests import factories


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def practice(db) -> Practice:
    return factories.PracticeFactory()


@pytest.fixture
def actor_as(practice) -> Callable[..., Actor]:
    """Make an actor of the practice: actor_as(Role.STAFF), actor_as(Role.CLIENT, client=client)."""

    def make(role: Role, *, provider=None, client=None) -> Actor:
        return Actor(
            practice_id=practice.pk,
            role=role,
            user_id=factories.UserFactory().pk,
            provider_id=provider and provider.pk,
            client_id=client and client.pk,
        )

    return make


@pytest.fixture
def desk(actor_as) -> Actor:
    return actor_as(Role.STAFF)
