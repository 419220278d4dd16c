"""Several rows of one table added or changed at one go, by statements that are not formed anew each time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db import connection as database
from django.db.models import Field, Model


def insert(rows: Sequence[Model]) -> None:
    """Add rows of one model in one statement. They do not learn their keys: after a rollback they can be added again."""
    if not rows:
        return
    with database.cursor() as cursor:
        cursor.execute(_insert(type(rows[0]), len(rows)), _values(rows))


def store(rows: Sequence[Model]) -> None:
    """The same for rows that others will point to: they learn their keys, and what the database reckons of them."""
    if not rows:
        return
    model = type(rows[0])
    learned = _learned(model)
    names = ", ".join(_quoted(field.column) for field, _, _ in learned)
    with database.cursor() as cursor:
        cursor.execute(f"{_insert(model, len(rows))} RETURNING {names}", _values(rows))
        for row, told in zip(rows, cursor.fetchall(), strict=True):
            for (field, column, converters), value in zip(learned, told, strict=True):
                for convert in converters:
                    value = convert(value, column, database)  # noqa: PLW2901  # one after the other
                setattr(row, field.attname, value)
            row._state.adding, row._state.db = False, database.alias


def write(rows: Sequence[Model], names: Sequence[str]) -> None:
    """The named columns of rows of one model, each of them once: one statement on PostgreSQL, formed once on both."""
    if not rows:
        return
    model, named = type(rows[0]), tuple(names)
    update, fields = _update(model, named)
    own = connections[DEFAULT_DB_ALIAS]  # the proxy of the thread's connection would be asked for each value
    given = [[*(field.get_db_prep_save(getattr(row, field.attname), own) for field in fields), row.pk] for row in rows]
    with database.cursor() as cursor:
        if len(given) == 1:
            cursor.execute(update, given[0])
        elif database.vendor == "postgresql":
            cursor.execute(_update_together(model, named, len(given)), [value for row in given for value in row])
        else:
            cursor.executemany(update, given)


def change(model: type[Model], values: Mapping[str, Any], where: str, parameters: Sequence[Any]) -> int:
    """Set the values in the rows of the condition, which is a text of ours; returns how many they were."""
    fields = [_field(model, name) for name in values]
    columns = ", ".join(f"{_quoted(field.column)} = %s" for field in fields)
    given = [field.get_db_prep_save(value, database) for field, value in zip(fields, values.values(), strict=True)]
    with database.cursor() as cursor:
        cursor.execute(f"UPDATE {_quoted(model._meta.db_table)} SET {columns} WHERE {where}", [*given, *parameters])  # noqa: S608  # nosec B608 - names of the model's own columns
        return int(cursor.rowcount)


def _values(rows: Sequence[Model]) -> list[Any]:
    columns = _columns(type(rows[0]))
    own = connections[DEFAULT_DB_ALIAS]
    return [field.get_db_prep_save(field.pre_save(row, add=True), own) for row in rows for field in columns]


@cache
def _insert(model: type[Model], count: int) -> str:
    names = ", ".join(_quoted(field.column) for field in _columns(model))
    each = f"({', '.join(['%s'] * len(_columns(model)))})"
    return f"INSERT INTO {_quoted(model._meta.db_table)} ({names}) VALUES {', '.join([each] * count)}"  # noqa: S608  # nosec B608 - names of the model's own columns


@cache
def _learned(model: type[Model]) -> list[tuple[Field[Any, Any], Any, list[Any]]]:
    """Each column that the database fills, with what makes a value of what it says."""
    columns = [(field, field.get_col(model._meta.db_table)) for field in model._meta.db_returning_fields]
    return [
        (field, column, [*database.ops.get_db_converters(column), *column.get_db_converters(database)])
        for field, column in columns
    ]


@cache
def _update(model: type[Model], names: tuple[str, ...]) -> tuple[str, tuple[Field[Any, Any], ...]]:
    fields = tuple(_field(model, name) for name in names)
    values = ", ".join(f"{_quoted(field.column)} = %s" for field in fields)
    options = model._meta
    return f"UPDATE {_quoted(options.db_table)} SET {values} WHERE {_quoted(options.pk.column)} = %s", fields  # noqa: S608  # nosec B608 - names of the model's own columns


@cache
def _update_together(model: type[Model], names: tuple[str, ...], count: int) -> str:
    """The same for several rows. The first one's types are those of the columns, without their lengths: a text that is
    too long is refused and not cut."""
    options = model._meta
    fields = [*(_field(model, name) for name in names), options.pk]
    columns = [_quoted(field.column) for field in fields]
    typed = ", ".join(f"%s::{_type(field)}" for field in fields)
    more = f", ({', '.join(['%s'] * len(fields))})" * (count - 1)
    values = ", ".join(f"{column} = given.{column}" for column in columns[:-1])
    return (
        f"UPDATE {_quoted(options.db_table)} SET {values} FROM (VALUES ({typed}){more}) AS given ({', '.join(columns)})"  # noqa: S608  # nosec B608 - names of the model's own columns
        f" WHERE {_quoted(options.db_table)}.{columns[-1]} = given.{columns[-1]}"
    )


def _type(field: Field[Any, Any]) -> str:
    return re.sub(r"\(.*?\)", "", field.db_type(database) or "")


@cache
def _columns(model: type[Model]) -> tuple[Field[Any, Any], ...]:
    """All that a new row is given: its key and what the database reckons are not."""
    return tuple(field for field in model._meta.concrete_fields if not field.primary_key and not field.generated)


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    return model._meta.get_field(name)  # type: ignore[return-value]  # a column, not the other end of a relation


def _quoted(name: str | None) -> str:
    return database.ops.quote_name(name or "")
