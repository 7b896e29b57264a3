"""Plain relations beneath a list: joined or prefetched with the list itself when the document selects them.

Plain are relations that whoever sees the row may see too, but for what a resolver with `resolver_hints` holds
back. All others have a loader, never both.
"""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from graphene_django_optimizer.query import QueryOptimizer, QueryOptimizerStore
from graphql import FieldNode, InlineFragmentNode

Row = TypeVar("Row", bound=Model)


def with_selected_relations(rows: QuerySet[Row], info: Any) -> QuerySet[Row]:
    """Return rows that bring the plain relations with them which the field's selection asks for."""
    optimizer = ListOptimizer(info)
    store = QueryOptimizerStore()
    # The same field may stand in the document more than once: its selections are merged.
    for field_node in info.field_nodes:
        store.append(optimizer.selected_beneath(field_node))
    optimized: QuerySet[Row] = store.optimize_queryset(rows)
    return optimized


class ListOptimizer(QueryOptimizer):
    """graphene-django-optimizer for lists of object types, proof against whatever a document may hold.

    By itself it fails on an inline fragment without a type, and walks a fragment as often as it is spread:
    with fragments that spread others twice, a small document would take forever.
    """

    def __init__(self, info: Any) -> None:
        super().__init__(info)
        self._stores: dict[tuple[str, int], QueryOptimizerStore] = {}

    def selected_beneath(self, field_node: FieldNode) -> QueryOptimizerStore:
        """Return which relations a selection of the list's field asks for."""
        info = self.root_info
        field = info.schema.get_type(info.parent_type.name).fields[info.field_name]
        return self._optimize_gql_selections(self._get_type(field), field_node)

    def _optimize_gql_selections(self, field_type: Any, field_ast: Any) -> QueryOptimizerStore:
        key = field_type.name, id(field_ast)
        if key not in self._stores:
            store = super()._optimize_gql_selections(field_type, field_ast)
            # Columns are read whole: cursors and resolvers read more of them than the document names.
            store.abort_only_optimization()
            store.select_list = list(dict.fromkeys(store.select_list))
            self._stores[key] = store
        return self._stores[key]

    def handle_inline_fragment(
        self, selection: InlineFragmentNode, _schema: Any, possible_types: Any, store: QueryOptimizerStore
    ) -> QueryOptimizerStore:
        # Within an object type, a fragment can only be on that type or an interface of it.
        (object_type,) = possible_types
        store.append(self._optimize_gql_selections(object_type, selection))
        return store
