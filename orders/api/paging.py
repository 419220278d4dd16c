"""Pages by key: as fast on the last page as on the first, and no row twice or left out while others come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from orders import queries


@dataclass(frozen=True, slots=True)
class Sort:
    column: str  # a time of the row; rows without it are left out
    ascending: bool = False


@dataclass(frozen=True, slots=True)
class _Key:
    """Where a page begins: behind this row, or before it."""

    at: datetime
    pk: int
    backwards: bool


NEWEST = "newest"
NO_SUCH_CURSOR = "This cursor is none of this list. Begin without one."


class KeyCursor(CursorPagination):
    """Rows by a time and their key. A list that can be sorted in several ways names them; `sort` chooses."""

    sorts: Mapping[str, Sort]
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Raises ValidationError for a sort that there is not, NotFound for a cursor that is none of this list."""
        self.name, self.address = self._name(request), request.build_absolute_uri()
        sort, size = self.sorts[self.name], self.get_page_size(request) or self.page_size
        key = _read(request.query_params.get(self.cursor_query_param), self.name)
        backwards = key is not None and key.backwards
        ascending = sort.ascending is not backwards
        sign = "" if ascending else "-"
        rows = queryset.filter(**{f"{sort.column}__isnull": False}).order_by(f"{sign}{sort.column}", f"{sign}pk")
        if key is not None:
            rows = rows.filter(queries.beyond((key.at, key.pk), sort.column, ascending=ascending))
        found = list(rows[: size + 1])
        more, self.page = len(found) > size, found[:size]
        if backwards:
            self.page.reverse()
        self.has_next, self.has_previous = (True, more) if backwards else (more, key is not None)
        return self.page

    def get_next_link(self) -> str | None:
        return self._link("on", self.page[-1]) if self.has_next and self.page else None

    def get_previous_link(self) -> str | None:
        return self._link("back", self.page[0]) if self.has_previous and self.page else None

    def _link(self, way: str, row: Any) -> str:
        place = queries.write_cursor(getattr(row, self.sorts[self.name].column), row.pk)
        return replace_query_param(self.address, self.cursor_query_param, f"{way}.{self.name}.{place}")

    def _name(self, request: Request) -> str:
        if len(self.sorts) == 1:
            return next(iter(self.sorts))
        name = request.query_params.get("sort", NEWEST)
        if name not in self.sorts:
            raise ValidationError({"sort": f"This is one of: {', '.join(self.sorts)}."}, code="unknown_value")
        return name


class OrderCursor(KeyCursor):
    """Newest first, or as `sort` says."""

    sorts = {
        NEWEST: Sort("placed_at"),
        "oldest": Sort("placed_at", ascending=True),
        "due_at": Sort("due_at", ascending=True),
    }


SORT = OpenApiParameter(
    "sort",
    str,
    description="`due_at`: the nearest deadline first; orders without one are left out.",
    enum=list(OrderCursor.sorts),
    default=NEWEST,
)


def _read(cursor: str | None, name: str) -> _Key | None:
    if cursor is None:
        return None
    way, _, rest = cursor.partition(".")
    sort, _, place = rest.partition(".")
    key = queries.read_cursor(place)
    if key is None or sort != name or way not in ("on", "back"):
        raise NotFound(NO_SUCH_CURSOR, code="bad_cursor")
    return _Key(*key, backwards=way == "back")


OF_ORDER = OpenApiParameter("order", str, description="The id of an order: what is of it alone.")


def of_order(rows: QuerySet[Any], request: Request, path: str) -> QuerySet[Any]:
    """Those of the order that was named, or all; `path` leads from a row to its order. One that is not there has none."""
    wanted = request.query_params.get("order")
    return rows if wanted is None else rows.filter(**{f"{path}__public_id": wanted[:32]})
