"""Fixtures that every test may use."""

from __future__ import annotations

import pytest

from accounts.models import Merchant, Role, User
from tests.factories import make_member, make_merchant


@pytest.fixture
def merchant(db: None) -> Merchant:
    return make_merchant(name="Kauri & Clay", slug="kauri")


@pytest.fixture
def owner(merchant: Merchant) -> User:
    return make_member(merchant, Role.OWNER, email="ana@kauri.example")
