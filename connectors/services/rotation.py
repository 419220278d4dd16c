"""Every stored secret under the newest key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import models, transaction

from accounts.services import second_factors
from connectors.credentials import CredentialsUnreadableError, EncryptedJSONField, Secrets, renewed

BATCH = 100  # rows that are locked at once, for some ten milliseconds


@dataclass(slots=True)
class Report:
    """What became of the secrets of one model; an empty one is not counted."""

    label: str  # "connectors.Connection"
    renewed: int = 0
    current: int = 0  # under the newest key already
    unreadable: list[tuple[Any, str]] = field(default_factory=list)  # primary key, field


def rotate() -> list[Report]:
    """Encrypt anew whatever is not under the first of CREDENTIAL_KEYS. Safe to repeat and to stop half-way.

    A row is read and written under its lock: what is saved meanwhile is never overwritten with what was there before.
    """
    return [*(_rotate(model, names) for model, names in _holders()), _rotate_second_factors()]


def _rotate_second_factors() -> Report:
    """Those of people who sign in, which allauth keeps in a table of its own."""
    anew, current, lost = second_factors.rotate()
    return Report("mfa.Authenticator", anew, current, [(pk, "data") for pk in lost])


def _holders() -> Iterator[tuple[type[models.Model], list[str]]]:
    for model in apps.get_models():
        names = [column.name for column in model._meta.local_fields if isinstance(column, EncryptedJSONField)]
        if names:
            yield model, names


def _rotate(model: type[models.Model], names: list[str]) -> Report:
    report = Report(model._meta.label)
    last = None
    while batch := _rotate_batch(model, names, last, report):
        last = batch[-1].pk
    return report


@transaction.atomic
def _rotate_batch(model: type[models.Model], names: list[str], after: Any, report: Report) -> list[models.Model]:
    rows = model._base_manager.select_for_update().only("pk", *names).order_by("pk")
    batch = list(rows[:BATCH] if after is None else rows.filter(pk__gt=after)[:BATCH])
    for row in batch:
        _rotate_row(row, names, report)
    return batch


def _rotate_row(row: models.Model, names: list[str], report: Report) -> None:
    """Each secret that can be read, whatever the row's others are."""
    changed: dict[str, Secrets] = {}
    for name in names:
        secrets: Secrets | None = getattr(row, name)
        if secrets is None or not secrets.token:
            continue  # nothing is stored
        try:
            token = renewed(secrets.token)
        except CredentialsUnreadableError:
            report.unreadable.append((row.pk, name))
            continue
        if token == secrets.token:
            report.current += 1
        else:
            changed[name] = Secrets(token)
    if changed:
        type(row)._base_manager.filter(pk=row.pk).update(**changed)
        report.renewed += len(changed)
