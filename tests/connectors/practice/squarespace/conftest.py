"""Fixtures of the practice site's tests."""

from __future__ import annotations

import pytest

from connectors.practice.models import PracticeShop
from tests.connectors.practice.squarespace.site import make_site


@pytest.fixture
def site(db: None) -> PracticeShop:
    return make_site()
