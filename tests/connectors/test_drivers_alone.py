"""Drivers hold nothing that exists for the practice stores: what differs is where they answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import connectors
from connectors.registry import connector_class, platforms

ROOT = Path(connectors.__file__).parent
DRIVERS = {connector_class(platform.key).__module__.rsplit(".", 2)[1] for platform in platforms()}


@pytest.mark.parametrize("package", sorted(DRIVERS | {"carriers", "gateway"}))
def test_a_driver_does_not_know_practice_stores(package: str):
    files = sorted((ROOT / package).rglob("*.py"))

    assert [path.name for path in files if re.search("practice|127\\.0\\.0\\.1", path.read_text(), re.IGNORECASE)] == []
    assert files
