"""What the head of a row's page calls it."""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse


class Titled:
    """A row under another name: the head of a page writes the row itself down, as a log would."""

    def __init__(self, row: Model, title: str) -> None:
        self._row, self._title = row, title

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, name)

    def __str__(self) -> str:
        return self._title


class TitledPage:
    """A page that names its rows for those who work with them."""

    def title_of(self, row: Any) -> str:
        """Return what the row is called at the head of its page."""
        raise NotImplementedError

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *arguments: Any, **options: Any
    ) -> HttpResponse:
        row = context["original"]
        context |= {"original": Titled(row, self.title_of(row)), "subtitle": self.title_of(row)}
        answer: HttpResponse = super().render_change_form(request, context, *arguments, **options)  # type: ignore[misc]
        return answer
