"""Input of the connection pages: shapes only."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings

from connectors.models import SyncSettings


class ShopifyForm(forms.Form):
    """What it takes to connect a Shopify store."""

    base_url = forms.CharField(
        label="Store address",
        max_length=300,
        help_text="As in your Shopify admin: your-store.myshopify.com",
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "your-store.myshopify.com"}),
    )
    access_token = forms.CharField(
        label="Admin API access token",
        max_length=300,
        help_text="Settings → Apps and sales channels → Develop apps. It is stored encrypted and never shown again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    webhook_secret = forms.CharField(
        label="API secret key",
        max_length=300,
        help_text="The app's secret: the store signs what it tells us with it.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    name = forms.CharField(
        label="Name in Storeward", max_length=120, required=False, help_text="Empty: the store's own name."
    )

    def clean_base_url(self) -> str:
        return shop_address(self.cleaned_data["base_url"])


class ReconnectForm(forms.Form):
    access_token = ShopifyForm.base_fields["access_token"]
    webhook_secret = forms.CharField(
        label="API secret key",
        max_length=300,
        required=False,
        help_text="Only when it has changed.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )


class SyncSettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = SyncSettings
        fields = ["sync_orders", "share_customer_email", "bypass_stock_check"]
        labels = {
            "sync_orders": "Sync orders",
            "share_customer_email": "Share the customer's e-mail address",
            "bypass_stock_check": "Bypass the stock check",
        }
        help_texts = {
            "sync_orders": "On: confirmed orders are created in the store. Off: order data stays in Storeward.",
            "share_customer_email": "On: the store gets the customer's e-mail address. Off: name, address and phone only.",
            "bypass_stock_check": "On: orders go out even when the store is short of stock. Off: they wait for it.",
        }


class LinkForm(forms.Form):
    sku = forms.CharField(label="Marketplace SKU", max_length=120)
    store_sku = forms.CharField(label="SKU in the store", max_length=120, help_text="As the store writes it.")


def shop_address(typed: str) -> str:
    """The address of a store without path, as https://host. Raises ValidationError in plain words."""
    typed = typed.strip().rstrip("/")
    address = typed if "://" in typed else f"https://{typed}"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise forms.ValidationError("This is not an address.") from None
    practice = settings.PRACTICE_STORES and address.startswith(f"{settings.BASE_URL}/practice/")
    if practice:
        return address
    if parts.scheme != "https":
        raise forms.ValidationError("Only https addresses can be connected.")
    if not host or not host.endswith(".myshopify.com") or host.count(".") != 2:
        raise forms.ValidationError("A Shopify store's address ends with .myshopify.com.")
    if parts.username or port or parts.path or parts.query:
        raise forms.ValidationError("Give the address alone, as your-store.myshopify.com.")
    return f"https://{host}"


def refusal(form: forms.Form, field: str | None, error: Exception) -> None:
    """Show a service's refusal on the form, keeping what was typed."""
    form.add_error(field, str(error))


def chosen(form: SyncSettingsForm) -> dict[str, Any]:
    """The settings as the service takes them."""
    return {name: form.cleaned_data[name] for name in form.Meta.fields}
