"""What a person types to connect S&S Activewear."""

from __future__ import annotations

import pytest

from accounts.models import Merchant
from connectors.errors import FieldError
from connectors.forms import ConnectForm
from connectors.practice import services
from connectors.services import practice
from connectors.ssactivewear.form import REGIONS, read
from tests.connectors.ssactivewear.orders import KEY

US = "https://api.ssactivewear.com/v2"
TYPED = {"base_url": US, "account_number": " 12345 ", "api_key": f" {KEY} "}
PRACTICE = "http://127.0.0.1:8000/practice/"


def test_what_was_typed_is_kept_trimmed():
    entry = read(TYPED)

    assert entry.base_url == US
    assert entry.credentials == {"account_number": "12345", "api_key": KEY}
    assert entry.webhook_secrets == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account_number", "12a45"),
        ("account_number", ""),
        ("api_key", "secret"),
        ("api_key", KEY[:-1]),
        ("base_url", "https://evil.example/v2"),
        ("base_url", ""),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(field, value):
    with pytest.raises(FieldError) as caught:
        read({**TYPED, field: value})

    assert caught.value.field == field


def test_an_address_that_is_known_is_not_typed():
    typed = {**TYPED, "base_url": f"{PRACTICE}ssactivewear/tees"}

    assert read(typed, base_url=typed["base_url"]).base_url == f"{PRACTICE}ssactivewear/tees"
    with pytest.raises(FieldError):
        read(typed)


def test_secrets_never_show():
    assert KEY not in repr(read(TYPED))


def test_the_page_takes_both_regions_and_a_practice_store(settings):
    settings.PRACTICE_STORES, settings.BASE_URL = True, "http://127.0.0.1:8000"
    for address in (US, "https://api-ca.ssactivewear.com/v2", f"{PRACTICE}ssactivewear/tees"):
        form = ConnectForm({**TYPED, "base_url": address}, platform="ssactivewear")

        assert form.is_valid(), form.errors
        assert form.entry.base_url == address


@pytest.mark.django_db
def test_the_page_offers_practice_stores_beside_the_regions(settings, merchant: Merchant):
    settings.PRACTICE_STORES, settings.BASE_URL = True, "http://127.0.0.1:8000"
    services.open_shop(
        slug="tees", name="Tees", currency="USD", taxes_included=False, platform="ssactivewear", variants=[]
    )

    form = ConnectForm(platform="ssactivewear", offers=practice.choices(merchant, "ssactivewear"))

    there = (f"{PRACTICE}ssactivewear/tees", "Practice: Tees (USD)")
    assert form.fields["base_url"].choices == [*REGIONS, there]


def test_the_page_takes_no_other_address(settings):
    settings.PRACTICE_STORES = False

    form = ConnectForm({**TYPED, "base_url": f"{PRACTICE}ssactivewear/tees"}, platform="ssactivewear")

    assert list(form.errors) == ["base_url"]
