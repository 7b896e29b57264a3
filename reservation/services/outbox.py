"""The transactional outbox: what others must hear of is written in the transaction that did it."""

from collections.abc import Mapping

from reservation.models import OutboxEvent


def record(*, practice_id: int, kind: str, payload: Mapping[str, object]) -> OutboxEvent:
    """Write an event to be relayed; it exists exactly if the caller's transaction commits.

    kind: for example "reservation.confirmed". payload: ids and states only, never personal data.
    """
    return OutboxEvent.objects.create(practice_id=practice_id, kind=kind, payload=dict(payload))
