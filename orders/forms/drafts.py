"""Input of the page that fills in a draft, and of what a merchant asks of its orders: shapes only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from django import forms

from orders.errors import InvalidOrder
from orders.models import Order, OrderLine
from orders.services import draft_fields
from orders.services.draft_fields import Field
from orders.services.readiness import Needs

_HELP = {
    "customer.phone": "With its country, as +64 21 123 456.",
    "shipping_address.province_code": "Its code or its name, as AUK or Auckland.",
    "invoice_number": "Of your own invoice to the customer.",
    "invoice_key": "Where an authority gives each invoice a key, as the 44 digits of an NF-e.",
}
SECTIONS = {
    "customer": "Customer",
    "address": "Shipping address",
    "pickup": "Where it is picked up",
    "invoice": "Invoice",
}


def name_of(path: str) -> str:
    """The field's name on the page: "lines[0].hs_code" is lines-0-hs_code."""
    return path.replace("].", "-").replace("[", "-").replace(".", "-")


class DraftForm(forms.Form):
    """The fields of some sections of one draft; what is wrong with each is said by the service that keeps it."""

    def __init__(self, data: Mapping[str, str] | None = None, *, order: Order, fields: Sequence[Field]) -> None:
        super().__init__(data)
        self.order = order
        self.kept = {field.path: field.value for field in draft_fields.fields_of(order)}
        self.shown = {name_of(field.path): field for field in fields}
        for name, field in self.shown.items():
            self.fields[name] = _input(field)

    def clean(self) -> dict[str, Any]:
        try:
            self.values = draft_fields.read(self.order, self.given, self.kept)
        except InvalidOrder as error:
            self.values = dict(self.given)
            self.refuse(error)
        return self.cleaned_data

    @property
    def given(self) -> dict[str, str]:
        """What was typed, by the names that the service knows."""
        return {field.path: self.cleaned_data.get(name, "") for name, field in self.shown.items()}

    def refuse(self, error: InvalidOrder) -> None:
        """Each of the service's problems beside its field."""
        for problem in error.problems:
            name = name_of(problem.field)
            self.add_error(name if name in self.fields else None, problem.message)

    @property
    def seen(self) -> str:
        """What is kept now of what the page shows, for the page to send back."""
        return json.dumps({field.path: self.kept[field.path] for field in self.shown.values()}, sort_keys=True)

    @property
    def country(self) -> str:
        name = name_of(f"{draft_fields.ADDRESS}.country_code")
        return str(self[name].value() or "") if name in self.fields else ""

    def sections(self, hints: Mapping[str, str], theirs: Mapping[str, str]) -> list[dict[str, Any]]:
        """The fields under their headings; `hints` and `theirs` by path. Customs data have a table of their own."""
        return [
            {"name": section, "title": title, "rows": rows}
            for section, title in SECTIONS.items()
            if (rows := [self._row(name, hints, theirs) for name in self._names(section)])
        ]

    def customs(self, hints: Mapping[str, str], theirs: Mapping[str, str]) -> list[dict[str, Any]]:
        """One row per line, with its three fields."""
        names = self._names("customs")
        lines = sorted((line for line in self.order.lines.all() if line.requires_shipping), key=attrgetter("position"))
        return [
            {"line": line, "rows": [self._row(name, hints, theirs) for name in names if _belongs(name, line)]}
            for line in (lines if names else ())
        ]

    def _names(self, section: str) -> list[str]:
        return [name for name, field in self.shown.items() if field.section == section]

    def _row(self, name: str, hints: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, Any]:
        path = self.shown[name].path
        return {"name": name, "field": self[name], "hint": hints.get(path, ""), "theirs": theirs.get(path)}


def read_seen(text: str) -> dict[str, str]:
    """What a page was shown, as it sends it back; nothing when it makes no sense."""
    try:
        seen = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(seen, dict):
        return {}
    return {str(path): value for path, value in seen.items() if isinstance(value, str)}


def shown_fields(order: Order, sections: Iterable[str], names: Iterable[str] = ()) -> list[Field]:
    """The fields of these sections, and of those that any of the names belongs to."""
    sent, wanted = set(names), set(sections)
    fields = draft_fields.fields_of(order)
    wanted |= {field.section for field in fields if name_of(field.path) in sent}
    undeclared = tuple(f"lines[{line.position}]." for line in order.lines.all() if not line.requires_shipping)
    return [field for field in fields if field.section in wanted and not field.path.startswith(undeclared)]


class RequirementsForm(forms.Form):
    """What one channel's orders need."""

    payment = forms.BooleanField(
        label="A payment",
        required=False,
        help_text="Off: an order may come without one. It is sent as unpaid, and only where the store takes unpaid orders.",
    )
    value = forms.BooleanField(
        label="A total above zero",
        required=False,
        help_text="Off: an order that costs nothing can be confirmed and shipped from here; stores and suppliers take none.",
    )
    address = forms.BooleanField(
        label="Name and address",
        required=False,
        help_text="Off: a destination that needs them still refuses the order, before any money is taken.",
    )
    link = forms.BooleanField(
        label="A linked product", required=False, help_text="At least one line has a product link at a destination."
    )
    invoice = forms.BooleanField(label="An invoice", required=False, help_text="Its number or its key.")
    customs = forms.BooleanField(
        label="Customs data",
        required=False,
        help_text="HS code, country of origin and value of each line that is sent, when the order leaves your country.",
    )

    @property
    def needs(self) -> Needs:
        return Needs(**{name: self.cleaned_data[name] for name in self.fields})


def _input(field: Field) -> forms.Field:
    attrs = {"autocomplete": "off", "aria-describedby": f"state-{name_of(field.path)}"}
    if field.path == f"{draft_fields.ADDRESS}.country_code":
        choices = [("", "Choose a country"), *draft_fields.countries()]
        widget: forms.Widget = forms.Select(attrs=attrs, choices=choices)
    elif field.section == "customs":
        listed = {"list": "countries", "size": "4"} if field.is_country else {"size": "10"}
        widget = forms.TextInput(attrs={**attrs, **listed, "aria-label": field.label})
    else:
        listed = {"list": "provinces"} if field.path.endswith("province_code") else {}
        widget = forms.TextInput(attrs={**attrs, **listed})
    return forms.CharField(
        required=False,
        label=field.label,
        initial=field.value,
        help_text=_HELP.get(field.path, ""),
        widget=widget,
        max_length=500,
    )


def _belongs(name: str, line: OrderLine) -> bool:
    return name.startswith(f"lines-{line.position}-")
