"""Reads and changes whose SQL is formed once: from one time to the next nothing differs but the keys and the instant.

Django forms a statement anew each time, which costs more than carrying it out. Here it forms one for placeholders; after
that the same text goes out with other keys. More keys than `AT_ONCE` go in several statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connection as database
from django.db.models import JSONField, Model, QuerySet
from django.db.models import query as queries
from django.db.models.base import ModelState
from django.db.models.sql import UpdateQuery
from psycopg import _queries as psycopg_queries

Row = TypeVar("Row")

# psycopg finds the placeholders of each statement anew that is longer than these, for as long as carrying it out takes
# (psycopg 3.3, `_queries.py`; no setting says so). Ours are: many columns, and sixteen rows at one go.
psycopg_queries.MAX_CACHED_STATEMENT_LENGTH = 32_768
psycopg_queries.MAX_CACHED_STATEMENT_PARAMS = 512

AT_ONCE = 16  # keys of one statement; where there are fewer, the last is said again
_KEYS = range(-AT_ONCE, 0)  # placeholders: no row has such a key
_OF = -100
_AT = datetime(1000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Text:
    """A statement, and which of its parameters are the n-th key, what the keys are of, or the instant."""

    sql: str
    parameters: tuple[Any, ...]
    keys: tuple[tuple[int, int], ...]  # (parameter, key)
    of: tuple[int, ...]
    at: tuple[int, ...]

    @classmethod
    def formed(cls, statement: tuple[str, Iterable[Any]], keys: Sequence[Any]) -> _Text:
        sql, given = statement[0], tuple(statement[1])
        instant = _instant(_AT)
        return cls(
            sql,
            given,
            tuple((place, keys.index(value)) for place, value in enumerate(given) if value in keys),
            tuple(place for place, value in enumerate(given) if value == _OF),
            tuple(place for place, value in enumerate(given) if value == instant),
        )

    def filled(self, keys: Sequence[Any], of: int | None, at: datetime | None) -> list[Any]:
        values = list(self.parameters)
        for place, number in self.keys:
            values[place] = keys[min(number, len(keys) - 1)]
        for place in self.of:
            values[place] = of
        for place in self.at:
            values[place] = _instant(at)
        return values


def _instant(at: datetime | None) -> Any:
    return database.ops.adapt_datetimefield_value(at)


class _ByKeys:
    """What reads and changes have in common."""

    def __init__(
        self, make: Callable[..., QuerySet[Any, Any]], *, text: bool, of: bool, at: bool, keys: bool = True
    ) -> None:
        self._keys: list[Any] = [str(key) if text else key for key in _KEYS]
        self._make = make
        self._given: list[Any] = [*([self._keys] if keys else []), *([_OF] if of else []), *([_AT] if at else [])]

    def _queryset(self) -> QuerySet[Any, Any]:
        return self._make(*self._given)


def _pieces(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(keys), AT_ONCE):
        yield keys[start : start + AT_ONCE]


class Read(_ByKeys, Generic[Row]):
    """The rows that `make` asks for: of its model with what `select_related` names, or the tuples of `values_list`.

    Keys are whole numbers, or strings with `text`; `once` reads without any. With `of`, `make` gets the key of what they
    all belong to besides, and with `at` an instant.
    """

    def __init__(
        self,
        make: Callable[..., QuerySet[Any, Any]],
        *,
        text: bool = False,
        of: bool = False,
        at: bool = False,
        keys: bool = True,
    ) -> None:
        super().__init__(make, text=text, of=of, at=at, keys=keys)

    def __call__(self, keys: Iterable[Any], of: int | None = None, *, at: datetime | None = None) -> list[Row]:
        return [row for some in _pieces(list(keys)) for row in self._read(some, of, at)]

    def once(self, of: int | None = None, *, at: datetime | None = None) -> list[Row]:
        return list(self._read((), of, at))

    def _read(self, keys: Sequence[Any], of: int | None, at: datetime | None) -> Iterator[Row]:
        with database.cursor() as cursor:
            cursor.execute(self._formed.text.sql, self._formed.text.filled(keys, of, at))
            return map(self._formed.row, cursor.fetchall())

    @cached_property
    def _formed(self) -> _Formed:
        queryset = self._queryset()
        compiler = queryset.query.get_compiler(queryset.db)
        text = _Text.formed(compiler.as_sql(), self._keys)
        columns = [column[0] for column in compiler.select]
        converters = [
            (place, [*map(_spared_empty, converters)], expression)
            for place, (converters, expression) in compiler.get_converters(columns).items()
        ]
        whole = issubclass(queryset._iterable_class, queries.ModelIterable)
        return _Formed(text, converters, _Builder.of(compiler, queryset.db) if whole else None)


def _spared_empty(convert: Any) -> Any:
    """Most columns of JSON hold nothing: that is not parsed."""
    field = getattr(convert, "__self__", None)
    if not isinstance(field, JSONField) or field.decoder is not None:
        return convert

    def read(value: Any, expression: Any, connection: Any) -> Any:
        if value == "{}":
            return {}
        return [] if value == "[]" else convert(value, expression, connection)

    return read


@dataclass(frozen=True, slots=True)
class _Formed:
    text: _Text
    converters: list[tuple[int, list[Any], Any]]
    builder: _Builder | None  # None: rows are tuples

    def row(self, found: Sequence[Any]) -> Any:
        values = list(found)
        for place, converters, expression in self.converters:
            for convert in converters:
                values[place] = convert(values[place], expression, database)
        return tuple(values) if self.builder is None else self.builder(values)


@dataclass(frozen=True, slots=True)
class _Builder:
    """Objects from rows, as Django's own iterator builds them."""

    rows_of: _RowsOf
    names: list[str]
    start: int
    end: int
    related: list[Any]
    annotated: dict[str, int]
    alias: str

    @classmethod
    def of(cls, compiler: Any, alias: str) -> _Builder:
        about = compiler.klass_info
        start, end = about["select_fields"][0], about["select_fields"][-1] + 1
        names = [column[0].target.attname for column in compiler.select[start:end]]
        populators: Any = queries.get_related_populators  # its stub is of a later Django
        related, annotated = populators(about, compiler.select, alias), compiler.annotation_col_map or {}
        _build_quickly(related)
        return cls(_RowsOf(about["model"]), names, start, end, related, annotated, alias)

    def __call__(self, row: Sequence[Any]) -> Model:
        built = self.rows_of.from_db(self.alias, self.names, row[self.start : self.end])
        for related in self.related:
            related.populate(row, built)
        for name, place in self.annotated.items():
            setattr(built, name, row[place])
        return built


def _build_quickly(populators: Iterable[Any]) -> None:
    for populator in populators:
        populator.model_cls = _RowsOf(populator.model_cls)
        _build_quickly(populator.related_populators)


@dataclass(frozen=True, slots=True)
class _RowsOf:
    """`Model.from_db`, which calls a setter for each column and two signals: half the cost of an object. Nobody here
    listens to those signals."""

    model: type[Model]

    def from_db(self, alias: str, names: Sequence[str], values: Sequence[Any]) -> Model:
        built = self.model.__new__(self.model)
        built._state = ModelState()
        built._state.adding, built._state.db = False, alias
        built.__dict__.update(zip(names, values, strict=True))
        return built


class Change(_ByKeys):
    """`values` set in the rows that `make` asks for; all but the keys is the same each time."""

    def __init__(self, make: Callable[[Sequence[Any]], QuerySet[Any, Any]], **values: Any) -> None:
        super().__init__(make, text=False, of=False, at=False)
        self._values = values

    def __call__(self, keys: Iterable[Any]) -> int:
        changed = 0
        for some in _pieces(list(keys)):
            with database.cursor() as cursor:
                cursor.execute(self._text.sql, self._text.filled(some, None, None))
                changed += cursor.rowcount
        return changed

    @cached_property
    def _text(self) -> _Text:
        query: Any = self._queryset().query.chain(UpdateQuery)
        query.add_update_values(self._values)
        return _Text.formed(query.get_compiler(database.alias).as_sql(), self._keys)
