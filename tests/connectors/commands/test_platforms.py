"""docs/platforms.md says what the drivers declare."""

from __future__ import annotations

from dataclasses import fields

import pytest
from django.core.management import CommandError, call_command

from connectors.base import Capabilities
from connectors.management.commands import platforms


def test_the_page_in_the_repository_is_up_to_date():
    call_command("platforms", check=True)


def test_every_capability_has_its_words():
    assert set(platforms.WORDS) == {field.name for field in fields(Capabilities)}


def test_a_stale_page_is_said_and_then_written(monkeypatch, tmp_path):
    monkeypatch.setattr(platforms, "PATH", tmp_path / "platforms.md")
    with pytest.raises(CommandError, match="stale"):
        call_command("platforms", check=True)

    call_command("platforms")

    call_command("platforms", check=True)
    assert "| Storeward can cancel an order there | yes |" in platforms.PATH.read_text()
