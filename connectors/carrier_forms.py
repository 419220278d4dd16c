"""Input of Settings > Carriers: shapes only. The driver says whether a login can be right."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

import pycountry
from django import forms
from django.core.exceptions import ValidationError

from connectors.carriers.base import Place
from connectors.carriers.registry import CARRIERS
from connectors.carriers.ups import KEYS, PRODUCTION, UpsCarrier
from connectors.forms import STORED
from connectors.models import CarrierAccount

_PLACE = ("company", "contact", "phone", "address1", "address2", "city", "province_code", "postcode", "country_code")

UNCHANGED = "Empty: as it is."


class PlaceFields(forms.Form):
    """Where the parcels wait."""

    name = forms.CharField(
        label="Name in Storeward", max_length=120, required=False, help_text="Empty: the carrier's own."
    )
    company = forms.CharField(label="Pickup address: business", max_length=120)
    contact = forms.CharField(label="Whom the driver asks for", max_length=100)
    phone = forms.CharField(max_length=25)
    address1 = forms.CharField(label="Street", max_length=200)
    address2 = forms.CharField(label="Street, second line", max_length=200, required=False)
    city = forms.CharField(max_length=100)
    province_code = forms.CharField(label="State or province", max_length=10, required=False)
    postcode = forms.CharField(max_length=20, required=False)
    country_code = forms.CharField(label="Country", max_length=2, help_text="Two letters, as NZ.")
    time_zone = forms.ChoiceField(
        choices=[
            ("", "That of the business"),
            *((zone, zone.replace("_", " ")) for zone in sorted(available_timezones())),
        ],
        required=False,
        help_text="Of this address: the times of a pickup are the driver's.",
    )

    def clean_country_code(self) -> str:
        code = str(self.cleaned_data["country_code"]).strip().upper()
        if pycountry.countries.get(alpha_2=code) is None:
            raise ValidationError("This is not a country's two letters, as NZ.")
        return code

    @property
    def place(self) -> Place:
        return Place(**{name: self.cleaned_data[name] for name in _PLACE})

    @property
    def changes(self) -> dict[str, str]:
        """What an account that stands becomes; keys that were not typed stay."""
        return {name: str(value) for name, value in self.cleaned_data.items() if value or name not in KEYS}

    @property
    def typed(self) -> dict[str, str]:
        """The rest: how the carrier is reached."""
        return {
            name: str(value) for name, value in self.cleaned_data.items() if name not in (*_PLACE, "name", "time_zone")
        }


class MailCarrierForm(PlaceFields):
    email = forms.EmailField(
        label="E-mail address of the carrier", help_text="It gets a mail with a calendar entry for each pickup."
    )
    field_order = ("name", "email")


class UpsForm(PlaceFields):
    account_number = forms.CharField(label="UPS account number", max_length=10, help_text="6 or 10 letters and digits.")
    client_id = forms.CharField(label="Client ID", max_length=120, help_text="developer.ups.com → Apps → your app.")
    client_secret = forms.CharField(
        label="Client secret", max_length=200, help_text=STORED, widget=forms.PasswordInput(render_value=False)
    )
    base_url = forms.CharField(label="Address", max_length=300, required=False, help_text=f"Empty: {PRODUCTION}.")
    field_order = ("name", "account_number", "client_id", "client_secret", "base_url")


class UpsKeysForm(PlaceFields):
    """Of an account that stands: the account itself stays the same, or what it was asked for could be asked for twice."""

    client_id = forms.CharField(
        label="New client ID",
        max_length=120,
        required=False,
        help_text=f"{UNCHANGED} developer.ups.com → Apps → your app.",
    )
    client_secret = forms.CharField(
        label="New client secret",
        max_length=200,
        required=False,
        help_text=f"{UNCHANGED} {STORED}",
        widget=forms.PasswordInput(render_value=False),
    )
    field_order = ("name", "client_id", "client_secret")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name, other in (KEYS, KEYS[::-1]):
            if cleaned.get(other) and not cleaned.get(name) and name not in self.errors:
                self.add_error(name, "A client ID and its secret belong together: type both.")
        return cleaned


_FORMS: dict[str, type[PlaceFields]] = {UpsCarrier.key: UpsForm}


def form_of(carrier: str, data: Any = None, *, initial: dict[str, str] | None = None) -> PlaceFields:
    if carrier not in CARRIERS:
        raise KeyError(carrier)
    return _FORMS.get(carrier, MailCarrierForm)(data, initial=initial)


def change_form_of(account: CarrierAccount, data: Any = None) -> PlaceFields:
    """Its keys are not among what is filled in."""
    form = UpsKeysForm if account.carrier == UpsCarrier.key else MailCarrierForm
    return form(data, initial=shown_of(account))


def shown_of(account: CarrierAccount) -> dict[str, str]:
    """What may be changed, as it is, without its keys."""
    return {name: str(getattr(account, name)) for name in (*_PLACE, "name", "time_zone", "email")}
