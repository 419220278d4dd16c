"""Input of the documents' pages: shapes only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django import forms

from connectors.money import plain
from orders.enums import DocumentKind
from orders.errors import InvalidShipment
from orders.models import Order, OrderLine
from orders.services.customs_data import NUMBER_MAX
from orders.services.documents import DEFAULT_INCOTERM, INCOTERMS

_NTH = re.compile(r"lines\[(\d+)\]\.(\w+)")
_LINE = (("hs_code", "HS code", 20), ("origin_country", "Made in", 2), ("customs_value", "Value", 20))


class IncotermForm(forms.Form):
    incoterm = forms.ChoiceField(
        choices=[(term, term) for term in INCOTERMS],
        initial=DEFAULT_INCOTERM,
        help_text="Who pays freight and duties (Incoterms 2020). DAP: the customer pays the duties.",
    )


class ManyForm(IncotermForm):
    """What of many orders is made."""

    kind = forms.ChoiceField(label="Documents", choices=DocumentKind.choices, initial=DocumentKind.PACKING_SLIP)
    field_order = ("kind", "incoterm")


class CustomsForm(forms.Form):
    """Text as it is typed; the service says what is wrong with it."""

    invoice_number = forms.CharField(required=False, max_length=NUMBER_MAX)
    invoice_key = forms.CharField(
        required=False, max_length=NUMBER_MAX, help_text="Where an authority gives invoices one, as in Brazil."
    )

    def __init__(self, data: Any = None, *, order: Order, lines: Iterable[OrderLine]) -> None:
        initial = {"invoice_number": order.invoice_number, "invoice_key": order.invoice_key}
        super().__init__(data, initial=initial)
        self.lines = list(lines)
        for line in self.lines:
            kept = {"hs_code": line.hs_code, "origin_country": line.origin_country, "customs_value": ""}
            if line.customs_value is not None:
                kept["customs_value"] = plain(line.customs_value, order.currency)
            for name, label, most in _LINE:
                widget = forms.TextInput(attrs={"aria-label": f"{label}: {line.title}"})
                self.fields[f"{name}-{line.position}"] = forms.CharField(
                    label=label, required=False, max_length=most, initial=kept[name], widget=widget
                )

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [
            {"line": line, "fields": [self[f"{name}-{line.position}"] for name, _, _ in _LINE]} for line in self.lines
        ]

    @property
    def given(self) -> dict[str, Any]:
        values = self.cleaned_data
        return {
            "invoice_number": values["invoice_number"],
            "invoice_key": values["invoice_key"],
            "lines": [
                {"id": line.external_id, **{name: values[f"{name}-{line.position}"] for name, _, _ in _LINE}}
                for line in self.lines
            ],
        }

    def refuse(self, error: InvalidShipment) -> None:
        """Each of the service's problems beside its field."""
        for problem in error.problems:
            nth = _NTH.fullmatch(problem.field)
            field = f"{nth[2]}-{self.lines[int(nth[1])].position}" if nth else problem.field
            self.add_error(field if field in self.fields else None, problem.message)
