"""The house itself: settings told, commands described, pages' icons there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.template import Context, Template

ROOT = Path(__file__).parent.parent
PARTS = ("accounts", "bench", "config", "connectors", "orders", "tests")
NAMES = {path.name for part in PARTS for path in (ROOT / part).rglob("*.py")} | {"manage.py"}


def test_every_setting_stands_in_the_example_with_nothing_else():
    source = (ROOT / "config/settings.py").read_text()
    read = set(re.findall(r'(?:env\.[a-z_]+|_secret)\(\s*(?:#[^\n]*\n\s*)?"([A-Z_]+)"', source))
    told = set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert told == read


def test_make_alone_shows_every_target():
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert re.findall(r"^  ([a-z-]+) ", shown, re.MULTILINE) == targets


def test_an_old_python_is_refused_in_a_sentence(tmp_path):
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2"\nexit 1\n')
    old.chmod(0o755)

    made = subprocess.run(
        ["make", "setup", f"PYTHON={old}", f"VENV={tmp_path}/venv"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )

    assert made.returncode == 2
    assert "needs Python 3.11 or newer; this is Python 3.9.2" in made.stdout


def test_a_driver_knows_of_practice_stores_only_in_the_address_that_a_person_types():
    """What works against a practice store works against the real one: the address is the only difference."""
    folders = [form.parent for form in (ROOT / "connectors").glob("*/form.py")]
    told = [
        (path.relative_to(ROOT), line.strip())
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".py", ".graphql")
        for line in path.read_text().splitlines()
        if "practice" in line.lower() and not (path.name == "form.py" and re.search(r"(?<![/\"'])\bpractice\b", line))
    ]

    assert len(folders) >= 4
    assert told == []


def test_every_icon_that_a_template_names_can_be_drawn():
    pages = [page.read_text() for page in (ROOT / "templates").rglob("*.html")]
    used = {name for page in pages for name in re.findall(r'{% lucide "([a-z0-9-]+)"', page)}

    for name in sorted(used):
        Template(f'{{% load lucide %}}{{% lucide "{name}" %}}').render(Context())  # raises IconDoesNotExist
    assert used


DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "orders/management/demo_orders/README.md",
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_a_document_names_exists(document: Path):
    text = document.read_text()
    named = re.findall(rf"`((?:{'|'.join(PARTS)}|docs|static|templates)/(?:[\w.-]+/)*(?:[\w-]+\.[a-z]+)?)`", text)
    linked = [path for path in re.findall(r"\]\(([^)#\s]+)", text) if not re.match(r"\w+:", path)]
    bare = set(re.findall(r"`([a-z_]+\.py)`", text))

    assert [path for path in named if not (ROOT / path).exists()] == []
    assert [path for path in linked if not (document.parent / path).exists()] == []
    assert bare - NAMES == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_document_shows_exists(document: Path):
    text = document.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"manage\.py (\w+)", text)) - set(get_commands()) == set()
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) - targets == set()
