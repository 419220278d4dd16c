"""Input of the practice pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from connectors.practice.dials import DIALS
from connectors.practice.models import PracticeLine

PARCELS = 3


class FulfillForm(forms.Form):
    """A quantity per line of an order."""

    def __init__(self, *args: Any, lines: Iterable[PracticeLine], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._keys = [line.pk for line in lines]
        for key in self._keys:
            self.fields[f"line-{key}"] = forms.IntegerField(min_value=0, max_value=1_000_000, required=False)

    def quantities(self) -> dict[int, int]:
        return {key: self.cleaned_data[f"line-{key}"] or 0 for key in self._keys}


class ParcelForm(forms.Form):
    number = forms.CharField(label="Tracking number", max_length=120, required=False)
    company = forms.CharField(label="Carrier", max_length=100, required=False)
    url = forms.URLField(label="Tracking address", max_length=500, required=False, assume_scheme="https")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        if not given.get("number") and (given.get("company") or given.get("url")):
            self.add_error("number", "A parcel needs a tracking number.")
        return given


ParcelForms = forms.formset_factory(ParcelForm, extra=PARCELS, max_num=PARCELS)


class RefundForm(forms.Form):
    amount = forms.DecimalField(min_value=0, max_digits=16, decimal_places=4)
    note = forms.CharField(max_length=200, required=False)


class QuantityForm(forms.Form):
    quantity = forms.IntegerField(min_value=0, max_value=1_000_000)


class VariantForm(forms.Form):
    stock = forms.IntegerField(min_value=-1_000_000, max_value=1_000_000)
    is_tracked = forms.BooleanField(required=False)
    sells_below_zero = forms.BooleanField(required=False)
    is_active = forms.BooleanField(required=False)
    place = forms.CharField(max_length=60, required=False)  # where the platform has several


class DialForm(forms.Form):
    name = forms.ChoiceField(choices=[(name, dial.label) for name, dial in DIALS.items()])
    left = forms.IntegerField(label="How many", min_value=0, max_value=10_000)
    seconds = forms.IntegerField(min_value=0, max_value=600, required=False)


class PrivacyForm(forms.Form):
    """A webhook about personal data, and an order that names the customer."""

    topic = forms.CharField(max_length=60)
    order_id = forms.IntegerField(required=False, min_value=1)
