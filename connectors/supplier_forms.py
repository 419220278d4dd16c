"""Input of a supplier's set-up: one form for each step, shapes only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pycountry
from django import forms
from django.core.exceptions import ValidationError

from connectors.base import PaymentProfile, Warehouse
from connectors.models import StoreAddress
from connectors.services import suppliers

NEW = "new"
_ADDRESS = ("company", "address1", "address2", "city", "province_code", "postcode", "country_code", "phone")


class OrderSyncForm(forms.Form):
    sync_orders = forms.BooleanField(
        label="Send orders to this supplier",
        required=False,
        help_text="On: confirmed orders are ordered there. Off: order data stays in Storeward.",
    )

    postcode = forms.CharField(
        label="Postcode that you send to most",
        max_length=20,
        required=False,
        help_text="For the days that a parcel takes from each of the supplier's warehouses.",
    )
    prefers_fastest = forms.BooleanField(
        label="Rather early than in few parcels",
        required=False,
        help_text="Off: where several warehouses could send, those that make the fewest parcels do.",
    )

    def __init__(
        self, *args: Any, methods: Mapping[str, str], places: Iterable[Warehouse] | None = None, **kwargs: Any
    ) -> None:
        """`places` are the warehouses to choose from; None where the supplier chooses them itself."""
        super().__init__(*args, **kwargs)
        self.fields["shipping_method"] = _method(methods)
        self.has_warehouses = places is not None
        if places is None:
            del self.fields["postcode"], self.fields["prefers_fastest"]
        elif choices := [(place.code, _days(place)) for place in places]:
            self.fields["warehouses"] = forms.MultipleChoiceField(
                label="Warehouses that may send",
                choices=choices,
                required=False,
                widget=forms.CheckboxSelectMultiple,
                help_text="None chosen: any of them. Stock is counted in the chosen ones alone.",
            )
        self.order_fields(["sync_orders", "shipping_method", "postcode", "warehouses", "prefers_fastest"])

    def chosen(self) -> dict[str, Any]:
        """What is saved of the supplier's own settings."""
        method = {"shipping_method": self.cleaned_data["shipping_method"]}
        if not self.has_warehouses:
            return method
        named = self.cleaned_data.get("warehouses", [])
        return {**method, "warehouses": named, "prefers_fastest": self.cleaned_data["prefers_fastest"]}


class AutoFulfillmentForm(forms.Form):
    auto_fulfillment = forms.BooleanField(
        label="Auto fulfillment",
        required=False,
        help_text=(
            "On: an order goes to the supplier as soon as its payment is taken. Off: it waits until you mark it for "
            "fulfillment on its page; so do those that wait already."
        ),
    )


class PaymentForm(forms.Form):
    """`profiles` are those that the supplier has under the address that was typed."""

    pays_by = forms.ChoiceField(
        label="How the supplier is paid",
        choices=[("terms", "On the terms of the account"), ("profile", "With a saved card or bank account")],
        widget=forms.RadioSelect,
    )
    payment_email = forms.EmailField(
        label="E-mail address of the website user",
        required=False,
        help_text="The person under whose login the card or bank account is saved at the supplier.",
    )

    def __init__(self, *args: Any, profiles: Iterable[PaymentProfile], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(profile.profile_id, suppliers.in_words(profile)) for profile in profiles]
        if choices:
            self.fields["payment_profile_id"] = forms.ChoiceField(
                label="Card or bank account", choices=choices, widget=forms.RadioSelect, required=False
            )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        if given.get("pays_by") == "profile" and not given.get("payment_email") and not self.errors:
            self.add_error("payment_email", "Give the e-mail address that the card or bank account is saved under.")
        return given


class AddressFields(forms.ModelForm):  # type: ignore[type-arg]
    """A place of the merchant."""

    class Meta:
        model = StoreAddress
        fields = _ADDRESS

    def clean_country_code(self) -> str:
        code = str(self.cleaned_data["country_code"]).strip().upper()
        if pycountry.countries.get(alpha_2=code) is None:
            raise ValidationError("A country has two letters, as in US.")
        return code

    def address(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in _ADDRESS}


class SampleOrderForm(AddressFields):
    sku = forms.CharField(
        label="SKU at the supplier", max_length=120, help_text="One unit of it is ordered and cancelled at once."
    )

    field_order = ("sku", *_ADDRESS)


class ShippingAddressForm(forms.Form):
    """Whether the goods go to the merchant, and to which of its addresses."""

    disable_dropshipping = forms.BooleanField(
        label="Disable dropshipping",
        required=False,
        help_text="On: goods go to your store, and you send them on. Off: they go to the customer, without the supplier's name.",
    )

    def __init__(self, *args: Any, addresses: Iterable[StoreAddress], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = {str(place.pk): place for place in addresses}
        choices = [(key, str(place)) for key, place in self._places.items()]
        self.fields["store_address"] = forms.ChoiceField(
            label="Address of your store",
            choices=[*choices, (NEW, "A new address, below")],
            widget=forms.RadioSelect,
            required=False,
        )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        if given.get("disable_dropshipping") and not given.get("store_address") and not self.errors:
            self.add_error("store_address", "Choose where the goods go.")
        return given

    @property
    def place(self) -> StoreAddress | None:
        """The saved address that was chosen; None for none and for a new one."""
        return self._places.get(self.cleaned_data.get("store_address", ""))

    @property
    def wants_new(self) -> bool:
        return self.cleaned_data.get("store_address") == NEW and self.cleaned_data["disable_dropshipping"]


def _method(methods: Mapping[str, str]) -> forms.Field:
    """A choice where the supplier has a list; else its own words."""
    if methods:
        choices = [("", "The supplier's usual one"), *methods.items()]
        return forms.ChoiceField(label="Shipping method", choices=choices, required=False)
    return forms.CharField(
        label="Shipping method", max_length=60, required=False, help_text="In the supplier's own words."
    )


def _days(place: Warehouse) -> str:
    if place.days_in_transit is None:
        return place.code
    days = f"{place.days_in_transit} day{'' if place.days_in_transit == 1 else 's'}"
    return f"{place.code} · {days}{f' · leaves the same day until {place.cut_off}' if place.cut_off else ''}"
