"""Input of the connection pages: shapes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import RegexValidator

from connectors import registry
from connectors.base import ConnectField, Entry
from connectors.credentials import readable
from connectors.errors import FieldError
from connectors.models import Connection
from connectors.services import link_files, practice

STORED = "It is stored encrypted and never shown again."

_IS_KEY = RegexValidator(r"\A[ -~]+\Z", "It holds characters that no key has. Copy it again.")


class ConnectForm(forms.Form):
    """What one platform asks for. Valid when the platform can read it: `entry` then holds it as a connection does."""

    name = forms.CharField(
        label="Name in Storeward", max_length=120, required=False, help_text="Empty: the store's own name."
    )
    entry: Entry

    def __init__(self, *args: Any, platform: str, offers: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        """`offers`: addresses and names of practice stores, for a platform whose address is chosen and not typed."""
        super().__init__(*args, **kwargs)
        self.platform = registry.form_of(platform)
        asked = {field.name: _asked(_with(offers, field)) for field in self.platform.FIELDS}
        self.fields = {**asked, "name": self.fields["name"]}

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        if self.errors:
            return given
        try:
            self.entry = self.platform.read(given, base_url=practice.typed(given.get("base_url")))
        except FieldError as error:
            self.add_error(error.field, str(error))
        return given


class AuthorizeForm(forms.Form):
    """Whom to ask on the platform's own page. Valid when that can be an address there: `base_url` then holds it."""

    base_url: str

    def __init__(self, *args: Any, platform: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        oauth = registry.oauth_of(platform)
        if oauth is None:
            raise ValueError(platform)
        self.platform = registry.form_of(platform)
        (field,) = (field for field in self.platform.FIELDS if field.name == "base_url")
        self.fields["base_url"] = _asked(field)
        if not oauth.ASKS_ADDRESS:
            self.fields["base_url"].required = False
            self.fields["base_url"].widget = forms.HiddenInput()

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        if self.errors:
            return given
        try:
            self.base_url = practice.typed(given["base_url"]) or self.platform.address(given["base_url"])
        except FieldError as error:
            self.add_error("base_url", str(error))
        return given


class ReconnectForm(forms.Form):
    """The way in again; what the store signs with only when it has changed or cannot be read any more."""

    entry: Entry

    def __init__(self, *args: Any, connection: Connection, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection = connection
        self.platform = registry.form_of(connection.platform)
        again = [field for field in self.platform.FIELDS if field.name in self.platform.RECONNECT]
        self.fields = {field.name: _asked(field) for field in again}
        if registry.connector_class(connection.platform).capabilities.desk and readable(connection.credentials):
            self.initial = {each.name: connection.credentials.get(each.name) for each in again if not _is_secret(each)}
        if "webhook_secret" in self.fields and readable(connection.webhook_secret):
            self.fields["webhook_secret"].required = False
            self.fields["webhook_secret"].help_text = "Only when it has changed."

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        if self.errors:
            return given
        try:
            known = {"base_url": self.connection.base_url, **given}
            self.entry = self.platform.read(known, base_url=practice.typed(known["base_url"]))
        except FieldError as error:
            self.add_error(error.field if error.field in self.fields else None, str(error))
        return given


class LinkForm(forms.Form):
    sku = forms.CharField(label="Marketplace SKU", max_length=120)
    store_sku = forms.CharField(label="SKU in the store", max_length=120, help_text="As the store writes it.")


class LinkFileForm(forms.Form):
    """A file by its size; what is in it is read by connectors.services.link_files."""

    file = forms.FileField(label="CSV file", allow_empty_file=True, help_text="UTF-8, up to 1 MB and 5,000 rows.")

    def clean_file(self) -> bytes:
        given: UploadedFile[bytes] = self.cleaned_data["file"]
        if (given.size or 0) > link_files.BYTES_MAX:
            raise forms.ValidationError("The file is larger than 1 MB. Split it.")
        content: bytes = given.read()
        return content


class _SecretText(forms.Textarea):
    """Many lines that are never shown again, not even on the form that was refused."""

    def format_value(self, value: Any) -> None:
        return None


class _ChoiceOrPracticeField(forms.ChoiceField):
    """A choice that also takes the address of a practice store, as a field to type it into would."""

    def valid_value(self, value: str) -> bool:
        return super().valid_value(value) or bool(practice.typed(value))


def _is_secret(field: ConnectField) -> bool:
    return field.kind in ("secret", "secret_text")


def _with(offers: Sequence[tuple[str, str]], field: ConnectField) -> ConnectField:
    """An address that is chosen may be that of a practice store."""
    is_chosen = field.kind == "choice" and field.name == "base_url"
    return replace(field, choices=(*field.choices, *offers)) if is_chosen else field


def _asked(field: ConnectField) -> forms.Field:
    """The form field for what a platform asks."""
    shown: dict[str, Any] = {"label": field.label, "required": field.required, "help_text": field.help}
    attrs = {"autocomplete": "off", **({"placeholder": field.placeholder} if field.placeholder else {})}
    match field.kind:
        case "secret":
            shown["help_text"] = f"{field.help} {STORED}".strip()
            return forms.CharField(
                **shown, max_length=500, validators=[_IS_KEY], widget=forms.PasswordInput(attrs=attrs)
            )
        case "secret_text":
            shown["help_text"] = f"{field.help} {STORED}".strip()
            return forms.CharField(**shown, max_length=8000, widget=_SecretText(attrs={**attrs, "rows": 4}))
        case "email":
            return forms.EmailField(**shown, widget=forms.EmailInput(attrs=attrs))
        case "number":
            return forms.IntegerField(**shown, min_value=0, widget=forms.NumberInput(attrs=attrs))
        case "choice":
            return _ChoiceOrPracticeField(**shown, choices=field.choices)
        case _:
            return forms.CharField(**shown, max_length=300, widget=forms.TextInput(attrs=attrs))


class StoreOrdersForm(forms.Form):
    sync_orders = forms.BooleanField(
        label="Send orders to this store",
        required=False,
        help_text="On: confirmed orders are created there. Off: order data stays in Storeward.",
    )
