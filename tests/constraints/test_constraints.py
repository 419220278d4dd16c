"""What must never be true is refused by the database: every constraint, by name, and a row that breaks it alone."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction

from tests.constraints import of_accounts, of_connectors, of_money, of_orders, of_practice, of_pushes, of_shipping
from tests.constraints.rows import Broken, Twice, given, once_more

PARTS = (of_accounts, of_connectors, of_practice, of_orders, of_pushes, of_money, of_shipping)
BROKEN: list[Broken] = [each for part in PARTS for each in part.BROKEN]
TWICE: list[Twice] = [each for part in PARTS for each in part.TWICE]
OURS = ("accounts", "connectors", "orders")

pytestmark = [  # each row keeps the constraints of its table, and is there without those that belong to it
    pytest.mark.plants("I3", "a refund of a payment that was not taken"),
    pytest.mark.plants("I4", "a refund without its promise"),
]


def broken_by(row: models.Model) -> set[str]:
    """The constraints that the row does not keep, by the conditions of its model."""
    broken = set()
    for constraint in row._meta.constraints:
        try:
            constraint.validate(type(row), row)
        except ValidationError:
            broken.add(constraint.name)
    return broken


def assert_refused_by(names: set[str], model: type[models.Model], error: pytest.ExceptionInfo[IntegrityError]) -> None:
    """PostgreSQL names every constraint; SQLite names the columns of one that makes rows unique."""
    assert any(_is_named(name, model, str(error.value)) for name in names), str(error.value)


def _is_named(name: str, model: type[models.Model], text: str) -> bool:
    known = next((each for each in model._meta.constraints if each.name == name), None)
    if connection.vendor == "postgresql":
        return f'"{name}"' in text
    if not getattr(known, "fields", ()):
        return text.endswith((f": {name}", f"'{name}'"))
    columns = ", ".join(
        f"{model._meta.db_table}.{model._meta.get_field(each).column}" for each in getattr(known, "fields", ())
    )
    return text.endswith(f": {columns}")


@pytest.mark.django_db
@pytest.mark.parametrize("case", BROKEN, ids=str)
def test_a_row_cannot_become(case: Broken):
    row = case.row()
    fields = given(case.fields, row)
    for name, value in fields.items():
        setattr(row, name, value)

    with pytest.raises(IntegrityError) as error, transaction.atomic():
        type(row)._base_manager.filter(pk=row.pk).update(**fields)

    assert broken_by(row) == {case.name} | case.with_it
    assert_refused_by({case.name} | case.with_it, type(row), error)


@pytest.mark.django_db
@pytest.mark.parametrize("case", TWICE, ids=str)
def test_a_row_cannot_be_there_twice(case: Twice):
    row = case.row()
    again = once_more(row, given(case.fields, row))

    assert broken_by(again) == {case.name}
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        again.save()

    assert_refused_by({case.name}, type(again), error)


def test_every_constraint_has_a_row_that_breaks_it():
    known = {
        constraint.name
        for app in OURS
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
        for constraint in model._meta.constraints
    }

    assert {case.name for case in (*BROKEN, *TWICE)} == known
