from api.loaders.base import Loader
from reservation.models import Practice
from reservation.selectors import directory


class PracticeById(Loader[int, Practice | None]):
    """Loads the actor's own practice; there is no other to see."""

    def batch_load(self, keys: list[int]) -> dict[int, Practice]:
        actor = self.context.actor
        return {actor.practice_id: directory.get_practice(actor)} if actor.practice_id in keys else {}
