"""Input of the practice pages."""

from __future__ import annotations

from django import forms

PARCELS = 3


class ParcelForm(forms.Form):
    number = forms.CharField(label="Tracking number", max_length=120, required=False)
    company = forms.CharField(label="Carrier", max_length=100, required=False)
    url = forms.URLField(label="Tracking address", max_length=500, required=False, assume_scheme="https")


ParcelForms = forms.formset_factory(ParcelForm, extra=PARCELS, max_num=PARCELS)


class RefundForm(forms.Form):
    amount = forms.DecimalField(min_value=0, max_digits=14, decimal_places=4)


class QuantityForm(forms.Form):
    quantity = forms.IntegerField(min_value=0, max_value=1_000_000)


class StockForm(forms.Form):
    variant = forms.IntegerField()
    stock = forms.IntegerField(min_value=-1_000_000, max_value=1_000_000)


class DialForm(forms.Form):
    name = forms.CharField(max_length=40)
    left = forms.IntegerField(min_value=0, max_value=10_000)
    seconds = forms.IntegerField(min_value=0, max_value=600, required=False)
