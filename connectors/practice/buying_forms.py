"""Input of the pages on which a customer buys."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from connectors import money
from connectors.practice import platforms
from connectors.practice.models import PracticeShop
from connectors.practice.platforms import Cart, CartLine

UNKNOWN, UNKNOWN_TITLE, UNKNOWN_PRICE = "", "Made to measure", Decimal(40)
SHIPPING = Decimal(8)
CHOICES_AT_MOST = 200


class AddressForm(forms.Form):
    """By the names of the shared pages."""

    firstName = forms.CharField(label="First name", max_length=100)  # noqa: N815  # the stored name
    lastName = forms.CharField(label="Last name", max_length=100)  # noqa: N815  # the stored name
    address1 = forms.CharField(label="Street", max_length=200, required=False)
    city = forms.CharField(label="City", max_length=100, required=False)
    provinceCode = forms.CharField(label="Province code", max_length=10, required=False)  # noqa: N815  # the stored name
    zip = forms.CharField(label="Postcode", max_length=20, required=False)
    countryCode = forms.RegexField(  # noqa: N815  # the stored name
        r"\A[A-Z]{2}\Z", label="Country code", error_messages={"invalid": "Two capital letters, as NZ."}
    )
    phone = forms.CharField(label="Phone", max_length=30, required=False)

    def address(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in AddressForm.base_fields if self.cleaned_data[name]}


class BuyForm(AddressForm):
    product = forms.ChoiceField(label="Product", required=False)
    quantity = forms.IntegerField(label="Quantity", min_value=1, max_value=1000, initial=1)
    paid = forms.BooleanField(label="Pay now", required=False, initial=True)
    ships = forms.BooleanField(
        label="Give an address", required=False, initial=True, help_text="Without, the order lacks where it goes to."
    )
    collects = forms.BooleanField(
        label="Pick it up in the store", required=False, help_text="Nothing is sent; the address is for the bill alone."
    )
    email = forms.EmailField(label="E-mail", required=False, initial="mere@example.com")
    note = forms.CharField(label="Note", max_length=500, required=False)
    field_order = ("product", "quantity", "paid", "note", "email", "ships", "collects")

    def __init__(self, data: Any = None, *, shop: PracticeShop) -> None:
        filled = {
            "firstName": "Mere", "lastName": "Tawhiri", "address1": "5 Cuba Street", "city": "Wellington",
            "provinceCode": "WGN", "zip": "6011", "countryCode": "NZ", "phone": "+64211112222",
        }  # fmt: skip
        super().__init__(data, initial=filled)
        self.shop = shop
        if not platforms.of(shop).collects:
            del self.fields["collects"]
        self.variants = {str(row.pk): row for row in shop.variants.order_by("sku", "pk")[:CHOICES_AT_MOST]}
        known = [(key, f"{row.title} · {row.sku or 'no SKU'}") for key, row in self.variants.items()]
        field = self.fields["product"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # as it is declared above
        field.choices = [*known, (UNKNOWN, f"{UNKNOWN_TITLE} (in no catalog)")]
        field.initial = next(iter(self.variants), UNKNOWN)

    def cart(self) -> Cart:
        given = self.cleaned_data
        variant = self.variants.get(given["product"])
        line = CartLine(
            variant=variant,
            title=variant.title if variant else UNKNOWN_TITLE,
            quantity=given["quantity"],
            price=money.round_half_up(variant.price if variant else UNKNOWN_PRICE, self.shop.currency),
        )
        return Cart(
            lines=(line,),
            shipping=Decimal(0) if given.get("collects") else SHIPPING,
            pickup=bool(given.get("collects")),
            paid=given["paid"],
            email=given["email"],
            note=given["note"],
            address=self.address() if given["ships"] else None,
        )
