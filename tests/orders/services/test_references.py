"""What a destination carries of ours, and whose it is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from connectors.models import Installation
from connectors.services.installation import LENGTH, token
from connectors.squarespace import mapping as squarespace
from connectors.ssactivewear import preflight as ssactivewear
from connectors.ssactivewear.mapping import TEST_SUFFIX
from orders.services.references import reference_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _by_the_database(settings) -> None:
    settings.INSTALLATION_TOKEN = ""


def order(number: int = 1042) -> SimpleNamespace:
    return SimpleNamespace(pk=number)


def test_a_token_is_made_once():
    assert token() == token() == Installation.objects.get().token


def test_two_installations_give_the_same_order_different_references():
    first = reference_of(order(), generation=1)
    Installation.objects.all().delete()  # another database

    assert reference_of(order(), generation=1) != first


def test_a_restored_copy_has_the_token_of_its_settings(settings):
    kept = token()
    settings.INSTALLATION_TOKEN = "STAGE"

    assert reference_of(order(), generation=1) == "SW-STAGE-1042"
    assert Installation.objects.get().token == kept


def test_each_generation_has_a_reference_of_its_own(settings):
    settings.INSTALLATION_TOKEN = "LIVE"

    assert reference_of(order(), generation=2) == "SW-LIVE-1042-G2"


def test_a_reference_fits_every_destination(settings):
    settings.INSTALLATION_TOKEN = "X" * 5
    assert len(token()) == LENGTH

    longest = reference_of(order(9_999_999_999), generation=99)

    assert len(longest + TEST_SUFFIX) <= ssactivewear.PO_MAX
    assert ssactivewear._PO.fullmatch(longest)
    assert len(longest) <= squarespace.REFERENCE_MAX
