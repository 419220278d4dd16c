"""Several rows of one table changed at one go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection as database
from django.db.models import Field, Model


def write(rows: Sequence[Model], names: Sequence[str]) -> None:
    """The named columns of rows of one model: one statement formed, and one way to the database and back."""
    if len(rows) == 1:
        rows[0].save(update_fields=names)
    elif rows:
        fields = [_column(rows[0], name) for name in names]
        values = ", ".join(f"{_quoted(field.column)} = %s" for field in fields)
        options = rows[0]._meta
        update = f"UPDATE {_quoted(options.db_table)} SET {values} WHERE {_quoted(options.pk.column)} = %s"  # noqa: S608  # nosec B608 - names of the model's own columns
        with database.cursor() as cursor:
            cursor.executemany(update, [[*(_value(row, field) for field in fields), row.pk] for row in rows])


def _column(row: Model, name: str) -> Field[Any, Any]:
    return row._meta.get_field(name)  # type: ignore[return-value]  # a column, not the other end of a relation


def _value(row: Model, field: Field[Any, Any]) -> Any:
    return field.get_db_prep_save(getattr(row, field.attname), database)


def _quoted(name: str | None) -> str:
    return database.ops.quote_name(name or "")
