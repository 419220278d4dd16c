"""Every platform is a folder with the same files and names; what one lacks is named here, with the reason."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

import connectors
from connectors import registry
from connectors.base import Connector

HOME = Path(connectors.__file__).parent
SHAPE = ("connector.py", "client.py", "mapping.py", "webhook.py", "form.py", "README.md")
PLATFORMS = [platform.key for platform in registry.platforms()]
WITHOUT = {
    ("filedrop", "client.py"): "it speaks to our own desk alone, never over the network",
}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_platform_has_the_files_that_all_have(platform):
    lacking = [name for name in SHAPE if not (HOME / platform / name).is_file()]

    assert lacking == [name for known, name in WITHOUT if known == platform]


def test_no_exception_is_left_over():
    assert {platform for platform, _ in WITHOUT} <= set(PLATFORMS)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_platform_has_the_names_that_all_have(platform):
    driver, form = registry.connector_class(platform), import_module(f"connectors.{platform}.form")

    assert issubclass(driver, Connector)
    assert (driver.platform, driver.__module__) == (platform, f"connectors.{platform}.connector")
    assert {field.name for field in form.FIELDS} >= set(form.RECONNECT)
    assert form.LEAD.endswith(".")
    assert callable(form.read)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_readme_names_each_file_beside_it(platform):
    """Those of the shape; a platform's own files are its own to explain."""
    text = (HOME / platform / "README.md").read_text()
    own = [name for name in SHAPE[:-1] if (HOME / platform / name).is_file()]

    assert [name for name in own if f"`{name}`" not in text] == []
