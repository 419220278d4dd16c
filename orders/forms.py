"""Input of the order pages: shapes only."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=500, help_text="The customer may be told.", widget=forms.Textarea(attrs={"rows": 3})
    )


class OrderSettingsForm(forms.Form):
    auto_accept = forms.BooleanField(
        label="Auto-accept",
        required=False,
        help_text="On: an order that its store will take is confirmed at once, and its payment is taken. Off: each waits for you.",
    )
    confirm_within_hours = forms.IntegerField(
        label="Hours to confirm",
        min_value=1,
        max_value=720,
        help_text="After that an order expires and the customer's authorization is released. Never later than the card allows.",
    )
    alert_addresses = forms.CharField(
        label="Who is told of problems",
        required=False,
        help_text="E-mail addresses, one per line. Empty: the owners.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean_alert_addresses(self) -> list[str]:
        addresses = [line.strip() for line in self.cleaned_data["alert_addresses"].splitlines() if line.strip()]
        for address in addresses:
            try:
                validate_email(address)
            except ValidationError as error:
                raise forms.ValidationError(f"{address} is not an e-mail address.") from error
        if len(addresses) > 10:  # a list of people, not a mailing list
            raise forms.ValidationError("Ten addresses at the most.")
        return addresses
