"""Input of the pages about orders from stores: shapes only."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms

from connectors import times


class StoreChannelForm(forms.Form):
    on = forms.BooleanField(
        label="Take orders from this store",
        required=False,
        help_text="On: what customers order there comes into the Order Manager, to be fulfilled elsewhere.",
    )
    placed_from = forms.DateField(
        label="Orders placed from",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Older orders stay in the store. Another date reads the store anew; no order comes twice.",
    )

    def clean_placed_from(self) -> date | None:
        day: date | None = self.cleaned_data["placed_from"]
        if day is not None and not times.is_usable_day(day):
            raise forms.ValidationError(f"This must be a date {times.RANGE}.")
        return day

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        if given.get("on") and not given.get("placed_from") and "placed_from" not in self.errors:
            self.add_error("placed_from", "Choose the day from which orders come in.")
        return given
