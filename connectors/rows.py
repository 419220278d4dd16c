"""Several rows of one table added or changed at one go, by statements that are not formed anew each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection as database
from django.db.models import Field, Model


def insert(rows: Sequence[Model]) -> None:
    """Add rows of one model in one statement. They do not learn their keys: after a rollback they can be added again."""
    if not rows:
        return
    columns = _columns(type(rows[0]))
    values = [_value(row, field, add=True) for row in rows for field in columns]
    with database.cursor() as cursor:
        cursor.execute(_insert(type(rows[0]), len(rows)), values)


def write(rows: Sequence[Model], names: Sequence[str]) -> None:
    """The named columns of rows of one model: one statement formed, and one way to the database and back."""
    if len(rows) == 1:
        rows[0].save(update_fields=names)
    elif rows:
        fields = [_field(type(rows[0]), name) for name in names]
        values = ", ".join(f"{_quoted(field.column)} = %s" for field in fields)
        options = rows[0]._meta
        update = f"UPDATE {_quoted(options.db_table)} SET {values} WHERE {_quoted(options.pk.column)} = %s"  # noqa: S608  # nosec B608 - names of the model's own columns
        with database.cursor() as cursor:
            cursor.executemany(update, [[*(_value(row, field) for field in fields), row.pk] for row in rows])


def change(model: type[Model], values: Mapping[str, Any], where: str, parameters: Sequence[Any]) -> int:
    """Set the values in the rows of the condition, which is a text of ours; returns how many they were."""
    fields = [_field(model, name) for name in values]
    columns = ", ".join(f"{_quoted(field.column)} = %s" for field in fields)
    given = [field.get_db_prep_save(value, database) for field, value in zip(fields, values.values(), strict=True)]
    with database.cursor() as cursor:
        cursor.execute(f"UPDATE {_quoted(model._meta.db_table)} SET {columns} WHERE {where}", [*given, *parameters])  # noqa: S608  # nosec B608 - names of the model's own columns
        return int(cursor.rowcount)


@cache
def _insert(model: type[Model], count: int) -> str:
    names = ", ".join(_quoted(field.column) for field in _columns(model))
    each = f"({', '.join(['%s'] * len(_columns(model)))})"
    return f"INSERT INTO {_quoted(model._meta.db_table)} ({names}) VALUES {', '.join([each] * count)}"  # noqa: S608  # nosec B608 - names of the model's own columns


@cache
def _columns(model: type[Model]) -> tuple[Field[Any, Any], ...]:
    """All that a new row is given: its key and what the database reckons are not."""
    return tuple(field for field in model._meta.concrete_fields if not field.primary_key and not field.generated)


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    return model._meta.get_field(name)  # type: ignore[return-value]  # a column, not the other end of a relation


def _value(row: Model, field: Field[Any, Any], *, add: bool = False) -> Any:
    value = field.pre_save(row, True) if add else getattr(row, field.attname)
    return field.get_db_prep_save(value, database)


def _quoted(name: str | None) -> str:
    return database.ops.quote_name(name or "")
