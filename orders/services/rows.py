"""Several rows changed by one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection as database
from django.db.models import Case, Field, Model, Value, When
from django.db.models.functions import Cast


def write(rows: Sequence[Model], fields: Sequence[str]) -> None:
    """The named fields of rows of one model. One statement, so that its constraints see all of a row's new values."""
    if len(rows) == 1:
        rows[0].save(update_fields=fields)
    elif rows:
        changes = {name: _value(rows, name) for name in fields}
        type(rows[0])._default_manager.filter(pk__in=[row.pk for row in rows]).update(**changes)


def _value(rows: Sequence[Model], name: str) -> Any:
    """What all rows have, or for each row its own."""
    first = getattr(rows[0], name)
    if all(getattr(row, name) == first for row in rows):
        return first
    field: Field[Any, Any] = type(rows[0])._meta.get_field(name)  # type: ignore[assignment]  # a column, not a relation
    each = Case(
        *(When(pk=row.pk, then=Value(getattr(row, name), output_field=field)) for row in rows), output_field=field
    )
    return Cast(each, output_field=field) if database.features.requires_casted_case_in_updates else each
