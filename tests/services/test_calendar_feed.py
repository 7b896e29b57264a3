import hashlib

import pytest

from reservation.models import IdempotencyKey, Provider
from reservation.rules.errors import NotFound
from reservation.rules.policy import Forbidden, Role
from reservation.selectors import calendar_feeds
from reservation.services import calendar_feed
from tests import factories


@pytest.fixture
def provider(practice):
    return factories.ProviderFactory(practice=practice)


class TestRotateCalendarFeedToken:
    def test_keeps_the_digest_of_the_token_alone(self, desk, provider):
        feed = calendar_feed.rotate_calendar_feed_token(actor=desk, provider_id=provider.pk)

        provider.refresh_from_db()
        assert feed.provider == provider
        assert provider.calendar_token_sha256 == hashlib.sha256(feed.token.encode()).hexdigest()
        assert feed.token not in str(Provider.objects.values())
        assert not IdempotencyKey.objects.exists()

    def test_ends_the_old_token(self, desk, provider, now):
        old, new = (
            calendar_feed.rotate_calendar_feed_token(actor=desk, provider_id=provider.pk).token
            for _ in range(2)
        )

        assert calendar_feeds.find_feed(old, now=now) is None
        assert calendar_feeds.find_feed(new, now=now).provider == provider.name

    def test_providers_rotate_their_own(self, actor_as, provider):
        actor = actor_as(Role.PROVIDER, provider=provider)

        assert calendar_feed.rotate_calendar_feed_token(actor=actor, provider_id=provider.pk).token

    def test_providers_do_not_rotate_anothers(self, actor_as, provider):
        actor = actor_as(Role.PROVIDER, provider=factories.ProviderFactory(practice=provider.practice))

        with pytest.raises(Forbidden):
            calendar_feed.rotate_calendar_feed_token(actor=actor, provider_id=provider.pk)

        provider.refresh_from_db()
        assert provider.calendar_token_sha256 == ""

    def test_clients_do_not(self, actor_as, provider):
        with pytest.raises(Forbidden):
            calendar_feed.rotate_calendar_feed_token(actor=actor_as(Role.CLIENT), provider_id=provider.pk)

    def test_finds_no_provider_of_another_practice(self, desk):
        other = factories.ProviderFactory()

        with pytest.raises(NotFound) as refused:
            calendar_feed.rotate_calendar_feed_token(actor=desk, provider_id=other.pk)

        assert refused.value.path == ("providerId",)
        other.refresh_from_db()
        assert other.calendar_token_sha256 == ""
