"""Fixtures of the practice S&S Activewear's tests."""

from __future__ import annotations

import pytest

from connectors.practice.models import PracticeShop
from tests.connectors.practice.ssactivewear.supplier import make_supplier


@pytest.fixture
def supplier(db: None) -> PracticeShop:
    return make_supplier()
