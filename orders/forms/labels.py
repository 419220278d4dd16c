"""Input of the label pages: shapes only. Weights are typed in kilograms and sizes in centimeters."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, cast

from django import forms

from connectors.carriers.labels import Box
from connectors.models import CarrierAccount
from connectors.money import Money
from orders.forms.shipping import LinesForm, MeasuredForm, ParcelForms
from orders.models import ShippingLabel
from orders.services.labels import MOST_BOXES

ROWS = 3  # parcels that the form offers


class LabelForm(LinesForm):
    carrier = forms.ChoiceField()

    def __init__(self, *args: Any, accounts: Iterable[CarrierAccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.accounts = {account.public_id: account for account in accounts}
        self.fields["carrier"].choices = [(key, account.name) for key, account in self.accounts.items()]  # type: ignore[attr-defined]  # a ChoiceField

    @property
    def account(self) -> CarrierAccount:
        return self.accounts[self.cleaned_data["carrier"]]


class LabelBoxForm(MeasuredForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["weight_kg"].required = True

    @property
    def wanted(self) -> Box:
        given = self._measures()
        return Box(given["weight_g"] or 0, given["size_mm"])


class LabelBoxForms(ParcelForms):
    def boxes(self) -> tuple[Box, ...]:
        return tuple(form.wanted for form in self._given())


_Boxes = forms.formset_factory(
    LabelBoxForm, formset=LabelBoxForms, extra=ROWS, max_num=MOST_BOXES, absolute_max=MOST_BOXES
)


def label_boxes(data: Any = None) -> LabelBoxForms:
    return cast("LabelBoxForms", _Boxes(data, prefix="parcel"))


class BuyForm(forms.Form):
    """One of the rates, with the price that was shown: another price is another choice."""

    rate = forms.ChoiceField(
        error_messages={
            "required": "Choose a service.",
            "invalid_choice": "These rates have changed. Look at them and choose again.",
        }
    )

    def __init__(self, *args: Any, label: ShippingLabel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rate"].choices = [(_shown(rate), rate["name"]) for rate in label.rates]  # type: ignore[attr-defined]  # a ChoiceField

    @property
    def service(self) -> str:
        return str(self.cleaned_data["rate"]).split()[0]

    @property
    def agreed(self) -> Money:
        _, amount, currency = str(self.cleaned_data["rate"]).split()
        return Money(Decimal(amount), currency)


class NumbersForm(forms.Form):
    numbers = forms.CharField(
        label="Tracking numbers",
        max_length=2000,
        help_text="As the carrier shows them, the first parcel's first; with a space between two.",
    )

    @property
    def given(self) -> list[str]:
        return str(self.cleaned_data["numbers"]).replace(",", " ").split()


def rates_of(label: ShippingLabel) -> list[dict[str, Any]]:
    """For the page: each with the value that its choice has."""
    return [{**rate, "value": _shown(rate), "amount": Decimal(rate["amount"])} for rate in label.rates]


def _shown(rate: dict[str, Any]) -> str:
    return f"{rate['service']} {rate['amount']} {rate['currency']}"
