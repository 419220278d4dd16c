"""Addresses of practice stores are known outside the drivers."""

from __future__ import annotations

import pytest

from connectors.errors import FieldError
from connectors.forms import AuthorizeForm, ConnectForm
from connectors.registry import form_of
from connectors.services import apps, practice

HERE = "http://127.0.0.1:8000/practice/"
REAL = {
    "shopify": "https://kauri.myshopify.com",
    "woocommerce": "https://kauri.example.com",
    "squarespace": "https://api.squarespace.com",
    "ssactivewear": "https://api.ssactivewear.com/v2",
}
TYPED = {
    "shopify": {"access_token": "shpat_1", "webhook_secret": "hush"},
    "woocommerce": {"consumer_key": f"ck_{'a' * 40}", "consumer_secret": f"cs_{'b' * 40}"},
    "squarespace": {"api_key": "key-1"},
    "ssactivewear": {"account_number": "12345", "api_key": "00000000-0000-0000-0000-000000000000"},
}


@pytest.fixture(autouse=True)
def _practice(settings):
    settings.PRACTICE_STORES, settings.BASE_URL = True, "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        (f" {HERE}shopify/kauri/ ", f"{HERE}shopify/kauri"),
        ("https://kauri.myshopify.com", ""),
        ("http://127.0.0.1:9000/practice/shopify/kauri", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_what_was_typed_is_the_address_of_a_practice_store_or_not(typed, address):
    assert practice.typed(typed) == address


def test_without_practice_stores_no_address_is_one(settings):
    settings.PRACTICE_STORES = False

    assert practice.typed(f"{HERE}shopify/kauri") == ""


@pytest.mark.parametrize("platform", sorted(TYPED))
def test_the_page_takes_both(platform: str):
    for address in (f"{HERE}{platform}/kauri", REAL[platform]):
        form = ConnectForm({"base_url": address, **TYPED[platform]}, platform=platform)

        assert form.is_valid(), form.errors
        assert form.entry.base_url == address


@pytest.mark.parametrize("platform", sorted(TYPED))
def test_the_page_takes_no_practice_store_where_there_are_none(settings, platform: str):
    settings.PRACTICE_STORES = False

    form = ConnectForm({"base_url": f"{HERE}{platform}/kauri", **TYPED[platform]}, platform=platform)

    assert list(form.errors) == ["base_url"]


@pytest.mark.parametrize("platform", sorted(TYPED))
def test_a_driver_takes_no_practice_store_by_itself(platform: str):
    with pytest.raises(FieldError):
        form_of(platform).read({"base_url": f"{HERE}{platform}/kauri", **TYPED[platform]})


@pytest.mark.parametrize("platform", ["shopify", "woocommerce", "squarespace"])
def test_so_does_the_page_before_the_platforms_own(platform: str):
    for address in (f"{HERE}{platform}/kauri", REAL[platform]):
        form = AuthorizeForm({"base_url": address}, platform=platform)

        assert form.is_valid(), form.errors
        assert form.base_url == address


def test_squarespace_has_its_login_where_the_settings_say(settings):
    settings.SQUARESPACE_APP_KEY, settings.SQUARESPACE_APP_SECRETS = "our-app", ["hush"]
    settings.SQUARESPACE_LOGIN_URL = "https://login.example.com"
    app = apps.app_of("squarespace")

    assert apps.app_at(app, "https://api.squarespace.com").login_url == "https://login.example.com"
    assert apps.app_at(app, f"{HERE}squarespace/kauri").login_url == f"{HERE}squarespace/kauri"
