"""The check of the practice store's schema can fail. Its run against Shopify's real schema is `make contracts`."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import build_schema

from tests.contracts import check_practice_schema
from tests.contracts.check_practice_schema import OURS, SPOILINGS

TEXT = OURS.read_text(encoding="utf-8")


def test_a_schema_fits_itself():
    assert check_practice_schema.problems(build_schema(TEXT), build_schema(TEXT)) == []


@pytest.mark.parametrize("name", SPOILINGS)
def test_a_spoiled_schema_is_a_problem(name):
    right, wrong = SPOILINGS[name]

    assert check_practice_schema.problems(build_schema(TEXT.replace(right, wrong, 1)), build_schema(TEXT))


def test_ours_may_leave_things_out():
    smaller = build_schema("type Query { a: Int }")
    larger = build_schema("type Query { a: Int b: Int }")

    assert check_practice_schema.problems(smaller, larger) == []


def test_a_missing_schema_is_a_failure(tmp_path: Path, capsys):
    assert check_practice_schema.main(tmp_path / "none.json.gz") == 1
    assert "fetch_shopify_schema.sh" in capsys.readouterr().out
