"""docs/platforms.md says what the drivers declare."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from connectors.base import Capabilities
from connectors.management.commands import platforms
from tests.connectors.capability_contract import TOLD


def test_the_page_in_the_repository_is_up_to_date():
    call_command("platforms", check=True)


def test_every_capability_has_its_words():
    assert set(platforms.WORDS) == {field.name for field in fields(Capabilities)}


def test_the_contract_asserts_every_capability():
    contract = "".join(path.read_text() for path in Path("tests/connectors").glob("*contract.py"))
    asserted = set(re.findall(r"\bcan\.(\w+)", contract)) | set(TOLD)

    assert {field.name for field in fields(Capabilities)} - asserted == set()


def test_a_stale_page_is_said_and_then_written(monkeypatch, tmp_path):
    monkeypatch.setattr(platforms, "PATH", tmp_path / "platforms.md")
    with pytest.raises(CommandError, match="stale"):
        call_command("platforms", check=True)

    call_command("platforms")

    call_command("platforms", check=True)
    assert "| Storeward can cancel an order there | yes |" in platforms.PATH.read_text()
