"""Fixtures of the WooCommerce practice stores' tests."""

from __future__ import annotations

import pytest

from connectors.practice.models import PracticeShop
from tests.connectors.practice.woocommerce.shop import make_shop


@pytest.fixture
def shop(db: None) -> PracticeShop:
    return make_shop()
