"""Input of the pickup pages: shapes only. Day and times are those of the place where the parcels wait."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from django import forms

from accounts.models import Merchant
from connectors.models import CarrierAccount
from orders.errors import InvalidShipment
from orders.services.carrier_pickups import HEAVIEST_G, MOST_PARCELS, Load, WantedOrder

OPENS, CLOSES = time(9), time(17)
_NTH = re.compile(r"orders\[(\d+)\]\.(\w+)")


class PickupForm(forms.Form):
    carrier = forms.ChoiceField()
    day = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    opens = forms.TimeField(label="From", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    closes = forms.TimeField(label="To", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    note = forms.CharField(
        label="For the driver", max_length=200, required=False, help_text="As “Dock 3”. UPS passes on 57 characters."
    )

    def __init__(
        self, *args: Any, merchant: Merchant, accounts: Iterable[CarrierAccount], loads: Iterable[Load], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.merchant, self.loads = merchant, list(loads)
        self.accounts = {account.public_id: account for account in accounts}
        self.fields["carrier"].choices = [(key, _named(account)) for key, account in self.accounts.items()]  # type: ignore[attr-defined]  # a ChoiceField
        for index, load in enumerate(self.loads):
            self._add(index, load)

    def _add(self, index: int, load: Load) -> None:
        number = load.order.number
        self.fields[f"parcels-{index}"] = forms.IntegerField(
            min_value=1, max_value=MOST_PARCELS, initial=load.parcels,
            widget=forms.NumberInput(attrs={"aria-label": f"Parcels of {number}", "inputmode": "numeric"}),
        )  # fmt: skip
        self.fields[f"weight_kg-{index}"] = forms.DecimalField(
            min_value=Decimal("0.001"), max_value=Decimal(HEAVIEST_G) / 1000, decimal_places=3,
            initial=Decimal(load.weight_g) / 1000 if load.weight_g else None,
            widget=forms.NumberInput(attrs={"aria-label": f"Weight of {number}, kg", "step": "any"}),
        )  # fmt: skip

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [
            {"order": load.order, "parcels": self[f"parcels-{index}"], "weight": self[f"weight_kg-{index}"]}
            for index, load in enumerate(self.loads)
        ]

    def wanted(self) -> list[WantedOrder]:
        given = self.cleaned_data
        return [
            WantedOrder(load.order.pk, given[f"parcels-{index}"], int(given[f"weight_kg-{index}"] * 1000))
            for index, load in enumerate(self.loads)
        ]

    def moment(self, name: str) -> datetime:
        """When the window opens or closes, in the zone of the place."""
        return datetime.combine(self.cleaned_data["day"], self.cleaned_data[name], tzinfo=self.account.zone)

    @property
    def account(self) -> CarrierAccount:
        return self.accounts[self.cleaned_data["carrier"]]

    def refuse(self, error: InvalidShipment) -> None:
        """Each of the service's problems beside its field."""
        names = {"opens_at": "day", "closes_at": "closes", "weight_g": "weight_kg", "id": "parcels"}
        for problem in error.problems:
            nth = _NTH.fullmatch(problem.field)
            field = f"{names.get(nth[2], nth[2])}-{nth[1]}" if nth else names.get(problem.field, problem.field)
            self.add_error(field if field in self.fields else None, problem.message)


def _named(account: CarrierAccount) -> str:
    """With its zone where that is not the business's."""
    return f"{account.name} (times in {account.time_zone.replace('_', ' ')})" if account.time_zone else account.name


class NumberForm(forms.Form):
    number = forms.CharField(
        label="The carrier's number", max_length=60, help_text="When you found that the carrier has this pickup."
    )
