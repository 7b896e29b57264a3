"""What has an id of its own."""

from typing import Any

import graphene
from graphene_django.registry import get_global_registry


class Node(graphene.relay.Node):
    """An object with an id that is its own across all types and never changes."""

    @classmethod
    def resolve_type(cls, row: Any, _info: Any) -> Any:
        return get_global_registry().get_type_for_model(type(row))
