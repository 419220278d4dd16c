"""Input of the account pages: shapes only."""

from __future__ import annotations

from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, ClassVar
from zoneinfo import available_timezones

import pycountry
from django import forms
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.password_validation import validate_password
from django.utils import timezone

from accounts.models import ApiKey, Merchant, Role, User

_COUNTRIES: list[tuple[str, str]] = sorted(
    ((country.alpha_2, country.name) for country in pycountry.countries), key=itemgetter(1)
)
KEY_LIFETIMES = {"30": "30 days", "90": "90 days", "365": "one year", "": "no end"}


class InviteForm(forms.Form):
    email = forms.EmailField(label="E-mail address")
    role = forms.ChoiceField(choices=Role.choices, initial=Role.MANAGER)


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class SignUpForm(forms.Form):
    name = forms.CharField(label="Your name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label="Password",
        help_text="At least 12 characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password


class ApiKeyForm(forms.Form):
    name = forms.CharField(max_length=80, help_text="What uses it, as: warehouse scripts.")
    can_write = forms.BooleanField(
        label="May change orders",
        required=False,
        help_text="Off: the key may only read. On: whatever a manager does here, refunds and settings too.",
    )
    lifetime = forms.ChoiceField(label="Valid for", choices=KEY_LIFETIMES.items(), required=False, initial="365")

    def expires_at(self) -> datetime | None:
        return _ends_after(self.cleaned_data["lifetime"])


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    country_code = forms.ChoiceField(label="Country", choices=_COUNTRIES)
    currency = forms.ChoiceField(
        choices=[(c.alpha_3, f"{c.alpha_3} · {c.name}") for c in pycountry.currencies],
        help_text="Figures on the Order Manager are in this currency. An order keeps the one it was paid in.",
    )
    time_zone = forms.ChoiceField(
        choices=[(zone, zone.replace("_", " ")) for zone in sorted(available_timezones())],
        help_text="Times on pages and in e-mails are shown in this zone, and your business hours count in it.",
    )

    class Meta:
        model = Merchant
        fields: tuple[str, ...] = (
            "name", "address1", "address2", "city", "province_code", "postcode", "country_code", "time_zone", "currency",
        )  # fmt: skip


class NewUserForm(BaseUserCreationForm):  # type: ignore[type-arg]
    """A person whom the operator's staff add."""

    class Meta:
        model = User
        fields = ("email",)

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class MerchantAdminForm(ProfileForm):
    """What the operator's staff may change of a merchant."""

    class Meta(ProfileForm.Meta):
        fields = (*ProfileForm.Meta.fields, "is_active")


class MarketplaceKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A key with which a marketplace places its orders; merchants make their own."""

    lifetime = forms.ChoiceField(label="Valid for", choices=KEY_LIFETIMES.items(), required=False, initial="365")

    class Meta:
        model = ApiKey
        fields = ("name", "marketplace", "can_write")
        help_texts: ClassVar[dict[str, str]] = {"can_write": "Needed to place orders."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["marketplace"].required = True

    def expires_at(self) -> datetime | None:
        return _ends_after(self.cleaned_data["lifetime"])


def _ends_after(days: str) -> datetime | None:
    return timezone.now() + timedelta(days=int(days)) if days else None
