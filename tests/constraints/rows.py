"""What a constraint's test is made of: a row that is right, and what makes it wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import models

from accounts.models import Invitation, new_public_id
from tests.factories import NOON

LATER = NOON + timedelta(hours=1)
Row = Callable[[], models.Model]
Fields = dict[str, Any] | Callable[[Any], dict[str, Any]]  # a function where other rows are needed: it gets the row


@dataclass(frozen=True)
class Broken:
    """`fields` written into `row` break the constraint `name`, and no other but those of `with_it`."""

    name: str
    row: Row
    fields: Fields
    with_it: frozenset[str] = field(default=frozenset())  # constraints that no value can spare

    def __str__(self) -> str:
        return f"{self.name}-{self.fields if isinstance(self.fields, dict) else self.fields.__name__}"


@dataclass(frozen=True)
class Twice:
    """`row` once more, with `fields` of its own, breaks the constraint `name` and no other."""

    name: str
    row: Row
    fields: Fields = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def given(fields: Fields, row: models.Model) -> dict[str, Any]:
    return fields(row) if callable(fields) else fields


def once_more(row: Any, fields: dict[str, Any]) -> Any:
    """The same row with ids of its own, unsaved."""
    row.pk, row._state.adding = None, True
    if hasattr(row, "public_id"):
        row.public_id = new_public_id()
    if isinstance(row, Invitation):
        row.token_digest = new_public_id()
    for name, value in fields.items():
        setattr(row, name, value)
    return row
