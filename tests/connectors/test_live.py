"""The switch to real stores: its variables collect the live tests, and those leave nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.practice.models import PracticeOrder
from tests.connectors.practice.woocommerce.shop import make_shop

ROOT = Path(__file__).parent.parent.parent
SUITE = "tests/connectors/woocommerce/test_contract.py"


def pytest_alone(*arguments: str, **variables: str) -> str:
    """What another pytest, on a database of its own, says of WooCommerce's contract with these variables only."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("STOREWARD_LIVE_", "DATABASE_URL"))
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-v",
        "--tb=short",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        SUITE,
        *arguments,
    ]
    told = {f"STOREWARD_LIVE_WOOCOMMERCE_{name}": value for name, value in variables.items()}
    ran = subprocess.run(command, cwd=ROOT, env=kept | told, capture_output=True, text=True, timeout=1000, check=False)
    return ran.stdout


@pytest.mark.timeout(1200)
def test_without_all_variables_nothing_live_is_collected():
    collected = pytest_alone("--collect-only", URL="https://store.example", KEY="ck_1")

    assert "TestPractice" in collected
    assert "TestLive" not in collected


@pytest.mark.processes
@pytest.mark.timeout(1200)
@pytest.mark.django_db(transaction=True)
def test_the_suite_runs_against_the_store_that_the_variables_name(live_server, settings):
    settings.BASE_URL = live_server.url
    shop = make_shop()

    said = pytest_alone(
        "-k",
        "TestLive",
        URL=f"{live_server.url}/practice/woocommerce/{shop.slug}",
        KEY=shop.access_token,
        SECRET=shop.settings["consumer_secret"],
    )

    assert " passed" in said, said
    assert " failed" not in said, said
    assert " skipped" not in said, said
    assert PracticeOrder.objects.count() == 0
    assert sorted(shop.variants.values_list("sku", flat=True)) == ["MUG", "MUG-RED", "STOOL"]
